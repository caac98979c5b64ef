"""The verify phase: reads back what a run wrote, and records what the store really keeps.

What a server dropped or rewrote on the way is told, and becomes part of the agreed state: it will not look like
somebody's edit later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trueup.core.executor import find_out, place, quarantine, record
from trueup.core.ledger.rows import JournalRow
from trueup.core.merge import diff
from trueup.core.rewriting import is_ours
from trueup.core.work import Work
from trueup.model.change import Action, ChangeState
from trueup.model.errors import ItemRefused, SecretMissing, StoreError
from trueup.model.items import Body, digest
from trueup.model.ports import Collection

PAGE = 500


def verify(work: Work, run_id: str, ref: str) -> dict[str, Any]:
    """Reads back what the run wrote to one collection.

    Returns:
        {"collection", "verified", "failed", "rewritten": how many the store keeps differently, "lost": {field label:
        how often}, "error"}.
    """
    result: dict[str, Any] = {"collection": ref, "verified": 0, "failed": 0, "rewritten": 0, "lost": {}, "error": None}
    try:
        collection = work.collection(ref)
        if collection is not None:
            for rows in _pages(work, run_id, ref):
                read_back(work, run_id, ref, collection, rows, result)
    except (StoreError, SecretMissing) as error:
        result["error"] = error.to_json()
    return result


def catch_up(work: Work, ref: str, collection: Collection) -> None:
    """Finds out what became of writes to a collection that earlier runs left without an answer, or did not come to read back.

    Before anything else is read there: what the store made of such a write must not be taken for somebody's edit.

    Raises:
        StoreError: the store cannot be read.
    """
    journal = work.ledger.journal
    for run_id, rows in journal.unfinished(work.spec.name, ref).items():
        asked = [row.change for row in rows if row.state is ChangeState.SENT]
        record(work, run_id, ref, find_out(work, collection, asked))
        for done in _pages(work, run_id, ref):
            read_back(work, run_id, ref, collection, done, {}, late=True)


def _pages(work: Work, run_id: str, ref: str) -> Iterator[list[JournalRow]]:
    after, journal, writes = 0, work.ledger.journal, [one for one in Action if one.writes]
    while rows := journal.changes(
        run_id, after=after, limit=PAGE, states=(ChangeState.DONE,), actions=writes, collection=ref
    ):
        after = rows[-1].change.seq
        yield rows


def read_back(
    work: Work,
    run_id: str,
    ref: str,
    collection: Collection,
    rows: Sequence[JournalRow],
    result: dict[str, Any],
    *,
    late: bool = False,
) -> None:
    """Reads back one page of what was written, and records it in one commit.

    Args:
        work, run_id, ref, collection: the job, the run that wrote, and where.
        rows: what was written.
        result: counts, added to; see `verify`.
        late: a later run makes up for it: what is not there any more may have been deleted by a person since.

    Raises:
        StoreError: the store cannot be read.
    """
    ledger, row_id = work.ledger, work.row(ref).id
    if collection.capabilities.faithful and not late:
        answered = [row for row in rows if row.result.get("etag") and row.change.after]
        _take_its_word(work, run_id, collection, row_id, answered)
        result["verified"] += len(answered)
        taken = {row.change.seq for row in answered}
        rows = [row for row in rows if row.change.seq not in taken]
        if not rows:
            return
    hrefs = {row.change.seq: place(work, collection, row.change) for row in rows}
    bodies = {body.href: body for body in collection.fetch(list(hrefs.values()))}
    verdicts = [
        _verdict(work, row, bodies.get(hrefs[row.change.seq], Body("", error="no answer")), collection) for row in rows
    ]
    with ledger.transaction("verify"):
        kept = {row.change.after for row in rows}  # those are in the ledger already
        named = {href: digest(body.data) for href, body in bodies.items() if body.data is not None}
        ledger.blobs.put_many([bodies[href].data or b"" for href, name in named.items() if name not in kept])
        records, confirmed = [], []
        for row, verdict in zip(rows, verdicts, strict=True):
            href, link = hrefs[row.change.seq], row.change.link
            state = ChangeState.STALE if late and verdict.code == "not-kept" else verdict.state
            if state is not ChangeState.DONE:
                confirmed.append((href, bodies[href].etag, named.get(href), state is not ChangeState.STALE))
            if state is ChangeState.FAILED and link is not None:
                quarantine(work, link, verdict.reason)
            records.append((row.change.seq, state, {**row.result, **verdict.to_json()}))
        ledger.state.confirm_many(row_id, confirmed)
        ledger.journal.record(run_id, records)
    _count(result, verdicts)


def _take_its_word(work: Work, run_id: str, collection: Collection, row_id: int, rows: Sequence[JournalRow]) -> None:
    """What a faithful store answered that it stored is what it holds: nothing is read again, not even from the ledger."""
    with work.ledger.transaction("verify"):
        kept = [(place(work, collection, row.change), str(row.result["etag"]), row.change.after, True) for row in rows]
        work.ledger.state.confirm_many(row_id, kept)
        work.ledger.journal.record(
            run_id, [(row.change.seq, ChangeState.VERIFIED, {**row.result, "seen": row.change.after}) for row in rows]
        )


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a written item has come to. `lost`: labels of fields the store keeps differently."""

    state: ChangeState
    reason: str = ""
    code: str = ""
    seen: str = ""
    lost: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        known = {"reason": self.reason, "code": self.code, "seen": self.seen, "rewritten": list(self.lost)}
        return {key: value for key, value in known.items() if value}


