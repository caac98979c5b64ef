"""One feed as a store with one collection, whose name is empty."""

from __future__ import annotations

from collections.abc import Iterable

from trueup.connectors.ics.collection import FeedCollection
from trueup.connectors.ics.source import Source
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import Permanent, StoreError
from trueup.model.ports import CollectionInfo


class FeedStore:
    """A feed.

    Args:
        name: the store's name in the configuration.
        source: where the feed comes from.
    """

    def __init__(self, name: str, source: Source) -> None:
        self.name = name
        self._source = source

    def collections(self) -> list[CollectionInfo]:
        """The one collection; downloads the feed for its title and the number of its items.

        Raises:
            Transient, LoginRefused, Permanent: it cannot be read.
        """
        collection = FeedCollection(self._source)
        return [CollectionInfo("", collection.title, len(collection), writable=False)]

    def open(self, name: str, cursor: str | None = None) -> FeedCollection | None:
        """The feed, under the name "" (a job names the store alone)."""
        return None if name else FeedCollection(self._source)

    def create(self, name: str) -> FeedCollection:
        """Cannot be done.

        Raises:
            Permanent: always, unless it is the feed itself.
        """
        if not name:
            return FeedCollection(self._source)
        raise Permanent(
            f"{self.name} has no calendar {name!r}",
            where=self._source.where,
            why="a feed is one calendar, which can only be read",
            hint=f"name the store alone: {{store: {self.name}}}",
        )

    def check(self) -> Iterable[Diagnostic]:
        """It can be read, holds events, and comes over a safe connection."""
        where = self._source.where
        if not self._source.secure:
            yield Diagnostic(
                Severity.WARNING,
                "the feed comes over an open connection",
                where,
                "anyone on the way can read and change it",
                "use https: in `url`",
            )
        try:
            collection = FeedCollection(self._source)
            found = list(collection.changes(None))
        except StoreError as error:
            yield Diagnostic(Severity.ERROR, error.what, error.where, error.why, error.hint)
            return
        count, without = len(found), sum(1 for one in found if one.href.startswith("no-uid-"))
        yield Diagnostic(Severity.INFO, f"{collection.title or 'the feed'}: {count} items", where)
        if without:
            yield Diagnostic(
                Severity.WARNING,
                f"{without} of {count} items have no UID and are left out",
                where,
                "they cannot be told apart",
            )

    def close(self) -> None:
        """Gives connections back."""
        self._source.close()
