"""Nobody gets mailed: on servers that really deliver invitations between their users."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.office import InFolder, Office, OnServer, event, wrote
from tests.support.servers import Cyrus, XandikosOffice

pytestmark = pytest.mark.slow

SERVERS = ["xandikos_office", pytest.param("cyrus", marks=pytest.mark.cyrus)]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> XandikosOffice | Cyrus:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


@pytest.fixture
def places(server: XandikosOffice | Cyrus, tmp_path: Path) -> Iterator[tuple[OnServer, InFolder]]:
    """Anna's calendar on the server, and her folder."""
    work = OnServer.make("work", server)
    empty_inbox(server)
    yield work, InFolder("laptop", tmp_path / "laptop")
    work.dav.delete(work.calendar)


def meeting(server: XandikosOffice | Cyrus, uid: str, title: str = "Meeting") -> str:
    """A meeting that Anna organises and Ben is invited to."""
    people = (
        f"ORGANIZER:{server.address('anna')}",
        f"ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:{server.address('ben')}",
    )
    return event(uid, title, *people)


def inbox(server: XandikosOffice | Cyrus) -> list[str]:
    """What reached Ben."""
    return list(server.dav("ben").items(server.inbox("ben")).values())


def empty_inbox(server: XandikosOffice | Cyrus) -> None:
    ben = server.dav("ben")
    for href in ben.list(server.inbox("ben")):
        ben.delete(href)


def test_the_server_really_sends(server: XandikosOffice | Cyrus, places: tuple[OnServer, InFolder]) -> None:
    """What the other tests rely on."""
    work, _ = places
    work.put("sent.ics", meeting(server, "really-sent"))
    assert any("really-sent" in text for text in inbox(server))


def test_a_mirrored_meeting_invites_nobody(
    server: XandikosOffice | Cyrus, places: tuple[OnServer, InFolder], tmp_path: Path
) -> None:
    work, laptop = places
    laptop.put("m.ics", meeting(server, "mirrored"))
    laptop.put("other.ics", event("other", "So that the side is never empty"))
    office = Office(tmp_path / "office")
    office.configure([work, laptop])
    assert wrote(office.run()) == {"create": 2}
    assert "ATTENDEE" not in work.side().raw["mirrored"]
    assert "ATTENDEE" in laptop.side().raw["mirrored"]

    laptop.edit("mirrored", "SUMMARY:Meeting", "SUMMARY:Meeting moved")
    assert wrote(office.run()) == {"update": 1}
    laptop.edit("mirrored", "RSVP=TRUE", "RSVP=FALSE")
    assert wrote(office.run()) == {}
    assert "ATTENDEE" in laptop.side().raw["mirrored"]
    assert wrote(office.run()) == {}
    laptop.delete("mirrored")
    assert wrote(office.run()) == {"delete": 1}
    assert inbox(server) == []


def test_a_meeting_on_the_server_is_not_changed_behind_its_attendees(
    server: XandikosOffice | Cyrus, places: tuple[OnServer, InFolder], tmp_path: Path
) -> None:
    work, laptop = places
    work.put("own.ics", meeting(server, "own"))
    work.put("other.ics", event("other", "So that the side is never empty"))
    empty_inbox(server)
    office = Office(tmp_path / "office")
    office.configure([work, laptop])
    assert wrote(office.run()) == {"create": 2}

    laptop.edit("own", "SUMMARY:Meeting", "SUMMARY:Something else")
    report = office.run()
    assert wrote(report) == {}
    assert [(one["code"], one["title"]) for one in report["left"]] == [("invitations", "Meeting")]
    assert "SUMMARY:Meeting" in work.side().raw["own"]
    laptop.delete("own")
    report = office.run()
    assert wrote(report) == {}
    assert {one["code"] for one in report["left"]} <= {"invitations", "not-deleted"}
    assert "own" in work.side().raw
    assert inbox(server) == []


def test_not_even_a_category_is_added_to_a_meeting(
    server: XandikosOffice | Cyrus, places: tuple[OnServer, InFolder], tmp_path: Path
) -> None:
    """Xandikos announces the smallest change."""
    work, laptop = places
    work.put("own.ics", meeting(server, "own"))
    empty_inbox(server)
    office = Office(tmp_path / "office")
    office.configure([work, laptop])
    office.run()
    laptop.edit("own", "END:VEVENT", "CATEGORIES:Travel\r\nEND:VEVENT")
    report = office.run()
    assert wrote(report) == {}
    assert report["left"][0]["code"] == "invitations"
    assert report["state"] == "done"
    assert inbox(server) == []


def test_asked_for_it_invites(
    server: XandikosOffice | Cyrus, places: tuple[OnServer, InFolder], tmp_path: Path
) -> None:
    work, laptop = places
    laptop.put("m.ics", meeting(server, "invited"))
    office = Office(tmp_path / "office")
    refs = [office.ref(work), office.ref(laptop)]
    office.configure([work, laptop], {"collections": refs, "invitations": "allow"})
    assert wrote(office.run()) == {"create": 1}
    assert any("invited" in text for text in inbox(server))
