"""A flow run whose process is asked to stop (SIGTERM, Ctrl-C): the calls that are under way in its tasks end soon, with their programs.

Prefect raises what the signal means in the flow's own thread, and then waits for the threads of its tasks. A backup in one of them may
take hours.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from threading import Event
from typing import Any

from trueup.engines import calls


def stoppable(flow: Callable[..., Any]) -> Callable[..., Any]:
    """A flow's function, whose tasks are stopped where the flow is; they run in copies of its context."""

    @functools.wraps(flow)
    def instead(*args: Any, **kwargs: Any) -> Any:
        asked = Event()
        with calls.stoppable(asked.is_set):
            try:
                return flow(*args, **kwargs)
            except Exception:
                raise
            except BaseException:  # prefect.exceptions.TerminationSignal, KeyboardInterrupt
                asked.set()
                raise

    return instead
