"""What copies show, and which items are copied."""

from __future__ import annotations

import pytest

from tests.unit.calendar.bodies import BERLIN, body, event, item, office
from trueup.jobs.calendar.filter import CalendarFilter
from trueup.jobs.calendar.kind import CalendarKind
from trueup.jobs.calendar.normal import fields
from trueup.jobs.calendar.transform import CalendarTransform
from trueup.model.errors import ConfigError, ItemRefused
from trueup.model.ports import Verdict

KIND = CalendarKind()
NOW = 1_794_819_600.0  # Mon 16 Nov 2026 09:00 UTC
DAY = 86400.0
RICH = (
    "SUMMARY:Salary talk", "DESCRIPTION:secret", "LOCATION:Room", "ORGANIZER:mailto:a@x", "ATTENDEE:mailto:b@x", "URL:http://x/",
    "ATTACH:http://x/y", "CATEGORIES:A", "X-SECRET:1", "BEGIN:VALARM", "TRIGGER:-PT5M", "END:VALARM", "STATUS:TENTATIVE", "CLASS:PUBLIC",
)  # fmt: skip


def transformed(data: bytes, **options: object) -> bytes:
    return CalendarTransform.from_options(options).apply(data)


def names(data: bytes) -> set[str]:
    return {key.name for key in fields(data)}


def test_nothing_to_do_is_an_identity() -> None:
    same = CalendarTransform.from_options({"only": None, "title": None, "drop": [], "private": False})
    assert same.identity
    assert same.apply(item(*RICH)) == item(*RICH)
    assert same.digest == CalendarTransform.from_options({}).digest
    assert not CalendarTransform.from_options({"private": True}).identity


def test_busy_only_tells_when_and_nothing_else() -> None:
    data = body(
        event(*RICH, "RRULE:FREQ=DAILY"), zone=BERLIN.format(name="Ours"), around="X-WR-CALNAME:Salaries\nX-OWN:1\n"
    )
    result = transformed(data, only="busy")
    assert names(result) == {"", "WHEN", "STATUS", "SUMMARY"}
    assert KIND.glance(result).title == "Busy"
    assert KIND.glance(result).uid == KIND.glance(data).uid
    for word in (b"secret", b"Salar", b"mailto", b"http", b"X-"):
        assert word not in result
    assert b"TZID:Ours" in result


def test_no_example_tells_more_than_when() -> None:
    for path in office():
        left = names(transformed(path.read_bytes(), only="busy"))
        assert left <= {"", "WHEN", "STATUS", "SUMMARY", "TRANSP", "RDATE", "EXDATE"}, path


def test_busy_only_with_something_kept() -> None:
    assert names(transformed(item(*RICH), only="busy", keep=["location", "alarms"])) >= {"LOCATION", "ALARM"}
    assert KIND.glance(transformed(item(*RICH), only="busy", keep=["title"])).title == "Salary talk"
    assert KIND.glance(transformed(item(*RICH), only="busy", title="Taken, sorry")).title == "Taken, sorry"


def test_free_and_cancelled_exceptions_do_not_block_time() -> None:
    data = body(
        event("RRULE:FREQ=DAILY"),
        event("RECURRENCE-ID;TZID=Europe/Berlin:20261117T100000", "STATUS:CANCELLED"),
        event("RECURRENCE-ID:20261118T090000Z", "TRANSP:TRANSPARENT"),
        event("RECURRENCE-ID:20261119T090000Z", "SUMMARY:moved", start="DTSTART:20261119T120000Z"),
    )
    result = fields(transformed(data, only="busy"))
    assert {key.member for key in result if key.name == "EXDATE"} == {"20261117T090000Z", "20261118T090000Z"}
    assert {key.part for key in result} == {"", "20261119T090000Z"}


def test_dropped_replaced_and_private() -> None:
    result = transformed(
        item(*RICH),
        drop=["attendees", "alarms", "vendor", "URL"],
        title="Talk",
        categories=["Copy", "a,b"],
        private=True,
    )
    assert names(result) == {
        "",
        "WHEN",
        "SUMMARY",
        "DESCRIPTION",
        "LOCATION",
        "ATTACH",
        "CATEGORIES",
        "STATUS",
        "CLASS",
    }
    assert {key.member for key in fields(result) if key.name == "CATEGORIES"} == {"Copy", "a,b"}
    assert b"CLASS:PRIVATE" in result
    assert b"CATEGORIES" not in transformed(item(*RICH), categories=[])


def test_the_digest_follows_the_rules() -> None:
    digests = {
        CalendarTransform.from_options(o).digest
        for o in ({}, {"only": "busy"}, {"title": "a"}, {"title": "b"}, {"drop": ["alarms"]})
    }
    assert len(digests) == 5


@pytest.mark.parametrize("options", [{"drop": ["everything"]}, {"only": "free"}, {"colour": "red"}])
def test_unknown_words_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="transform"):
        CalendarTransform.from_options(options)


