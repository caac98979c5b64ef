"""A feed as a collection that cannot be written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from trueup.connectors.ics.feed import Feed
from trueup.connectors.ics.source import Source, Validators
from trueup.model.capabilities import Capabilities
from trueup.model.errors import StoreError
from trueup.model.items import Body, Entry
from trueup.model.ports import Outcome, Write, Written

# Raised when feeds are split into items another way: a cursor of an earlier way then says nothing.
VERSION = 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """What was there the last time.

    Attributes:
        where: digest of the address: validators of another feed mean nothing.
        digest: of the whole file, for servers that give no validators or ignore them.
    """

    where: str
    digest: str
    validators: Validators

    def __str__(self) -> str:
        validators = self.validators
        return json.dumps(
            {
                "v": VERSION,
                "where": self.where,
                "digest": self.digest,
                "etag": validators.etag,
                "modified": validators.modified,
            }
        )

    @classmethod
    def parse(cls, text: str | None) -> Cursor | None:
        """The cursor that `str` wrote; None for anything else."""
        try:
            value = json.loads(text or "")
            if value["v"] != VERSION:
                return None
            return cls(value["where"], value["digest"], Validators(value["etag"], value["modified"]))
        except (ValueError, KeyError, TypeError):
            return None


class FeedChanges:
    """A listing of a feed: all of it, or the news that nothing changed."""

    def __init__(self, feed: Feed | None, token: str) -> None:
        self.full = feed is not None
        self.token = token
        self._feed = feed

    def __iter__(self) -> Iterator[Entry]:
        if self._feed is not None:
            for href, item in self._feed.items.items():
                yield Entry(href, item.etag)


class FeedCollection:
    """The items of one feed. What `changes` has downloaded is what `fetch` answers from, so the two never disagree."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._feed: Feed | None = None
        self._where = blake2b(source.where.encode(), digest_size=8).hexdigest()

    @property
    def capabilities(self) -> Capabilities:
        """It can be read only."""
        return Capabilities(writable=False, preconditions=False, parallel=1)

    @property
    def title(self) -> str:
        """What the feed calls itself, or ""; downloads it if need be."""
        return self._loaded().title

    def __len__(self) -> int:
        return len(self._loaded().items)

    def changes(self, cursor: str | None) -> FeedChanges:
        """Nothing if the server says 304 or the file is the same; else everything.

        Raises:
            Transient, LoginRefused: it cannot be read now.
            Permanent: there is nothing, or what is there is not a whole calendar: never taken for deletions.
        """
        known = Cursor.parse(cursor)
        if known is not None and known.where != self._where:
            known = None
        got = self._source.get(known.validators if known else Validators())
        if got.data is None:
            assert known is not None
            return FeedChanges(None, str(known))
        digest = blake2b(got.data, digest_size=16).hexdigest()
        token = str(Cursor(self._where, digest, got.validators))
        if known is not None and known.digest == digest:
            return FeedChanges(None, token)
        self._feed = Feed(got.data, self._source.where)
        return FeedChanges(self._feed, token)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """Cuts the items out of the feed."""
        if not hrefs:
            return
        try:
            feed = self._loaded()
        except StoreError as error:
            yield from (Body(href, error=str(error)) for href in hrefs)
            return
        for href in hrefs:
            item = feed.items.get(href)
            yield Body(href) if item is None else Body(href, item.etag, feed.body(href))

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Refuses."""
        for one in writes:
            yield Written(one.key, Outcome.REFUSED, reason="a feed can only be read")

    def new_href(self, uid: str) -> str:
        """The UID."""
        return uid

    def _loaded(self) -> Feed:
        if self._feed is None:
            got = self._source.get(Validators())
            assert got.data is not None
            self._feed = Feed(got.data, self._source.where)
        return self._feed
