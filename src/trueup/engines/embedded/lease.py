"""Holding a lease of the ledger while work goes on, so that a timer and a person cannot run the same thing at once.

A lease is renewed in the background; where that does not succeed in time, the work is asked to stop.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trueup.core.leasing import Kept, give_back, process_name, tidy
from trueup.core.ledger import Ledger
from trueup.engines.embedded.stop import Stop, Why

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
    owner = process_name()
    tidy(ledger)  # ours of before, where the ledger was away when it ended
    ledger.leases.acquire(name, owner, ttl)
    held = Stop(stop)
    kept = Kept(ledger, lambda: held.ask(Why.LEASE_LOST))
    kept.add(name, owner, ttl)
    try:
        yield held
    finally:
        kept.close()
        give_back(ledger, name, owner)
