"""Stores' limits as Prefect's global concurrency limits: how many tasks, of all runs and workers, are at a store at once.

A store's `workers` says how many. They come on top of the ledger's own, are seen and changed in Prefect's screen, and are given back when
their holder dies: they are leases (https://docs.prefect.io/v3/concepts/global-concurrency-limits). `trueup engine prefect deploy` makes
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound

from trueup.engines.prefect.names import limit_of

LEASE = 60.0
"""Seconds after which a place is free again whose holder died."""


@contextmanager
def limited(store: str) -> Iterator[None]:
    """Holds a place at a store while something is done there; at once where nobody has made a limit."""
    if not _exists(limit_of(store)):
        yield
        return
    with concurrency(limit_of(store), lease_duration=LEASE, strict=False):
        yield


@cache
def _exists(name: str) -> bool:
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            return False
        return True