def verdict(data: bytes, **options: object) -> Verdict:
    return CalendarFilter.from_options(options).verdict(data, NOW)


WINDOW = {"past": 10 * DAY, "future": 20 * DAY}


@pytest.mark.parametrize(
    ("data", "keep", "aged"),
    [
        (item(start="DTSTART:20261116T090000Z"), True, False),
        (item(start="DTSTART:20261107T090000Z"), True, False),
        (item("DURATION:PT1H", start="DTSTART:20261106T083000Z"), True, False),  # its last half hour is inside
        (item("DURATION:PT1H", start="DTSTART:20261106T073000Z"), False, True),
        (item(start="DTSTART:20261206T085959Z"), True, False),
        (item(start="DTSTART:20261206T090000Z"), False, False),
        (item("RRULE:FREQ=YEARLY", start="DTSTART:20001120T090000Z"), True, False),
        (item("RRULE:FREQ=YEARLY", start="DTSTART:20000620T090000Z"), False, False),
        (item("RRULE:FREQ=DAILY;COUNT=5", start="DTSTART:20200620T090000Z"), False, True),
        (item("RRULE:FREQ=DAILY;UNTIL=20200625T090000Z", start="DTSTART:20200620T090000Z"), False, True),
        (item("RDATE:20261118T090000Z", start="DTSTART:20200620T090000Z"), True, False),
        (body(event("RRULE:FREQ=DAILY;COUNT=3", start="DTSTART:20200620T090000Z"), event("RECURRENCE-ID:20200621T090000Z")), True, False),
        (item(start="", kind="VTODO"), True, False),
        (item("DUE:20261001T090000Z", start="", kind="VTODO"), False, True),
        (item("RRULE:FREQ=SECONDLY", start="DTSTART:20200620T090000Z"), True, False),
        (item("RRULE:FREQ=SECONDLY;UNTIL=20200625T090000Z", start="DTSTART:20200620T090000Z"), False, True),
    ],
)  # fmt: skip
def test_the_window(data: bytes, keep: bool, aged: bool) -> None:
    found = verdict(data, window=WINDOW)
    assert (found.keep, found.aged) == (keep, aged)


def test_when_to_look_again() -> None:
    single = verdict(item(start="DTSTART:20270101T090000Z"), window=WINDOW)
    assert single.wake == 1_798_794_000.0 - 20 * DAY
    yearly = verdict(item("RRULE:FREQ=YEARLY", start="DTSTART:20000101T090000Z"), window=WINDOW)
    assert yearly.wake == single.wake
    assert verdict(item(start="DTSTART:20000101T090000Z"), window=WINDOW).wake is None


def test_a_window_open_on_one_side() -> None:
    old, late = item(start="DTSTART:20000101T090000Z"), item(start="DTSTART:20900101T090000Z")
    forever = item("RRULE:FREQ=DAILY;COUNT=10", start="DTSTART:20900101T090000Z")
    assert [verdict(one, window={"future": DAY}).keep for one in (old, late, forever)] == [True, False, False]
    assert [verdict(one, window={"past": DAY}).keep for one in (old, late, forever)] == [False, True, True]


@pytest.mark.parametrize(
    ("options", "keep"),
    [
        ({"categories": ["PUBLIC", "other"]}, True),
        ({"categories": ["other"]}, False),
        ({"not_categories": ["a,b"]}, False),
        ({"not_categories": ["other"]}, True),
        ({"title": "^Team"}, True),
        ({"title": "^team"}, False),
        ({"only_busy": True}, True),
    ],
)
def test_categories_title_and_busy(options: dict[str, object], keep: bool) -> None:
    found = verdict(item("SUMMARY:Team day", "CATEGORIES:Public,a\\,b"), **options)
    assert found.keep is keep
    assert bool(found.reason) is not keep


def test_a_busy_copy_asks_for_busy_items() -> None:
    found = CalendarFilter.of_job({}, {"only": "busy"})
    assert found is not None
    for lines in (("TRANSP:TRANSPARENT",), ("STATUS:CANCELLED",)):
        assert not found.verdict(item(*lines), NOW).keep
    assert not found.verdict(item(start="", kind="VTODO"), NOW).keep
    assert found.verdict(item("STATUS:TENTATIVE"), NOW).keep
    assert CalendarFilter.of_job({}, {"title": "x"}) is None


@pytest.mark.parametrize("options", [{"title": "("}, {"window": {"past": "soon"}}, {"window": 3}, {"place": "x"}])
def test_a_filter_that_makes_no_sense_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        CalendarFilter.from_options(options)


def test_what_is_no_item_is_refused() -> None:
    with pytest.raises(ItemRefused):
        verdict(b"<html>", only_busy=True)
    with pytest.raises(ItemRefused):
        transformed(b"<html>", only="busy")
