"""Leases of the ledger while work goes on: taken, waited for, renewed in the background.

Where a renewal does not succeed in time the work is told, since somebody else may hold the lease by then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from trueup.core.alarm import ALARM
from trueup.core.ledger import Ledger
from trueup.core.ledger.leases import process_name
from trueup.model.errors import LedgerError, Locked

__all__ = ["Kept", "give_back", "once_free", "process_name", "rest", "tidy", "wait_for"]

T = TypeVar("T")

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.5


def wait_for(ledger: Ledger, name: str, owner: str, ttl: float, check: Callable[[], None] = lambda: None) -> None:
    """Takes a lease as soon as it is free.

    Args:
        ledger, name, owner, ttl: as `Leases.acquire`.
        check: called before every further try; raises where waiting is of no use any more.
    """
    once_free(lambda: ledger.leases.acquire(name, owner, ttl), check)


def once_free(attempt: Callable[[], T], check: Callable[[], None] = lambda: None) -> T:
    """Does what takes a lease as soon as that is free.

    Args:
        attempt: raises Locked while somebody else has it.
        check: as of `wait_for`.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            return attempt()
        except Locked:
            pause = rest(pause)
            check()


def rest(pause: float) -> float:
    """Waits for up to `pause` seconds, not all at once: those who wait for the same lease would keep the ledger busy together.

    Returns:
        How long to wait next time.
    """
    import random  # most runs wait for nobody, and start the sooner without it

    time.sleep(random.uniform(pause / 2, pause))
    return min(LONGEST_PAUSE, pause * 1.5)


def _now() -> float:
    """Seconds on a clock that goes on while the machine sleeps, where it has one (`time.monotonic` on Linux stands still then)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


_left: list[tuple[str, str, str]] = []
"""Leases of this process that it could not give back, since the ledger was away: ledger, name, owner."""


def give_back(ledger: Ledger, name: str, owner: str) -> None:
    """Gives a lease back at the end of what it was for; where the ledger is away, `tidy` does it later.

    The work is done by then, and an error would only hide what came of it. Nobody else would take the lease of a process that lives.
    """
    try:
        ledger.leases.release(name, owner)
    except LedgerError:
        _left.append((ledger.where, name, owner))


def tidy(ledger: Ledger) -> None:
    """Gives back what could not be given back before.

    Raises:
        LedgerError: the ledger is still away.
    """
    for one in [one for one in _left if one[0] == ledger.where]:
        ledger.leases.release(one[1], one[2])
        with suppress(ValueError):  # another thread was faster
            _left.remove(one)


@dataclass(slots=True)
class _Lease:
    name: str
    owner: str
    ttl: float
    valid_until: float  # by `_now`

    @property
    def renew_at(self) -> float:
        """When a third of its time is over."""
        return self.valid_until - self.ttl * 2 / 3


class Kept:
    """Leases that are renewed in the background, each three times in its time, until `close`.

    The thread that does it starts when the first renewal is due: most of what holds a lease is over by then.

    Args:
        ledger: whose.
        lost: called once, from the background, when one could not be kept.
    """

    def __init__(self, ledger: Ledger, lost: Callable[[], None] = lambda: None) -> None:
        self._ledger = ledger
        self._lost = lost
        self._leases: list[_Lease] = []
        self._changed = threading.Condition()
        self._closed = False
        self._failed = False
        self._thread: threading.Thread | None = None

    def add(self, name: str, owner: str, ttl: float) -> None:
        """Keeps a lease that was just acquired."""
        with self._changed:
            self._leases.append(_Lease(name, owner, ttl, _now() + ttl))
            if self._thread is None:
                ALARM.set(self, self._pause() or 0.0, self._begin)
            self._changed.notify()

    def drop(self, name: str) -> None:
        """Keeps it no longer, before it is given back."""
        with self._changed:
            self._leases = [one for one in self._leases if one.name != name]
            if not self._leases:
                ALARM.cancel(self)

    @property
    def valid(self) -> bool:
        """Whether all are ours, by this process's own clock: one that was asleep may have lost them without a word."""
        now = _now()
        return not self._failed and all(now < one.valid_until for one in self._leases)

    def close(self) -> None:
        """Ends the renewing; gives nothing back."""
        ALARM.cancel(self)
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _begin(self) -> None:
        with self._changed:
            if self._closed or self._thread is not None:
                return
            thread = threading.Thread(target=self._run, daemon=True, name="leases")
            try:
                thread.start()
            except RuntimeError:  # the system has no thread left: nobody renews
                self._failed = True
            else:
                self._thread = thread
        if self._failed:
            self._lost()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                due = self._due()
                if not due:
                    self._changed.wait(self._pause())
                    continue
            if not all(self._renewed(one) for one in due):
                self._failed = True
                self._lost()
                return

    def _due(self) -> list[_Lease]:
        now = _now()
        return [one for one in self._leases if one.renew_at <= now]

    def _pause(self) -> float | None:
        now = _now()
        return min((max(0.0, one.renew_at - now) for one in self._leases), default=None)

    def _renewed(self, one: _Lease) -> bool:
        """Renews; a ledger that is away for a moment is asked again while the lease still holds."""
        while True:
            asked_at = _now()
            try:
                renewed = self._ledger.leases.renew(one.name, one.owner, one.ttl)
            except LedgerError:
                left = one.valid_until - one.ttl / 6 - _now()
                if left <= 0:
                    return False
                with self._changed:
                    if self._closed or one not in self._leases:
                        return True
                    self._changed.wait(min(left, max(0.05, left / 2)))
                continue
            with self._changed:
                one.valid_until = asked_at + one.ttl
                return renewed or one not in self._leases
