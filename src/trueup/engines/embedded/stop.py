"""Asking work to stop: by a person, by a time-out, because the lease was lost. Work looks, finishes what is under way,
and ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from types import FrameType

from trueup.model.errors import Cancelled, ExitCode, Locked, TrueupError


class Why(StrEnum):
    """Why work is to stop."""

    ASKED = "asked"
    TIMEOUT = "timeout"
    LEASE_LOST = "lease lost"


class Stop:
    """A request to stop that may come at any time; work below it has a `Stop` of its own with this one as parent.

    It takes no lock, so that a signal handler may ask while the interrupted code is asking or listening.
    """

    def __init__(self, parent: Stop | None = None) -> None:
        self.parent = parent
        self._why: Why | None = None
        self._listeners: list[Callable[[], None]] = []

    @property
    def own(self) -> Why | None:
        """Why this one, and not only a parent, was asked."""
        return self._why

    @property
    def why(self) -> Why | None:
        """Why work is to stop; None: it is to go on."""
        return self._why or (self.parent.why if self.parent else None)

    def asked(self) -> bool:
        """Whether work is to stop."""
        return self.why is not None

    def ask(self, why: Why = Why.ASKED) -> None:
        """Asks; the first reason stays."""
        self._why = self._why or why
        for listener in tuple(self._listeners):
            listener()

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Calls the listener when this one or a parent is asked, at once where it was already; from any thread."""
        chain = [self]
        while (above := chain[-1].parent) is not None:
            chain.append(above)
        for one in chain:
            one._listeners.append(listener)
        try:
            if self.asked():
                listener()
            yield
        finally:
            for one in chain:
                one._listeners.remove(listener)

    @contextmanager
    def after(self, seconds: float | None) -> Iterator[None]:
        """Asks by itself when the time is over."""
        timer = threading.Timer(seconds, self.ask, (Why.TIMEOUT,)) if seconds is not None else None
        if timer:
            timer.daemon = True
            timer.start()
        try:
            yield
        finally:
            if timer:
                timer.cancel()

    def error(self, what: str, run: str) -> TrueupError:
        """What work that stopped raises.

        Args:
            what: the work ("pipeline nightly").
            run: its run's id.
        """
        if self.why is Why.LEASE_LOST:
            why = "this process did not renew its lease in time, and may not be the only one any more"
            return Locked(f"{what} stopped before its next step", why=why, hint="nothing is lost: run it again")
        late = self.why is Why.TIMEOUT
        why = "its time was over" if late else "it was asked to"
        return Cancelled(f"{what} stopped", why=why, hint=f"run it again: run {run} goes on where it stopped")


@contextmanager
def stop_on_signals(at_once: Callable[[], None] = lambda: None) -> Iterator[Stop]:
    """A `Stop` that Ctrl-C and SIGTERM ask. A second signal ends the process at once, as a kill would: also that loses
    nothing.

    `at_once` is called before that, in the signal handler.

    Only in the main thread; elsewhere the `Stop` is there but no signal reaches it.
    """
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.asked():
            at_once()
            os._exit(ExitCode.CANCELLED)
        stop.ask()

    signals = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {one: signal.signal(one, handle) for one in signals}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
