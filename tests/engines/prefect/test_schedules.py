"""Runs that follow a calendar, and what becomes of those that are late."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from tests.engines.prefect.plant import Plant
from trueup.engines.prefect import ENGINE
from trueup.engines.prefect.policies import missed

EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//tests//prefect//EN
BEGIN:VEVENT
UID:{uid}
DTSTAMP:20261101T000000Z
DTSTART:{start:%Y%m%dT%H%M%SZ}
DTEND:{end:%Y%m%dT%H%M%SZ}
SUMMARY:{title}
CATEGORIES:trueup
DESCRIPTION:{description}
END:VEVENT
END:VCALENDAR
"""
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
STEPS = {"rows": {"python": "usersteps:rows", "with": {"n": "${params.n}"}}}


def put(plant: Plant, uid: str, start: datetime, description: str = "") -> None:
    text = EVENT.format(
        uid=uid, start=start, end=start + timedelta(minutes=5), title=f"Run {uid}", description=description
    )
    (plant.folder / "a" / "team" / f"{uid}.ics").write_bytes(text.replace("\n", "\r\n").encode())


def scheduled(plant: Plant) -> dict[datetime, Any]:
    return {one.expected_start_time: one for one in plant.runs_of("monthly") if one.state.name in ("Scheduled", "Late")}


@pytest.mark.slow
def test_runs_follow_the_events_of_a_calendar(plant: Plant) -> None:
    schedule = {"calendar": {**plant.office.ref(plant.a), "categories": ["trueup"], "refresh": "1s"}}
    plant.pipeline(STEPS, params={"n": {"type": "integer", "default": 1}}, schedule=schedule)
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    put(plant, "one", soon)
    put(plant, "two", soon + timedelta(hours=2), "n: 3")
    plant.deploy()
    assert plant.states() == {}
    assert {at: one.parameters for at, one in scheduled(plant).items()} == {
        soon: {"n": 1},
        soon + timedelta(hours=2): {"n": 3},
    }

    put(plant, "one", soon + timedelta(minutes=30))
    (plant.folder / "a" / "team" / "two.ics").unlink()
    with get_client(sync_client=True) as client:  # somebody puts a run beside them, which is left alone
        client.create_flow_run_from_deployment(plant.deployment("monthly").id, parameters={"n": 9})
    assert plant.states() == {"monthly": "changed"}
    ENGINE.fix(plant.config, ENGINE.status(plant.config))
    assert plant.states() == {}
    assert soon + timedelta(minutes=30) in scheduled(plant)
    assert sorted(one.parameters["n"] for one in scheduled(plant).values()) == [1, 9]


@pytest.mark.slow
def test_an_event_starts_its_run_with_its_parameters(plant: Plant) -> None:
    schedule = {"calendar": {**plant.office.ref(plant.a), "categories": ["trueup"], "refresh": "1s"}}
    plant.pipeline(STEPS, params={"n": {"type": "integer", "default": 1}}, schedule=schedule)
    put(plant, "soon", datetime.now(UTC) + timedelta(seconds=25), "n: 4")
    plant.deploy()
    (run,) = scheduled(plant).values()
    plant.work()
    assert plant.wait(run.id).name == "Completed"
    assert plant.run(run.id).parameters == {"n": 4}
    assert plant.effects() == ["rows"]


@pytest.mark.slow
def test_the_end_of_a_run_starts_what_waits_for_it(plant: Plant) -> None:
    steps = {"one": {"python": "usersteps:rows", "with": {"n": "${params.n}"}}}
    trigger = {"after": "team", "params": {"n": 7}}
    plant.configure(pipelines={"later": {"steps": steps, "params": {"n": {"type": "integer"}}, "triggers": [trigger]}})
    plant.fill(3)
    plant.deploy()
    plant.work()
    plant.wait(plant.start("team"), "Completed")
    deadline = time.monotonic() + 60
    while not (runs := plant.runs_of("later")) and time.monotonic() < deadline:
        time.sleep(0.5)
    (run,) = runs
    assert run.parameters == {"n": 7}
    assert plant.wait(run.id).name == "Completed"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("overlap", "first", "second"),
    [("skip", "Completed", "Skipped"), ("queue", "Completed", "Completed"), ("cancel", "Cancelled", "Completed")],
)
def test_the_next_run_while_one_is_under_way(plant: Plant, overlap: str, first: str, second: str) -> None:
    steps = {"gate": {"python": "usersteps:wait_for", "with": {"file": "open"}}}
    plant.pipeline(steps, schedule={"every": "30s", "overlap": overlap})
    plant.deploy()
    plant.work()
    until(plant, lambda: (plant.folder / "open.waiting").exists())
    (one,) = [one for one in plant.runs_of("monthly") if one.state.name == "Running"]
    after = min(
        (other for other in plant.runs_of("monthly") if other.expected_start_time > one.expected_start_time),
        key=lambda other: other.expected_start_time,
    )
    begun = {"skip": 2.0, "queue": 2.0, "cancel": 30.0}[overlap]
    until(plant, lambda: datetime.now(UTC) > after.expected_start_time + timedelta(seconds=begun))
    (plant.folder / "open").touch()
    assert plant.wait(one.id).name == first
    assert plant.wait(after.id).name == second


def until(plant: Plant, true: Callable[[], object], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, plant.worker_log()
        time.sleep(0.2)


def late(catch_up: str, minutes: int, *others: int, calendar: bool = False) -> bool:
    schedule = {"catch_up": catch_up, "calendar": {"refresh": 300.0} if calendar else None}
    due = [NOW - timedelta(minutes=one) for one in others]
    return bool(missed(schedule, NOW - timedelta(minutes=minutes), due, NOW))


def test_of_what_is_late_the_policy_says_what_is_made_up_for() -> None:
    assert not late("skip", 0)
    assert late("skip", 30)
    assert not late("all", 30, 20, 10)
    assert late("one", 30, 20, 10)
    assert not late("one", 10, 30, 20)
    assert late("one", 10, 30, 20, 0)  # the one that is in time does for it
    assert not late("one", 10, 30, 20, 0, calendar=True)  # an event is not made up for by another
    assert not late("one", 10, -30)  # it is due only in half an hour
