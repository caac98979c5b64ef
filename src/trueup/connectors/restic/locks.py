"""Locks in a repository, and which of them are our own machine's and of processes that are dead.

restic's `unlock` removes locks that are older than 30 minutes, wherever they are from, and those of its own host whose process is gone
(its source, internal/restic/lock.go, Stale). A live process refreshes its lock every five minutes. It is only used where it removes nothing
but locks of this host and of dead processes.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

_HOLDER = re.compile(r"locked (?:exclusively )?by PID (\d+) on (.+) by ")
# Younger ones of other machines are not removed by `unlock`, with ten minutes for clocks that differ.
_SAFE_AGE = 20 * 60.0


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock.

    Attributes:
        host, pid: who made it.
        time: when, or when it was last refreshed; seconds since 1970. 0: unknown.
    """

    host: str
    pid: int
    time: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Lock:
        """From what `cat lock` prints."""
        said = json.loads(text)
        return cls(str(said.get("hostname", "")), int(said.get("pid", 0)), moment(str(said["time"])))

    def gone(self) -> bool:
        """Whether it is of this host and its process does not run any more (nor another one that got its number since)."""
        if self.host != socket.gethostname() or self.pid <= 0:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return self.time > 0 and _started(self.pid) > self.time + 60


def holder(why: str) -> Lock | None:
    """Who holds the lock that a restic which ended with code 11 tells of; when is not taken from there."""
    found = _HOLDER.search(why)
    return Lock(found[2], int(found[1])) if found else None


def only_ours(found: Sequence[Lock]) -> bool:
    """Whether `unlock` would remove locks of dead processes of this host, and no others."""
    return any(one.gone() for one in found) and all(one.gone() or time.time() - one.time < _SAFE_AGE for one in found)


def moment(text: str) -> float:
    """A time as restic writes it (RFC 3339, nanoseconds), in seconds since 1970."""
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _started(pid: int) -> float:
    """When a process began, seconds since 1970; 0 where it cannot be known (proc_pid_stat(5), proc_stat(5))."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        with open("/proc/stat", encoding="ascii") as file:
            boot = next(int(line.split()[1]) for line in file if line.startswith("btime"))
    except (OSError, ValueError, IndexError, StopIteration):
        return 0.0
    return boot + ticks / os.sysconf("SC_CLK_TCK")
