"""Several workers: a wide map spreads over them, and a store's limit holds for all of them together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from tests.engines.prefect.plant import Plant
from tests.engines.scale import Target, many_jobs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STEPS = {
    "rows": {"python": "usersteps:rows", "with": {"n": 48}},
    "send": {
        "python": "widesteps:send",
        "for_each": "${steps.rows.output.rows}",
        "with": {"row": "${item}"},
        "parallel": 32,
    },
}
WIDE = """
import os, time
from pathlib import Path

HERE = Path(__file__).parent

def send(row, context):
    # Waits until so many processes have come as are to do it.
    (HERE / f"process-{os.getpid()}").touch()
    end = time.monotonic() + 150
    while len(list(HERE.glob("process-*"))) < PROCESSES and time.monotonic() < end:
        time.sleep(0.1)
    with (HERE / "sent").open("a") as file:
        file.write(f"{context.step} {os.getpid()}\\n")
"""


def wide(plant: Plant, processes: int) -> Any:
    """A map of 48 items, 32 at once: two parts."""
    (plant.folder / "widesteps.py").write_text(f"PROCESSES = {processes}\n{WIDE}")
    plant.pipeline(STEPS)
    plant.deploy()
    assert plant.states() == {}
    return plant.start("monthly")


def sent(folder: Path) -> list[tuple[str, str]]:
    return [tuple(line.split()) for line in (folder / "sent").read_text().splitlines()]  # type: ignore[misc]


def test_a_wide_map_spreads_over_two_workers(plant: Plant) -> None:
    run = wide(plant, 2)
    plant.work("--limit", "1")
    plant.work("--limit", "1")
    assert plant.wait(run, seconds=300).name == "Completed"
    done = sent(plant.folder)
    assert sorted(step for step, _ in done) == sorted(f"send[{number}]" for number in range(48))
    assert sorted(Counter(pid for _, pid in done).values()) == [24, 24]
    with get_client(sync_client=True) as client:
        runs = [client.read_flow_run(one) for one in (run, *(child.id for child in plant.children(run)))]
        assert sorted(one.name for one in runs) == ["monthly", "send: part 2 of 2"]
        assert len({one.infrastructure_pid for one in runs}) == 2
    assert len([name for name in plant.tasks(run) if name.startswith("send[")]) == 24


def test_a_part_that_no_worker_begins_is_done_all_the_same(plant: Plant) -> None:
    run = wide(plant, 1)
    plant.work("--limit", "1")
    assert plant.wait(run, seconds=300).name == "Completed"
    done = sent(plant.folder)
    assert sorted(step for step, _ in done) == sorted(f"send[{number}]" for number in range(48))
    assert len({pid for _, pid in done}) == 1
    assert [one.state.name for one in plant.children(run)] == ["Cancelled"]


def test_a_stores_limit_holds_over_all_workers(plant: Plant, radicale: Any) -> None:
    """Eight jobs of one account, on two workers, with room for two at the store: measured there."""
    with Target(radicale, 2) as target:
        stores, jobs = many_jobs(target, plant.folder, 8)
        plant.office.configure([plant.a, plant.b], None, ledger=plant.ledger, stores=stores, jobs=jobs)
        plant.deploy()
        assert plant.states() == {}
        runs = [plant.start(name) for name in jobs]
        for _ in range(2):
            plant.work("--limit", "4")
        for run in runs:
            assert plant.wait(run, seconds=240).name == "Completed"
        assert target.most == 2
        assert target.arrived(plant.folder, jobs)
