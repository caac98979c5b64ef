"""What is in a collection, or what changed since a cursor.

The token is asked for before the listing, so that a change in between is seen twice and never missed. The listing is always a PROPFIND:
the first answer of a sync-collection is cut by some servers without a word, while its token claims completeness.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace

from trueup.connectors.dav.hrefs import path_of
from trueup.connectors.dav.names import COLLECTION, CTAG, DAV, ETAG, REPORTS, RESOURCE_TYPE, SYNC_COLLECTION, SYNC_TOKEN
from trueup.connectors.dav.session import PATIENCE, Each, Refused, Session
from trueup.connectors.dav.xml import Response, document, element, properties, text
from trueup.model.errors import Permanent, StoreError
from trueup.model.items import Entry

MAX_PAGES = 10_000
IN_MEMORY = 2**20
WANTED = (ETAG, RESOURCE_TYPE)
STATE = (RESOURCE_TYPE, SYNC_TOKEN, CTAG, REPORTS)

Changed = dict[str, "str | bool | None"]
"""Etags by href; False: gone."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """What is remembered between two listings: of which address, seen by whom, and one of two kinds of token. In the ledger it is JSON."""

    url: str
    sync: str = ""
    ctag: str = ""
    account: str = ""

    def __str__(self) -> str:
        return json.dumps({key: value for key, value in asdict(self).items() if value}, separators=(",", ":"))

    @classmethod
    def read(cls, cursor: str | None, url: str) -> Cursor:
        """The cursor as it was; an empty one where it is none, or of another address: then everything is listed."""
        try:
            found = json.loads(cursor or "")
            return cls(url, str(found.get("sync", "")), str(found.get("ctag", ""))) if found["url"] == url else cls(url)
        except (ValueError, TypeError, AttributeError, KeyError):
            return cls(url)

    @staticmethod
    def address(cursor: str | None, account: str) -> str:
        """The collection it is of; "" where it is none, or was not seen by this account."""
        try:
            found = json.loads(cursor or "")
            return str(found["url"]) if account and found["account"] == account else ""
        except (ValueError, TypeError, AttributeError, KeyError):
            return ""


class Listing:
    """`Changes` that have arrived."""

    def __init__(self, full: bool, rows: Iterable[Entry | str], token: str | None) -> None:
        self.full = full
        self.token = token
        self._rows = rows

    def __iter__(self) -> Iterator[Entry | str]:
        return iter(self._rows)


class Spool:
    """Entries on their way: kept in memory up to a mebibyte, then in a temporary file.

    So no connection stays open while the ledger works, an answer that breaks off is simply forgotten, and memory does not grow with the
    collection.
    """

    def __init__(self) -> None:
        from tempfile import SpooledTemporaryFile

        self._file = SpooledTemporaryFile(IN_MEMORY, "w+", encoding="utf-8", errors="surrogatepass", newline="\n")  # noqa: SIM115

    def __del__(self) -> None:
        self._file.close()

    def clear(self) -> None:
        """Forgets everything."""
        self._file.seek(0)
        self._file.truncate()

    def add(self, entry: Entry) -> None:
        """One more."""
        self._file.write(json.dumps((entry.href, entry.etag)) + "\n")

    def __iter__(self) -> Iterator[Entry]:
        self._file.seek(0)
        for line in self._file:
            yield Entry(*json.loads(line))


class Lister:
    """Lists one collection.

    Args:
        url: its address, with a slash at its end.
        noun: what it is called, for messages.
        account: names who asks, in cursors; "" for nobody in particular.
    """

    def __init__(self, session: Session, url: str, noun: str, account: str = "") -> None:
        self._session = session
        self._url = url
        self._path = path_of(url)
        self._noun = noun
        self._account = account

    def changes(self, cursor: str | None) -> Listing:
        """What changed since the cursor; everything where there is none, or where the server does not take it."""
        known = Cursor.read(cursor, self._url)
        try:
            return self._since(known) or self._everything()
        except Refused as refused:
            raise self._session.failure(f"the {self._noun} cannot be listed", refused) from refused

    def since(self, cursor: str) -> Listing | None:
        """What changed since the cursor; None where that cannot be told, for whatever reason the server has."""
        try:
            return self._since(Cursor.read(cursor, self._url))
        except Refused:
            return None

    def _since(self, known: Cursor) -> Listing | None:
        if known.sync:
            return self._delta(known.sync)
        if known.ctag and self._state().text(CTAG) == known.ctag:
            return Listing(False, (), str(replace(known, account=self._account)))
        return None

    # -- everything -----------------------------------------------------------------------------------------------

    def _everything(self) -> Listing:
        state = self._state()
        if COLLECTION not in {one.tag for one in state.props.get(RESOURCE_TYPE, ())}:
            raise Permanent(
                f"the {self._noun} cannot be listed",
                where=self._session.client.place(self._url),
                why="there is no collection at this address",
                hint="check `url` of the store and the collection's name",
            )
        token = self._token(state)
        spool = Spool()

        def begin() -> Each:
            spool.clear()
            return lambda one: self._add(spool, one)

        self._session.propfind(self._url, WANTED, begin, depth=1, patience=PATIENCE)
        return Listing(True, spool, token)

    def _add(self, spool: Spool, one: Response) -> None:
        if one.status == 507:
            raise self._cut()
        if self._is_member(one) and one.status not in (404, 410):
            spool.add(Entry(one.href, one.text(ETAG)))

    def _state(self) -> Response:
        return self._session.properties(self._url, STATE, PATIENCE)[1]

    def _token(self, state: Response) -> str | None:
        """The cursor that stands for the present moment: a sync-token, else a CTag, else none."""
        if REPORTS not in state.props or state.has(REPORTS, SYNC_COLLECTION):
            token = state.text(SYNC_TOKEN) or self._first_token(state)
            if token:
                return str(Cursor(self._url, sync=token, account=self._account))
        ctag = state.text(CTAG)
        return str(Cursor(self._url, ctag=ctag, account=self._account)) if ctag else None

    def _first_token(self, state: Response) -> str | None:
        """RFC 6578 section 4 wants the token as a property. A server without it gives one with the first report, and only that is read."""
        if not state.has(REPORTS, SYNC_COLLECTION):
            return None
        try:
            return self._pages("", {})
        except Refused:
            return None

    # -- what changed ---------------------------------------------------------------------------------------------

    def _delta(self, token: str) -> Listing | None:
        """None where the server does not take the token.

        Most say so by the precondition `valid-sync-token`, under various statuses, some by 400, 410 or 507. Whatever it was, a
        full listing is the right answer, and tells by itself if the collection cannot be read at all.
        """
        changed: Changed = {}
        try:
            new = self._pages(token, changed)
        except Refused:
            return None
        if new is None:
            return None
        rows = (
            href if etag is False else Entry(href, etag if isinstance(etag, str) else None)
            for href, etag in changed.items()
        )
        return Listing(False, list(rows), str(Cursor(self._url, sync=new, account=self._account)))

    def _pages(self, token: str, changed: Changed) -> str | None:
        """Follows an answer that comes in pages (RFC 6578 section 3.6) to its end; returns the last token.

        `changed` gets the etag of what is there, and False for what is gone; what a later page says holds.
        """
        for _ in range(MAX_PAGES):
            page: Changed = {}
            cut = False

            def begin(page: Changed = page) -> Each:
                page.clear()
                return lambda one: self._note(page, one)

            new = self._session.report(self._url, _sync_request(token), begin, {"Depth": "0"})
            cut = page.pop("", None) is True
            changed.update(page)
            if not cut or new is None:
                return new
            if new == token:
                raise self._cut()
            token = new
        raise self._cut()

    def _note(self, page: Changed, one: Response) -> None:
        if one.status == 507:
            page[""] = True  # no href is empty
        elif one.status in (404, 410):
            page[one.href] = False
        elif self._is_member(one):
            page[one.href] = one.text(ETAG)

    def _is_member(self, one: Response) -> bool:
        """Directly in this collection, and no collection itself."""
        rest = one.href.removeprefix(self._path)
        return rest != one.href and bool(rest) and "/" not in rest and not one.has(RESOURCE_TYPE, COLLECTION)

    def _cut(self) -> StoreError:
        return Permanent(
            f"the {self._noun} cannot be listed",
            where=self._session.client.place(self._url),
            why="the server cuts the listing (507) and does not say how to get the rest",
            hint="raise the server's limit of results",
        )


def _sync_request(token: str) -> bytes:
    # Never with a limit: a server was measured that cuts there and hands out the token of the end all the same.
    return document(
        SYNC_COLLECTION,
        text(SYNC_TOKEN, token) if token else element(SYNC_TOKEN),
        text(f"{DAV}sync-level", "1"),
        properties(WANTED),
    )
