"""Holding a lease of the ledger while work goes on, so that a timer and a person cannot run the same thing at once.

A lease is renewed in the background; where that does not succeed in time, the work is asked to stop.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from trueup.core.ledger import Ledger
from trueup.engines.embedded.stop import Stop, Why
from trueup.model.errors import LedgerError

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
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    ledger.leases.acquire(name, owner, ttl)
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
