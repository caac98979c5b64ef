"""How many workers talk to a store at once, over all processes that share the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trueup.core.leasing import give_back
from trueup.core.store_slots import take
from trueup.engines.calls.frame import Call


@contextmanager
def slot(call: Call, ref: str) -> Iterator[None]:
    """Waits for a place at the store of a collection, and holds it."""
    name = ref.partition("/")[0]
    ledger = call.app.ledger
    lease = take(ledger, name, call.app.config.stores[name].workers, call.owner, call.check)
    call.kept.add(*lease)
    try:
        yield
    finally:
        call.kept.drop(lease[0])
        give_back(ledger, lease[0], call.owner)
