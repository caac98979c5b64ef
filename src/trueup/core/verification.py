"""The verify phase: reads back what a run wrote, and records what the store really keeps.

What a server dropped or rewrote on the way is told, and becomes part of the agreed state: it will not look like
somebody's edit later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trueup.core.executor import quarantine
from trueup.core.ledger.rows import JournalRow
from trueup.core.merge import diff
from trueup.core.work import Work
from trueup.model.change import Action, ChangeState
from trueup.model.errors import ItemRefused, StoreError
from trueup.model.items import Body, digest

PAGE = 500


def verify(work: Work, run_id: str, ref: str) -> dict[str, Any]:
    """Reads back what the run wrote to one collection.

    Returns:
        {"collection", "verified", "failed", "rewritten": how many the store keeps differently, "lost": {field label:
        how often}, "error"}.
    """
    result: dict[str, Any] = {"collection": ref, "verified": 0, "failed": 0, "rewritten": 0, "lost": {}, "error": None}
    try:
        for rows in _pages(work, run_id, ref):
            _verify_page(work, run_id, ref, rows, result)
    except StoreError as error:
        result["error"] = error.to_json()
    return result


def _pages(work: Work, run_id: str, ref: str) -> Iterator[list[JournalRow]]:
    after, page = 0, []
    while rows := work.ledger.journal.changes(run_id, after=after, limit=PAGE, states=(ChangeState.DONE,)):
        after = rows[-1].change.seq
        page += [row for row in rows if row.change.collection == ref and row.change.action.writes]
        if len(page) >= PAGE:
            yield page
            page = []
    if page:
        yield page


def _verify_page(work: Work, run_id: str, ref: str, rows: list[JournalRow], result: dict[str, Any]) -> None:
    collection = work.collection(ref)
    if collection is None:
        return
    ledger, row_id = work.ledger, work.row(ref).id
    hrefs = {row.change.seq: _href(work, ref, row) for row in rows}
    bodies = {body.href: body for body in collection.fetch(list(hrefs.values()))}
    with ledger.transaction():
        ledger.blobs.put_many([body.data for body in bodies.values() if body.data is not None])
        records = []
        for row in rows:
            body = bodies.get(hrefs[row.change.seq], Body("", error="no answer"))
            state, extra = _verdict(work, row, body, result)
            if state is not ChangeState.DONE:
                kept = digest(body.data) if body.data is not None else None
                ledger.state.confirm(row_id, hrefs[row.change.seq], body.etag, kept)
            if state is ChangeState.FAILED and row.change.link is not None:
                quarantine(work, row.change.link, extra.get("reason", ""))
            records.append((row.change.seq, state, {**row.result, **extra}))
        ledger.journal.record(run_id, records)


def _href(work: Work, ref: str, row: JournalRow) -> str:
    change = row.change
    if change.href is not None:
        return change.href
    collection = work.collection(ref)
    assert collection is not None
    assert change.after is not None
    return collection.new_href(work.kind.glance(work.ledger.blobs.get(change.after)).uid)


def _verdict(work: Work, row: JournalRow, body: Body, result: dict[str, Any]) -> tuple[ChangeState, dict[str, Any]]:
    """One item: kept as sent, kept with losses, damaged, not kept, or changed by someone else meanwhile."""
    change = row.change
    if body.error:
        return ChangeState.DONE, {"reason": body.error}
    if change.action is Action.DELETE:
        if body.data is None:
            result["verified"] += 1
            return ChangeState.VERIFIED, {}
        result["failed"] += 1
        return ChangeState.FAILED, {"code": "not-kept", "reason": "the store said it was deleted, and still has it"}
    if body.data is None:
        result["failed"] += 1
        return ChangeState.FAILED, {"code": "not-kept", "reason": "the store said it was stored, and does not have it"}
    assert change.after is not None
    sent = work.ledger.blobs.get(change.after)
    try:
        if work.kind.same(sent, body.data):
            result["verified"] += 1
            return ChangeState.VERIFIED, {"seen": digest(body.data)}
        if _edited_meanwhile(work, row, body, sent):
            result["verified"] += 1
            return ChangeState.STALE, {
                "reason": "was edited there right after it was written; the next run takes the edit up"
            }
        lost = diff(work.kind.fields(sent), work.kind.fields(body.data))
    except ItemRefused as error:
        result["failed"] += 1
        return ChangeState.FAILED, {"code": "damaged", "reason": f"the store damaged it: {error.what}"}
    result["verified"] += 1
    result["rewritten"] += 1
    labels = sorted({work.kind.label(key) for key in lost})
    for label in labels:
        result["lost"][label] = result["lost"].get(label, 0) + 1
    return ChangeState.VERIFIED, {"seen": digest(body.data), "rewritten": labels}


def _edited_meanwhile(work: Work, row: JournalRow, body: Body, sent: bytes) -> bool:
    """Whether a person's edit came between the write and this reading, rather than the server rewriting what it was
    given.

    With an etag from the write that is certain. Without one (RFC 4791 section 5.3.4: the server changed the body) the
    item's own clock tells: a client
    that edits moves LAST-MODIFIED on, a server that rewrites leaves it.
    """
    written = row.result.get("etag")
    if written is not None and body.etag is not None:
        return bool(written != body.etag)
    assert body.data is not None
    return work.kind.modified(body.data) > work.kind.modified(sent)
