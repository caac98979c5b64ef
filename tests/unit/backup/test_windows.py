"""When a backup may run: days, midnights, and every change of every zone's clock."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from trueup.jobs.backup import windows
from trueup.jobs.backup.windows import Opening, Window
from trueup.model.errors import ConfigError

BERLIN = "Europe/Berlin"
NIGHT = Window("01:00", "02:00", "05:00", BERLIN)
HOUR, DAY = 3600.0, 86_400.0


def at(text: str, zone: str = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def wall(moment: float, zone: str) -> datetime:
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).replace(tzinfo=None)


def opening(opened: str, start_by: str, end_by: str) -> Opening:
    return Opening(at(opened), at(start_by), at(end_by))


# A plain day ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "day", "may_start", "limit"),
    [
        ("2026-11-26 00:59:59", 25, False, None),
        ("2026-11-26 01:00", 26, True, "2026-11-26 05:00"),
        ("2026-11-26 01:59:59", 26, True, "2026-11-26 05:00"),
        ("2026-11-26 02:00", 26, False, "2026-11-26 05:00"),
        ("2026-11-26 04:59", 26, False, "2026-11-26 05:00"),
        ("2026-11-26 05:00", 26, False, None),
        ("2026-11-26 23:00", 26, False, None),
    ],
)
def test_a_night(now: str, day: int, may_start: bool, limit: str | None) -> None:
    expected = opening(f"2026-11-{day} 01:00", f"2026-11-{day} 02:00", f"2026-11-{day} 05:00")
    assert windows.of(NIGHT, at(now)) == expected
    assert windows.may_start(NIGHT, at(now)) is may_start
    assert windows.must_end(NIGHT, at(now)) == (None if limit is None else at(limit))


def test_a_window_over_midnight() -> None:
    late = Window("22:00", "01:00", "06:30", BERLIN)
    expected = opening("2026-11-25 22:00", "2026-11-26 01:00", "2026-11-26 06:30")
    assert windows.of(late, at("2026-11-26 00:30")) == expected
    assert windows.may_start(late, at("2026-11-26 00:30"))
    assert not windows.may_start(late, at("2026-11-26 01:00"))
    assert windows.must_end(late, at("2026-11-26 06:29")) == at("2026-11-26 06:30")
    assert windows.next(late, at("2026-11-26 06:29")).opened == at("2026-11-26 22:00")


def test_what_is_left_out_is_no_limit() -> None:
    start_only, to_the_end = Window("01:00", zone=BERLIN), Window("01:00", end_by="05:00", zone=BERLIN)
    assert windows.of(start_only, at("2026-11-26 12:00")) == Opening(
        at("2026-11-26 01:00"), at("2026-11-27 01:00"), None
    )
    assert windows.may_start(start_only, at("2026-11-27 00:59"))
    assert windows.must_end(start_only, at("2026-11-27 00:59")) is None
    assert windows.may_start(to_the_end, at("2026-11-26 04:59"))
    assert not windows.may_start(to_the_end, at("2026-11-26 05:00"))


# What was missed ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "now", "missed"),
    [
        ("2026-11-25 01:05", "2026-11-26 01:30", None),  # the next one is open: still time
        ("2026-11-25 01:05", "2026-11-26 02:00", "2026-11-26 01:00"),
        ("2026-11-26 00:30", "2026-11-26 02:00", "2026-11-26 01:00"),  # by hand, before it
        ("2026-11-26 01:00", "2026-11-26 02:00", None),
        ("2026-11-26 09:00", "2026-11-26 10:00", None),  # caught up
        ("2026-11-22 01:05", "2026-11-26 01:30", "2026-11-25 01:00"),  # the newest of several
        (None, "2026-11-26 01:30", "2026-11-25 01:00"),
        ("2031-01-01 00:00", "2026-11-26 09:00", "2026-11-26 01:00"),  # written by a wrong clock
    ],
)
def test_what_was_missed(last: str | None, now: str, missed: str | None) -> None:
    found = windows.missed(NIGHT, None if last is None else at(last), at(now))
    assert (found and found.opened) == (None if missed is None else at(missed))


# Changes of the clock -------------------------------------------------------------------------------------------------


def test_a_start_in_the_hour_left_out_is_the_end_of_it() -> None:
    found = windows.of(Window("02:30", "04:00", "06:00", BERLIN), at("2026-03-29 12:00"))
    assert found == opening("2026-03-29 03:00", "2026-03-29 04:00", "2026-03-29 06:00")


def test_an_end_in_the_hour_left_out_is_the_end_of_it() -> None:
    found = windows.of(Window("01:00", "02:15", "02:45", BERLIN), at("2026-03-29 12:00"))
    assert found == opening("2026-03-29 01:00", "2026-03-29 03:00", "2026-03-29 03:00")


def test_a_window_that_falls_into_the_hour_left_out_keeps_its_length() -> None:
    found = windows.of(Window("02:10", "02:20", "02:50", BERLIN), at("2026-03-29 12:00"))
    assert found == opening("2026-03-29 03:00", "2026-03-29 03:10", "2026-03-29 03:40")


def test_an_end_that_exists_comes_before_a_last_start_that_does_not() -> None:
    found = windows.of(Window("02:10", "02:50", "03:15", BERLIN), at("2026-03-29 12:00"))
    assert found == opening("2026-03-29 03:00", "2026-03-29 03:15", "2026-03-29 03:15")


def test_in_the_hour_that_comes_twice_the_first_starts_and_the_second_ends() -> None:
    found = windows.of(Window("02:10", "02:20", "02:50", BERLIN), at("2026-10-25 12:00"))
    assert found.opened == at("2026-10-25 02:10", fold=0)
    assert found.start_by == at("2026-10-25 02:20", fold=1) == found.opened + HOUR + 600
    assert found.end_by == at("2026-10-25 02:50", fold=1)


def test_a_day_that_a_zone_leaves_out_has_no_window() -> None:
    samoa = Window("01:00", "02:00", "05:00", "Pacific/Apia")  # 29 December 2011 was followed by 31 December
    first = windows.next(samoa, at("2011-12-28 12:00", "Pacific/Apia"))
    second = windows.next(samoa, first.opened)
    assert [wall(one.opened, "Pacific/Apia").day for one in (first, second)] == [29, 31]
    assert second.opened - first.opened == DAY


# All zones ------------------------------------------------------------------------------------------------------------


def _transitions(zone: str) -> list[float]:
    """The moments at which the clock of a zone was or will be put, 1970 to 2037 (RFC 8536, section 3: the second block of a TZif file)."""
    data = files("tzdata.zoneinfo").joinpath(*zone.split("/")).read_bytes()
    counts = struct.unpack(">6l", data[20:44])
    isut, isstd, leap, times, types, chars = counts
    second = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isut
    times = struct.unpack(">6l", data[second + 20 : second + 44])[3]
    moments = struct.unpack(f">{times}q", data[second + 44 : second + 44 + times * 8])
    return [float(one) for one in moments if one > 0]


@cache
def zones() -> list[tuple[str, list[float]]]:
    return [
        (zone, _transitions(zone)) for zone in sorted(available_timezones()) if zone not in ("localtime", "Factory")
    ]


clocks = st.integers(0, 24 * 60 - 1).map(lambda minutes: f"{minutes // 60:02}:{minutes % 60:02}")


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, float]:
    """A zone, and a moment within three days of a change of its clock, if it has any."""
    zone, transitions = draw(st.sampled_from(zones()))
    near = draw(st.sampled_from(transitions)) if transitions else 1_790_000_000.0
    return zone, near + draw(st.integers(-3 * 86_400, 3 * 86_400))


@st.composite
def shapes(draw: st.DrawFn) -> tuple[str, str | None, str | None]:
    start, start_by, end_by = draw(clocks), draw(st.none() | clocks), draw(st.none() | clocks)
    try:
        Window(start, start_by, end_by)
    except ConfigError:
        assume(False)
    return start, start_by, end_by


@given(moments(), shapes())
@example(("Pacific/Apia", 1_325_200_000.0), ("00:00", "00:01", "23:59"))
@example(("Africa/Casablanca", 1_800_000_000.0), ("02:59", None, "03:01"))
def test_windows_over_every_change_of_the_clock(
    moment: tuple[str, float], shape: tuple[str, str | None, str | None]
) -> None:
    zone, now = moment
    start, start_by, end_by = shape
    window = Window(start, start_by, end_by, zone)
    found, following = windows.of(window, now), windows.next(window, now)

    assert found.opened <= now < following.opened
    assert found.opened < found.start_by <= (found.end_by or found.start_by)
    assert following.opened - found.opened <= 2 * DAY + 2 * HOUR
    assert windows.of(window, found.opened) == found
    assert windows.of(window, following.opened) == following
    assert windows.next(window, found.opened - 1) == found
    assert windows.may_start(window, found.opened)
    assert windows.may_start(window, now) is (now < found.start_by)

    # On the wall it shows what is configured, or nothing could show that: then it is the first moment after a gap.
    shown = wall(found.opened, zone)
    if shown.strftime("%H:%M") != start:
        before = wall(found.opened - 1, zone)
        assert shown - before > timedelta(seconds=1)
        assert before.strftime("%H:%M:%S") < f"{start}:00" or before.date() < shown.date()
    earlier = [one for one in (1800, 3600, 7200) if wall(found.opened - one, zone) == shown]
    assert not earlier, "the first of two"
    if found.end_by is not None and end_by is not None and wall(found.end_by, zone).strftime("%H:%M") == end_by:
        later = [one for one in (1800, 3600, 7200) if wall(found.end_by + one, zone) == wall(found.end_by, zone)]
        assert not later, "the second of two"


@given(moments(), shapes(), st.integers(-10 * 86_400, 10 * 86_400))
@example(("America/Ensenada", 215_600_400.0), ("01:02", None, "01:01"), -1)  # its end comes after the next start
def test_what_is_missed_is_past_and_was_not_started(
    moment: tuple[str, float], shape: tuple[str, str | None, str | None], ago: int
) -> None:
    zone, now = moment
    window = Window(*shape, zone)
    missed = windows.missed(window, now - ago, now)
    if missed is None:
        assert ago >= 0
        last = windows.of(window, now)
        while last.start_by > now:
            last = windows.of(window, last.opened - 1)
        assert now - ago >= last.opened
        return
    assert missed.start_by <= now
    assert missed.opened > now - ago or ago < 0
    assert windows.missed(window, missed.opened, now) is None


# What cannot be a window ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "where", "what"),
    [
        ({"start": "25:00"}, "jobs.office.window.start", "no time of the day"),
        ({"start": 60}, "jobs.office.window.start", "no time of the day"),
        ({"start": "01:00", "end_by": "5"}, "jobs.office.window.end_by", "no time of the day"),
        ({"start": "01:00", "start_by": "01:00"}, "jobs.office.window.start_by", "no length"),
        ({"start": "01:00", "end_by": "01:00"}, "jobs.office.window.end_by", "no length"),
        ({"start": "01:00", "start_by": "03:00", "end_by": "02:00"}, "jobs.office.window", "ends before"),
        ({"start": "22:00", "start_by": "21:00", "end_by": "06:00"}, "jobs.office.window", "ends before"),
        ({"start": "01:00", "zone": "Europe/Berlinn"}, "jobs.office.window.zone", "no time zone"),
        ({"start": "01:00", "zone": "../etc/passwd"}, "jobs.office.window.zone", "no time zone"),
        ({"start": "01:00", "zone": "Europe"}, "jobs.office.window.zone", "no time zone"),
        ({"start": "01:00", "zone": None}, "jobs.office.window.zone", "no time zone"),
    ],
)
def test_a_window_that_cannot_be(options: dict[str, str], where: str, what: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Window(**options, where="jobs.office.window")
    assert raised.value.where == where
    assert what in raised.value.what


def test_a_time_may_be_written_without_its_first_zero() -> None:
    assert windows.of(Window("1:00"), 0.0).opened == datetime(1969, 12, 31, 1, tzinfo=UTC).timestamp()
