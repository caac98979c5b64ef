"""The hand-written workflow that `engines_temporal` compares with, and its worker.

python -m benchmarks.temporal_by_hand ADDRESS
"""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

THREADS = 16
PARALLEL = 32


@activity.defn
def begin() -> dict[str, Any]:
    return {"run": "r"}


@activity.defn
def rows(items: int) -> list[int]:
    return list(range(items))


@activity.defn
def work(x: int, seconds: float) -> int:
    time.sleep(seconds)
    return x


@activity.defn
def end() -> dict[str, Any]:
    return {"state": "done"}


@workflow.defn
class Bare:
    """As somebody writes it who has only this one to write."""

    @workflow.run
    async def run(self, items: int, seconds: float) -> dict[str, Any]:
        limits: Any = {
            "start_to_close_timeout": timedelta(hours=24),
            "heartbeat_timeout": timedelta(seconds=30),
            "retry_policy": RetryPolicy(maximum_attempts=20),
        }
        await workflow.execute_activity(begin, **limits)
        left = list(reversed(await workflow.execute_activity(rows, items, **limits)))

        async def line() -> None:
            while left:
                await workflow.execute_activity(work, args=[left.pop(), seconds], **limits)

        await asyncio.gather(*[line() for _ in range(PARALLEL)])
        return await workflow.execute_activity(end, **limits)


async def serve(address: str) -> None:
    """The hand-written worker, until it is killed."""
    with ThreadPoolExecutor(THREADS) as pool:
        given: dict[str, Any] = {"workflows": [Bare], "activities": [begin, rows, work, end], "activity_executor": pool}
        worker = Worker(await Client.connect(address), task_queue="bare", max_concurrent_activities=THREADS, **given)
        await worker.run()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
