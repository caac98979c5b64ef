"""What a DAG run does that a schedule started while something else uses its job: `collide`, on a real Airflow."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.engines.airflow.office import Office
from tests.support.airflow_server import Airflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def met(airflow: Airflow, office: Office, collide: str) -> tuple[str, str]:
    """A pipeline is under way that uses the job; the DAG run that a schedule starts meanwhile: its DAG and id."""
    schedule = {"every": "1m", "collide": collide, "overlap": "skip"}
    steps = {"team": {"job": "team"}, "say": {"python": "say", "with": {"x": 7}}}
    close = {"steps": {"first": {"job": "team"}, "gate": {"python": "rows", "needs": ["first"]}}}
    office.fill(2)
    office.write({"close": close})
    office.hold("run_function.before")
    office.deploy(airflow, "close")
    airflow.trigger(office.dag("close"))
    office.wait_held("run_function.before", 180)
    since = f"since=__import__('datetime').datetime.fromisoformat({datetime.now(UTC).isoformat()!r}),"
    office.write({"close": close, "nightly": {"steps": steps, "schedule": schedule}})
    office.deploy(airflow, "nightly", more=since)
    dag = office.dag("nightly")

    def started() -> Any:
        runs = airflow.api("GET", f"/dags/{dag}/dagRuns?order_by=run_after")["dag_runs"]
        return runs and runs[0]["dag_run_id"]

    return dag, str(airflow.wait_for(started, "the schedule to start a run", 180))


def let_go(airflow: Airflow, office: Office) -> None:
    """The other one goes on, and ends."""
    (office.folder / "held-run_function.before").unlink()
    airflow.wait_for(lambda: office.effects()["gate"], "the other one to end", 120)


def paused(airflow: Airflow, dag: str) -> None:
    """No further runs: the test is about this one."""
    airflow.api("PATCH", f"/dags/{dag}", {"is_paused": True})


@pytest.mark.parametrize(("collide", "begin", "effects"), [("skip", "skipped", 0), ("queue", "deferred", 1)])
def test_it_is_left_out_or_waits(airflow: Airflow, large: Office, collide: str, begin: str, effects: int) -> None:
    dag, run = met(airflow, large, collide)
    airflow.wait_for(lambda: airflow.task_states(dag, run).get("begin") == begin, "it to look what it meets", 120)
    assert large.effects()["say"] == 0
    let_go(airflow, large)
    if effects:
        airflow.wait_for(lambda: large.effects()["say"] == effects, "it to begin", 120)
    else:
        assert "it would meet close" in airflow.log(dag, run, "begin")
    paused(airflow, dag)


def asked(airflow: Airflow, office: Office) -> tuple[str, str]:
    """A DAG run that has put its question, the other one being over."""
    dag, run = met(airflow, office, "ask")
    airflow.wait_for(lambda: airflow.task_states(dag, run).get("start") == "deferred", "the question", 120)
    let_go(airflow, office)
    assert office.effects()["say"] == 0
    return dag, run


def test_a_person_lets_it_begin(airflow: Airflow, large: Office) -> None:
    dag, run = asked(airflow, large)
    (question,) = airflow.api("GET", f"/dags/{dag}/dagRuns/~/hitlDetails?response_received=false")["hitl_details"]
    assert "it would meet close" in question["body"]
    answer(airflow, dag, run, "Approve")
    airflow.assert_success(dag, run)
    paused(airflow, dag)
    assert large.effects()["say"] >= 1
    with large.app() as app:
        (record,) = [one for one in app.history("nightly") if one["report"].get("approved_by")]
    assert (record["report"]["approved_by"], record["state"]) == (Airflow.user, "done")


def test_a_person_refuses(airflow: Airflow, large: Office) -> None:
    dag, run = asked(airflow, large)
    answer(airflow, dag, run, "Reject")
    airflow.wait_for(lambda: airflow.task_states(dag, run).get("begin") == "skipped", "it to be left out", 120)
    paused(airflow, dag)
    with large.app() as app:
        assert {one["state"] for one in app.history("nightly") if one["report"].get("rejected_by")} == {"superseded"}


def test_said_on_the_command_line(airflow: Airflow, large: Office) -> None:
    dag, run = asked(airflow, large)
    with large.app() as app:
        (waiting,) = [one["id"] for one in app.history("nightly") if one["state"] == "awaiting_approval"]
    command = [sys.executable, "-m", "trueup", "apply", waiting]
    said = subprocess.run(command, cwd=large.folder, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    airflow.assert_success(dag, run)
    paused(airflow, dag)
    with large.app() as app:
        (record,) = [one for one in app.history("nightly") if one["id"] == waiting]
    assert (record["state"], "asks" in record["report"]) == ("done", True)
    assert airflow.task_states(dag, run)["start"] == "success"


def answer(airflow: Airflow, dag: str, run: str, option: str) -> None:
    """A person's word, in Airflow's own way."""
    path = f"/dags/{dag}/dagRuns/{run.replace('+', '%2B')}/taskInstances/start/-1/hitlDetails"
    airflow.api("PATCH", path, {"chosen_options": [option], "params_input": {}})
