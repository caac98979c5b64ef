"""Prefect's process worker and the keeper, in one process, until it is asked to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import Any

from prefect.workers.process import ProcessWorker

from trueup.engines.prefect.keeper import Keeper
from trueup.engines.prefect.names import POOL


def work(config: str, *, limit: int | str | None = None, name: str | None = None, pool: str = POOL) -> None:
    """Takes scheduled runs from the work pool, each in a process of its own.

    Args:
        config: the absolute path of trueup.yaml.
        limit: how many runs at once; None: as many as come.
        name: the worker's name in Prefect's screen; None: one is made up.
        pool: the work pool.
    """
    worker = ProcessWorker(work_pool_name=pool, name=name, limit=None if limit is None else int(limit))
    with Keeper(config):
        asyncio.run(_until_stopped(worker))


async def _until_stopped(worker: Any) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(worker.start())
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
