"""Jobs and pipelines on a real Prefect server, by a worker, from their deployments: what Prefect shows, and what the calendars hold."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
)

from tests.engines.prefect.plant import Plant

EVERYTHING = {
    "team": {"job": "team"},
    "rows": {"python": "usersteps:rows", "with": {"n": "${params.n}"}, "needs": ["team"]},
    "send": {
        "python": "usersteps:send",
        "for_each": "${steps.rows.output.rows}",
        "with": {"row": "${item}"},
        "parallel": 2,
    },
    "flaky": {"python": "usersteps:flaky", "retry": {"attempts": 3, "base": "0.1s"}},
    "bad": {"python": "usersteps:bad"},
    "below": {"python": "usersteps:note", "needs": ["bad"]},
    "alarm": {"python": "usersteps:note", "needs": ["bad"], "when": {"outcome": "failed"}},
    "never": {"python": "usersteps:note", "when": "${params.n > 100}"},
    "kept": {"python": "usersteps:note", "cache": {"key": "always the same"}},
    "inner": {"pipeline": "inner", "with": {"x": "${steps.rows.output.count}"}},
}
INNER = {
    "params": {"x": {"type": "integer"}},
    "steps": {"one": {"python": "usersteps:note", "with": {"x": "${params.x}"}}},
}
PARAMS = {
    "n": {"type": "integer", "default": 3, "description": "how many"},
    "region": {"type": "string", "default": "eu"},
}


def test_a_job_and_a_pipeline_with_everything_in_it(plant: Plant) -> None:
    plant.configure(pipelines={"monthly": {"params": PARAMS, "steps": EVERYTHING}, "inner": INNER})
    plant.fill(60)
    assert {one["state"] for one in plant.deploy()["changed"]} <= {"created", "same", "updated"}
    plant.work()

    run = plant.start("team")
    state = plant.wait(run)
    assert (state.name, state.message) == ("Completed", "60 create")
    plant.agree()
    assert len(plant.uids(plant.b)) == 60
    assert set(plant.tasks(run)) == {
        *(
            "read a/team",
            "read b/team",
            "plan",
            "guard",
            "apply batch 1 (b/team)",
            "verify a/team",
            "verify b/team",
            "report",
        )
    }
    _job_is_shown(plant, run)

    run = plant.start("monthly", n=4)
    state = plant.wait(run)
    assert state.name == "Failed"
    assert "broken" in state.message
    tasks = plant.tasks(run)
    assert {name: states for name, states in tasks.items() if states != ["Completed"]} == {
        "bad": ["Failed"],
        "below": ["Skipped"],
        "never": ["Skipped"],
    }
    assert {f"send[{number}] row {number}" for number in range(4)} | set(EVERYTHING) - {"send"} == set(tasks)
    assert _above(run, "send[2] row 2") == {"rows"}
    assert sorted(one.name for one in plant.children(run)) == ["inner (inner)", "team (team)"]
    assert "sending" in plant.logs(run, "sending")
    assert plant.effects() == sorted(
        [*("rows", "flaky", "flaky", "bad", "alarm", "kept", "one"), *(f"send[{number}]" for number in range(4))]
    )

    run = plant.start("monthly", n=4)
    plant.wait(run)
    assert plant.tasks(run)["kept"] == ["Cached"]
    assert plant.effects().count("kept") == 1


def _above(run: object, task: str) -> set[str]:
    """The tasks that Prefect's graph draws a line from to this one."""
    this = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
    with get_client(sync_client=True) as client:
        known = {one.id: one for one in client.read_task_runs(flow_run_filter=this, limit=200)}
    (found,) = [one for one in known.values() if one.name == task]
    return {known[each.id].name for inputs in found.task_inputs.values() for each in inputs}


def _job_is_shown(plant: Plant, run: object) -> None:
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        )
        schema = plant.deployment("monthly").parameter_openapi_schema
    shown = {one.key: str(one.data) for one in artifacts}
    assert set(shown) == {"plan-team", "report-team"}
    assert "Event e1" in shown["plan-team"]
    assert "60 create" in shown["report-team"]
    assert schema["properties"]["n"] == {
        "type": "integer",
        "default": 3,
        "title": "n",
        "description": "how many",
        "position": 0,
    }
    known = plant.history()[0]
    assert str(run) in str(known["report"]["url"])
    assert {"trueup", "job", "store:a", "store:b"} <= set(plant.run(run).tags)
    assert "fetched: 60" in plant.logs(run, "fetched: 60")
