"""Temporal with its development server: a workflow of activities, one after another and gathered."""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib.metadata import version

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from tests.support.temporal_server import TemporalServer

from benchmarks.steps import tell

QUEUE = "steps"
LIMIT = timedelta(seconds=60)


@activity.defn
def trivial(x: int) -> int:
    """Nothing."""
    return x


@workflow.defn
class Chain:
    """One after another."""

    @workflow.run
    async def run(self, steps: int) -> None:
        """Runs them."""
        for number in range(steps):
            await workflow.execute_activity(trivial, number, start_to_close_timeout=LIMIT)


@workflow.defn
class Mapped:
    """All at once."""

    @workflow.run
    async def run(self, steps: int) -> None:
        """Runs them."""
        each = (workflow.execute_activity(trivial, number, start_to_close_timeout=LIMIT) for number in range(steps))
        await asyncio.gather(*each)


async def _measure(address: str, began: float, steps: int) -> None:
    client = await Client.connect(address)
    with ThreadPoolExecutor(8) as pool:
        async with Worker(
            client,
            task_queue=QUEUE,
            workflows=[Chain, Mapped],
            activities=[trivial],
            activity_executor=pool,
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            await client.execute_workflow(Chain.run, 1, id="warm", task_queue=QUEUE)
            started = time.perf_counter()
            await client.execute_workflow(Chain.run, steps, id="chain", task_queue=QUEUE)
            chained = time.perf_counter()
            await client.execute_workflow(Mapped.run, steps, id="map", task_queue=QUEUE)
            ended = time.perf_counter()
    name = f"Temporal, SDK {version('temporalio')}, development server"
    tell(name, started - began, (steps, chained - started), (steps, ended - chained))


def main(steps: int) -> None:
    """Measures and prints."""
    began = time.perf_counter()
    with TemporalServer() as server:
        asyncio.run(_measure(server.address, began, steps))


if __name__ == "__main__":
    main(int(sys.argv[1]))
