"""Holding a lease of the ledger while work goes on, so that a timer and a person cannot run the same thing at once.

A lease is renewed in the background; where that does not succeed in time, the work is asked to stop. A holder that was killed
on this machine is recognised by its process, so that the next run need not wait until the lease is over.
"""

from __future__ import annotations

import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trueup.core.ledger import Ledger
from trueup.engines.embedded.stop import Stop, Why
from trueup.model.errors import LedgerError, Locked

TTL = 60.0
"""Seconds a lease holds without renewal."""


@contextmanager
def hold(ledger: Ledger, name: str, stop: Stop | None = None, ttl: float = TTL) -> Iterator[Stop]:
    """Holds a lease; yields a `Stop` below the given one, asked when the lease is lost.

    Args:
        ledger: whose lease.
        name: "job/team", "pipeline/nightly".
        stop: what asks the work to stop; None: nothing else does.
        ttl: seconds the lease holds without renewal; it is renewed three times as often.

    Raises:
        Locked: another process holds it; says which and until when.
    """
    owner = f"{_process(os.getpid())} {uuid.uuid4().hex[:8]}"
    _acquire(ledger, name, owner, ttl)
    held = Stop(stop)
    over = threading.Event()
    keeper = threading.Thread(
        target=_keep, args=(ledger, name, owner, ttl, held, over), daemon=True, name=f"lease-{name}"
    )
    keeper.start()
    try:
        yield held
    finally:
        over.set()
        keeper.join()
        ledger.leases.release(name, owner)


def _keep(ledger: Ledger, name: str, owner: str, ttl: float, held: Stop, over: threading.Event) -> None:
    """Renews until told that it is over. A ledger that is away for a moment is asked again while the lease still holds."""
    valid_until = time.monotonic() + ttl
    while not over.wait(min(ttl / 3, max(0.05, (valid_until - time.monotonic()) / 2))):
        asked_at = time.monotonic()
        try:
            renewed = ledger.leases.renew(name, owner, ttl)
        except LedgerError:
            if time.monotonic() < valid_until - ttl / 6:
                continue
            renewed = False
        if not renewed:
            held.ask(Why.LEASE_LOST)
            return
        valid_until = asked_at + ttl


def _acquire(ledger: Ledger, name: str, owner: str, ttl: float) -> None:
    leases = ledger.leases
    if leases.acquire(name, owner, ttl):
        return
    holder = leases.holder(name)
    if holder is not None and _is_dead(holder.owner):
        leases.release(name, holder.owner)
    if leases.acquire(name, owner, ttl):
        return
    holder = leases.holder(name)
    kind, _, subject = name.partition("/")
    who = _people_call_it(holder.owner) if holder else "another process"
    left = max(0, round(holder.expires - ledger.now())) if holder else 0
    hint = f"wait for it to end; if it is gone, its lease ends by itself within {left} s"
    raise Locked(f"{kind} {subject} is being run by {who}", hint=hint)


# -- who holds a lease --------------------------------------------------------------------------------------------------


def _process(pid: int) -> str:
    """Names a process on this machine: two processes never have the same name, even when the number is used again."""
    return f"{platform.node() or 'localhost'} {pid} {_started(pid)} {_machine()}"


def _machine() -> str:
    """Names what process numbers mean something in: this boot of this machine, this container. "" where it cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}".replace(" ", "/")
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks (proc_pid_stat(5), field 22); "" where there is none, or it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _is_dead(owner: str) -> bool:
    """Whether the process that holds a lease is known to have ended; False where that cannot be told from here."""
    parts = owner.split(" ")
    if len(parts) != 5 or not parts[1].isdigit():
        return False
    _, pid, started, machine, _ = parts
    return bool(machine) and machine == _machine() and _started(int(pid)) != started


def _people_call_it(owner: str) -> str:
    parts = owner.split(" ")
    return f"process {parts[1]} on {parts[0]}" if len(parts) == 5 else owner
