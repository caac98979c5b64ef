"""What `trueup doctor` has to say about an account on a WebDAV server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from trueup.connectors.dav.names import CTAG, REPORTS, SYNC_COLLECTION, SYNC_TOKEN
from trueup.connectors.dav.session import Refused
from trueup.connectors.http import Answer
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import StoreError

if TYPE_CHECKING:
    from trueup.connectors.dav.store import DavStore

SKEW = 60.0


def examine(store: DavStore) -> Iterator[Diagnostic]:
    """Reachable, logged in, what the server can do, its clock, its oddities. Ends at the first error, because all else rests on it."""
    where = store.client.place(store.url)
    try:
        places = store.places(fresh=True)
        yield Diagnostic(
            Severity.INFO,
            f"{len(places)} {store.dialect.noun}s: {', '.join(place.title or place.name for place in places)}",
            where,
        )
        yield from _server(store, where)
        if places:
            yield from _listing(store, places[0].url)
    except StoreError as error:
        yield Diagnostic(Severity.ERROR, error.what, error.where or where, error.why, error.hint)


def _server(store: DavStore, where: str) -> Iterator[Diagnostic]:
    features, clock, server, version = store.client.send("OPTIONS", store.account().homes[0], _head, follow=True)
    yield Diagnostic(Severity.INFO, f"server {server or 'without a name'}, HTTP/{version}", where)
    dialect = store.dialect
    if dialect.feature not in features:
        yield Diagnostic(
            Severity.WARNING,
            f"the server does not say that it speaks {dialect.protocol}",
            where,
            f"its DAV header has no {dialect.feature}",
            "check `url` of the store",
        )
    if clock is not None and abs(clock) > SKEW:
        direction = "ahead" if clock > 0 else "behind"
        yield Diagnostic(
            Severity.WARNING,
            f"the server's clock is {abs(clock):.0f} s {direction}",
            where,
            "the newest edit of a conflict may be taken for the older one",
            "set the time of both machines by NTP",
        )
    if store.schedules():
        yield Diagnostic(
            Severity.INFO,
            "the server mails the attendees of a meeting that is stored",
            where,
            hint="trueup brings no attendees there unless the job says `invitations: allow`",
        )
    if version == "1.0":
        yield Diagnostic(
            Severity.INFO,
            "the server closes the connection after every answer",
            where,
            hint="a proxy in front of it makes it faster",
        )


def _listing(store: DavStore, url: str) -> Iterator[Diagnostic]:
    where = store.client.place(url)
    try:
        _, one = store.session.properties(url, (REPORTS, SYNC_TOKEN, CTAG))
    except Refused as refused:
        raise store.session.failure(f"the {store.dialect.noun} cannot be read", refused) from refused
    if one.has(REPORTS, SYNC_COLLECTION) or SYNC_TOKEN in one.props:
        return
    if CTAG in one.props:
        yield Diagnostic(
            Severity.INFO,
            f"a changed {store.dialect.noun} is listed in full",
            where,
            "the server does not offer sync-collection (RFC 6578)",
        )
    else:
        yield Diagnostic(
            Severity.WARNING,
            f"every run lists the {store.dialect.noun} in full",
            where,
            "the server offers neither sync-collection nor a CTag",
        )


def _head(answer: Answer) -> tuple[set[str], float | None, str, str]:
    features = {word.strip().lower() for word in answer.headers.get("DAV", "").split(",")}
    return features, _skew(answer.headers.get("Date")), answer.headers.get("Server", ""), answer.version


def _skew(date: str | None) -> float | None:
    """How many seconds the server's clock is ahead."""
    try:
        return (parsedate_to_datetime(date or "") - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
