"""A worker that is asked to stop: what is under way in it ends at its next step, with its programs, and is repeated by another.

Most calls are over in seconds, and an engine waits for them. A backup may take hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from trueup.model.errors import Cancelled

_asked: ContextVar[Callable[[], bool]] = ContextVar("trueup_asked_to_stop", default=lambda: False)


class Stopped(Cancelled):
    """The worker was asked to stop in the middle of a call. Where it stood is recorded: the engine repeats it."""


@contextmanager
def stoppable(asked: Callable[[], bool]) -> Iterator[None]:
    """Calls in here, in this thread or in others that are given its context, raise Stopped soon after `asked` says so.

    Args:
        asked: whether they are to stop; called from any thread. What an outer one says holds as well.
    """
    outer = _asked.get()
    token = _asked.set(lambda: asked() or outer())
    try:
        yield
    finally:
        _asked.reset(token)


def asked_to_stop() -> Callable[[], bool]:
    """What says, from any thread, whether the calls of this context are to stop."""
    return _asked.get()
