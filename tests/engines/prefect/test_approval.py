"""A guard blocks: the flow run is suspended, and goes on by Prefect's Resume or by `trueup apply`."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.client.orchestration import get_client

from tests.engines.prefect.plant import Plant

pytestmark = pytest.mark.slow


def blocked(plant: Plant, name: str = "team") -> Any:
    """A flow run that waits: the calendars agreed on eight events, and seven were deleted in one of them."""
    plant.fill(8)
    with plant.office.app() as app:
        app.run("team")
    for number in range(7):
        plant.a.delete(f"e{number}")
    run = plant.start(name)
    plant.wait(run, "Suspended")
    assert len(plant.uids(plant.b)) == 8
    return run


def resume(run: Any, **answer: Any) -> None:
    with get_client(sync_client=True) as client:
        result = client.resume_flow_run(run, run_input=answer)
    assert result.status.value == "ACCEPT", result


def test_yes_in_prefect_applies_the_plan(plant: Plant) -> None:
    plant.deploy()
    plant.work()
    run = blocked(plant)
    assert plant.history()[0]["state"] == "awaiting_approval"
    assert "trueup apply" in plant.logs(run, "trueup apply")
    resume(run, allow=True, who="Anna")
    assert plant.wait(run).name == "Completed"
    assert plant.uids(plant.a) == plant.uids(plant.b) == ["e7"]
    with plant.office.app() as app:
        assert {one["allowed"] for one in app.header(plant.history()[0]["id"])["guards"]} == {"Anna"}


def test_no_in_prefect_changes_nothing(plant: Plant) -> None:
    plant.deploy()
    plant.work()
    run = blocked(plant)
    resume(run, allow=False, who="Anna")
    state = plant.wait(run)
    assert (state.type.value, state.name) == ("CANCELLED", "Rejected")
    assert "Anna" in state.message
    assert len(plant.uids(plant.b)) == 8


def test_trueup_apply_goes_on_and_the_flow_run_ends_with_it(plant: Plant) -> None:
    plant.deploy()
    plant.work()
    run = blocked(plant)
    with plant.office.app() as app:
        app.apply(None, allow=["all"])
    assert plant.wait(run).name == "Completed"
    assert plant.uids(plant.b) == ["e7"]


def test_a_plan_that_got_stale_while_it_waited_is_made_and_asked_for_anew(plant: Plant) -> None:
    plant.deploy()
    plant.work()
    run = blocked(plant)
    plant.a.edit("e7", "Event e7", "Moved on")
    resume(run, allow=True)
    plant.wait(run, "Pending", "Running")
    plant.wait(run, "Suspended")
    resume(run, allow=True)
    assert plant.wait(run).name == "Completed"
    plant.agree()
    assert plant.uids(plant.b) == ["e7"]


def test_a_job_that_waits_suspends_its_pipeline_when_nothing_else_can_go_on(plant: Plant) -> None:
    steps = {
        "team": {"job": "team"},
        "beside": {"python": "usersteps:note"},
        "below": {"python": "usersteps:note", "needs": ["team"]},
    }
    plant.pipeline(steps)
    plant.deploy()
    plant.work()
    run = blocked(plant, "monthly")
    assert plant.effects() == ["beside"]
    assert [one.state.name for one in plant.children(run)] == ["AwaitingApproval"]
    resume(run, allow=True)
    assert plant.wait(run).name == "Completed"
    assert plant.effects() == ["below", "beside"]
    assert plant.uids(plant.b) == ["e7"]
    assert sorted(one.state.name for one in plant.children(run)) == ["Completed", "Superseded"]
