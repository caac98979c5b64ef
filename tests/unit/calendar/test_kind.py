"""Identity, titles, labels, what contradicts what."""

from __future__ import annotations

import pytest

from tests.unit.calendar.bodies import body, event, item
from trueup.jobs.calendar.kind import CalendarKind
from trueup.model.fields import FieldKey

KIND = CalendarKind()
NOON = "20261116T120000Z"


def test_another_uid_everywhere() -> None:
    data = body(
        event("RRULE:FREQ=DAILY", "BEGIN:VALARM", "UID:alarm", "TRIGGER:-PT5M", "END:VALARM"),
        event(f"RECURRENCE-ID:{NOON}"),
    ).replace(b"UID:one@example.com", b"UID:one\r\n @example.com")
    result = KIND.with_uid(data, "a;b")
    assert KIND.glance(result).uid == "a;b"
    assert result.count(b"UID:a\\;b") == 2
    assert b"UID:alarm" in result
    assert KIND.with_uid(data, "one@example.com") == data


def test_a_suffix_on_every_title() -> None:
    data = body(event("SUMMARY;LANGUAGE=de:Tee", "RRULE:FREQ=DAILY"), event("SUMMARY:Kaffee", f"RECURRENCE-ID:{NOON}"))
    result = KIND.retitled(data, " (home, 1)")
    assert b"SUMMARY;LANGUAGE=de:Tee (home\\, 1)" in result
    assert b"SUMMARY:Kaffee (home\\, 1)" in result
    assert KIND.glance(KIND.retitled(item(), " (home)")).title == "(home)"


def test_the_same_event_under_another_uid() -> None:
    data = item("SUMMARY:Team  Lunch", "LOCATION:x", "DTEND:20261116T100000Z")
    other = item("SUMMARY:team lunch", "DURATION:PT1H", uid="two")
    assert KIND.meaning(data) == KIND.meaning(other) != ""
    assert KIND.meaning(data) != KIND.meaning(item("SUMMARY:Team Lunch", "DTEND:20261116T110000Z"))
    assert KIND.meaning(data) != KIND.meaning(item("SUMMARY:Team Lunch", "DTEND:20261116T100000Z", "RRULE:FREQ=DAILY"))
    assert KIND.meaning(item()) == ""
    assert KIND.meaning(item("SUMMARY:x", start="", kind="VTODO")) == ""


def test_when_it_was_last_edited() -> None:
    data = body(
        event("LAST-MODIFIED:20261101T000000Z", "RRULE:FREQ=DAILY"),
        event("LAST-MODIFIED:20261102T000000Z", f"RECURRENCE-ID:{NOON}"),
    )
    assert KIND.modified(data) == 1793577600.0
    assert KIND.modified(item()) == 1793520000.0
    assert KIND.modified(item().replace(b"DTSTAMP:20261101T080000Z", b"DTSTAMP:unknown")) == 0.0


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (FieldKey("", ""), "the whole item"),
        (FieldKey("", "SUMMARY"), "title"),
        (FieldKey("", "WHEN"), "time"),
        (FieldKey("", "CATEGORIES", "Work"), "category Work"),
        (FieldKey("", "ATTENDEE", "ana@example.com"), "attendee ana@example.com"),
        (FieldKey("", "ALARM", "DISPLAY -PT15M"), "alarm 15 minutes before"),
        (FieldKey("", "ALARM", "AUDIO PT0S #2"), "alarm at the start"),
        (FieldKey("", "ALARM", "DISPLAY RELATED=END:-PT1H"), "alarm 1 hour before the end"),
        (FieldKey("", "ALARM", "uid:123"), "alarm"),
        (FieldKey("", "X-FOO"), "property X-FOO"),
        (FieldKey("", "VCALENDAR.X-FOO"), "property X-FOO"),
        (FieldKey("", "EXDATE", "20261116"), "left-out date Mon 16 Nov 2026"),
        (FieldKey("20261116", "LOCATION"), "Mon 16 Nov 2026: location"),
        (FieldKey("20261116T080000Z", "LOCATION"), "Mon 16 Nov 2026 08:00 UTC: location"),
        (FieldKey("20261116T080000Z;THISANDFUTURE", ""), "Mon 16 Nov 2026 08:00 UTC and later"),
    ],
)
def test_labels(key: FieldKey, words: str) -> None:
    assert KIND.label(key) == words


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (FieldKey("", "WHEN"), FieldKey("", "EXDATE", NOON), True),
        (FieldKey("", "WHEN"), FieldKey(NOON, "LOCATION"), True),
        (FieldKey("", "WHEN"), FieldKey(NOON, ""), True),
        (FieldKey(NOON, ""), FieldKey(NOON, "SUMMARY"), True),
        (FieldKey("", ""), FieldKey("", "SUMMARY"), True),
        (FieldKey("", "EXDATE", NOON), FieldKey(NOON, "SUMMARY"), True),
        (FieldKey("", "EXDATE", "20261117T120000Z"), FieldKey(NOON, "SUMMARY"), False),
        (FieldKey("", "SUMMARY"), FieldKey(NOON, "SUMMARY"), False),
        (FieldKey("", "WHEN"), FieldKey("", "SUMMARY"), False),
        (FieldKey(NOON, "WHEN"), FieldKey("", "EXDATE", "20261117T120000Z"), False),
        (FieldKey(NOON, ""), FieldKey("20261117T120000Z", "SUMMARY"), False),
    ],
)
def test_what_contradicts_what(a: FieldKey, b: FieldKey, expected: bool) -> None:
    assert KIND.coupled(a, b) is expected
    assert KIND.coupled(b, a) is expected
