"""A backup on a real Prefect server: what it shows, a process killed or stopped in the middle of a source, a closed window."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.prefect.plant import Plant
from tests.support import backup_office
from tests.support.backup_office import ONCE_HANGING, TITLES, check, sleeping


def begun(plant: Plant, **more: Any) -> tuple[Path, Any]:
    """The plant with a backup instead of its calendars, under way; returns the configuration and the flow run."""
    config = backup_office.office(plant.folder, ledger=plant.ledger, **more)
    plant.deploy()
    plant.work()
    return config, plant.start("office")


def until(true: Callable[[], object], plant: Plant, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, plant.worker_log()
        time.sleep(0.1)


def test_a_backup_is_a_flow_run_with_a_task_for_all_it_does(plant: Plant) -> None:
    config, run = begun(plant)
    state = plant.wait(run)
    assert (state.name, state.message) == ("Completed", "6 create")
    shown = plant.tasks(run)
    assert {name for wave in TITLES for name in wave} <= set(shown)
    assert not any("batch" in one for one in shown)
    check(config)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_whose_process_is_killed_in_the_middle_of_a_source(plant: Plant) -> None:
    """Its programs end with it, and the run goes on where it stood."""
    config, run = begun(plant, command=ONCE_HANGING)
    until(lambda: sleeping(plant.folder), plant)
    os.kill(plant.pid(run), signal.SIGKILL)
    until(lambda: not sleeping(plant.folder), plant, 5)
    assert plant.wait(run, "Completed", seconds=300).name == "Completed"
    assert plant.run(run).run_count == 2
    check(config)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_process_that_is_asked_to_stop_ends_the_programs_of_its_sources(plant: Plant) -> None:
    """As systemd does it: SIGTERM to all processes of the worker. Another worker goes on."""
    config, run = begun(plant, command=ONCE_HANGING)
    until(lambda: sleeping(plant.folder), plant)
    pid = plant.pid(run)
    (worker,) = plant.workers
    os.kill(pid, signal.SIGTERM)
    worker.send_signal(signal.SIGTERM)
    until(lambda: not sleeping(plant.folder), plant, 20)
    until(lambda: not Path(f"/proc/{pid}").exists(), plant, 30)
    worker.wait(60)
    plant.work()
    assert plant.wait(run, "Completed", seconds=300).name == "Completed"
    check(config)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_outside_of_its_window_waits_for_trueup_apply(plant: Plant) -> None:
    config, run = begun(plant, command="touch taken; echo said", job={"window": backup_office.closed()})
    plant.wait(run, "Suspended")
    assert not (plant.folder / "taken").exists()
    with plant.office.app() as app:
        app.apply(None, allow=["window"])
    assert plant.wait(run).name == "Completed"
    check(config)
