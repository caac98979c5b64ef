"""Double bookings, and the mark on what gives way."""

from __future__ import annotations

import random
import time

import pytest

from tests.unit.calendar.bodies import body, event, item, office
from trueup.jobs.calendar.expand import occurrences
from trueup.jobs.calendar.item import read_item
from trueup.jobs.calendar.kind import CalendarKind
from trueup.jobs.calendar.overlap import Booked, mark, marked, overlaps, unmark
from trueup.model.errors import ItemRefused

KIND = CalendarKind()
FIRST, LAST = 1_793_491_200.0, 1_796_083_200.0  # November 2026


def booked(collection: str, key: str, start: str, *lines: str, minutes: int = 60) -> Booked:
    return Booked(collection, key, item(f"SUMMARY:{key}", f"DURATION:PT{minutes}M", *lines, start=f"DTSTART{start}"))


def pairs(*items: Booked, **options: object) -> list[tuple[str, str, int]]:
    found = overlaps(items, FIRST, LAST, **options)  # type: ignore[arg-type]
    return [(one.stays.key, one.yields.key, one.times) for one in found]


A = booked("work/team", "a", ":20261116T090000Z")


@pytest.mark.parametrize(
    ("start", "lines", "hit"),
    [
        (":20261116T093000Z", (), True),
        (":20261116T080001Z", (), True),
        (":20261116T080000Z", (), False),
        (":20261116T100000Z", (), False),
        (";TZID=Europe/Berlin:20261116T103000", (), True),
        (";TZID=America/New_York:20261116T043000", (), True),
        (":20261116T093000Z", ("TRANSP:TRANSPARENT",), False),
        (":20261116T093000Z", ("STATUS:CANCELLED",), False),
        (":20261116T093000Z", ("STATUS:TENTATIVE",), True),
        (":20261114T093000Z", ("RRULE:FREQ=DAILY;COUNT=5",), True),
        (":20261114T093000Z", ("RRULE:FREQ=DAILY;COUNT=5", "EXDATE:20261116T093000Z"), False),
    ],
)
def test_what_overlaps(start: str, lines: tuple[str, ...], hit: bool) -> None:
    assert bool(pairs(A, booked("home/own", "b", start, *lines))) is hit


def test_whole_days_count_when_asked() -> None:
    day = Booked("home", "day", item("SUMMARY:fair", start="DTSTART;VALUE=DATE:20261116"))
    assert pairs(A, day) == []
    assert len(pairs(A, day, all_day=True)) == 1


def test_the_less_important_gives_way() -> None:
    b = booked("home/own", "b", ":20261116T083000Z")
    assert pairs(A, b, priority=["work", "home/own"]) == [("a", "b", 1)]
    assert pairs(A, b, priority=["home"]) == [("b", "a", 1)]
    found = overlaps([A, b], FIRST, LAST)[0]
    assert not found.by_priority
    assert found.yields.key == "a"  # without priority, what begins later
    assert found.stays.shown == "Mon 16 Nov 2026 08:30–09:30 UTC"


def test_one_item_in_many_collections_is_no_double_booking_and_counts_once() -> None:
    copy = booked("home/own", "a", ":20261116T090000Z")
    b = booked("home/own", "b", ":20261116T093000Z")
    assert pairs(A, copy) == []
    found = overlaps([copy, A, b], FIRST, LAST, priority=["work", "home"])
    assert [(one.stays.collection, one.yields.collection) for one in found] == [("work/team", "home/own")]


def test_two_series_are_one_overlap_with_a_count() -> None:
    a = booked("x", "a", ":20261102T090000Z", "RRULE:FREQ=WEEKLY")
    b = booked("y", "b", ":20261102T093000Z", "RRULE:FREQ=WEEKLY;INTERVAL=2")
    found = overlaps([a, b], FIRST, LAST)
    assert [(one.times, one.stays.start) for one in found] == [(3, 1_793_610_000.0)]  # 2, 16 and 30 November


def test_an_exception_stands_where_it_was_moved_to() -> None:
    moved = Booked(
        "y", "b",
        body(
            event("RRULE:FREQ=DAILY;COUNT=3", "DURATION:PT1H", start="DTSTART:20261115T070000Z"),
            event("RECURRENCE-ID:20261116T070000Z", "DURATION:PT1H", "SUMMARY:later today", start="DTSTART:20261116T093000Z"),
        ),
    )  # fmt: skip
    found = overlaps([A, moved], FIRST, LAST)
    assert [one.yields.title for one in found] == ["later today"]


def test_what_cannot_be_worked_out_is_told() -> None:
    refused: list[tuple[Booked, ItemRefused]] = []
    dense = booked("y", "b", ":20200101T090000Z", "RRULE:FREQ=SECONDLY")
    assert overlaps([A, dense], FIRST, LAST, on_refused=refused) == []
    assert [(one.key, error.code) for one, error in refused] == [("b", "rule")]


def test_the_sweep_finds_what_comparing_all_with_all_finds() -> None:
    dice = random.Random(7)
    items = []
    for n in range(150):
        start = f":202611{dice.randint(1, 9):02}T{dice.randint(0, 22):02}{dice.choice(['00', '15', '30'])}00Z"
        items.append(booked("x", f"k{n}", start, minutes=dice.choice([15, 60, 90])))
    times = {one.key: occurrences(read_item(one.data), FIRST, LAST)[0] for one in items}
    expected = {
        frozenset((a, b))
        for a in times
        for b in times
        if a < b and times[a].start < times[b].end and times[b].start < times[a].end
    }
    found = overlaps(items, FIRST, LAST)
    assert {frozenset((one.stays.key, one.yields.key)) for one in found} == expected
    assert len(found) == len(expected)
    assert [max(one.stays.start, one.yields.start) for one in found] == sorted(
        max(one.stays.start, one.yields.start) for one in found
    )


def test_ten_thousand_events_take_seconds_also_when_all_overlap() -> None:
    items = [booked("x", f"k{n}", ":20261116T090000Z") for n in range(10_000)]
    began = time.process_time()
    assert len(overlaps(items, FIRST, LAST, limit=1000)) == 1000
    assert time.process_time() - began < 8


@pytest.mark.parametrize("status", ["", "STATUS:CONFIRMED", "STATUS:TENTATIVE"])
def test_a_mark_is_set_once_and_taken_back_without_a_trace(status: str) -> None:
    data = item("SUMMARY:x", "CATEGORIES:Work", *([status] if status else []), "LOCATION:y")
    result = mark(data, "Board; meeting")
    assert marked(result)
    assert not marked(data)
    assert b"STATUS:TENTATIVE" in result
    assert b"CATEGORIES:Work,Double booking" in result
    assert b":Board\\; meeting" in result
    assert mark(result, "Board; meeting") == result
    assert unmark(mark(result, "Another")) == data
    assert unmark(data) == data


def test_a_status_changed_since_stays() -> None:
    result = mark(item("SUMMARY:x", "STATUS:CONFIRMED"), "y").replace(b"STATUS:TENTATIVE", b"STATUS:CANCELLED")
    assert KIND.same(unmark(result), item("SUMMARY:x", "STATUS:CANCELLED"))


def test_every_example_can_be_marked_and_unmarked() -> None:
    for path in office():
        data = path.read_bytes()
        assert unmark(mark(data, "Board meeting")) == data, path
