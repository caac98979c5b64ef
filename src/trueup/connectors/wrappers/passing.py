"""Wrappers that pass everything on: what every other wrapper is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from trueup.model.capabilities import Capabilities
from trueup.model.diagnostics import Diagnostic
from trueup.model.items import Body, Entry
from trueup.model.ports import Changes, Collection, CollectionInfo, Store, Write, Written


class PassingChanges:
    """A listing passed on, each line through `each`, which may drop it or make more of it."""

    def __init__(self, inner: Changes, each: Callable[[Entry | str], Iterable[Entry | str]]) -> None:
        self._inner = inner
        self._each = each
        self.full = inner.full

    def __iter__(self) -> Iterator[Entry | str]:
        for one in self._inner:
            yield from self._each(one)

    @property
    def token(self) -> str | None:
        """The cursor of the listing inside."""
        return self._inner.token


class PassingCollection:
    """A collection that does what the one inside does."""

    def __init__(self, inner: Collection) -> None:
        self.inner = inner

    @property
    def capabilities(self) -> Capabilities:
        """Those of the collection inside."""
        return self.inner.capabilities

    def changes(self, cursor: str | None) -> Changes:
        """See `Collection.changes`."""
        return self.inner.changes(cursor)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """See `Collection.fetch`."""
        return self.inner.fetch(hrefs)

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """See `Collection.write`."""
        return self.inner.write(writes)

    def new_href(self, uid: str) -> str:
        """See `Collection.new_href`."""
        return self.inner.new_href(uid)


class PassingStore:
    """A store that does what the one inside does, with each of its collections wrapped.

    Args:
        inner: the store.
        wrap: put around every collection it opens or makes.
    """

    def __init__(self, inner: Store, wrap: Callable[[Collection], Collection]) -> None:
        self.inner = inner
        self.name = inner.name
        self._wrap = wrap

    def collections(self) -> list[CollectionInfo]:
        """See `Store.collections`."""
        return self.inner.collections()

    def open(self, name: str, cursor: str | None = None) -> Collection | None:
        """See `Store.open`."""
        found = self.inner.open(name, cursor)
        return None if found is None else self._wrap(found)

    def create(self, name: str) -> Collection:
        """See `Store.create`."""
        return self._wrap(self.inner.create(name))

    def check(self) -> Iterable[Diagnostic]:
        """See `Store.check`."""
        return self.inner.check()

    def close(self) -> None:
        """See `Store.close`."""
        self.inner.close()
