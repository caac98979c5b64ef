"""Stops a process before or after a call of trueup, so that a test can kill it there.

A file `hold-FUNCTION.before` or `hold-FUNCTION.after` in the folder holds the first process that comes by; it writes its id to
`held-FUNCTION.after` and waits to be killed, or for that file to go.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trueup.engines import calls

HELD = (
    *(
        "begin_job",
        "read",
        "plan",
        "guard",
        "approve",
        "start_apply",
        "apply_batch",
        "verify",
        "report",
        "end_job",
        "run_rest",
    ),
    *("begin_pipeline", "decide", "run_function", "start_step", "end_step", "end_map", "end_pipeline"),
)


def hold(folder: str) -> None:
    """Puts the points into every call, for configurations in this folder."""
    for name in HELD:
        setattr(calls, name, _held(Path(folder), name, getattr(calls, name)))


def _held(folder: Path, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(config: str, *given: Any, **named: Any) -> Any:
        mine = Path(config).parent == folder
        if mine:
            _stop(folder, f"{name}.before")
        answer = function(config, *given, **named)
        if mine:
            _stop(folder, f"{name}.after")
        return answer

    return wrapped


def _stop(folder: Path, point: str) -> None:
    try:
        (folder / f"hold-{point}").unlink()
    except FileNotFoundError:
        return
    held = folder / f"held-{point}"
    held.write_text(str(os.getpid()))
    while held.exists():
        time.sleep(0.05)
