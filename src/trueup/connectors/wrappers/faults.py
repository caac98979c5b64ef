"""Stores that lie, forget and break, on purpose and always in the same way: for tests and for chaos drills.

Each fault is a wrapper of its own around a collection, so they can be put around one another:

    DuplicateAnswers(FailsAfterwards(MemoryCollection(), Chance(0.1, seed=7)))

Every one of them does what some server in use does. What is left to chance comes from a seeded generator (`Chance`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from random import Random
from typing import TypeVar

from trueup.connectors.wrappers.passing import PassingChanges, PassingCollection, PassingStore
from trueup.model.capabilities import Capabilities
from trueup.model.errors import StoreError, Transient
from trueup.model.items import Body, Entry
from trueup.model.ports import Changes, Collection, CollectionInfo, Outcome, Store, Verb, Write, Written

T = TypeVar("T")

NO_ANSWER = "the connection was lost before an answer came"


class Chance:
    """Says yes to a share of the questions, the same ones for the same seed.

    Args:
        share: 0 (never) to 1 (always).
        seed: which ones.
        most: no more than this many times; None: no limit.
    """

    def __init__(self, share: float = 1.0, *, seed: int = 0, most: int | None = None) -> None:
        self._share = share
        self._random = Random(seed)
        self._left = most

    def __call__(self) -> bool:
        if self._left == 0 or self._random.random() >= self._share:
            return False
        if self._left is not None:
            self._left -= 1
        return True


ALWAYS = Chance()


class NullEtags(PassingCollection):
    """Gives no etag, anywhere."""

    def changes(self, cursor: str | None) -> Changes:
        """Entries without etags."""
        return PassingChanges(
            self.inner.changes(cursor), lambda one: [one if isinstance(one, str) else Entry(one.href, None)]
        )

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """Bodies without etags."""
        return (replace(one, etag=None) for one in self.inner.fetch(hrefs))

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Answers without etags."""
        return (replace(one, etag=None) for one in self.inner.write(writes))


class FlappingEtags(PassingCollection):
    """Gives another etag for the same state each time it is asked; takes any of them as a precondition."""

    _MARK = "~"

    def __init__(self, inner: Collection) -> None:
        super().__init__(inner)
        self._times = count(1)

    def changes(self, cursor: str | None) -> Changes:
        """Entries with etags never seen before."""
        return PassingChanges(
            self.inner.changes(cursor),
            lambda one: [one if isinstance(one, str) else Entry(one.href, self._flap(one.etag))],
        )

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """Bodies with etags never seen before."""
        return (replace(one, etag=self._flap(one.etag)) for one in self.inner.fetch(hrefs))

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Answers with etags never seen before."""
        known = [replace(one, if_match=one.if_match and one.if_match.partition(self._MARK)[0]) for one in writes]
        return (replace(one, etag=self._flap(one.etag)) for one in self.inner.write(known))

    def _flap(self, etag: str | None) -> str | None:
        return None if etag is None else f"{etag}{self._MARK}{next(self._times)}"


class RewritesBodies(PassingCollection):
    """Stores something else than it was sent.

    Args:
        rewrite: what becomes of a body (see `rewrites`).
        tells: gives no etag then, as RFC 4791 section 5.3.4 wants; False: gives one all the same, as some servers do.
    """

    def __init__(self, inner: Collection, rewrite: Callable[[bytes], bytes], *, tells: bool = True) -> None:
        super().__init__(inner)
        self._rewrite = rewrite
        self._tells = tells

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Writes the rewritten bodies."""
        stored = {one.key: one if one.data is None else replace(one, data=self._rewrite(one.data)) for one in writes}
        sent = {one.key: one.data for one in writes}
        for answer in self.inner.write(list(stored.values())):
            differs = stored[answer.key].data != sent[answer.key]
            yield replace(answer, etag=None) if differs and self._tells else answer


class FailsAfterwards(PassingCollection):
    """Does what it was asked and loses the answer: the write took effect, and nobody was told."""

    def __init__(self, inner: Collection, chance: Callable[[], bool] = ALWAYS) -> None:
        super().__init__(inner)
        self._chance = chance

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Writes, and answers UNCERTAIN to some."""
        for answer in self.inner.write(writes):
            yield Written(answer.key, Outcome.UNCERTAIN, reason=NO_ANSWER) if self._chance() else answer


class FailsBefore(PassingCollection):
    """Loses the request: nothing took effect, and nobody knows."""

    def __init__(self, inner: Collection, chance: Callable[[], bool] = ALWAYS) -> None:
        super().__init__(inner)
        self._chance = chance

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Writes some, and answers UNCERTAIN to the others."""
        arrived = []
        for one in writes:
            if self._chance():
                yield Written(one.key, Outcome.UNCERTAIN, reason=NO_ANSWER)
            else:
                arrived.append(one)
        yield from self.inner.write(arrived)


class TruncatesListings(PassingCollection):
    """Leaves entries out of its listings without a word, and hands out the final cursor (Xandikos does so with `<limit>`).

    Args:
        keep: how many it names; negative: all but so many.
        chance: which listings.
    """

    def __init__(self, inner: Collection, keep: int, chance: Callable[[], bool] = ALWAYS) -> None:
        super().__init__(inner)
        self._keep = keep
        self._chance = chance

    def changes(self, cursor: str | None) -> Changes:
        """The beginning of the listing."""
        inner = self.inner.changes(cursor)
        return _Fixed(list(inner)[: self._keep], inner) if self._chance() else inner