def _count(result: dict[str, Any], verdicts: Sequence[_Verdict]) -> None:
    for one in verdicts:
        name = "failed" if one.state is ChangeState.FAILED else "verified" if one.state is not ChangeState.DONE else ""
        if name:
            result[name] = result.get(name, 0) + 1
        if one.lost:
            result["rewritten"] = result.get("rewritten", 0) + 1
        for label in one.lost:
            lost = result.setdefault("lost", {})
            lost[label] = lost.get(label, 0) + 1


def _verdict(work: Work, row: JournalRow, body: Body, collection: Collection) -> _Verdict:
    """One item: kept as sent, kept with losses, damaged, not kept, or changed by someone else meanwhile."""
    change = row.change
    if body.error:
        return _Verdict(ChangeState.DONE, body.error)
    if change.action is Action.DELETE:
        if body.data is None:
            return _Verdict(ChangeState.VERIFIED)
        return _Verdict(ChangeState.FAILED, "the store said it was deleted, and still has it", "not-kept")
    if body.data is None:
        return _Verdict(ChangeState.FAILED, "the store said it was stored, and does not have it", "not-kept")
    assert change.after is not None
    sent = work.ledger.blobs.get(change.after)
    try:
        if work.kind.same(sent, body.data):
            return _Verdict(ChangeState.VERIFIED, seen=digest(body.data))
        if _edited_meanwhile(work, row, body, sent, collection):
            return _Verdict(ChangeState.STALE, "was edited there right after it was written; the next run takes it up")
        lost = diff(work.kind.fields(sent), work.kind.fields(body.data))
    except ItemRefused as error:
        return _Verdict(ChangeState.FAILED, f"the store damaged it: {error.what}", "damaged")
    labels = tuple(sorted({work.kind.label(key) for key in lost}))
    return _Verdict(ChangeState.VERIFIED, seen=digest(body.data), lost=labels)


def _edited_meanwhile(work: Work, row: JournalRow, body: Body, sent: bytes, collection: Collection) -> bool:
    """Whether a person's edit came between the write and this reading, rather than the server rewriting what it was
    given.

    With an etag from the write that is certain, unless the etags of the store change by themselves. Without one (RFC 4791
    section 5.3.4: the server changed the body) the item itself has to tell.
    """
    written = row.result.get("etag")
    if written is not None and body.etag is not None:
        if written == body.etag:
            return False
        again = next(iter(collection.fetch([body.href])), body)
        if again.etag == body.etag:
            return True
    assert body.data is not None
    before = work.ledger.blobs.get(row.change.before) if row.change.before else None
    return not is_ours(work.kind, before, sent, body.data)
