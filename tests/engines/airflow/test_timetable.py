"""Schedules of trueup.yaml as timetables: the occurrences are trueup's, what was missed follows the policy, and JSON is enough to make them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pendulum
import pytest
from airflow.sdk import CronTriggerTimetable
from airflow.timetables.base import DataInterval, TimeRestriction

from trueup.core.schedules import expected
from trueup.engines.airflow.schedules import timetable_of
from trueup.engines.airflow.timetable import GRACE, TrueupTimetable, next_of
from trueup.model.occurrence import Occurrence
from trueup.model.schedule import CatchUp, ScheduleSpec

HOUR = 3600.0
NOW = datetime(2026, 3, 2, 12, 30, tzinfo=UTC).timestamp()


def made(catch_up: str = "one", **more: Any) -> ScheduleSpec:
    return ScheduleSpec(catch_up=CatchUp(catch_up), **{"every": HOUR, **more})


def next_at(spec: ScheduleSpec, last: float | None, earliest: float | None = None, now: float = NOW) -> float | None:
    def occurrences(after: float, before: float) -> list[Occurrence]:
        return expected(spec, after, before)

    found = next_of(spec, last, earliest, now, occurrences)
    return None if found is None else (found.nominal - NOW) / HOUR


@pytest.mark.parametrize(
    ("catch_up", "last", "expected_at"),
    [
        ("one", -0.5, 0.5),  # nothing was missed
        ("one", -6.5, -0.5),  # the last one that was
        ("skip", -6.5, 0.5),
        ("all", -6.5, -5.5),  # one after another
    ],
)
def test_what_was_missed(catch_up: str, last: float, expected_at: float) -> None:
    assert next_at(made(catch_up), NOW + last * HOUR) == expected_at


@pytest.mark.parametrize("catch_up", ["one", "skip", "all"])
def test_a_new_schedule_begins_with_what_is_to_come(catch_up: str) -> None:
    assert next_at(made(catch_up), None, earliest=NOW) == 0.5
    assert next_at(made(catch_up), None) == 0.5


def test_a_run_that_is_a_little_late_is_not_missed() -> None:
    just_before = NOW - 0.5 * HOUR + GRACE / 2  # ten minutes past the hour have not gone by yet
    assert next_at(made("skip"), NOW - 1.5 * HOUR, now=just_before) == -0.5
    assert next_at(made("skip"), NOW - 1.5 * HOUR, now=just_before + GRACE) == 0.5


def test_walking_on_meets_every_occurrence_once() -> None:
    spec = made("all", every=None, cron="*/20 8-9 * * 1-5", zone="Europe/Berlin")
    end = NOW + 14 * 86_400
    wanted = [one.nominal for one in expected(spec, NOW, end)]
    found, last = [], NOW
    while (at := next_at(spec, last, now=NOW)) is not None and (last := NOW + at * HOUR) <= end:
        found.append(last)
    assert found == pytest.approx(wanted)
    assert len(found) == 60


def test_jitter_delays_the_run_and_not_what_it_is_about() -> None:
    timetable = TrueupTimetable(made(jitter=600.0).to_json())
    moment = pendulum.now("UTC")
    info = timetable.next_dagrun_info(
        last_automated_data_interval=DataInterval.exact(moment), restriction=TimeRestriction(moment, None, False)
    )
    assert info is not None
    assert info.data_interval is not None
    late = (info.run_after - info.data_interval.start).total_seconds()
    assert 0 < late < 600
    again = timetable.next_dagrun_info(
        last_automated_data_interval=DataInterval.exact(moment), restriction=TimeRestriction(moment, None, False)
    )
    assert again == info


def test_an_end_date_ends_it() -> None:
    timetable = TrueupTimetable(made().to_json())
    now = pendulum.now("UTC")
    bounds = TimeRestriction(now, now + timedelta(minutes=1), False)
    last = DataInterval.exact(pendulum.instance(datetime.fromtimestamp((now.timestamp() // HOUR) * HOUR, UTC)))
    assert timetable.next_dagrun_info(last_automated_data_interval=last, restriction=bounds) is None


def test_json_is_enough_to_make_it_again() -> None:
    spec = made(zone="Europe/Berlin", jitter=5.0, params={"x": 1}).to_json()
    timetable = TrueupTimetable(spec, config="/etc/trueup.yaml", subject="team")
    again = TrueupTimetable.deserialize(json.loads(json.dumps(timetable.serialize())))
    assert again == timetable
    assert (again.config, again.subject, again.summary) == ("/etc/trueup.yaml", "team", "every 3600 s")


@pytest.mark.parametrize(
    ("more", "native"),
    [
        ({"every": None, "cron": "0 6 * * 1-5", "zone": "Europe/Berlin"}, True),
        ({"every": None, "cron": "0 6 * * *", "catch_up": "all"}, True),
        ({"every": None, "cron": "0 6 * * *", "jitter": 30.0}, False),
        ({"every": None, "cron": "0 6 * * *", "catch_up": "skip"}, False),
        ({}, False),
    ],
)
def test_airflows_own_timetable_where_it_means_the_same(more: dict[str, Any], native: bool) -> None:
    timetable = timetable_of(made(**more).to_json(), "/etc/trueup.yaml", "team")
    assert isinstance(timetable, CronTriggerTimetable if native else TrueupTimetable)
