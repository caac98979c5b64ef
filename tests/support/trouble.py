"""What goes wrong with a store, switched on and off while a test runs: around a store in memory, out of the product's own fault wrappers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from trueup.connectors.wrappers.faults import (
    DuplicateAnswers,
    FailsAfterwards,
    FailsBefore,
    FlappingEtags,
    IgnoresPreconditions,
    NullEtags,
    RewritesBodies,
    StaleListings,
    TruncatesListings,
)
from trueup.connectors.wrappers.passing import PassingCollection
from trueup.model.errors import Transient
from trueup.model.items import Body
from trueup.model.ports import Changes, Collection, Outcome, Write, Written


class Crash(BaseException):
    """Our process dies here."""


@dataclass
class Switches:
    """The troubles of one store.

    Attributes:
        after, before: so many of the next writes take effect and lose their answer, or are lost themselves.
        cut: so many of the next listings are cut off after this many lines.
        stale: listings lag behind.
        dead: nothing is answered.
        refuses: titles that the store will not take.
        calls: told before and after every call; may raise Crash, or do what a user does in the meantime.
    """

    after: int = 0
    before: int = 0
    cut: int = 0
    cut_to: int = 0
    stale: bool = False
    dead: bool = False
    refuses: set[bytes] = field(default_factory=set)
    calls: Callable[[str], None] = lambda what: None

    def calm(self) -> None:
        """No more trouble."""
        self.after = self.before = self.cut = 0
        self.stale = self.dead = False
        self.refuses = set()
        self.calls = lambda what: None


def troubled(
    inner: Collection, switches: Switches, habits: Sequence[str], rewrite: Callable[[bytes], bytes]
) -> Collection:
    """A collection with these habits (which last) and switches (which come and go).

    Args:
        inner: the honest one.
        switches: what comes and goes.
        habits: of "null-etags", "flapping-etags", "rewrites", "rewrites-untold", "no-preconditions", "doubles".
        rewrite: what becomes of a body in a store that rewrites.
    """
    found = inner
    if "rewrites" in habits or "rewrites-untold" in habits:
        found = RewritesBodies(found, rewrite, tells="rewrites" in habits)
    if "no-preconditions" in habits:
        found = IgnoresPreconditions(found)
    if "flapping-etags" in habits:
        found = FlappingEtags(found)
    if "null-etags" in habits:
        found = NullEtags(found)
    if "doubles" in habits:
        found = DuplicateAnswers(found)
    found = FailsAfterwards(found, lambda: _take(switches, "after"))
    found = FailsBefore(found, lambda: _take(switches, "before"))
    found = _Cut(found, switches)
    found = _Stale(found, switches)
    return _Switched(found, switches)


def _take(switches: Switches, name: str) -> bool:
    left: int = getattr(switches, name)
    setattr(switches, name, max(0, left - 1))
    return left > 0


class _Cut(PassingCollection):
    def __init__(self, inner: Collection, switches: Switches) -> None:
        super().__init__(inner)
        self._switches = switches

    def changes(self, cursor: str | None) -> Changes:
        if _take(self._switches, "cut"):
            return TruncatesListings(self.inner, self._switches.cut_to).changes(cursor)
        return self.inner.changes(cursor)


class _Stale(StaleListings):
    def __init__(self, inner: Collection, switches: Switches) -> None:
        super().__init__(inner)
        self._switches = switches

    def changes(self, cursor: str | None) -> Changes:
        self.stale = self._switches.stale
        return super().changes(cursor)


class _Switched(PassingCollection):
    """Dead, or dying; refuses titles."""

    def __init__(self, inner: Collection, switches: Switches) -> None:
        super().__init__(inner)
        self._switches = switches

    def changes(self, cursor: str | None) -> Changes:
        self._call("changes")
        return self.inner.changes(cursor)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        self._call("fetch")
        yield from self.inner.fetch(hrefs)

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        for one in writes:
            self._switches.calls("before write")
            if self._switches.dead:
                yield Written(one.key, Outcome.UNCERTAIN, reason="no answer")
            elif any(title in (one.data or b"") for title in self._switches.refuses):
                yield Written(one.key, Outcome.REFUSED, reason="it does not take this")
            else:
                answers = list(self.inner.write([one]))
                self._switches.calls("after write")
                yield from answers

    def _call(self, what: str) -> None:
        self._switches.calls(what)
        if self._switches.dead:
            raise Transient("the store does not answer")
