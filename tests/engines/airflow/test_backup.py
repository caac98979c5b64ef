"""A backup on a real Airflow: what its screen shows, a task killed or stopped in the middle of a source, a closed window."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engines.airflow.office import Office
from tests.engines.airflow.test_faults import parent_of
from tests.engines.airflow.test_here import run as run_here
from tests.support import backup_office
from tests.support.airflow_server import Airflow
from tests.support.backup_office import ONCE_HANGING, TITLES, check, sleeping
from trueup.engines.airflow import dags


@pytest.mark.usefixtures("database")
def test_its_waves_go_one_after_another(office: Office) -> None:
    """In this process, for the slice of every `make test`."""
    config = backup_office.office(office.folder)
    state, tasks = run_here(dags(office.config, prefix=office.prefix)[office.dag("office")])
    assert state == "success", tasks
    done = {name: tasks[name] for name in ("back_up", "check", "drill", "archive", "remove_batches", "remove")}
    assert done == {
        "back_up": "success,success",
        "check": "success",
        "drill": "success,success,success",
        "archive": "success",
        "remove_batches": "skipped",
        "remove": "skipped",
    }
    check(config)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_backup_is_a_dag_run_with_a_mapped_task_for_each_of_its_waves(airflow: Airflow, large: Office) -> None:
    config, run = begun(airflow, large)
    airflow.assert_success(large.dag("office"), run)
    shown = {one["rendered_map_index"] for one in airflow.tasks(large.dag("office"), run).values()}
    assert {title for wave in TITLES for title in wave} <= shown
    check(config)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_task_ends_in_the_middle_of_a_source(airflow: Airflow, large: Office, how: signal.Signals) -> None:
    """Its programs end with it, and Airflow's retry takes the source. SIGTERM is what a supervisor hands on that is stopped."""
    config, run = begun(airflow, large, command=ONCE_HANGING)
    pid = airflow.wait_for(lambda: task_of(large.folder), "the command", 180)
    os.kill(parent_of(pid) if how is signal.SIGTERM else pid, how)
    airflow.wait_for(lambda: not sleeping(large.folder), "the end of the command", 15)
    airflow.assert_success(large.dag("office"), run, seconds=400)
    tries = [
        one["try_number"] for (task, _), one in airflow.tasks(large.dag("office"), run).items() if task == "back_up"
    ]
    assert sorted(tries) == [1, 2]
    check(config)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_outside_of_its_window_waits_for_trueup_apply(airflow: Airflow, large: Office) -> None:
    config, run = begun(airflow, large, command="touch taken; echo said", job={"window": backup_office.closed()})
    dag = large.dag("office")
    airflow.wait_for(lambda: airflow.task_states(dag, run).get("approve") == "deferred", "the question", 120)
    assert not (large.folder / "taken").exists()
    with large.app() as app:
        waiting = app.history("office")[0]["id"]
    command = [sys.executable, "-m", "trueup", "apply", waiting, "--allow", "window"]
    said = subprocess.run(command, cwd=large.folder, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    airflow.assert_success(dag, run)
    check(config)


def begun(airflow: Airflow, office: Office, **more: Any) -> tuple[Path, str]:
    """The office with a backup instead of its calendars, under way; returns the configuration and the DAG run."""
    config = backup_office.office(office.folder, ledger=office.ledger, **more)
    office.deploy(airflow, "office")
    return config, airflow.trigger(office.dag("office"))


def task_of(folder: Path) -> int:
    """The process of the task whose command hangs in this folder; 0: it does not."""
    for one in Path("/proc").glob("[0-9]*"):
        try:
            if (one / "cwd").readlink() == folder and b"sleep 600" in (one / "cmdline").read_bytes():
                return parent_of(int(one.name))
        except OSError:
            continue
    return 0
