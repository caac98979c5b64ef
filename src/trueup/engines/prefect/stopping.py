"""A flow run whose process is asked to stop (SIGTERM, Ctrl-C): the calls that are under way in its tasks end soon, with their programs.

Prefect raises what the signal means in the flow's own thread, and then waits for the threads of its tasks. A backup in one of them may
take hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from trueup.engines import calls


@contextmanager
def stoppable() -> Iterator[None]:
    """What a flow does: its tasks, which run in copies of its context, are stopped where it is."""
    asked = Event()
    with calls.stoppable(asked.is_set):
        try:
            yield
        except Exception:
            raise
        except BaseException:  # prefect.exceptions.TerminationSignal, KeyboardInterrupt
            asked.set()
            raise
