"""Whether restic is alive.

It says something every few seconds whatever happens, and nothing at all in some long phases (check and prune with `--json`), so what it
says is no sign of life. What is: bytes it reads and writes (files, the network), and time it computes. Linux tells both.
"""

from __future__ import annotations

import os
import time

from trueup.model.repository import Watch

_EVERY = 0.5
# A frozen server still takes some bytes of a request now and then; who moves less than this is not getting anywhere.
_BYTES = 256 * 1024
_CPU = 0.2


class Pulse(Watch):
    """A watch for one restic process, on behalf of another watch.

    Args:
        watch: who looks after the work.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._pid = 0
        self._said = 0
        self._next = 0.0
        self._last = (0, 0.0)

    def began(self, pid: int) -> None:
        """Its process id is known."""
        self._pid = pid

    def moved(self, amount: int = 1) -> None:
        """It said something (bytes)."""
        self._said += amount
        if not self._pid or _work(self._pid) is None:
            self._watch.moved(amount)

    def ok(self) -> None:
        """Looks how it is, now and then, and asks who looks after the work."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY
            self._look()
        self._watch.ok()

    def left(self) -> float | None:
        """Seconds until the deadline."""
        return self._watch.left()

    def _look(self) -> None:
        work = _work(self._pid) if self._pid else None
        if work is None:
            return
        moved, cpu = work[0] - self._said, work[1]
        if moved - self._last[0] >= _BYTES or cpu - self._last[1] >= _CPU:
            self._last = (moved, cpu)
            self._watch.moved()


def _work(pid: int) -> tuple[int, float] | None:
    """Bytes that a process read and wrote, and seconds it computed (proc_pid_io(5), proc_pid_stat(5)); None: it cannot be known."""
    try:
        with open(f"/proc/{pid}/io", encoding="ascii") as file:
            counts = dict(line.split(": ", 1) for line in file)
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(counts["rchar"]) + int(counts["wchar"]), (int(fields[11]) + int(fields[12])) / os.sysconf(
            "SC_CLK_TCK"
        )
    except (OSError, ValueError, KeyError, IndexError):
        return None
