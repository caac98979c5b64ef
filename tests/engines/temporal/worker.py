"""A worker to be tested, in a process of its own, that may be told to die.

    python -m tests.engines.temporal.worker TRUEUP_YAML '{"heartbeat": 1, "die": "apply_batch", "moment": "after"}'

`die` is the call at which the process kills itself with SIGKILL: before it does anything, or after it has done everything and
before the server hears of it; once, the marker file `died` says so. `hang`: the call at which a worker stops beating and takes
its time. `build`: another version of the workflow's code.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import trueup.engines.temporal.worker as module
from trueup.engines import calls
from trueup.engines.temporal import ENGINE, versions

QUICK = {
    # Where a worker that held a workflow is gone, another one gets it after so long; the SDK's default is 10 s.
    "sticky_queue_schedule_to_start_timeout": timedelta(seconds=1),
    # The server goes on giving work to the open polls of a process that was stopped, and waits for its time limit.
    "max_concurrent_activity_task_polls": 1,
    "max_concurrent_workflow_task_polls": 2,
}
"""Settings of the SDK that make the loss of a worker a matter of seconds."""


def main(config: str, options: dict[str, Any]) -> None:
    marker = Path(config).with_name("died")
    die, moment, hang, build = (options.pop(name, "") for name in ("die", "moment", "hang", "build"))
    if build:
        versions.build_id = lambda: build  # type: ignore[assignment]
    if die:
        setattr(calls, die, dying(getattr(calls, die), moment, marker))
    if hang:
        setattr(calls, hang, hanging(getattr(calls, hang), marker))
    module.Worker = partial(module.Worker, **QUICK)  # type: ignore[misc,assignment]
    ENGINE.worker(config, **options)


def dying(call: Callable[..., Any], moment: str, marker: Path) -> Callable[..., Any]:
    """The call, with a kill in it the first time."""

    def instead(*args: Any) -> Any:
        if marker.exists():
            return call(*args)
        if moment == "after":
            call(*args)
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("killed")

    return instead


def hanging(call: Callable[..., Any], marker: Path) -> Callable[..., Any]:
    """The call, done late by a process that has not been heard of for a while: as after a suspend of the machine."""

    def instead(*args: Any) -> Any:
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(0.01)
        return call(*args)

    return instead


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
