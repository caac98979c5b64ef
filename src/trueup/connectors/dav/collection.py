"""A collection on a WebDAV server: the port `Collection`, put together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from hashlib import blake2b

from trueup.connectors.dav.dialect import Dialect
from trueup.connectors.dav.fetching import Fetcher
from trueup.connectors.dav.hrefs import path_of
from trueup.connectors.dav.listing import Lister, Listing
from trueup.connectors.dav.session import Session
from trueup.connectors.dav.writing import Writer
from trueup.model.capabilities import Capabilities
from trueup.model.items import Body
from trueup.model.ports import Outcome, Write, Written

# No capitals, because some servers keep items as files where case does not count.
PLAIN_UID = re.compile(r"[a-z0-9][a-z0-9@_-]{0,79}(\.[a-z0-9@_-]{1,80}){0,8}")


class DavCollection:
    """One calendar or address book.

    Args:
        url: its address, with a slash at its end.
    """

    def __init__(
        self, session: Session, url: str, dialect: Dialect, capabilities: Capabilities, threads: Executor
    ) -> None:
        self.url = url
        self.capabilities = capabilities
        self._path = path_of(url)
        self._dialect = dialect
        self._lister = Lister(session, url, dialect.noun)
        self._fetcher = Fetcher(session, url, dialect, threads)
        self._writer = Writer(session.client, url, dialect, threads)

    def changes(self, cursor: str | None) -> Listing:
        """See `Collection.changes`. Everything has arrived when this returns."""
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
