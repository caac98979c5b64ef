"""Jobs and pipelines on a real Airflow: scheduler, DAG processor, triggerer, API server, and tasks in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest

from tests.e2e.office import event
from tests.engines.airflow.office import Office
from tests.support.airflow_server import Airflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EVERY_FEATURE: dict[str, Any] = {
    "nightly": {
        "description": "Everything a pipeline can do",
        "params": {"count": {"type": "integer", "default": 3}, "note": {"type": "string", "default": "hello"}},
        "steps": {
            "team": {"job": "team"},
            "rows": {"python": "rows", "needs": ["team"], "with": {"count": "${params.count}"}},
            "send": {
                "python": "send",
                "for_each": "${steps.rows.output}",
                "with": {"x": "${item}", "bad": [1]},
                "parallel": 2,
            },
            "again": {
                "python": "fail_until",
                "with": {"times": 2},
                "retry": {"attempts": 3, "base": "1s", "cap": "1s"},
            },
            "strict": {"python": "say", "needs": ["send"]},
            "lenient": {"python": "say", "needs": ["send"], "when": {"outcome": ["done", "partial"]}},
            "quiet": {"python": "say", "needs": ["rows"], "when": "${len(steps.rows.output) > 100}"},
            "join": {"python": "say", "needs": ["quiet", "rows"], "when": {"outcome": ["done", "skipped"]}},
            "weekly": {"pipeline": "weekly", "needs": ["rows"], "with": {"x": "${params.note}"}},
            "each": {"pipeline": "weekly", "for_each": ["a", "b"], "needs": ["rows"], "with": {"x": "${item}"}},
            "broken": {"python": "fail", "needs": ["rows"]},
            "behind": {"python": "say", "needs": ["broken"]},
            "alarm": {"python": "say", "needs": ["behind"], "when": {"outcome": "failed"}},
        },
    },
    "weekly": {
        "params": {"x": {"type": "string"}},
        "steps": {"inner": {"python": "say", "with": {"x": "${params.x}"}}},
    },
}


def test_a_job_runs_with_readable_units_and_a_link_back(airflow: Airflow, large: Office) -> None:
    uids = [*large.fill(7), *large.fill(4, "laptop")]
    large.deploy(airflow)
    run = airflow.trigger(large.dag())
    airflow.assert_success(large.dag(), run)
    large.assert_same(uids)

    names = {one["rendered_map_index"] for (task, _), one in airflow.tasks(large.dag(), run).items() if task == "read"}
    server = f"work/{large.server.collection()}"
    assert names == {f"read {server}", "read laptop/team"}
    applied = [
        one["rendered_map_index"] for (task, _), one in airflow.tasks(large.dag(), run).items() if task == "apply"
    ]
    assert sorted(one.split(" ", 3)[3] for one in applied) == sorted(["(laptop/team)", f"({server})"])
    states = airflow.task_states(large.dag(), run)
    assert {one: states[one] for one in ("approve", "delete_batches", "delete", "rounds")} == dict.fromkeys(
        ("approve", "delete_batches", "delete", "rounds"), "skipped"
    )
    with large.app() as app:
        (record,) = app.history("team")
        assert record["state"] == "done"
        assert record["report"]["engine"] == "airflow"
        assert f"/dags/{large.dag()}/runs/" in record["report"]["url"]
    log = airflow.log(large.dag(), run, "plan")
    assert "Event server-03" in log


def test_nothing_to_do_is_short(airflow: Airflow, large: Office) -> None:
    uids = large.fill(2)
    large.deploy(airflow)
    for _ in range(2):
        run = airflow.trigger(large.dag())
        airflow.assert_success(large.dag(), run)
    states = airflow.task_states(large.dag(), run)
    assert {name for name, state in states.items() if "success" in state} == {
        "begin",
        "read",
        "plan",
        "guard",
        "report",
        "end",
    }
    large.assert_same(uids)


def test_a_pipeline_with_every_feature(airflow: Airflow, large: Office) -> None:
    large.fill(2)
    large.write(EVERY_FEATURE)
    large.deploy(airflow, "nightly", "weekly")
    dag = large.dag("nightly")
    run = airflow.trigger(dag, {"count": 4})
    assert airflow.wait_run(dag, run, seconds=400) == "failed"
    with large.app() as app:
        record = next(one for one in app.history("nightly"))
        outcomes = {name: one["outcome"] for name, one in record["report"]["steps"].items()}
    assert outcomes == {
        **dict.fromkeys(("team", "rows", "again", "lenient", "join", "weekly", "each", "alarm"), "done"),
        **dict.fromkeys(("strict", "quiet", "behind"), "skipped"),
        "send": "partial",
        "broken": "failed",
    }
    expected = ["rows", "send[0]", "send[1]", "send[2]", "send[3]", "lenient", "join", "broken", "alarm"]
    assert large.effects() == {**dict.fromkeys(expected, 1), "again": 3, "inner": 3}
    states = airflow.task_states(dag, run)
    assert states["send.each"] == "failed,success,success,success"
    assert states["quiet"] == "skipped"
    assert states["behind"] == "upstream_failed"
    assert states["alarm"] == "success"
    assert states["each.each"] == "success,success"
    names = {one["rendered_map_index"] for (task, _), one in airflow.tasks(dag, run).items() if task == "send.each"}
    assert names == {f"send[{at}] row {at}" for at in range(4)}
    assert "said x=hello" in airflow.log(large.dag("nightly"), run, "weekly.inner")
    assert "no such customer" in airflow.log(dag, run, "broken")


def test_failed_tasks_that_are_cleared_go_on_where_it_broke(airflow: Airflow, large: Office) -> None:
    steps = {
        "rows": {"python": "rows"},
        "broken": {"python": "fail_until", "with": {"times": 1}, "needs": ["rows"]},
        "behind": {"python": "say", "needs": ["broken"]},
    }
    large.write({"nightly": {"steps": steps}})
    large.deploy(airflow, "nightly")
    dag = large.dag("nightly")
    run = airflow.trigger(dag)
    assert airflow.wait_run(dag, run) == "failed"
    assert large.effects() == {"rows": 1, "broken": 1}
    cleared = {"dry_run": False, "dag_run_id": run, "only_failed": True, "reset_dag_runs": True}
    airflow.api("POST", f"/dags/{dag}/clearTaskInstances", cleared)
    airflow.assert_success(dag, run)
    assert large.effects() == {"rows": 1, "broken": 2, "behind": 1}


def blocked(airflow: Airflow, office: Office) -> tuple[str, list[str]]:
    """A run that a guard stops: most of a calendar is gone."""
    uids = office.fill(12)
    office.deploy(airflow)
    first = airflow.trigger(office.dag())
    airflow.assert_success(office.dag(), first)
    for uid in uids[:10]:
        office.laptop.delete(uid)
    run = airflow.trigger(office.dag())
    airflow.wait_for(lambda: airflow.task_states(office.dag(), run).get("approve") == "deferred", "the question", 120)
    time.sleep(3)  # an answer in the same instant meets Airflow still busy with the question, and makes it ask again
    assert len(office.server.side().raw) == 12, "nothing is deleted before a person has said so"
    return run, uids


def test_approved_in_airflow(airflow: Airflow, large: Office) -> None:
    run, uids = blocked(airflow, large)
    (asked,) = [
        one
        for one in airflow.api("GET", f"/dags/{large.dag()}/dagRuns/~/hitlDetails")["hitl_details"]
        if one["task_instance"]["dag_run_id"] == run
    ]
    assert "max_delete" in asked["body"]
    assert "Event server-00" in asked["body"]
    path = f"/dags/{large.dag()}/dagRuns/{run.replace('+', '%2B')}/taskInstances/approve/-1/hitlDetails"
    airflow.api("PATCH", path, {"chosen_options": ["Approve"], "params_input": {}})
    airflow.assert_success(large.dag(), run)
    large.assert_same(uids[10:])
    with large.app() as app:
        record = app.history("team")[0]
        assert {one["allowed"] for one in record["plan"]["guards"]} == {Airflow.user}


def test_rejected_in_airflow(airflow: Airflow, large: Office) -> None:
    run, _ = blocked(airflow, large)
    path = f"/dags/{large.dag()}/dagRuns/{run.replace('+', '%2B')}/taskInstances/approve/-1/hitlDetails"
    airflow.api("PATCH", path, {"chosen_options": ["Reject"], "params_input": {}})
    airflow.assert_success(large.dag(), run)
    assert len(large.server.side().raw) == 12
    assert airflow.task_states(large.dag(), run)["batches"] == "skipped"
    with large.app() as app:
        record = app.history("team")[0]
        assert (record["state"], record["report"]["rejected_by"]) == ("superseded", Airflow.user)


def test_approved_by_the_command_line(airflow: Airflow, large: Office) -> None:
    run, uids = blocked(airflow, large)
    with large.app() as app:
        waiting = app.history("team")[0]["id"]
    command = [sys.executable, "-m", "trueup", "apply", waiting, "--allow", "all"]
    said = subprocess.run(command, cwd=large.folder, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    large.assert_same(uids[10:])
    airflow.assert_success(large.dag(), run)
    assert airflow.task_states(large.dag(), run)["approve"] == "success"
    open_ = airflow.api("GET", f"/dags/{large.dag()}/dagRuns/~/hitlDetails?response_received=false")["hitl_details"]
    assert open_ == [], "the question is closed in Airflow, too"


def test_a_question_that_nobody_answers_does_not_hold_up_the_next_run(airflow: Airflow, large: Office) -> None:
    run, uids = blocked(airflow, large)
    for uid in uids[:10]:
        large.laptop.put(f"{uid}.ics", event(uid, f"Event {uid}"))
    later = airflow.trigger(large.dag())
    airflow.assert_success(large.dag(), later)
    airflow.assert_success(large.dag(), run)
    states = airflow.task_states(large.dag(), run)
    assert (states["approve"], states["batches"], states["end"]) == ("success", "skipped", "skipped")
    large.assert_same(uids)


def test_a_wrong_login_fails_at_once_and_says_why(airflow: Airflow, large: Office, radicale_with_login: Any) -> None:
    large.write(url=radicale_with_login.url, username="anna", password="wrong")
    large.deploy(airflow)
    begun = time.monotonic()
    run = airflow.trigger(large.dag())
    assert airflow.wait_run(large.dag(), run) == "failed"
    reads = [one for (task, _), one in airflow.tasks(large.dag(), run).items() if task == "read"]
    assert {one["try_number"] for one in reads} == {1}, "a refused login is never tried again"
    assert time.monotonic() - begun < 120
    logs = "".join(airflow.log(large.dag(), run, "read", 1, one["map_index"]) for one in reads)
    assert "hint " in logs
    assert "401" in logs or "login" in logs.lower()
