"""The read phase: what is there now, with as little traffic as the store allows.

The listing goes to the ledger page by page and is compared there, so memory does not grow with the collection. Only what is new or has
another etag is fetched, and what the listing misses is asked for by name. Every fetched chunk is committed by itself: a reading that is
killed is taken up where it stopped, since what was fetched has its etag by then. The cursor moves on in the last commit, together with
the deletions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from trueup.core.ledger.rows import CollectionRow, Observed
from trueup.core.work import Work
from trueup.model.errors import ItemRefused, LoginRefused, Permanent, SecretMissing, StoreError
from trueup.model.items import Body, Entry, digest
from trueup.model.ports import Changes, Collection, Kind

LISTING_PAGE = 1000
FETCH_PAGE = 5000
COMMIT_ITEMS = 250
FULL_EVERY = 7 * 86_400.0
"""Seconds after which a collection is listed in full again: a server that leaves something new out of what it says has changed would never
be found out otherwise."""


def read(work: Work, ref: str) -> dict[str, Any]:
    """Brings the ledger up to date with one collection.

    Returns:
        {"collection", "read", "exists", "items", "fetched", "changed", "gone"}; `read` False with "error" where the
        store could not be read, or its password is missing: the other collections go on without it.
    """
    try:
        return _read(work, ref)
    except (StoreError, SecretMissing) as error:
        result = {"collection": ref, "read": False, "exists": True, "items": 0, "fetched": 0, "changed": 0, "gone": 0}
        return {**result, "error": error.to_json(), "login": isinstance(error, LoginRefused | SecretMissing)}


def _read(work: Work, ref: str) -> dict[str, Any]:
    row = work.row(ref)
    cursor = row.cursor if row.listed_at is not None and work.clock() - row.listed_at < FULL_EVERY else None
    collection = work.collection(ref, cursor=cursor)
    state = work.ledger.state
    if collection is None:
        if row.read_at is not None and state.counts(row.id).live:
            raise Permanent(
                f"{ref} is not there any more",
                why="it was there in the last run, and a missing collection is never taken for an empty one",
                hint="if it was renamed, change its name in trueup.yaml; if it was deleted on purpose, take it "
                "out of the job",
            )
        return {"collection": ref, "read": True, "exists": False, "items": 0, "fetched": 0, "changed": 0, "gone": 0}
    if work.ledger.journal.unfinished(work.spec.name, ref):
        from trueup.core.verification import catch_up

        catch_up(work, ref, collection)
    state.begin_listing(row.id)
    changes = collection.changes(cursor)
    form = getattr(changes, "form", "")
    if form and _is_new_form(work, row, form):
        state.forget_agreement(row.id)
    named = _store_listing(work, row.id, changes)
    if not changes.full and not _names_our_writes(work, row, named):
        # Its cursors stand for states and not for moments (a tree's hash), and the state of then has come back: what we wrote since
        # was undone by somebody, and no difference tells of it.
        changes = collection.changes(None)
        state.begin_listing(row.id)
        _store_listing(work, row.id, changes)
    _ask_for_vanished(work, row.id, collection, changes.full)
    fetched = _fetch_changed(work, ref, row.id, collection)
    changed, gone = state.end_listing(row.id, changes.full, changes.token, work.clock())
    if form:
        work.ledger.facts.put(work.spec.name, f"form/{ref}", {"form": form})
    return {
        "collection": ref,
        "read": True,
        "exists": True,
        "items": state.counts(row.id).live,
        "fetched": fetched,
        "changed": changed,
        "gone": gone,
    }


def _is_new_form(work: Work, row: CollectionRow, form: str) -> bool:
    """Whether a collection shows its items by other rules than before (a table's mapping was changed): nobody edited what looks otherwise
    now, and what is not shown any more was not removed."""
    known = work.ledger.facts.get(work.spec.name, f"form/{row.ref}")
    return known is not None and known["form"] != form


def _names_our_writes(work: Work, row: CollectionRow, named: set[str]) -> bool:
    """Whether a listing of what changed since the cursor names all that we wrote since: it is a change like any other."""
    written = work.ledger.journal.written_since(work.spec.name, row.ref, row.read_at or 0.0)
    return all(href in named for href in written)


def _store_listing(work: Work, collection_id: int, changes: Changes) -> set[str]:
    """Keeps a listing; returns what it names, where it is one of changes only."""
    rows, named = iter(changes), set[str]()
    while page := list(islice(rows, LISTING_PAGE)):
        entries = [one for one in page if isinstance(one, Entry)]
        gone = [one for one in page if isinstance(one, str)]
        work.ledger.state.add_listing(collection_id, entries, gone)
        if not changes.full:
            named.update((one.href for one in entries), gone)
    return named


def _ask_for_vanished(work: Work, collection_id: int, collection: Collection, full: bool) -> None:
    """What a listing says is gone, or leaves out, is asked for by name before it is believed: a listing that was cut off or lags behind
    must not become a deletion on every side."""
    state, after = work.ledger.state, ""
    while hrefs := state.vanished(collection_id, full, after, FETCH_PAGE):
        there = [body for body in collection.fetch(hrefs) if body.data is not None or body.error]
        state.add_listing(collection_id, [Entry(body.href, body.etag) for body in there], [])
        observe(work, collection_id, there)
        after = hrefs[-1]


def _fetch_changed(work: Work, ref: str, collection_id: int, collection: Collection) -> int:
    fetched, after = 0, ""
    while hrefs := work.ledger.state.to_fetch(collection_id, after, FETCH_PAGE):
        for bodies in _chunks(collection.fetch(hrefs), COMMIT_ITEMS):
            observe(work, collection_id, bodies)
            fetched += len(bodies)
            work.on_event({"event": "item", "phase": "read", "collection": ref, "fetched": fetched})
        after = hrefs[-1]
    return fetched


def _chunks(bodies: Iterator[Body], size: int) -> Iterator[list[Body]]:
    while chunk := list(islice(bodies, size)):
        yield chunk


def observe(work: Work, collection_id: int, bodies: Sequence[Body]) -> int:
    """Records fetched bodies in one commit; one that cannot be read or understood is recorded with the reason and
    stops nothing.

    Returns:
        How many differ from what the ledger had.
    """
    ledger = work.ledger
    gone = [body.href for body in bodies if body.data is None and not body.error]
    unreadable = [body for body in bodies if body.error]
    there = [body for body in bodies if body.data is not None and not body.error]
    with ledger.transaction():
        ledger.blobs.put_many([body.data for body in there if body.data is not None])
        rows = [_observed(work.kind, body) for body in there]
        rows += [_unreadable(body) for body in unreadable]
        changed = ledger.state.observe(collection_id, rows)
        return changed + ledger.state.missing(collection_id, gone)


def _observed(kind: Kind, body: Body) -> Observed:
    assert body.data is not None
    name = digest(body.data)
    try:
        glance = kind.glance(body.data)
    except ItemRefused as error:
        why = error.what if not error.why else f"{error.what}: {error.why}"
        return Observed(body.href, body.etag, name, "", "", "", error.code, why)
    return Observed(body.href, body.etag, name, glance.uid, glance.title, glance.starts)


def _unreadable(body: Body) -> Observed:
    """An item the store would not hand out: no etag is kept, so that it is asked for again, and its last known body
    stays."""
    return Observed(body.href, None, "", "", "", "", "unreadable", body.error)
