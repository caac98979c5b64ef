"""A job and a pipeline from beginning to end in this process (`dag.test()`): the slice of every `make test`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.sdk import DAG

from tests.engines.airflow.office import ROOT, Office
from trueup.engines import calls
from trueup.engines.airflow import DEFAULTS, apply, dags, plan, run_job, run_pipeline

pytestmark = pytest.mark.usefixtures("database")

PIPELINE: dict[str, Any] = {
    "nightly": {
        "params": {"count": {"type": "integer", "default": 3}},
        "steps": {
            "team": {"job": "team"},
            "rows": {"python": "rows", "needs": ["team"], "with": {"count": "${params.count}"}},
            "send": {"python": "send", "for_each": "${steps.rows.output}", "with": {"x": "${item}"}},
            "alarm": {"python": "say", "needs": ["send"], "when": {"outcome": "failed"}},
            "weekly": {"pipeline": "weekly", "needs": ["send"]},
        },
    },
    "weekly": {"steps": {"inner": {"python": "say"}}},
}


def run(dag: DAG, conf: dict[str, Any] | None = None) -> tuple[str, dict[str, str]]:
    """How a DAG run ended, and its tasks."""
    known(dag)
    done = dag.test(run_conf=conf)
    states: dict[str, list[str]] = {}
    for one in done.get_task_instances():
        states.setdefault(one.task_id, []).append(str(one.state))
    return str(done.state), {task: ",".join(sorted(found)) for task, found in states.items()}


def known(dag: DAG) -> None:
    """Makes a DAG known to Airflow, as the DAG processor does with those it finds in files."""
    bag = DagBag(dag_folder=os.devnull, bundle_name="dags-folder")
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)


def test_a_job(office: Office) -> None:
    uids = [*office.fill(3), *office.fill(2, "laptop")]
    state, tasks = run(dags(office.config, prefix=office.prefix)[office.dag()])
    assert state == "success", tasks
    office.assert_same(uids)
    assert tasks["apply"] == "success,success"
    assert tasks["approve"] == "skipped"


def test_deletions_come_after_creations(office: Office) -> None:
    uids = office.fill(6)
    dag = dags(office.config, prefix=office.prefix)[office.dag()]
    run(dag)
    office.laptop.delete(uids[0])
    more = office.fill(1, first=6)
    state, tasks = run(dag)
    assert state == "success"
    assert (tasks["apply"], tasks["delete_batches"], tasks["delete"]) == ("success", "success", "success")
    office.assert_same([*uids[1:], *more])
    office.laptop.delete(uids[1])
    state, tasks = run(dag)
    assert (tasks["apply"], tasks["delete"]) == ("skipped", "success"), "only deletions"
    office.assert_same([*uids[2:], *more])


def test_a_pipeline(office: Office) -> None:
    uids = office.fill(2)
    office.write(PIPELINE)
    state, tasks = run(dags(office.config, prefix=office.prefix)[office.dag("nightly")], {"count": 2})
    assert state == "success", tasks
    office.assert_same(uids)
    assert office.effects() == {"rows": 1, "send[0]": 1, "send[1]": 1, "inner": 1}
    assert tasks["when_alarm"] == tasks["alarm"] == "skipped"
    assert tasks["weekly.end"] == "success"


def test_the_phases_in_a_dag_of_ones_own(office: Office) -> None:
    uids = office.fill(4)
    with DAG(office.dag("own"), default_args=DEFAULTS) as dag:
        planned = plan("team", office.config)
        planned >> apply(planned.output, office.config)
    state, tasks = run(dag)
    assert state == "success", tasks
    office.assert_same(uids)


def test_a_plan_that_a_guard_blocks_is_not_applied(office: Office) -> None:
    uids = office.fill(12)
    run(dags(office.config, prefix=office.prefix)[office.dag()])
    for uid in uids[:10]:
        office.laptop.delete(uid)
    with DAG(office.dag("own"), default_args={**DEFAULTS, "retries": 0}) as dag:
        planned = plan("team", office.config)
        planned >> apply(planned.output, office.config)
    state, _ = run(dag)
    assert state == "failed"
    assert len(office.server.side().raw) == 12


def test_whole_jobs_and_pipelines_as_groups_of_ones_own(office: Office) -> None:
    uids = office.fill(2)
    office.write(PIPELINE)
    with DAG(office.dag("both"), default_args=DEFAULTS) as dag:
        run_job("team", office.config) >> run_pipeline("weekly", office.config, group_id="after")
    state, tasks = run(dag)
    assert state == "success", tasks
    office.assert_same(uids)
    assert tasks["after.inner"] == "success"


def test_the_same_dag_run_is_the_same_run(office: Office) -> None:
    """A repeated call finds what the first one began: that is what a killed task's repeat does."""
    office.fill(1)
    first = calls.begin_job(office.config, "team", "airflow/team/manual__1/0/begin")
    again = calls.begin_job(office.config, "team", "airflow/team/manual__1/0/begin")
    assert first["run"] == again["run"]


def test_the_example_of_the_how_to(office: Office) -> None:
    uids = office.fill(3)
    text = (Path(ROOT) / "docs/how-to/airflow.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    code = code.replace("/etc/trueup/trueup.yaml", office.config).replace(
        "\nreview_and_apply()", "\nmade = review_and_apply()"
    )
    names: dict[str, Any] = {}
    exec(compile(code, "airflow.md", "exec"), names)
    state, tasks = run(names["made"])
    assert state == "success", tasks
    assert (tasks["worth_it"], tasks["apply"], tasks["once_more.end"]) == ("success", "success", "success")
    office.assert_same(uids)
    state, tasks = run(names["made"])
    assert (tasks["worth_it"], tasks["apply"]) == ("success", "skipped")
