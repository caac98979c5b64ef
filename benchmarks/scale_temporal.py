"""Temporal's part of `scale`: worker processes of 16 threads.

.venv-temporal/bin/python -m benchmarks.scale_temporal [--items 200] [--workers 1 2 4]
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

from temporalio.client import Client
from tests.support.temporal_server import TemporalServer

from benchmarks.engines_temporal import seconds_of
from benchmarks.process import ROOT, processes
from benchmarks.scaling import Office, Row, main, office

COMMAND = [sys.executable, "-m", "trueup", "engine", "temporal", "worker", "--threads", "16"]


def measure(items: int, workers: Sequence[int]) -> list[Row]:
    """A row for each number of workers; the jobs with the last."""
    with TemporalServer() as server, office(items, 0.2, "os.getpid()") as place:
        environment = {**os.environ, "TEMPORAL_ADDRESS": server.address, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
        rows = []
        for number in workers:
            with processes(number, COMMAND, environment, place.folder):
                rows.append(asyncio.run(_row(server.address, place, number, jobs=number == workers[-1])))
        return rows


async def _row(address: str, place: Office, number: int, *, jobs: bool) -> Row:
    client = await Client.connect(address)
    await _all_there(client, number)
    took = await seconds_of(client, "bench", "trueup", [], number)
    most = 0
    if jobs:
        handles = [await client.start_workflow(name, id=name, task_queue="trueup") for name in place.jobs]
        for one in handles:
            await one.result()
        most = place.at_the_store()
    await asyncio.sleep(0.2)
    return place.row(number, took, most)


async def _all_there(client: Client, number: int) -> None:
    """Until all workers poll: the time of a run is not that of their start."""
    from trueup.engines.temporal.status import pollers

    while len([one for one in await pollers(client, "trueup") if _lives(one)]) < number:
        await asyncio.sleep(0.2)


def _lives(identity: str) -> bool:
    """Whether the process of a poller ("pid@host") is there: the server names those that have gone for a while."""
    return os.path.exists(f"/proc/{identity.partition('@')[0]}")


if __name__ == "__main__":
    main(__doc__, measure)
