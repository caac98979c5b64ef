"""What a scheduled flow run does while something else uses its job: `collide`, on the real server."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from tests.engines.prefect.plant import Plant
from tests.engines.prefect.test_approval import resume

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

CLOSE = {"first": {"job": "team"}, "gate": {"python": "usersteps:wait_for", "needs": "first", "with": {"file": "open"}}}
NIGHTLY = {"team": {"job": "team"}, "say": {"python": "usersteps:note", "with": {"x": "${params.n}"}}}


def met(plant: Plant, collide: str, name: str) -> tuple[Any, Any]:
    """A pipeline is under way that uses the job, and the flow run that a schedule starts meanwhile."""
    schedule: dict[str, Any] = {"every": "25s", "collide": collide}
    nightly = {"steps": NIGHTLY, "params": {"n": {"type": "integer"}}}
    if name == "nightly":
        nightly["schedule"] = {**schedule, "params": {"n": 7}}
    refs = [plant.office.ref(plant.a), plant.office.ref(plant.b)]
    job = {"kind": "calendar", "collections": refs, **({"schedule": schedule} if name == "team" else {})}
    plant.configure(job, pipelines={"close": {"steps": CLOSE}, "nightly": nightly})
    plant.fill(2)
    plant.deploy()
    with get_client(sync_client=True) as client:  # until the other one is under way
        client.pause_deployment(plant.deployment(name).id)
    plant.work()
    close = plant.start("close")
    deadline = time.monotonic() + 90
    while not (plant.folder / "open.waiting").exists():
        assert time.monotonic() < deadline, plant.worker_log()
        time.sleep(0.2)
    plant.deploy()
    now = datetime.now(UTC)
    while True:
        coming = [one for one in plant.runs_of(name) if one.auto_scheduled and one.expected_start_time > now]
        if coming:
            return close, min(coming, key=lambda one: one.expected_start_time).id
        assert time.monotonic() < deadline, "Prefect has scheduled nothing"
        time.sleep(0.3)


def test_it_is_left_out(plant: Plant) -> None:
    close, run = met(plant, "skip", "nightly")
    state = plant.wait(run)
    assert (state.name, state.message) == ("Skipped", "it would meet close")
    assert "say" not in plant.effects()
    (plant.folder / "open").touch()
    assert plant.wait(close).name == "Completed"


def test_it_waits_until_the_other_has_ended(plant: Plant) -> None:
    close, run = met(plant, "queue", "nightly")
    plant.wait(run, "Running")
    assert "not yet: waits for close" in plant.logs(run, "not yet")
    assert "say" not in plant.effects()
    (plant.folder / "open").touch()
    assert plant.wait(close).name == plant.wait(run).name == "Completed"
    assert plant.effects().count("say") == 1


def test_a_person_lets_it_begin(plant: Plant) -> None:
    close, run = met(plant, "ask", "team")
    plant.wait(run, "Suspended")
    (plant.folder / "open").touch()
    assert plant.wait(close).name == "Completed"
    plant.fill(3)
    resume(run, allow=True, who="Anna")
    assert plant.wait(run).name == "Completed"
    assert len(plant.uids(plant.b)) == 3
    asked = plant.run(run).labels["trueup.run"]
    (record,) = [one for one in plant.history() if one["id"] == asked]
    assert (record["state"], record["report"].get("asks")) == ("done", "it would meet close")


def test_a_person_refuses(plant: Plant) -> None:
    close, run = met(plant, "ask", "nightly")
    plant.wait(run, "Suspended")
    resume(run, allow=False, who="Anna")
    state = plant.wait(run)
    assert (state.name, state.message) == ("Skipped", "Anna refused it")
    (plant.folder / "open").touch()
    assert plant.wait(close).name == "Completed"
    assert "say" not in plant.effects()


def test_said_on_the_command_line(plant: Plant) -> None:
    close, run = met(plant, "ask", "nightly")
    plant.wait(run, "Suspended")
    (plant.folder / "open").touch()
    assert plant.wait(close).name == "Completed"
    asked = plant.run(run).labels["trueup.run"]
    with plant.office.app() as app:
        assert app.apply(str(asked))["state"] == "done"
    assert plant.wait(run).name == "Completed"
    assert plant.effects().count("say") == 1
