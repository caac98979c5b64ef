"""How many workers talk to a store at once, over all processes that share a ledger.

Requests of one process share its connections and its pace (`connectors.pace`), but another process knows nothing of them. So each takes
one of the store's slots first, a lease `store/NAME/1`, `store/NAME/2`, …
"""

from __future__ import annotations

import random
from collections.abc import Callable

from trueup.core.leasing import FIRST_PAUSE, rest
from trueup.core.ledger import Ledger
from trueup.model.errors import Locked

SECONDS = 60.0
"""How long a slot holds without renewal."""


def take(
    ledger: Ledger, store: str, limit: int, owner: str, check: Callable[[], None] = lambda: None
) -> tuple[str, str, float]:
    """Takes a slot of a store; waits until one is free.

    Args:
        ledger: the durable memory.
        store: the store's name.
        limit: how many slots it has.
        owner: who takes it, as `Leases.acquire` has it.
        check: called before every further try; raises where waiting is of no use any more.

    Returns:
        The lease: name, owner, seconds it holds without renewal.
    """
    pause = FIRST_PAUSE
    while True:
        # From a place of one's own on: with all beginning at the first, each would ask for every taken one.
        first = random.randrange(limit)
        for number in range(limit):
            name = f"store/{store}/{(first + number) % limit + 1}"
            try:
                ledger.leases.acquire(name, owner, SECONDS)
            except Locked:
                continue
            return name, owner, SECONDS
        pause = rest(pause)
        check()
