"""Trying again, and not waiting for ever: what a backup does about stores and systems that are slow, away or dead."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from trueup.jobs.backup.work import BackupWork
from trueup.model.errors import Permanent, StoreError, TimedOut, Transient, TrueupError
from trueup.model.repository import Watch

_T = TypeVar("_T")

ONCE_MORE = 2
"""How often in all what looks final is tried: a program's exit code says little of whether it may go well the next time."""

GRACE = 10.0
"""Seconds that work has to end by itself once its watch has called it off."""

_TICK = 0.2


class OutOfTime(TimedOut):
    """The window is over."""


def patiently(
    work: BackupWork, what: str, call: Callable[[int], _T], failed: Callable[[int, TrueupError, bool], None]
) -> _T:
    """What a call returns, tried as often as the job says, with exponential back-off.

    Args:
        work: the job.
        what: for people: "backing up crm".
        call: takes the number of the attempt, from 1.
        failed: told of each failure: the attempt, why, and whether another one follows.

    Raises:
        StoreError: the last failure, or OutOfTime where the window ended it, with what had failed before.
        Whatever else the call raises, at once.
    """
    last: StoreError | None = None
    attempt = 0
    while True:
        if work.over:
            before = f"; before that: {last}" if last else ""
            why = f"the window is over{before}"
            raise OutOfTime(
                f"{what} was not {'finished' if attempt else 'begun'}", why=why, hint="a longer window, or less in it"
            )
        attempt += 1
        try:
            return call(attempt)
        except (Transient, TimedOut, Permanent) as error:
            last = error
            most = work.backup.retry.attempts
            most = min(most, ONCE_MORE) if isinstance(error, Permanent) else most
            again = attempt < most or work.over  # at the end of the window it says so above
            failed(attempt, error, again and not work.over)
            if not again:
                raise
        _pause(work, attempt)


def _pause(work: BackupWork, attempt: int) -> None:
    """Exponential back-off, by chance half of it to all of it, so that sources of one server do not all come back at once."""
    retry = work.backup.retry
    longest = min(retry.cap, retry.base * 2.0 ** (attempt - 1) if retry.exponential else retry.base)
    until = time.monotonic() + longest * random.uniform(0.5, 1.0)
    while (left := until - time.monotonic()) > 0 and not work.over:
        work.check()
        time.sleep(min(0.5, left))


def bounded(call: Callable[[], _T], watch: Watch, grace: float | None = None) -> _T:
    """What a call returns, or the watch's word where the call does not come back: a disk that is gone can hold a thread for ever.

    The call runs in a thread of its own. Once the watch has called it off it has `grace` seconds (GRACE, if not said) to end; then
    it is left behind, and must not touch what the caller goes on with.

    Raises:
        What the call raises, else what the watch does.
    """
    result: list[_T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(call())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="backup", daemon=True)
    thread.start()
    called_off: BaseException | None = None
    until = float("inf")
    while thread.is_alive() and time.monotonic() < until:
        thread.join(_TICK)
        if called_off is None:
            try:
                watch.ok()
            except BaseException as error:
                called_off, until = error, time.monotonic() + (GRACE if grace is None else grace)
    if failure:
        raise failure[0]
    if not thread.is_alive():
        return result[0]
    assert called_off is not None
    raise called_off
