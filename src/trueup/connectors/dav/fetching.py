"""Bodies of many items: multiget in chunks over a few connections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor

from trueup.connectors.dav.dialect import Dialect
from trueup.connectors.dav.hrefs import at, path_of
from trueup.connectors.dav.names import ETAG, HREF
from trueup.connectors.dav.session import Each, Refused, Session
from trueup.connectors.dav.xml import PROP, Response, document, element, text
from trueup.connectors.http import Answer
from trueup.connectors.parallel import spread
from trueup.model.errors import Permanent
from trueup.model.items import Body

SMALLEST, FIRST, LARGEST = 10, 100, 500
TARGET_BYTES = 512 * 1024
READERS = 4


class Fetcher:
    """Reads items of one collection.

    A chunk is read whole before its bodies are handed on: so it can be repeated when the connection breaks, and no connection waits for the
    ledger. What is in memory at once is a chunk a connection, and one more.

    Args:
        version: of the dialect's format, in which bodies are asked for; "" to leave it to the server.
    """

    def __init__(self, session: Session, url: str, dialect: Dialect, threads: Executor, version: str = "") -> None:
        self._session = session
        self._url = url
        self._dialect = dialect
        self._threads = threads
        self._size = FIRST
        wanted = {"content-type": dialect.media_type, "version": version} if version else {}
        self._wanted = element(PROP, element(ETAG), element(dialect.data, **wanted))
        self._accept = (
            {"Accept": f"{dialect.media_type}; version={version}, {dialect.media_type};q=0.9"} if version else {}
        )
        # Reading in bulk is work for the server and memory here; more at once than this gains nothing.
        self._readers = min(READERS, session.client.parallel)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """One answer for each href, in any order.

        Raises:
            Transient, LoginRefused, Permanent: the store as a whole does not answer.
        """
        for bodies in spread(self._threads, self._chunk, self._chunks(hrefs), self._readers + 1):
            yield from bodies

    def _chunks(self, hrefs: Sequence[str]) -> Iterator[Sequence[str]]:
        """Chunks of about TARGET_BYTES by what bodies have weighed so far; small enough that every connection gets one."""
        done, fair = 0, -(-len(hrefs) // self._readers)
        while done < len(hrefs):
            size = min(self._size, max(fair, SMALLEST))
            yield hrefs[done : done + size]
            done += size

    def _chunk(self, hrefs: Sequence[str]) -> list[Body]:
        if len(hrefs) == 1:
            return [self._single(hrefs[0])]
        try:
            found = self._multiget(hrefs)
        except Refused as refused:
            if refused.status in (404, 410):
                raise self._session.failure(f"the {self._dialect.noun} cannot be read", refused) from refused
            # One item that the server stumbles over must not hide the others: the halves are tried by themselves.
            middle = len(hrefs) // 2
            return self._chunk(hrefs[:middle]) + self._chunk(hrefs[middle:])
        self._adapt(found.values())
        # What a server leaves out, or answers without a body, is asked for by itself.
        return [found.get(path_of(href)) or self._single(href) for href in hrefs]

    def _adapt(self, bodies: Iterable[Body]) -> None:
        sizes = [len(one.data) for one in bodies if one.data is not None]
        if sizes:
            average = max(1, sum(sizes) // len(sizes))
            self._size = max(SMALLEST, min(LARGEST, TARGET_BYTES // average))

    def _multiget(self, hrefs: Sequence[str]) -> dict[str, Body]:
        """Bodies by path (RFC 4791 section 7.9, RFC 6352 section 8.7)."""
        asked = {path_of(href): href for href in hrefs}
        found: dict[str, Body] = {}

        def note(one: Response) -> None:
            href, data = asked.get(one.href), one.props.get(self._dialect.data)
            if href is None:
                return
            if data is not None and data.text:
                found[one.href] = Body(href, one.text(ETAG), restored(data.text))
            elif one.status in (404, 410):
                found[one.href] = Body(href)

        def begin() -> Each:
            found.clear()
            return note

        body = document(self._dialect.multiget, self._wanted, *(text(HREF, path) for path in asked))
        self._session.report(self._url, body, begin)
        return found

    def _single(self, href: str) -> Body:
        return self._session.client.send(
            "GET", at(self._url, href), lambda answer: self._read(href, answer), headers=self._accept, follow=True
        )

    def _read(self, href: str, answer: Answer) -> Body:
        if answer.status in (404, 410):
            return Body(href)
        if answer.status != 200:
            return Body(href, error=f"the server answers {answer.status} when it is read")
        try:
            return Body(href, answer.headers.get("ETag"), answer.read())
        except Permanent as error:
            return Body(href, error=str(error))


def restored(text: str) -> bytes:
    """The body as the server has it.

    XML turns every line end into a line feed (XML 1.0 section 2.11), iCalendar and vCard want CR LF (RFC 5545 section 3.1, RFC 6350 section
    3.2). A server that sends its carriage returns as `&#13;` is taken at its word.
    """
    return (text if "\r" in text else text.replace("\n", "\r\n")).encode("utf-8", "surrogatepass")
