"""The servers that send invitations really send them, and a test can see it: a safety promise can be checked here."""

from __future__ import annotations

import pytest

from tests.support.servers import DavServer
from tests.support_tests.samples import event


@pytest.fixture(params=["xandikos_office", pytest.param("cyrus", marks=pytest.mark.cyrus)])
def office(request: pytest.FixtureRequest) -> DavServer:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, DavServer)
    return found


def invitation(office: DavServer, uid: str, parameters: str = "") -> str:
    return event(
        uid,
        "Invitation",
        f"ORGANIZER:{office.address('anna')}",
        f"ATTENDEE;PARTSTAT=ACCEPTED:{office.address('anna')}",
        f"ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE{parameters}:{office.address('ben')}",
    )


def inbox(office: DavServer, user: str, uid: str) -> list[str]:
    return [text for text in office.dav(user).items(office.inbox(user)).values() if f"UID:{uid}\r\n" in text]


def test_an_invitation_and_its_cancellation_reach_the_other_user(office: DavServer) -> None:
    calendar, anna = office.make_calendar("sending", "anna"), office.dav("anna")
    anna.put(calendar + "a.ics", invitation(office, "sent")).expect(201)
    (request,) = inbox(office, "ben", "sent")
    assert "METHOD:REQUEST" in request
    anna.delete(calendar + "a.ics").expect(200, 204)
    assert sum("METHOD:CANCEL" in message for message in inbox(office, "ben", "sent")) == 1


def test_only_some_servers_leave_to_the_client_what_is_the_clients(office: DavServer) -> None:
    """Xandikos 0.4.10 sends even so: SCHEDULE-AGENT=CLIENT protects nobody there. If this fails, it has learned it."""
    calendar = office.make_calendar("silent", "anna")
    quiet = invitation(office, "quiet", ";SCHEDULE-AGENT=CLIENT")
    office.dav("anna").put(calendar + "a.ics", quiet).expect(201)
    assert len(inbox(office, "ben", "quiet")) == (0 if office.name == "cyrus" else 1)


def test_discovery_and_login(office: DavServer) -> None:
    dav = office.dav("ben")
    principal = dav.href_of("/", "current-user-principal")
    assert principal
    assert dav.href_of(principal, "C:calendar-home-set") == office.home("ben")
    assert dav.href_of(principal, "C:schedule-inbox-URL") in (office.inbox("ben"), office.inbox("ben").rstrip("/"))
    assert dav.href_of(principal, "C:calendar-user-address-set") == office.address("ben")
    assert "calendar-auto-schedule" in ",".join(dav.request("OPTIONS", office.home("ben")).headers.get_all("DAV") or [])
    assert office.dav("ben", "wrong").propfind(principal, "displayname").status == 401
