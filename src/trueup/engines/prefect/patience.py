"""When a call is repeated: where the ledger, a store or Prefect's own server is away. After the death of a process Prefect runs the flow again.

The HTTP client of a connector has repeated its requests already, and so has Prefect's; this is for what is left after that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import httpx
from prefect.exceptions import PrefectHTTPStatusError

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
            if not may_pass(error):
                raise
        time.sleep(pause)
    return call(*args, **kwargs)


def worth_another(task: Any, task_run: Any, state: Any) -> bool:
    """Whether a task is retried: Prefect's `retry_condition_fn`."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, BaseException) and may_pass(error)


def may_pass(error: BaseException) -> bool:
    """Whether trying again may help, here: a process that is asked to stop tries nothing again."""
    return not calls.asked_to_stop()() and (server_is_away(error) or calls.retryable(error))


def server_is_away(error: BaseException) -> bool:
    """Whether it is Prefect's server that did not answer, or not in its right mind."""
    if isinstance(error, PrefectHTTPStatusError):
        return bool(error.response.status_code >= 500)
    return isinstance(error, httpx.TransportError)


def through_outages(drive: Callable[[], R]) -> R:
    """Drives a run anew from where the ledger says, while Prefect's server is away."""
    for pause in PAUSES:
        try:
            return drive()
        except Exception as error:
            if not server_is_away(error):
                raise
        time.sleep(pause)
    return drive()
