"""A store that is not used without a lease: a worker that was asleep while its run was taken over must not write when it wakes up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from trueup.connectors.wrappers.passing import PassingCollection, PassingStore
from trueup.model.items import Body
from trueup.model.ports import Changes, Collection, Store, Write, Written


class FencedCollection(PassingCollection):
    """A collection that asks `check` before every use."""

    def __init__(self, inner: Collection, check: Callable[[], None]) -> None:
        super().__init__(inner)
        self._check = check

    def changes(self, cursor: str | None) -> Changes:
        """See `Collection.changes`."""
        self._check()
        return self.inner.changes(cursor)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """See `Collection.fetch`."""
        self._check()
        return self.inner.fetch(hrefs)

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """See `Collection.write`."""
        self._check()
        return self.inner.write(writes)


class FencedStore(PassingStore):
    """A store whose collections ask `check` (which raises) before every use."""

    def __init__(self, inner: Store, check: Callable[[], None]) -> None:
        super().__init__(inner, lambda one: FencedCollection(one, check))
