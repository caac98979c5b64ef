"""A collection on a WebDAV server: the port `Collection`, put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

from trueup.connectors.dav.dialect import Dialect
from trueup.connectors.dav.hrefs import path_of
from trueup.connectors.dav.listing import Lister, Listing
from trueup.connectors.dav.session import Session
from trueup.model.capabilities import Capabilities
from trueup.model.items import Body
from trueup.model.ports import Outcome, Write, Written

if TYPE_CHECKING:
    from trueup.connectors.dav.fetching import Fetcher
    from trueup.connectors.dav.writing import Writer

# No capitals, because some servers keep items as files where case does not count.
PLAIN_UID = re.compile(r"[a-z0-9][a-z0-9@_-]{0,79}(\.[a-z0-9@_-]{1,80}){0,8}")


class DavCollection:
    """One calendar or address book.

    Args:
        url: its address, with a slash at its end.
        capabilities: finds out what can be done here; called when it is first needed.
        account: names who asks, in cursors.
    """

    def __init__(
        self,
        session: Session,
        url: str,
        dialect: Dialect,
        capabilities: Callable[[], Capabilities],
        threads: Executor,
        account: str = "",
    ) -> None:
        self.url = url
        self._find_out = capabilities
        self._ready: tuple[str, Listing] | None = None
        self._path = path_of(url)
        self._dialect = dialect
        self._lister = Lister(session, url, dialect.noun, account)
        self._session = session
        self._threads = threads

    @cached_property
    def capabilities(self) -> Capabilities:
        """See `Collection.capabilities`."""
        return self._find_out()

    def resumes(self, cursor: str) -> bool:
        """Whether the server tells what changed here since the cursor: then it is still there. The answer is kept for `changes`."""
        listing = self._lister.since(cursor)
        self._ready = (cursor, listing) if listing is not None else None
        return self._ready is not None

    @cached_property
    def _fetcher(self) -> Fetcher:
        from trueup.connectors.dav.fetching import Fetcher

        # A server that is not asked for a version gives the oldest one (RFC 6352 section 10.4), which holds less: Cyrus 3.6 makes
        # PHOTO:data:image/jpeg of the photo of a vCard 4.0 then.
        version = max(self.capabilities.formats or ("",)) if self._dialect.formats else ""
        return Fetcher(self._session, self.url, self._dialect, self._threads, version)

    @cached_property
    def _writer(self) -> Writer:
        from trueup.connectors.dav.writing import Writer

        return Writer(self._session.client, self.url, self._dialect, self._threads)

    def changes(self, cursor: str | None) -> Listing:
        """See `Collection.changes`. Everything has arrived when this returns."""
        ready, self._ready = self._ready, None
        if ready is not None and ready[0] == cursor:
            return ready[1]
        return self._lister.changes(cursor)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """See `Collection.fetch`."""
        return self._fetcher.fetch(hrefs)

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """See `Collection.write`.

        Raises:
            LoginRefused: the login is refused, after every write has got its answer.
        """
        if not self.capabilities.writable:
            reason = f"this user may only read the {self._dialect.noun}"
            return iter([Written(one.key, Outcome.REFUSED, reason=reason) for one in writes])
        return self._writer.write(writes)

    def new_href(self, uid: str) -> str:
        """See `Collection.new_href`: the UID itself where it is plain, else a digest of it."""
        name = (
            uid
            if PLAIN_UID.fullmatch(uid) and len(uid) <= 120
            else blake2b(uid.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        )
        return f"{self._path}{name}{self._dialect.suffix}"
