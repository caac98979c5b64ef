"""Stores that are given members of groups under the UIDs that they know them by; see `members`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from trueup.model.capabilities import Capabilities
from trueup.model.diagnostics import Diagnostic
from trueup.model.errors import ItemRefused
from trueup.model.items import Body
from trueup.model.ports import Changes, CollectionInfo, Store, Write, Written
from trueup.model.ports import Collection as Book

Rename = Callable[[str, Collection[str]], Mapping[str, str]]
"""Of members' UIDs, the one that a collection ("store/name") knows each of them by; those that stay are left out."""


class RenamingBook:
    """An address book; see the module's text."""

    def __init__(self, inner: Book, rename: Callable[[Collection[str]], Mapping[str, str]]) -> None:
        self._inner = inner
        self._rename = rename

    @property
    def capabilities(self) -> Capabilities:
        """Those of the book."""
        return self._inner.capabilities

    def changes(self, cursor: str | None) -> Changes:
        """See `Collection.changes`."""
        return self._inner.changes(cursor)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """See `Collection.fetch`."""
        return self._inner.fetch(hrefs)

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """See `Collection.write`."""
        return self._inner.write([self._own(one) for one in writes])

    def new_href(self, uid: str) -> str:
        """See `Collection.new_href`."""
        return self._inner.new_href(uid)

    def _own(self, write: Write) -> Write:
        if write.data is None:
            return write
        from trueup.jobs.contacts.members import renamed

        try:
            data = renamed(write.data, self._rename)
        except ItemRefused:
            return write
        return write if data is write.data else replace(write, data=data)


class RenamingStore:
    """A store of such books."""

    def __init__(self, inner: Store, rename: Rename) -> None:
        self._inner = inner
        self._rename = rename
        self.name = inner.name

    def collections(self) -> list[CollectionInfo]:
        """See `Store.collections`."""
        return self._inner.collections()

    def open(self, name: str, cursor: str | None = None) -> Book | None:
        """See `Store.open`."""
        found = self._inner.open(name, cursor)
        return None if found is None else self._book(name, found)

    def create(self, name: str) -> Book:
        """See `Store.create`."""
        return self._book(name, self._inner.create(name))

    def check(self) -> Iterable[Diagnostic]:
        """See `Store.check`."""
        return self._inner.check()

    def close(self) -> None:
        """See `Store.close`."""
        self._inner.close()

    def prospect(self, name: str) -> Capabilities:
        """What a book that is not there yet will be able to do, as far as the store says."""
        said = getattr(self._inner, "prospect", None)
        return Capabilities() if said is None else said(name)

    def _book(self, name: str, inner: Book) -> RenamingBook:
        ref = f"{self.name}/{name}" if name else self.name
        return RenamingBook(inner, lambda uids: self._rename(ref, uids))