class StaleListings(PassingCollection):
    """Shows, while it is `stale`, the last listing it gave before: a cache or a replica that lags behind."""

    def __init__(self, inner: Collection) -> None:
        super().__init__(inner)
        self.stale = False
        self._last: dict[bool, _Fixed] = {}

    def changes(self, cursor: str | None) -> Changes:
        """The listing as it is, or as it was."""
        whole = cursor is None
        if self.stale and whole in self._last:
            return self._last[whole]
        inner = self.inner.changes(cursor)
        self._last[whole] = _Fixed(list(inner), inner)
        return self._last[whole]


class DuplicateAnswers(PassingCollection):
    """Says everything twice."""

    def changes(self, cursor: str | None) -> Changes:
        """Every line twice."""
        return PassingChanges(self.inner.changes(cursor), lambda one: [one, one])

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """Every body twice."""
        return (one for body in self.inner.fetch(hrefs) for one in (body, body))

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Every answer twice; every write once."""
        return (one for answer in self.inner.write(writes) for one in (answer, answer))


class Slow(PassingCollection):
    """Takes its time before every answer.

    Args:
        seconds: how long.
        sleep: how it waits.
    """

    def __init__(self, inner: Collection, seconds: float, sleep: Callable[[float], object] = time.sleep) -> None:
        super().__init__(inner)
        self._seconds = seconds
        self._sleep = sleep

    def changes(self, cursor: str | None) -> Changes:
        """The listing, late."""
        self._sleep(self._seconds)
        return self.inner.changes(cursor)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """The bodies, late."""
        return self._late(self.inner.fetch(hrefs))

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """The answers, late."""
        return self._late(self.inner.write(writes))

    def _late(self, answers: Iterable[T]) -> Iterator[T]:
        for one in answers:
            self._sleep(self._seconds)
            yield one


class Poisoned(PassingCollection):
    """Has some items that can be neither read nor written, whatever is tried.

    Args:
        hrefs: which.
    """

    def __init__(self, inner: Collection, *hrefs: str) -> None:
        super().__init__(inner)
        self._poisoned = frozenset(hrefs)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """An error for the poisoned ones."""
        yield from (Body(one, error="the server fails on this item") for one in hrefs if one in self._poisoned)
        yield from self.inner.fetch([one for one in hrefs if one not in self._poisoned])

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """A refusal for the poisoned ones."""
        for one in writes:
            if one.href in self._poisoned:
                yield Written(one.key, Outcome.REFUSED, reason="the server fails on this item")
        yield from self.inner.write([one for one in writes if one.href not in self._poisoned])


class IgnoresPreconditions(PassingCollection):
    """Overwrites and deletes whatever is there: a server without If-Match.

    Args:
        honest: its capabilities say so.
    """

    def __init__(self, inner: Collection, *, honest: bool = True) -> None:
        super().__init__(inner)
        self._honest = honest

    @property
    def capabilities(self) -> Capabilities:
        """Those of the collection inside, without preconditions."""
        return replace(self.inner.capabilities, preconditions=not self._honest)

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Writes without looking."""
        for one in writes:
            yield from self.inner.write([replace(one, if_match=None, verb=self._verb(one))])

    def _verb(self, write: Write) -> Verb:
        if write.verb is not Verb.CREATE:
            return write.verb
        [there] = self.inner.fetch([write.href])
        return Verb.CREATE if there.data is None else Verb.UPDATE


class Dead(PassingCollection):
    """Cannot be reached, from the first call on or after some.

    Args:
        after: so many calls are answered before.
        error: what reading it raises then.
    """

    def __init__(self, inner: Collection, *, after: int = 0, error: StoreError | None = None) -> None:
        super().__init__(inner)
        self.answers = after
        self._error = error or Transient(
            "the store does not answer", where="a dead store", why="it was killed on purpose"
        )

    def changes(self, cursor: str | None) -> Changes:
        """Raises."""
        self._call()
        return self.inner.changes(cursor)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """Raises when it is iterated."""
        self._call()
        yield from self.inner.fetch(hrefs)

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Answers UNCERTAIN."""
        for one in writes:
            if self.answers <= 0:
                yield Written(one.key, Outcome.UNCERTAIN, reason=NO_ANSWER)
                continue
            self.answers -= 1
            yield from self.inner.write([one])

    def _call(self) -> None:
        if self.answers <= 0:
            raise self._error
        self.answers -= 1


class FaultyStore(PassingStore):
    """A store whose collections have faults; while it is `dead`, it does not even open them."""

    def __init__(self, inner: Store, wrap: Callable[[Collection], Collection] = lambda one: one) -> None:
        super().__init__(inner, wrap)
        self.dead = False

    def collections(self) -> list[CollectionInfo]:
        """See `Store.collections`."""
        self._require_alive()
        return super().collections()

    def open(self, name: str, cursor: str | None = None) -> Collection | None:
        """See `Store.open`."""
        self._require_alive()
        return super().open(name, cursor)

    def create(self, name: str) -> Collection:
        """See `Store.create`."""
        self._require_alive()
        return super().create(name)

    def _require_alive(self) -> None:
        if self.dead:
            raise Transient(f"{self.name} does not answer", why="it was killed on purpose")


class _Fixed:
    """A listing that was read to the end before."""

    def __init__(self, rows: list[Entry | str], inner: Changes) -> None:
        self._rows = rows
        self.full = inner.full
        self.token = inner.token

    def __iter__(self) -> Iterator[Entry | str]:
        return iter(self._rows)
