"""How old a backup may become."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from trueup.jobs.backup.ages import ahead, allowed, usable
from trueup.jobs.backup.spec import BackupSpec
from trueup.model.schedule import CalendarSource, ScheduleSpec

DAY, HOUR = 86_400.0, 3600.0
ONCE = BackupSpec("vault", ())


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("schedule", "last", "days"),
    [
        (ScheduleSpec(cron="0 1 * * *"), "2026-11-26 01:00:05", 2),
        (ScheduleSpec(cron="0 1 * * *"), "2026-11-26 00:59:00", 2),  # by hand, a minute before the night's own
        (ScheduleSpec(cron="0 1 * * 1-5"), "2026-11-25 01:00:05", 2),  # a Wednesday
        (ScheduleSpec(cron="0 1 * * 1-5"), "2026-11-27 01:00:05", 4),  # a Friday: Monday and Tuesday come next
        (ScheduleSpec(cron="0 1 1 * *"), "2026-11-01 01:00:05", 61),
        (ScheduleSpec(cron="0 1 1 1 *"), "2026-01-01 01:00:05", 730),
        (ScheduleSpec(every=6 * HOUR), "2026-11-26 01:00:00", 0.5),
        (ScheduleSpec(every=10 * DAY, start="2026-11-26T00:00:00+00:00"), "2026-11-20 00:00:00", 20),
    ],
)
def test_two_periods_of_the_schedule(schedule: ScheduleSpec, last: str, days: float) -> None:
    assert allowed(ONCE, schedule, at(last)) == days * DAY


def test_a_night_of_25_hours_counts_as_one() -> None:
    schedule = ScheduleSpec(cron="0 1 * * *", zone="Europe/Berlin")
    assert allowed(ONCE, schedule, at("2026-10-24 01:00:05", "Europe/Berlin")) == 2 * DAY + HOUR


def test_what_is_configured_comes_first() -> None:
    given = BackupSpec("vault", (), max_age=26 * HOUR)
    assert allowed(given, ScheduleSpec(cron="0 1 * * *"), at("2026-11-26")) == 26 * HOUR
    assert allowed(given, None, at("2026-11-26")) == 26 * HOUR


def test_no_limit_where_nothing_says_how_often() -> None:
    assert allowed(ONCE, None, at("2026-11-26")) is None
    assert allowed(ONCE, ScheduleSpec(calendar=CalendarSource("work", "backups")), at("2026-11-26")) is None


def test_a_clock_may_be_wrong_by_a_zone() -> None:
    assert not ahead(at("2026-11-26 14:00"), at("2026-11-26 00:00"))
    assert ahead(at("2026-11-27 00:01"), at("2026-11-26 00:00"))


def test_what_is_good() -> None:
    assert usable({"good": True})
    assert usable({"verified": 1.0})  # all that is known after a lost ledger
    assert usable({"good": None, "verified": 1.0})
    assert not usable({"good": False, "verified": 1.0})
    assert not usable({"good": None})
    assert not usable({})
    assert not usable({"good": True, "damaged": 1.0})
