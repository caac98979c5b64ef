"""What the DAG processor sees: parsing is cheap, and the graph is the one that `trueup graph` draws."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, TaskGroup, TriggerRule
from airflow.serialization.serialized_objects import DagSerialization

from tests.engines.airflow.office import Office
from tests.engines.airflow.test_server import EVERY_FEATURE
from trueup.engines import calls
from trueup.engines.airflow import dags
from trueup.model.errors import ConfigError

PARSE = """
import json, socket, sqlite3, sys
import airflow.sdk, airflow.providers.standard.operators.hitl, airflow.providers.standard.operators.trigger_dagrun
opened = []
connect = socket.socket.connect
socket.socket.connect = lambda self, address: (opened.append(str(address)), connect(self, address))[1]
database = sqlite3.connect
sqlite3.connect = lambda *given, **named: (opened.append(str(given)), database(*given, **named))[1]
before = set(sys.modules)
from trueup.engines.airflow import dags
made = dags(sys.argv[1])
print(json.dumps({"dags": sorted(made), "opened": opened, "imported": sorted(set(sys.modules) - before)}))
"""

HEAVY = (
    "psycopg",
    "icalendar",
    "recurring_ical_events",
    "trueup.connectors.dav",
    "trueup.connectors.http",
    "trueup.jobs",
    "trueup.doctor",
)
"""What no DAG file may import: each takes tens of milliseconds, every half a minute and once more in every task."""

LIGHT = ("trueup.connectors.dav", "trueup.connectors.dav.connector")
"""Options, which are looked at where the configuration is checked."""


def test_parsing_opens_nothing_and_imports_nothing_heavy(office: Office) -> None:
    office.write(EVERY_FEATURE)
    command = [sys.executable, "-c", PARSE, office.config]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["dags"] == ["nightly", "team", "weekly"]
    assert found["opened"] == []
    heavy = [one for one in found["imported"] if one.startswith(HEAVY) and one not in LIGHT]
    assert heavy == []
    assert not (office.folder / ".trueup" / "ledger.db").exists()


def unit_of(dag: DAG, step: str) -> set[str]:
    """The tasks that stand for a step."""
    groups = dag.task_group.get_task_group_dict()
    own = {f"when_{step}"} & set(dag.task_ids)
    return own | ({one.task_id for one in groups[step].iter_tasks()} if step in groups else {step})


def test_the_graph_is_the_one_of_trueup(office: Office) -> None:
    office.write(EVERY_FEATURE)
    described = calls.describe(office.config)["pipelines"]["nightly"]
    dag = dags(office.config)["nightly"]
    units = {step: unit_of(dag, step) for step in described["order"]}
    assert set().union(*units.values()) | {"begin", "end"} == set(dag.task_ids), "no task without a step"
    for step, tasks in units.items():
        above = {up for task in tasks for up in dag.get_task(task).upstream_task_ids} - tasks - {"begin"}
        needs = {other for other, those in units.items() if above & those}
        assert needs == set(described["steps"][step]["needs"]), step
    assert all(
        "end" in dag.get_task(task).get_flat_relative_ids(upstream=False) for task in dag.task_ids if task != "end"
    )


def test_conditions_are_tasks_that_are_asked_in_any_case(office: Office) -> None:
    office.write(EVERY_FEATURE)
    dag = dags(office.config)["nightly"]
    conditional = {task for task in dag.task_ids if task.startswith("when_")}
    assert conditional == {"when_lenient", "when_quiet", "when_join", "when_alarm"}
    for task in conditional:
        assert dag.get_task(task).trigger_rule == TriggerRule.ALL_DONE
        assert dag.get_task(task.removeprefix("when_")).upstream_task_ids == {task}


def test_params_have_types_and_defaults(office: Office) -> None:
    office.write(EVERY_FEATURE)
    made = dags(office.config)
    nightly = made["nightly"].params
    assert nightly.get_param("count").schema == {"type": "integer"}
    assert nightly["count"] == 3
    required = made["weekly"].params.get_param("x")
    assert not required.has_value
    assert required.schema["type"] == "string"
    assert made["team"].params["allow"] == []


def test_every_task_survives_a_killed_process(office: Office) -> None:
    office.write(EVERY_FEATURE)
    for dag in dags(office.config).values():
        for task in dag.tasks:
            assert task.retries >= 3, (dag.dag_id, task.task_id)
            assert task.retry_delay.total_seconds() <= 10, (dag.dag_id, task.task_id)
    assert dags(office.config)["nightly"].get_task("again").retries == 2 + 3


def test_dags_pass_through_airflows_own_serialization(office: Office) -> None:
    office.write(EVERY_FEATURE)
    for dag in dags(office.config).values():
        again = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
        assert set(again.task_ids) == set(dag.task_ids)
        assert again.timetable.summary


def test_names_tags_texts_pools_and_callbacks(office: Office) -> None:
    office.write(EVERY_FEATURE)
    asked: list[list[str]] = []

    def pool(stores: Any) -> str:
        asked.append(list(stores))
        return "calendars"

    def told(context: Any) -> None:
        raise AssertionError

    made = dags(office.config, prefix="hq_", only=["team", "nightly"], pool=pool, on_failure=told, tags=["ours"])
    assert set(made) == {"hq_team", "hq_nightly"}
    team = made["hq_team"]
    assert team.tags == {"trueup", "ours"}
    assert "laptop/team" in str(team.doc_md)
    assert "Everything a pipeline can do" in str(made["hq_nightly"].doc_md)
    assert asked[0] == ["laptop", "work"]
    assert {one for one in team.task_ids if team.get_task(one).pool == "calendars"} == {
        "read",
        "apply",
        "delete",
        "verify",
    }
    assert team.on_failure_callback == told
    assert team.is_paused_upon_creation is False
    assert made["hq_nightly"].get_task("each.each").partial_kwargs["trigger_dag_id"] == "hq_weekly"


def test_jobs_and_sub_pipelines_are_groups(office: Office) -> None:
    office.write(EVERY_FEATURE)
    group = dags(office.config)["nightly"].task_group.get_task_group_dict()
    assert isinstance(group["team"], TaskGroup)
    assert {"team.read", "team.plan", "team.guard", "team.approve", "team.apply", "team.verify"} <= set(
        group["team"].children
    )
    assert set(group["weekly"].children) == {"weekly.begin", "weekly.inner", "weekly.end"}
    assert set(group["send"].children) == {"send.items", "send.each", "send.end"}


def test_a_relative_path_is_seen_from_the_dag_file(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "dags_file.py"
    file.write_text("from trueup.engines.airflow import dags\nfound = dags('trueup.yaml')\n")
    names: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    assert names["found"]["team"].get_task("begin").config == office.config


def test_a_wrong_configuration_is_an_import_error_with_its_place(office: Office) -> None:
    text = Path(office.config).read_text().replace('"calendar"', '"calender"')
    Path(office.config).write_text(text)
    with pytest.raises(ConfigError) as error:
        dags(office.config)
    assert "trueup.yaml" in str(error.value)
