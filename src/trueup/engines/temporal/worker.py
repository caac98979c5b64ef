"""The worker: carries the workflows and activities of one trueup.yaml until it is asked to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig, WorkerDeploymentVersion

from trueup.engines.temporal import logs, versions
from trueup.engines.temporal.activity import THREADS, Activities, fatal_types
from trueup.engines.temporal.connection import connect, task_queue, web_address
from trueup.engines.temporal.screen import ATTRIBUTES
from trueup.engines.temporal.settings import Settings
from trueup.engines.temporal.workflows import Follow, Trueup
from trueup.model.errors import UsageError

GRACE = timedelta(seconds=20)
"""How long a worker that is asked to stop waits for the calls that are under way. Those that take longer (a backup may take hours) are
stopped then, with their programs, and repeated by another worker."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a worker may be told.

    Attributes:
        queue: its task queue.
        threads: how many calls it does at once.
        rate: activities a second, over all workers of the task queue; None: no limit.
        stores: store -> activities a second for that store, over all workers: it gets a task queue of its own.
        heartbeat: seconds after which a lost call is given to another worker.
        versioned: whether the worker tells the server its version (see `versions`).
        events: after how many events a workflow continues as new; 0: as the server suggests.
        poll: seconds until a run that waits for approval is looked at first.
    """

    queue: str = field(default_factory=task_queue)
    threads: int = THREADS
    rate: float | None = None
    stores: Mapping[str, float] = field(default_factory=dict)
    heartbeat: float = 30.0
    versioned: bool = True
    events: int = 0
    poll: float = 2.0

    @classmethod
    def from_texts(cls, given: Mapping[str, Any]) -> Options:
        """The options of a command line: {"threads": "8", "rate": "5", "store_rate": ["work=2"], "versioned": "no"}.

        Raises:
            UsageError: there is no such option, or its value does not fit.
        """
        values: dict[str, Any] = {}
        for key, value in given.items():
            try:
                if key == "store_rate":
                    pairs = [str(one).partition("=") for one in ([value] if isinstance(value, str) else value)]
                    values["stores"] = {name: float(rate) for name, _, rate in pairs}
                else:
                    values[key] = _READ[key](value)
            except KeyError:
                known = ", ".join(f"--{name.replace('_', '-')}" for name in (*_READ, "store_rate"))
                raise UsageError(
                    f"the worker has no option --{key.replace('_', '-')}", hint=f"it has {known}"
                ) from None
            except (TypeError, ValueError):
                why, hint = f"{value!r} does not fit", "as: --threads 8, --store-rate work=2.5, --versioned no"
                raise UsageError(f"the option --{key.replace('_', '-')} is wrong", why=why, hint=hint) from None
        return cls(**values)


def _yes(value: Any) -> bool:
    words = {"yes": True, "true": True, "no": False, "false": False}
    if str(value).casefold() not in words:
        raise ValueError(value)
    return words[str(value).casefold()]


_READ: dict[str, Callable[[Any], Any]] = {
    "queue": str,
    "threads": int,
    "rate": float,
    "heartbeat": float,
    "versioned": _yes,
    "events": int,
    "poll": float,
}


async def work(config: str, options: Options, stop: asyncio.Event | None = None) -> None:
    """Works until SIGINT or SIGTERM, or until `stop` is set; calls that are under way are finished.

    Args:
        config: the absolute path of trueup.yaml.
        options: see `Options`.
        stop: asks it to stop.
    """
    client = await connect()
    logs.set_up()
    own = await _activities(client, config, options)
    over = stop or asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    running = workers(client, own, options)
    tasks = [asyncio.ensure_future(one.run()) for one in running]
    try:
        if options.versioned:
            await versions.make_current(client, options.queue)
        logs.LOGGER.info("working on task queue %s of %s", options.queue, client.service_client.config.target_host)
        stopping = asyncio.ensure_future(over.wait())
        await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        logs.LOGGER.info("stopping: what is under way is finished")
        stopping.cancel()
    finally:
        await asyncio.gather(*(one.shutdown() for one in running if one.is_running))
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException):
            raise error


def workers(client: Client, own: Activities, options: Options) -> list[Worker]:
    """The worker of the main queue, and one for each store whose rate is limited."""
    deployment = _deployment(options.queue) if options.versioned else None
    common: dict[str, Any] = {
        "activities": [own.call],
        "max_concurrent_activities": options.threads,
        "graceful_shutdown_timeout": GRACE,
        "deployment_config": deployment,
    }
    main = Worker(
        client,
        task_queue=options.queue,
        workflows=[Trueup, Follow],
        workflow_runner=runner(),
        max_task_queue_activities_per_second=options.rate,
        **common,
    )
    limited = [
        Worker(client, task_queue=f"{options.queue}/{store}", max_task_queue_activities_per_second=rate, **common)
        for store, rate in options.stores.items()
    ]
    return [main, *limited]


def runner() -> UnsandboxedWorkflowRunner:
    """Without the SDK's sandbox, which keeps workflows from clocks, files and the network: that ours use none is what the replay tests prove, in
    the sandbox. It is entered for every payload, and takes a third of a worker's time."""
    return UnsandboxedWorkflowRunner()


def _deployment(name: str) -> WorkerDeploymentConfig:
    version = WorkerDeploymentVersion(name, versions.build_id())
    return WorkerDeploymentConfig(
        version=version,
        use_worker_versioning=True,
        # Moves on to the newest worker: a run that was pinned would wait for ever for a version nobody runs any more.
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def _activities(client: Client, config: str, options: Options) -> Activities:
    settings = Settings(
        heartbeat=options.heartbeat,
        queues={store: f"{options.queue}/{store}" for store in options.stores},
        fatal=fatal_types(),
        attributes=await knows_attributes(client),
        events=options.events,
        poll=options.poll,
    )
    # The worker of each task queue begins up to `threads` calls; none of them waits for another's.
    pool = ThreadPoolExecutor(options.threads * (1 + len(options.stores)), "trueup")
    return Activities(config, settings, web_address(client), pool)


async def knows_attributes(client: Client) -> bool:
    """Whether the namespace has trueup's search attributes; a workflow that set others would be stuck."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        known = (await client.operator_service.list_search_attributes(request)).custom_attributes
    except RPCError:
        return False  # no right to ask: the run is shown by its details alone
    return all(one.name in known for one in ATTRIBUTES)
