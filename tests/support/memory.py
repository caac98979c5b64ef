"""A store in memory that keeps every promise of `trueup.model.ports`: the reference of what a store must do.

Deliberately without a lie: etags always there and never equal for different states, bodies kept byte for byte, cursors that never expire. To see
the product live with less, wrap it (`trueup.connectors.wrappers.faults`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from trueup.model.capabilities import Capabilities
from trueup.model.diagnostics import Diagnostic
from trueup.model.errors import Permanent
from trueup.model.items import Body, Entry
from trueup.model.ports import CollectionInfo, Outcome, Verb, Write, Written


@dataclass(frozen=True)
class Held:
    """What is at a href. `revision` is the collection's when it was put there; `data` None: it was deleted then."""

    revision: int
    data: bytes | None

    @property
    def etag(self) -> str:
        return f'"{self.revision}"'


class MemoryChanges:
    """What changed since a cursor; a full listing names no deleted item, as there is nothing to compare with."""

    def __init__(self, rows: list[tuple[str, Held]], full: bool, token: str | None) -> None:
        self.full = full
        self._rows = rows
        self._after = token
        self._ended = False

    def __iter__(self) -> Iterator[Entry | str]:
        for href, held in self._rows:
            if held.data is not None:
                yield Entry(href, held.etag)
            elif not self.full:
                yield href
        self._ended = True

    @property
    def token(self) -> str | None:
        """Before the end of the iteration there is none: whoever stored it would skip what he has not seen."""
        assert self._ended, "token was read before the listing ended"
        return self._after


class MemoryCollection:
    """Items by href. `items` is what a user of the other system would see; `put` and `remove` are that user's edits.

    Set `dead` and it answers as a store must that cannot be reached: a listing raises and is never empty, an item is unreadable and never gone,
    a write is refused and never silently dropped.

    Args:
        delta: cursors are given, and answered by what changed since.
    """

    def __init__(self, *, delta: bool = True, capabilities: Capabilities | None = None) -> None:
        self._held: dict[str, Held] = {}
        self._revision = itertools.count(1)
        self._last = 0
        self._delta = delta
        self._capabilities = capabilities or Capabilities()
        self.dead = False

    # What a user of the other system does.

    @property
    def items(self) -> dict[str, bytes]:
        return {href: held.data for href, held in self._held.items() if held.data is not None}

    def put(self, href: str, data: bytes) -> str:
        self._last = next(self._revision)
        self._held[href] = held = Held(self._last, data)
        return held.etag

    def remove(self, href: str) -> None:
        self._last = next(self._revision)
        self._held[href] = Held(self._last, None)

    # The port.

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def changes(self, cursor: str | None) -> MemoryChanges:
        if self.dead:
            raise Permanent("could not list the collection", where="memory", why="it is dead")
        since = int(cursor) if cursor is not None and cursor.isdecimal() and int(cursor) <= self._last else None
        full = since is None or not self._delta
        rows = [(href, held) for href, held in self._held.items() if since is None or full or held.revision > since]
        return MemoryChanges(rows, full, str(self._last) if self._delta else None)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        for href in hrefs:
            held = self._held.get(href)
            if self.dead:
                yield Body(href, error="the store is dead")
                continue
            yield Body(href) if held is None or held.data is None else Body(href, held.etag, held.data)

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        for write in writes:
            yield self._write(write)

    def new_href(self, uid: str) -> str:
        return f"{blake2b(uid.encode('utf-8', 'surrogatepass'), digest_size=12).hexdigest()}.ics"

    def _write(self, write: Write) -> Written:
        held = self._held.get(write.href)
        there = held is not None and held.data is not None
        if self.dead:
            return Written(write.key, Outcome.REFUSED, reason="the store is dead")
        if not self._capabilities.writable:
            return Written(write.key, Outcome.REFUSED, reason="the collection is read-only")
        if write.verb is Verb.CREATE:
            if there:
                return Written(write.key, Outcome.PRECONDITION, reason="there is one already")
        elif held is None or held.data is None:
            return Written(write.key, Outcome.MISSING, reason="there is none")
        elif write.if_match is not None and write.if_match != held.etag:
            return Written(write.key, Outcome.PRECONDITION, reason="it was changed meanwhile")
        if write.verb is Verb.DELETE:
            self.remove(write.href)
            return Written(write.key, Outcome.DONE)
        assert write.data is not None
        return Written(write.key, Outcome.DONE, self.put(write.href, write.data))


class MemoryStore:
    """Collections by name. `open_collections` are the same objects that `open` hands out, so a test can edit behind the product's back."""

    def __init__(self, name: str, *collections: str, delta: bool = True) -> None:
        self.name = name
        self._delta = delta
        self.open_collections = {one: MemoryCollection(delta=delta) for one in collections}

    def collections(self) -> list[CollectionInfo]:
        return [
            CollectionInfo(name, name.title(), len(collection.items), collection.capabilities.writable)
            for name, collection in self.open_collections.items()
        ]

    def open(self, name: str, cursor: str | None = None) -> MemoryCollection | None:
        return self.open_collections.get(name)

    def create(self, name: str) -> MemoryCollection:
        return self.open_collections.setdefault(name, MemoryCollection(delta=self._delta))

    def check(self) -> Iterable[Diagnostic]:
        return ()

    def close(self) -> None:
        pass
