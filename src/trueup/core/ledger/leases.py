"""Leases: one process at a time works on a job, or one run, whichever of an orchestrator's workers is at it. A lease ends by itself
when it is not renewed."""

from __future__ import annotations

import os
import socket
from datetime import datetime
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from trueup.core.ledger.database import Database
from trueup.model.errors import Locked

FIRST_NAMESPACE = 0xEFFFFFFC
"""The number of the namespace of process ids that a Linux machine starts with (PROC_PID_INIT_INO in linux/proc_ns.h)."""


_numbers = count()


def process_name() -> str:
    """An owner that stands for this process: "host:pid:nonce", another one each time."""
    return f"{host_name()}:{os.getpid()}:{_nonce(os.getpid())}{next(_numbers):x}"


@lru_cache(maxsize=1)
def _nonce(pid: int) -> str:
    """What tells this process from an earlier one of the same number."""
    return os.urandom(4).hex()


def host_name() -> str:
    """Where this process's number means something: the host, and the container where it has numbers of its own.

    Containers may share the host's name (Kubernetes: hostNetwork), and a number that is not here may well be alive there.
    """
    try:
        namespace = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        namespace = FIRST_NAMESPACE
    host = socket.gethostname()
    return host if namespace == FIRST_NAMESPACE else f"{host}/{namespace}"


class Holder(NamedTuple):
    """Who has a lease: `since` and `expires` in seconds since 1970 by the ledger's own clock."""

    owner: str
    since: float
    expires: float


class Leases:
    """See the module's text.

    A power cut may forget the last moments of them: on SQLite it ends all who held one, and on PostgreSQL who finds its lease gone stops.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def acquire(self, name: str, owner: str, ttl: float) -> None:
        """Takes a lease, or renews one's own.

        Args:
            name: what is leased ("job/team").
            owner: "host:pid:nonce", where a lease whose process is gone from this host is taken over at once; or the id of a run.
            ttl: after how many seconds without `renew` it ends.

        Raises:
            Locked: somebody else has it; says who, since when and until when.
        """
        with self._db.transaction("leases.acquire", durable=False):
            while not self._taken(name, owner, ttl):
                holder = self.holder(name)
                if holder is not None and not _gone(holder.owner):
                    raise _locked(name, *holder)
                if holder is not None:
                    self._db.write("DELETE FROM lease WHERE name = ? AND owner = ?", (name, holder.owner))

    def _taken(self, name: str, owner: str, ttl: float) -> bool:
        """Takes a lease that is free, over, or one's own. One statement, which locks the row: two who come at the same time see each other."""
        now, values = self._db.dialect.now(self._db)
        return bool(
            self._db.returned(
                "INSERT INTO lease (name, owner, since, expires) SELECT ?, ?, moment.now, moment.now + ? FROM"
                f" (SELECT {now} AS now) AS moment WHERE true ON CONFLICT (name) DO UPDATE SET"
                " since = CASE WHEN lease.owner = excluded.owner THEN lease.since ELSE excluded.since END,"
                " owner = excluded.owner, expires = excluded.expires"
                " WHERE lease.owner = excluded.owner OR lease.expires <= excluded.since RETURNING owner",
                (name, owner, ttl, *values),
            )
        )

    def holder(self, name: str) -> Holder | None:
        """Who has a lease, also one that is over; None: nobody."""
        row = self._db.row("SELECT owner, since, expires FROM lease WHERE name = ?", (name,))
        return None if row is None else Holder(*row)

    def held(self, prefix: str) -> dict[str, Holder]:
        """The leases whose names begin like this, those that are over left out."""
        now = self._db.dialect.clock(self._db)
        rows = self._db.rows(
            "SELECT name, owner, since, expires FROM lease WHERE substr(name, 1, ?) = ? AND expires > ?",
            (len(prefix), prefix, now),
        )
        return {name: Holder(*row) for name, *row in rows}

    def renew(self, name: str, owner: str, ttl: float) -> bool:
        """Keeps one's own lease for `ttl` more seconds; False: somebody else has it by now."""
        with self._db.transaction("leases.renew", durable=False):
            expires = self._db.dialect.clock(self._db) + ttl
            return (
                self._db.write("UPDATE lease SET expires = ? WHERE name = ? AND owner = ?", (expires, name, owner)) > 0
            )

    def release(self, name: str, owner: str) -> bool:
        """Gives one's own lease back; False: it was no longer one's own."""
        with self._db.transaction("leases.release", durable=False):
            return self._db.write("DELETE FROM lease WHERE name = ? AND owner = ?", (name, owner)) > 0


def _gone(owner: str) -> bool:
    """Whether the owner is a process of this host that does not live any more."""
    host, _, rest = owner.rpartition(":")[0].rpartition(":")
    if host != host_name() or not rest.isdecimal() or int(rest) == 0:
        return False
    try:
        os.kill(int(rest), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    return False


def _locked(name: str, owner: str, since: float, expires: float) -> Locked:
    kind, _, what = name.partition("/")
    host, _, pid = owner.rpartition(":")[0].rpartition(":")
    who = f"process {pid} on {host}" if host else f"run {owner}"
    return Locked(
        f"{kind} {what} is being worked on by another {'process' if host else 'run'}".replace("  ", " "),
        why=f"{who}, since {_clock(since)}; it has the lease until {_clock(expires)}",
        hint="wait for it to end; if it was killed, the lease ends by itself at that time",
    )


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
