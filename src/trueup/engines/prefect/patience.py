"""When a call is repeated: for the death of a process Prefect does it by running the flow again, for a ledger or store that is away here.

The HTTP client of a connector has repeated its requests already; this is for what is left after that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from trueup.engines import calls

P = ParamSpec("P")
R = TypeVar("R")

PAUSES = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Seconds before each further attempt: a minute's cut of the network, or a restarted PostgreSQL, is sat out."""


def patiently(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls, and calls again while that may help; for the short calls between tasks, which are no tasks of their own."""
    for pause in PAUSES:
        try:
            return call(*args, **kwargs)
        except Exception as error:
            if not calls.retryable(error):
                raise
        time.sleep(pause)
    return call(*args, **kwargs)


def worth_another(task: Any, task_run: Any, state: Any) -> bool:
    """Whether a task is retried: Prefect's `retry_condition_fn`."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, BaseException) and calls.retryable(error)
