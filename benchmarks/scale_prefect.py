"""Prefect's part of `scale`: workers that take one flow run at a time.

.venv-prefect/bin/python -m benchmarks.scale_prefect [--items 200] [--workers 1 2 4]
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from tests.support.prefect_server import PrefectServer

from benchmarks.process import ROOT, processes
from benchmarks.scaling import Office, Row, main, office

WORKER = [sys.executable, "-m", "trueup", "engine", "prefect", "worker", "--limit", "1"]


def measure(items: int, workers: Sequence[int]) -> list[Row]:
    """A row for each number of workers; the jobs with the last."""
    with (
        PrefectServer() as server,
        office(items, 1.0, "os.getppid()") as place,
    ):  # a flow run's process is its worker's child
        os.environ.update(server.env, PREFECT_WORKER_QUERY_SECONDS="1", PYTHONPATH=f"{ROOT}:{ROOT / 'src'}")
        from trueup.engines.prefect import ENGINE  # Prefect reads its settings when it is imported

        ENGINE.deploy(place.config, on_event=lambda told: None)
        rows = []
        for number in workers:
            with processes(number, WORKER, dict(os.environ), place.folder):
                _all_there(place, number + sum(row["workers"] for row in rows))
                (took,) = _run(["bench"])
                most = 0
                if number == workers[-1]:
                    _run(list(place.jobs))
                    most = place.at_the_store()
            rows.append(place.row(number, took, most))
        return rows


def _all_there(place: Office, number: int) -> None:
    """Until so many workers have begun in all."""
    while (place.folder / "workers.log").read_text().count("started!") < number:
        time.sleep(0.3)


def _run(names: Sequence[str]) -> list[float]:
    """Flow runs of these deployments, side by side: how long each took, from when it was asked for."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        begun = [client.create_flow_run_from_deployment(_deployment(client, one)).id for one in names]
        took = []
        for one in begun:
            while not (run := client.read_flow_run(one)).state.is_final():
                time.sleep(0.3)
            assert run.state.is_completed(), run.state
            took.append((run.end_time - run.created).total_seconds())
        return took


def _deployment(client: Any, name: str) -> Any:
    return client.read_deployment_by_name(f"{name}/trueup").id


if __name__ == "__main__":
    main(__doc__, measure)
