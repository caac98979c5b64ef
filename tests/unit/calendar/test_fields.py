"""What counts as a difference between two bodies, and what does not."""

from __future__ import annotations

import pytest

from tests.unit.calendar.bodies import BERLIN, body, event, item
from trueup.jobs.calendar.kind import CalendarKind
from trueup.model.errors import ItemRefused
from trueup.model.fields import FieldKey

KIND = CalendarKind()
B = "DTSTART;TZID=Europe/Berlin:20261116T090000"


def field(data: bytes, name: str, member: str = "", part: str = "") -> str | None:
    found = KIND.fields(data).get(FieldKey(part, name, member))
    return None if found is None else found.normal


def shown(*lines: str, start: str = B) -> str:
    return KIND.fields(item(*lines, start=start))[FieldKey("", "WHEN")].shown


SAME = {
    "PRODID and calendar name": (item(), item().replace(b"PRODID:-//example//test//EN", b"PRODID:other\r\nX-WR-CALNAME:Team\r\nCALSCALE:GREGORIAN")),
    "stamps": (item("SEQUENCE:1", "CREATED:20260101T000000Z", "LAST-MODIFIED:20260101T000000Z"), item("X-MOZ-GENERATION:4")),
    "defaults": (item(), item("TRANSP:OPAQUE", "CLASS:PUBLIC", "PRIORITY:0")),
    "an empty text": (item(), item("SUMMARY:", "LOCATION:", "DESCRIPTION:")),
    "escapes": (item("DESCRIPTION:a\\nb\\;c"), item("DESCRIPTION:a\\Nb;c")),
    "one list or many lines": (item("CATEGORIES:A,B"), item("CATEGORIES:B", "CATEGORIES:A")),
    "end or duration": (item("DTEND:20261116T100000Z"), item("DURATION:PT1H")),
    "durations": (item("DURATION:PT60M"), item("DURATION:PT1H")),
    "an end in UTC": (item("DTEND;TZID=Europe/Berlin:20261116T100000", start=B), item("DTEND:20261116T090000Z", start=B)),
    "the end of one day": (item(start="DTSTART;VALUE=DATE:20261116"), item("DTEND;VALUE=DATE:20261117", start="DTSTART;VALUE=DATE:20261116")),
    "VALUE=DATE-TIME": (item(), item(start="DTSTART;VALUE=DATE-TIME:20261116T090000Z")),
    "rule order and defaults": (item("RRULE:FREQ=WEEKLY;BYDAY=WE,MO"), item("RRULE:INTERVAL=1;BYDAY=MO,WE;WKST=MO;FREQ=WEEKLY")),
    "what the start implies": (item("RRULE:FREQ=WEEKLY"), item("RRULE:FREQ=WEEKLY;BYDAY=MO")),
    "UNTIL in local time": (item("RRULE:FREQ=DAILY;UNTIL=20261120T080000Z", start=B), item("RRULE:FREQ=DAILY;UNTIL=20261120T090000", start=B)),
    "zone names": (item(start=B), item(start=B.replace("Europe/Berlin", "W. Europe Standard Time"))),
    "zone paths": (item(start=B), item(start=B.replace("Europe/Berlin", '"/freeassociation.sourceforge.net/Europe/Berlin"'))),
    "old zone names": (item(start=B.replace("Europe/Berlin", "Asia/Calcutta")), item(start=B.replace("Europe/Berlin", "Asia/Kolkata"))),
    "a VTIMEZONE that is Berlin": (item(start=B), body(event(start=B.replace("Europe/Berlin", "Ours")), zone=BERLIN.format(name="Ours"))),
    "X-LIC-LOCATION": (
        item(start=B.replace("Europe/Berlin", "Africa/Lagos")),
        body(event(start=B.replace("Europe/Berlin", "L")), zone="BEGIN:VTIMEZONE\nTZID:L\nX-LIC-LOCATION:Africa/Lagos\nEND:VTIMEZONE\n"),
    ),
    "the definition of an IANA zone": (item(start=B), body(event(start=B), zone=BERLIN.format(name="Europe/Berlin"))),
    "left-out dates by instant": (
        item("EXDATE;TZID=Europe/Berlin:20261117T090000,20261118T090000", start=B),
        item("EXDATE:20261118T080000Z", "EXDATE:20261117T080000Z", start=B),
    ),
    "a period by its end or length": (item("RDATE;VALUE=PERIOD:20261118T090000Z/PT1H"), item("RDATE;VALUE=PERIOD:20261118T090000Z/20261118T100000Z")),
    "parameter order, case and defaults": (
        item("ATTENDEE;CN=Ana;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED:mailto:ana@example.com"),
        item("attendee;PARTSTAT=accepted;CUTYPE=INDIVIDUAL;SCHEDULE-STATUS=1.1;cn=Ana:MAILTO:Ana@Example.com"),
    ),
    "alarms": (
        item("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER;VALUE=DURATION;RELATED=START:-P0DT0H15M0S", "END:VALARM"),
        item("BEGIN:VALARM", "TRIGGER:-PT15M", "X-MOZ-LASTACK:20260101T000000Z", "ACTION:DISPLAY", "END:VALARM"),
    ),
    "coordinates": (item("GEO:53.5;9.99"), item("GEO:53.500000;9.990000")),
    "blanks around a text": (item("SUMMARY:a b", "DESCRIPTION:c"), item("SUMMARY: a b ", "DESCRIPTION:c\\n")),
    "a status without data": (item("REQUEST-STATUS:2.0;Success"), item("REQUEST-STATUS:2.0;Success.;")),
    "a zone whose name has commas": (
        body(event(start='DTSTART;TZID="Rome, Bern":20261116T090000'), zone=BERLIN.format(name="Rome, Bern")),
        body(event(start='DTSTART;TZID="Rome, Bern":20261116T090000'), zone=BERLIN.format(name="Rome\\, Bern")),
    ),
    "line order and folds": (item("SUMMARY:a", "LOCATION:b"), item("LOCATION:\n b", "SUMM\n ARY:a")),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_no_difference(name: str) -> None:
    one, other = SAME[name]
    assert {key: f.normal for key, f in KIND.fields(one).items()} == {
        key: f.normal for key, f in KIND.fields(other).items()
    }
    assert KIND.same(one, other)


DIFFERENT = {
    "hour": (item(start=B), item(start=B.replace("T09", "T10"))),
    "zone": (item(start=B), item(start=B.replace("Berlin", "London"))),
    "floating or zoned": (item(start=B), item(start="DTSTART:20261116T090000")),
    "date or time": (item(start="DTSTART;VALUE=DATE:20261116"), item(start="DTSTART:20261116T000000")),
    "days or hours": (item("DURATION:P1D", start=B.replace("1116", "1024")), item("DURATION:PT24H", start=B.replace("1116", "1024"))),
    "status absent": (item(), item("STATUS:CONFIRMED")),
    "case of a title": (item("SUMMARY:a"), item("SUMMARY:A")),
    "an attendee's answer": (item("ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@x"), item("ATTENDEE:mailto:a@x")),
    "an unknown parameter": (item("LOCATION;X-ID=1:a"), item("LOCATION;X-ID=2:a")),
    "an unknown property": (item("X-FOO:1"), item("X-FOO:2")),
    "a property of the calendar": (item(), body(event(), around="X-FOO:1\n")),
    "the week's start where it counts": (item("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU"), item("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU")),
    "count and until": (item("RRULE:FREQ=DAILY;COUNT=2"), item("RRULE:FREQ=DAILY;UNTIL=20261117T090000Z")),
    "another custom zone": (
        body(event(start=B.replace("Europe/Berlin", "Ours")), zone=BERLIN.format(name="Ours").replace("0100", "0107")),
        body(event(start=B.replace("Europe/Berlin", "Ours")), zone=BERLIN.format(name="Ours").replace("0100", "0109")),
    ),
    "a before and after alarm": (item("BEGIN:VALARM", "TRIGGER:PT5M", "END:VALARM"), item("BEGIN:VALARM", "TRIGGER:-PT5M", "END:VALARM")),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_difference(name: str) -> None:
    one, other = DIFFERENT[name]
    assert not KIND.same(one, other)


def test_members_of_lists_are_fields_of_their_own() -> None:
    data = item(
        "CATEGORIES:Work,a\\,b",
        "EXDATE;TZID=Europe/Berlin:20261123T090000",
        "ATTENDEE;CN=Ana:mailto:Ana@example.com",
        "X-ONE:1",
        "X-TWO:1",
        "X-TWO:2",
        start=B,
    )
    keys = set(KIND.fields(data))
    assert {FieldKey("", "CATEGORIES", "Work"), FieldKey("", "CATEGORIES", "a,b")} <= keys
    assert FieldKey("", "EXDATE", "20261123T080000Z") in keys
    assert FieldKey("", "ATTENDEE", "ana@example.com") in keys
    assert FieldKey("", "X-ONE") in keys
    assert sum(1 for key in keys if key.name == "X-TWO" and key.member) == 2


def test_an_exception_is_a_part_named_by_its_instant() -> None:
    data = body(
        event("RRULE:FREQ=DAILY", start=B),
        event(
            "RECURRENCE-ID;TZID=Europe/Berlin:20261118T090000", "LOCATION:Cellar", start=B.replace("1116T09", "1118T11")
        ),
        event("RECURRENCE-ID;RANGE=THISANDFUTURE:20261120T080000Z", start=B.replace("1116T09", "1120T11")),
    )
    assert field(data, "LOCATION", part="20261118T080000Z") == "Cellar"
    assert field(data, "", part="20261120T080000Z;THISANDFUTURE") == "VEVENT"
    assert field(data, "") == "VEVENT"


def test_two_exceptions_for_one_instance_are_refused() -> None:
    data = body(event("RECURRENCE-ID:20261118T090000Z"), event("RECURRENCE-ID;TZID=Europe/Berlin:20261118T100000"))
    with pytest.raises(ItemRefused, match="two exceptions"):
        KIND.fields(data)


def test_an_alarm_keeps_its_name_when_it_is_moved() -> None:
    early, late = (item("BEGIN:VALARM", "UID:a", f"TRIGGER:-PT{n}M", "ACTION:AUDIO", "END:VALARM") for n in (5, 10))
    assert field(early, "ALARM", "uid:a") != field(late, "ALARM", "uid:a")


def test_two_equal_alarms_are_two_fields() -> None:
    alarm = ("BEGIN:VALARM", "TRIGGER:-PT5M", "ACTION:DISPLAY", "END:VALARM")
    members = [key.member for key in KIND.fields(item(*alarm, *alarm)) if key.name == "ALARM"]
    assert members == ["DISPLAY -PT5M", "DISPLAY -PT5M #2"]


@pytest.mark.parametrize(
    ("lines", "start", "words"),
    [
        (("DTEND;TZID=Europe/Berlin:20261116T093000",), B, "Mon 16 Nov 2026 09:00–09:30 Europe/Berlin"),
        (("DURATION:P1DT1H",), B, "Mon 16 Nov 2026 09:00 – Tue 17 Nov 2026 10:00 Europe/Berlin"),
        (("DTEND;TZID=America/New_York:20261116T093000",), B, "Mon 16 Nov 2026 09:00 Europe/Berlin – Mon 16 Nov 2026 09:30 America/New_York"),
        ((), "DTSTART;VALUE=DATE:20261116", "Mon 16 Nov 2026"),
        (("DTEND;VALUE=DATE:20261119",), "DTSTART;VALUE=DATE:20261116", "Mon 16 Nov 2026 – Wed 18 Nov 2026"),
        (
            ("DURATION:PT30M", "RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20261231T080000Z"),
            B,
            "Mon 16 Nov 2026 09:00–09:30 Europe/Berlin, weekly on Mon until Thu 31 Dec 2026",
        ),
        (("RRULE:FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR;COUNT=4",), B, "Mon 16 Nov 2026 09:00 Europe/Berlin, every 2 months on the last Fri 4 times"),
        (("RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=3MO",), B, "Mon 16 Nov 2026 09:00 Europe/Berlin, yearly on the 3rd Mon in Nov"),
        (("RRULE:FREQ=MONTHLY;BYMONTHDAY=-1",), B, "Mon 16 Nov 2026 09:00 Europe/Berlin, monthly on day last"),
    ],
)  # fmt: skip
def test_times_are_shown_for_people(lines: tuple[str, ...], start: str, words: str) -> None:
    assert shown(*lines, start=start) == words


def test_a_long_text_is_shown_shortened_and_compared_whole() -> None:
    one, other = item("DESCRIPTION:" + "a" * 9000), item("DESCRIPTION:" + "a" * 8999 + "b")
    assert not KIND.same(one, other)
    assert len(KIND.fields(one)[FieldKey("", "DESCRIPTION")].shown) < 300


def test_hours_across_a_change_of_the_clock() -> None:
    # 25 October 2026 has 25 hours in Berlin: one nominal day ends at the same hour, 24 exact hours an hour earlier.
    day, hours = (item(f"DURATION:{d}", start=B.replace("1116", "1024")) for d in ("P1D", "PT24H"))
    assert field(day, "WHEN") == "20261024T090000[Europe/Berlin]\n20261025T090000[Europe/Berlin]"
    assert field(hours, "WHEN") == "20261024T090000[Europe/Berlin]\n20261025T080000[Europe/Berlin]"


@pytest.mark.parametrize(
    "rule", ["FREQ=SECONDLY", "FREQ=YEARLY;INTERVAL=0", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYDAY=6SU"]
)
def test_a_zone_with_a_strange_rule_takes_no_time(rule: str) -> None:
    zone = BERLIN.format(name="Ours").replace("FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", rule)
    data = body(event(start=B.replace("Europe/Berlin", "Ours")), zone=zone)
    assert (
        "Ours" in KIND.fields(data)[FieldKey("", "WHEN")].shown
        or "Berlin" in KIND.fields(data)[FieldKey("", "WHEN")].shown
    )
