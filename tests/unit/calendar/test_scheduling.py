"""Nobody gets mailed."""

from __future__ import annotations

import pytest

from tests.unit.calendar.bodies import body, event, item
from trueup.core.merge import diff
from trueup.jobs.calendar.kind import CalendarKind
from trueup.model.capabilities import Capabilities
from trueup.model.errors import ItemRefused

KIND = CalendarKind()
MAILS = Capabilities(schedules=True)
PLAIN = Capabilities()
PEOPLE = (
    "ORGANIZER:mailto:boss@example.com",
    "ATTENDEE;CN=Ana:mailto:ana@example.com",
    "ATTENDEE:mailto:ben@example.com",
)
MAIL_ALARM = ("BEGIN:VALARM", "ACTION:EMAIL", "TRIGGER:-PT5M", "ATTENDEE:mailto:ana@example.com", "END:VALARM")
ALARM = ("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M", "END:VALARM")


def test_a_meeting_is_created_without_people_on_a_server_that_mails() -> None:
    data = body(
        event(*PEOPLE, "RRULE:FREQ=DAILY", *MAIL_ALARM, *ALARM),
        event(*PEOPLE, "RECURRENCE-ID:20261117T090000Z", "SUMMARY:x"),
    )
    result = KIND.storable(data, MAILS, invite=False)
    assert b"mailto" not in result
    assert b"EMAIL" not in result
    assert KIND.same(
        result, body(event("RRULE:FREQ=DAILY", *ALARM), event("RECURRENCE-ID:20261117T090000Z", "SUMMARY:x"))
    )


def test_a_meeting_keeps_its_people_elsewhere_and_when_asked() -> None:
    data = item(*PEOPLE)
    assert KIND.storable(data, PLAIN, invite=False) == data
    assert KIND.storable(data, MAILS, invite=True) == data


def test_a_stored_item_has_no_method() -> None:
    assert KIND.storable(body(event(), around="METHOD:PUBLISH\n"), PLAIN, invite=False) == item()


def test_what_a_collection_does_not_take_is_refused() -> None:
    with pytest.raises(ItemRefused, match=r"VTODO.*takes only VEVENT") as caught:
        KIND.storable(item(start="", kind="VTODO"), Capabilities(components=frozenset({"VEVENT"})), invite=False)
    assert caught.value.code == "component"
    with pytest.raises(ItemRefused, match="at most") as caught:
        KIND.storable(item("DESCRIPTION:" + "x" * 500), Capabilities(max_size=400), invite=False)
    assert caught.value.code == "too-large"
    small = item(*(f"ATTENDEE:mailto:{n}@example.com" for n in range(50)))
    assert KIND.storable(small, Capabilities(max_size=400, schedules=True), invite=False)


@pytest.mark.parametrize(
    "change", ["SUMMARY:other", "LOCATION:other", "EXDATE:20261118T090000Z", "ATTENDEE:mailto:cem@example.com"]
)
def test_a_change_that_would_be_mailed_is_refused(change: str) -> None:
    before, after = item(*PEOPLE, "SUMMARY:Board"), item(*PEOPLE, "SUMMARY:Board", change)
    with pytest.raises(ItemRefused, match=r"“Board”.*Ana, ben@example.com") as caught:
        KIND.may_change(before, after, MAILS, invite=False)
    assert caught.value.code == "invitations"
    KIND.may_change(before, after, MAILS, invite=True)
    KIND.may_change(before, after, PLAIN, invite=False)


@pytest.mark.parametrize("change", [("CATEGORIES:a",), ALARM, ("X-FOO:1",), ("TRANSP:TRANSPARENT",), ("COLOR:red",)])
def test_even_the_smallest_change_of_a_meeting_is_refused(change: tuple[str, ...]) -> None:
    with pytest.raises(ItemRefused, match="changing it here would make the server mail"):
        KIND.may_change(item(*PEOPLE), item(*PEOPLE, *change), MAILS, invite=False)
    KIND.may_change(item("SUMMARY:alone"), item("SUMMARY:alone", *change), MAILS, invite=False)


def test_a_deletion_is_refused_where_people_would_be_told() -> None:
    with pytest.raises(ItemRefused, match="deleting it here would make the server mail"):
        KIND.may_change(item(*PEOPLE), None, MAILS, invite=False)
    KIND.may_change(item(*PEOPLE), None, PLAIN, invite=False)
    KIND.may_change(item("SUMMARY:alone"), None, MAILS, invite=False)
    KIND.may_change(item(PEOPLE[0]), None, MAILS, invite=False)


def test_people_must_not_be_added_to_what_had_none() -> None:
    with pytest.raises(ItemRefused, match="changing it here"):
        KIND.may_change(item("SUMMARY:x"), item("SUMMARY:x", *PEOPLE), MAILS, invite=False)
    KIND.may_change(item("SUMMARY:x"), item("SUMMARY:y"), MAILS, invite=False)


def test_edits_of_people_are_withheld_and_the_others_are_not() -> None:
    before = body(event("RRULE:FREQ=DAILY", "SUMMARY:x"))
    after = body(
        event("RRULE:FREQ=DAILY", "SUMMARY:y", *PEOPLE, *MAIL_ALARM), event(*PEOPLE, "RECURRENCE-ID:20261117T090000Z")
    )
    edits = diff(KIND.fields(before), KIND.fields(after))
    assert KIND.withhold(edits, PLAIN, invite=False) == edits
    assert KIND.withhold(edits, MAILS, invite=True) == edits
    left = KIND.withhold(edits, MAILS, invite=False)
    assert {key.name for key in left} == {"", "WHEN", "SUMMARY"}
    result = KIND.patch(before, left, donor=after)
    assert b"mailto" not in result
    assert b"RECURRENCE-ID" in result
    KIND.may_change(before, result, MAILS, invite=False)
