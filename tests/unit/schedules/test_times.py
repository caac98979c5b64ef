"""When a schedule starts: cron over changes of the clock, intervals, holidays, jitter."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trueup.core.schedules import delay, expected, latest, occurrences, on_the_wall
from trueup.model.occurrence import Event
from trueup.model.schedule import CalendarSource, CatchUp, ExceptPolicy, ExceptSpec, ScheduleSpec

ZONES = ("Europe/Berlin", "America/New_York", "UTC", "Australia/Lord_Howe", "Asia/Kathmandu")
EXPRESSIONS = (
    "0 6 * * 1-5",
    "30 2 * * *",
    "*/15 * * * *",
    "0 0 1 * *",
    "15 1,3 * * *",
    "0 */6 * * *",
    "59 23 L * *",
    "0 9 * * 1#1",
)


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def shown(spec: ScheduleSpec, first: str, last: str) -> list[str]:
    """The starts as the clock of the zone shows them, with the offset."""
    found = occurrences(spec, at(first, spec.zone), at(last, spec.zone))
    return [datetime.fromtimestamp(one.at, ZoneInfo(spec.zone)).isoformat(" ", "minutes") for one in found]


@pytest.mark.parametrize(
    ("cron", "zone", "first", "last", "starts"),
    [
        ("0 6 * * 1-5", "Europe/Berlin", "2026-11-27T00:00", "2026-12-01T00:00", ["2026-11-27 06:00+01:00", "2026-11-30 06:00+01:00"]),
        # The hour from 2 to 3 is left out on 29 March: what falls into it runs right after.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00", "2026-03-31T00:00",
         ["2026-03-28 02:30+01:00", "2026-03-29 03:00+02:00", "2026-03-30 02:30+02:00"]),
        # It comes twice on 25 October: what falls into it runs once, in the first.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", "2026-10-26T12:00", ["2026-10-25 02:30+02:00", "2026-10-26 02:30+01:00"]),
        # Two lines of the gap end at the same moment: one start.
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-29T00:00", "2026-03-29T12:00", ["2026-03-29 03:00+02:00"]),
        # What repeats within the hour follows the time that passes.
        ("*/30 * * * *", "Europe/Berlin", "2026-10-25T01:40", "2026-10-25T03:10",
         ["2026-10-25 02:00+02:00", "2026-10-25 02:30+02:00", "2026-10-25 02:00+01:00", "2026-10-25 02:30+01:00", "2026-10-25 03:00+01:00"]),
        ("30 2 * * *", "America/New_York", "2026-03-07T12:00", "2026-03-09T12:00", ["2026-03-08 03:00-04:00", "2026-03-09 02:30-04:00"]),
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00", "2026-11-02T12:00", ["2026-11-01 01:30-04:00", "2026-11-02 01:30-05:00"]),
        ("0 9 29 2 *", "UTC", "2026-01-01T00:00", "2029-01-01T00:00", ["2028-02-29 09:00+00:00"]),
    ],
)  # fmt: skip
def test_cron(cron: str, zone: str, first: str, last: str, starts: list[str]) -> None:
    assert shown(ScheduleSpec(cron=cron, zone=zone), first, last) == starts


def test_an_occurrence_that_was_worked_out_in_the_second_of_two_hours_is_not_the_first_again() -> None:
    spec = ScheduleSpec(cron="30 2 * * *", zone="Europe/Berlin")
    second = datetime(2026, 10, 25, 2, 10, fold=1, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    (found,) = occurrences(spec, second, second + 25 * 3600)
    assert found.at == at("2026-10-26T02:30", "Europe/Berlin")


@given(
    st.sampled_from(EXPRESSIONS),
    st.sampled_from(ZONES),
    st.integers(1_700_000_000, 1_900_000_000),
    st.lists(st.integers(0, 9 * 86_400), min_size=1, max_size=6),
)
def test_windows_that_follow_each_other_give_what_one_window_gives(
    cron: str, zone: str, start: int, cuts: list[int]
) -> None:
    spec = ScheduleSpec(cron=cron, zone=zone)
    edges = sorted({start, *(start + one for one in cuts), start + 9 * 86_400})
    apart = [one for low, high in itertools.pairwise(edges) for one in occurrences(spec, low, high)]
    assert apart == occurrences(spec, edges[0], edges[-1])
    assert len({one.key for one in apart}) == len(apart)
    assert all(one.at == int(one.at) for one in apart)


@given(st.sampled_from(EXPRESSIONS[:6]), st.sampled_from(ZONES), st.integers(1_700_000_000, 1_900_000_000))
def test_the_last_one_before_a_moment_is_the_last_of_those_before_it(cron: str, zone: str, moment: int) -> None:
    spec = ScheduleSpec(cron=cron, zone=zone)
    last = latest(spec, moment)
    before = [one.nominal for one in occurrences(spec, moment - 33 * 86_400, moment)]
    assert last is not None
    if before and len(before) < 10_000:
        assert last == before[-1]


@given(st.floats(1.0, 5e5), st.floats(1.6e9, 1.9e9))
def test_the_last_of_an_interval(every: float, moment: float) -> None:
    spec = ScheduleSpec(every=every, start="2026-01-05T08:00:00+01:00")
    origin = datetime.fromisoformat(spec.start).timestamp()
    last = latest(spec, moment)
    if moment < origin:
        assert last is None
    else:
        assert last is not None
        assert moment - every - 1e-3 < last <= moment + 1e-3


@given(
    st.floats(1.0, 5e5), st.floats(1.6e9, 1.9e9), st.floats(0, 1e6), st.sampled_from(["", "2026-01-05T08:00:00+01:00"])
)
def test_an_interval_keeps_its_step(every: float, after: float, length: float, start: str) -> None:
    assume(length / every < 2000)
    spec = ScheduleSpec(every=every, start=start)
    found = [one.at for one in occurrences(spec, after, after + length)]
    assert all(after < one <= after + length for one in found)
    assert all(abs(b - a - every) < 1e-3 for a, b in itertools.pairwise(found))
    origin = datetime.fromisoformat(start).timestamp() if start else 0.0
    if after >= origin:
        assert abs(len(found) - length / every) <= 1
    assert all(one >= origin for one in found)


def test_an_interval_does_not_start_before_its_start() -> None:
    spec = ScheduleSpec(every=3600.0, start="2026-01-05T08:00:00+01:00")
    assert [one.at for one in occurrences(spec, at("2026-01-05T00:00"), at("2026-01-05T08:30"))] == [
        at("2026-01-05T07:00"),
        at("2026-01-05T08:00"),
    ]


@given(st.text(max_size=30), st.floats(0, 1e5))
def test_jitter_is_the_same_for_the_same_occurrence(key: str, jitter: float) -> None:
    assert delay(key, jitter) == delay(key, jitter)
    assert 0 <= delay(key, jitter) <= jitter


def test_jitter_is_spread() -> None:
    spec = ScheduleSpec(every=60.0, jitter=30.0)
    found = occurrences(spec, 0, 600 * 60)
    late = [one.at - one.nominal for one in found]
    assert 12 < sum(late) / len(late) < 18
    assert len({round(one, 3) for one in late}) > 590


CALENDAR = CalendarSource("work", "ops")


def event(
    key: str, start: str, hours: float = 1, *, local: bool = False, title: str = "", tags: tuple[str, ...] = ()
) -> Event:
    begin = at(start)
    return Event(key, begin, begin + hours * 3600, local, title or key, "", tags)


def test_events_start_it_at_their_beginning() -> None:
    spec = ScheduleSpec(
        calendar=CalendarSource("work", "ops", ("Nightly",), "^Close"), zone="Europe/Berlin", params={"a": 1}
    )
    events = [
        event("a", "2026-11-26T10:00", title="Close books", tags=("nightly", "x")),
        event("b", "2026-11-26T11:00", title="Close books"),
        event("c", "2026-11-26T12:00", title="Please Close", tags=("NIGHTLY",)),
        event("day", "2026-11-27T00:00", 24, local=True, title="Close the day", tags=("nightly",)),
    ]
    found = occurrences(spec, at("2026-11-26T00:00"), at("2026-11-28T00:00"), events)
    assert [(one.key, one.at, one.until, one.title, one.params) for one in found] == [
        ("a", at("2026-11-26T10:00"), at("2026-11-26T11:00"), "Close books", {"a": 1}),
        ("day", at("2026-11-26T23:00"), at("2026-11-27T23:00"), "Close the day", {"a": 1}),
    ]


def test_an_all_day_event_begins_at_the_midnight_of_the_zone_even_where_that_does_not_exist() -> None:
    clock = at("2026-03-29T02:30")
    assert on_the_wall(clock, "Europe/Berlin") == at("2026-03-29T01:30")  # 03:30 summer time, RFC 5545 3.3.5
    assert on_the_wall(at("2026-10-25T02:30"), "Europe/Berlin") == at("2026-10-25T00:30")  # the first of the two
    assert on_the_wall(at("2026-11-26T00:00"), "America/New_York") == at("2026-11-26T05:00")


def held(policy: ExceptPolicy, **more: object) -> ScheduleSpec:
    return ScheduleSpec(zone="Europe/Berlin", except_=(ExceptSpec(CalendarSource("feed"), policy),), **more)  # type: ignore[arg-type]


def test_a_holiday_is_the_whole_day_of_the_zone() -> None:
    spec = held(ExceptPolicy.SKIP, cron="30 0 * * *")
    holiday = event("xmas", "2026-12-25T00:00", 24, local=True, title="Christmas Day")
    found = expected(spec, at("2026-12-24T00:00"), at("2026-12-26T12:00"), exceptions=[[holiday]])
    assert [(one.skipped, datetime.fromtimestamp(one.at, ZoneInfo(spec.zone)).day) for one in found] == [
        ("within “Christmas Day”", 25),
        ("", 26),
    ]
    assert [one.key for one in occurrences(spec, at("2026-12-24T00:00"), at("2026-12-26T12:00"), (), [[holiday]])] == [
        found[1].key
    ]


def test_a_blackout_shifts_to_its_end_and_from_one_into_the_next() -> None:
    spec = held(ExceptPolicy.SHIFT, cron="0 10 * * *")
    blackouts = [
        event("a", "2026-11-26T08:30", 1),
        event("b", "2026-11-26T09:30", 2),
        event("c", "2026-11-26T20:00", 1),
    ]
    (found,) = expected(spec, at("2026-11-26T00:00"), at("2026-11-27T00:00"), exceptions=[blackouts])
    assert (found.at, found.nominal) == (at("2026-11-26T11:30"), at("2026-11-26T09:00"))
    assert found.note == "moved to the end of “a”; moved to the end of “b”"


def test_of_those_that_are_moved_together_the_last_one_runs() -> None:
    spec = held(ExceptPolicy.SHIFT, every=900.0, jitter=60.0)
    found = expected(
        spec, at("2026-11-26T08:00"), at("2026-11-26T11:00"), exceptions=[[event("b", "2026-11-26T09:00", 1)]]
    )
    moved = [one for one in found if one.note]
    assert len(moved) == 4
    assert [one.nominal for one in moved if not one.skipped] == [at("2026-11-26T09:45")]
    assert len([one for one in found if not one.skipped]) == 9


def test_events_of_a_calendar_that_are_moved_together_all_run() -> None:
    spec = held(ExceptPolicy.SHIFT, calendar=CALENDAR)
    events = [event("one", "2026-11-26T09:10"), event("two", "2026-11-26T09:20")]
    found = occurrences(
        spec, at("2026-11-26T08:00"), at("2026-11-26T11:00"), events, [[event("b", "2026-11-26T09:00", 1)]]
    )
    assert [(one.key, one.at) for one in found] == [("one", at("2026-11-26T10:00")), ("two", at("2026-11-26T10:00"))]


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 50)), max_size=12),
    st.sampled_from([ExceptPolicy.SKIP, ExceptPolicy.SHIFT]),
    st.integers(1, 40),
)
def test_nothing_starts_within_a_blackout(spans: list[tuple[int, int]], policy: ExceptPolicy, every: int) -> None:
    spec = ScheduleSpec(every=every * 60.0, except_=(ExceptSpec(CalendarSource("feed"), policy),))
    events = [Event(str(index), low * 60.0, (low + length) * 60.0) for index, (low, length) in enumerate(spans)]
    for one in occurrences(spec, 0, 200 * 60.0, (), [events]):
        assert not any(other.start <= one.at < other.end for other in events)
        assert one.at >= one.nominal
    everything = expected(spec, 0, 200 * 60.0, (), [events])
    assert {one.key for one in everything} == {one.key for one in expected(spec, 0, 200 * 60.0)}


def test_what_makes_a_moment_is_in_its_key_and_a_policy_is_not() -> None:
    one = ScheduleSpec(cron="0  6 * * *", zone="Europe/Berlin")
    assert one.timing == ScheduleSpec(cron="0 6 * * *", zone="Europe/Berlin", catch_up=CatchUp.ALL, jitter=5.0).timing
    assert one.timing != ScheduleSpec(cron="0 6 * * *", zone="Europe/Paris").timing
    (found,) = occurrences(one, at("2026-11-26T00:00"), at("2026-11-26T12:00"))
    assert found.key == f"{one.timing}@20261126T050000Z"


def test_a_window_without_end_is_bounded() -> None:
    spec = ScheduleSpec(every=1.0)
    assert len(occurrences(spec, 0, datetime(2300, 1, 1, tzinfo=UTC).timestamp())) == 10_000
    assert timedelta(seconds=occurrences(spec, 0, 5)[-1].at) == timedelta(seconds=5)
