"""Runs as processes of their own: what crashes there ends nothing here, and what happens here ends nothing there.

A run writes to no pipe of ours: if this process is killed, its runs go on to their end and say so in the ledger.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from trueup.model.occurrence import OccurrenceRecord

_LINES = 3
_TAIL = 4000


@dataclass(slots=True)
class Child:
    """A run under way.

    Attributes:
        one: its occurrence.
        process: its process, which leads a group of its own: Ctrl-C at the terminal does not reach it.
        log: what it writes to its standard error.
        started: by the monotonic clock.
        cancelled: when it was asked to stop because another takes its place, by the monotonic clock; None: it was not.
        code: how it ended; None: it has not.
    """

    one: OccurrenceRecord
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    started: float = field(default_factory=time.monotonic)
    cancelled: float | None = None
    code: int | None = None

    def last_words(self) -> str:
        """The end of what it wrote to its standard error, on one line."""
        size = self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, size - _TAIL))
        lines = [one.strip() for one in self.log.read().decode("utf-8", "replace").splitlines() if one.strip()]
        return " | ".join(lines[-_LINES:])


class Children:
    """The runs under way.

    Args:
        ended: called, from another thread, when one ended.
    """

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended
        self._running: dict[tuple[str, str], Child] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._running)

    def running(self) -> list[Child]:
        """Those that were not reaped yet, the earliest first."""
        with self._lock:
            return list(self._running.values())

    def has(self, subject: str, key: str) -> bool:
        """Whether the run of this occurrence is under way."""
        return (subject, key) in self._running

    def start(self, one: OccurrenceRecord, command: Sequence[str]) -> None:
        """Starts the run of an occurrence.

        Raises:
            OSError: the system refused.
        """
        log = tempfile.TemporaryFile("a+b")  # noqa: SIM115 (it lives as long as the process)
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, process_group=0
            )
        except OSError:
            log.close()
            raise
        child = Child(one, process, log)
        with self._lock:
            self._running[one.subject, one.key] = child
        threading.Thread(target=self._wait, args=(child,), daemon=True, name=f"run-{one.subject}").start()

    def reap(self) -> list[Child]:
        """Those that ended since they were last asked for; their logs are to be closed."""
        with self._lock:
            over = [one for one in self._running.values() if one.code is not None]
            for child in over:
                del self._running[child.one.subject, child.one.key]
        return over

    def stop(self, subject: str | None = None, *, cancelled: bool = False) -> None:
        """Asks the runs of one job or pipeline, or all, to finish what is under way and end."""
        for child in self.running():
            if subject in (None, child.one.subject) and child.code is None:
                if cancelled and child.cancelled is None:
                    child.cancelled = time.monotonic()
                child.process.terminate()

    def kill_late(self, seconds: float) -> None:
        """Ends those at once that were cancelled so long ago and still go on."""
        for child in self.running():
            if child.cancelled is not None and child.code is None and time.monotonic() - child.cancelled > seconds:
                _end_at_once(child)

    def kill(self) -> None:
        """Ends all of them at once, as a power cut would; takes no lock, for it may be called from a signal handler."""
        for child in tuple(self._running.values()):
            _end_at_once(child)

    def _wait(self, child: Child) -> None:
        child.code = child.process.wait()
        self._ended()


def _end_at_once(child: Child) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, signal.SIGKILL)
