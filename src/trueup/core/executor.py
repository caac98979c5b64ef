"""The apply phase: one batch of changes at one collection.

A batch is journaled before it is sent and after it is answered, one commit each. Every write carries its
precondition, so a batch that was killed in between is
simply sent again: where the store says "not as you think", the item is read back, and if it already is what we
wanted, the change is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from trueup.core.ledger.rows import JournalRow
from trueup.core.work import Work
from trueup.model.change import Action, Change, ChangeState
from trueup.model.errors import ItemRefused, NotFound, StoreError
from trueup.model.items import Body, Glance
from trueup.model.ports import Collection, Outcome, Verb, Write, Written

QUARANTINE_FIRST = 300.0
QUARANTINE_MOST = 86_400.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a change."""

    change: Change
    state: ChangeState
    etag: str | None = None
    reason: str = ""
    code: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return {
            key: value for key, value in (("etag", self.etag), ("reason", self.reason), ("code", self.code)) if value
        }


def apply_batch(work: Work, run_id: str, batch: int) -> dict[str, Any]:
    """Sends one batch; safe to repeat.

    Returns:
        {"batch", "collection", "done", "failed", "stale", "errors": [...]}.
    """
    rows = [
        row for row in work.ledger.journal.batch(run_id, batch) if row.state in (ChangeState.PLANNED, ChangeState.SENT)
    ]
    if not rows:
        return {"batch": batch, "collection": "", "done": 0, "failed": 0, "stale": 0, "errors": []}
    ref = rows[0].change.collection
    errors: list[dict[str, str]] = []
    try:
        collection = work.collection(ref, create=True)
        if collection is None:
            raise NotFound(f"{ref} is not there")
        results = _send(work, run_id, collection, rows)
    except (StoreError, NotFound) as error:
        # What was sent stays "sent"; what this batch could not do is tried again by the next run, which reads the
        # store first.
        errors.append(error.to_json())
        results = [Result(row.change, ChangeState.FAILED, reason=str(error), code="store") for row in rows]
    _record(work, run_id, ref, results)
    counts = {state: sum(1 for one in results if one.state is state) for state in ChangeState}
    return {
        "batch": batch,
        "collection": ref,
        "done": counts[ChangeState.DONE],
        "failed": counts[ChangeState.FAILED],
        "stale": counts[ChangeState.STALE],
        "errors": errors,
    }


def _send(work: Work, run_id: str, collection: Collection, rows: Sequence[JournalRow]) -> list[Result]:
    bodies = work.ledger.blobs.get_many(sorted({row.change.after for row in rows if row.change.after}))
    by_key = {row.change.seq: row.change for row in rows}
    writes = {change.seq: _write(work, collection, change, bodies) for change in by_key.values()}
    results: list[Result] = []
    if not collection.capabilities.preconditions:
        results = _checked_first(work, collection, by_key, writes, bodies)
        for one in results:
            del writes[one.change.seq]
    work.ledger.journal.mark_sent(run_id, sorted(writes))
    answers = list(collection.write(list(writes.values()))) if writes else []
    unclear = [one for one in answers if one.outcome is not Outcome.DONE and one.outcome is not Outcome.REFUSED]
    held = _read_back(collection, [writes[one.key].href for one in unclear])
    for answer in answers:
        change = by_key[answer.key]
        if answer.outcome is Outcome.DONE:
            results.append(Result(change, ChangeState.DONE, answer.etag))
        elif answer.outcome is Outcome.REFUSED:
            results.append(Result(change, ChangeState.FAILED, reason=answer.reason, code="refused"))
        else:
            results.append(_judge(work, change, answer, held.get(writes[answer.key].href), bodies))
    return results


def _write(work: Work, collection: Collection, change: Change, bodies: dict[str, bytes]) -> Write:
    data = bodies[change.after] if change.after else None
    href = change.href
    if href is None:
        assert data is not None
        href = collection.new_href(work.kind.glance(data).uid)
    verb = {Action.CREATE: Verb.CREATE, Action.UPDATE: Verb.UPDATE, Action.DELETE: Verb.DELETE}[change.action]
    return Write(change.seq, verb, href, data, change.precondition, quiet=not work.spec.invite)


def _checked_first(
    work: Work, collection: Collection, changes: dict[int, Change], writes: dict[int, Write], bodies: dict[str, bytes]
) -> list[Result]:
    """For a store without preconditions: reads first, and writes only where the target still is what the plan says."""
    held = _read_back(collection, [one.href for one in writes.values()])
    results = []
    for key, write in writes.items():
        body, change = held.get(write.href), changes[key]
        if body is None or body.error:
            results.append(Result(change, ChangeState.FAILED, reason=body.error if body else "no answer", code="store"))
        elif _shows_result(work, change, body, bodies):
            results.append(Result(change, ChangeState.DONE, body.etag))
        elif not _shows_before(work, change, body):
            results.append(Result(change, ChangeState.STALE, reason="changed since the plan was made", code="stale"))
    return results


def _judge(work: Work, change: Change, answer: Written, body: Body | None, bodies: dict[str, bytes]) -> Result:
    """What a write that was not plainly done or refused has come to, by what the target holds now."""
    if body is None or body.error:
        return Result(change, ChangeState.FAILED, reason=answer.reason or "no answer", code="uncertain")
    if _shows_result(work, change, body, bodies):
        return Result(change, ChangeState.DONE, body.etag)
    if answer.outcome is Outcome.UNCERTAIN and _shows_before(work, change, body):
        return Result(change, ChangeState.FAILED, reason=answer.reason or "no answer", code="uncertain")
    if (
        answer.outcome is Outcome.PRECONDITION
        and change.action is not Action.CREATE
        and _shows_before(work, change, body)
    ):
        # Only the etag moved: the next round reads the new one and sends the change again.
        return Result(change, ChangeState.STALE, reason="its etag changed since the plan was made", code="stale")
    if change.action is Action.CREATE and body.data is None:
        # Not there, and yet it may not be created: another item has the same UID under another name, or the store
        # will not have it.
        return Result(
            change, ChangeState.FAILED, reason=answer.reason or "the store says it exists already", code="refused"
        )
    return Result(change, ChangeState.STALE, reason="changed since the plan was made", code="stale")


def _shows_result(work: Work, change: Change, body: Body, bodies: dict[str, bytes]) -> bool:
    if change.action is Action.DELETE:
        return body.data is None
    if body.data is None or change.after is None:
        return False
    try:
        return work.kind.same(bodies[change.after], body.data)
    except ItemRefused:
        return False


def _shows_before(work: Work, change: Change, body: Body) -> bool:
    if change.before is None or body.data is None:
        return change.before is None and body.data is None
    try:
        return work.kind.same(work.ledger.blobs.get(change.before), body.data)
    except ItemRefused:
        return work.ledger.blobs.get(change.before) == body.data


def _read_back(collection: Collection, hrefs: Sequence[str]) -> dict[str, Body]:
    """What is there now; a store that cannot even be read leaves the answer open."""
    try:
        return {body.href: body for body in collection.fetch(hrefs)} if hrefs else {}
    except StoreError:
        return {}


def _record(work: Work, run_id: str, ref: str, results: Iterable[Result]) -> None:
    """The second commit of a batch: what came of it, and what the target holds now as far as we know."""
    ledger, row = work.ledger, work.row(ref)
    collection = work.collection(ref)
    results = list(results)
    with ledger.transaction():
        for one in results:
            change = one.change
            if one.state is ChangeState.DONE:
                glance = Glance(*_uid(work, change), change.starts) if change.after else None
                href = change.href or (collection.new_href(glance.uid) if collection and glance else "")
                ledger.state.wrote(row.id, href, change.link, glance, change.after)
            elif one.state is ChangeState.FAILED and change.link is not None and one.code == "refused":
                quarantine(work, change.link, one.reason)
        ledger.journal.record(run_id, [(one.change.seq, one.state, one.to_json()) for one in results])
    for one in results:
        if one.state is not ChangeState.DONE:
            work.on_event(
                {
                    "event": "item",
                    "phase": "apply",
                    "collection": ref,
                    "title": one.change.title,
                    "state": one.state.value,
                    "reason": one.reason,
                }
            )


def _uid(work: Work, change: Change) -> tuple[str, str]:
    assert change.after is not None
    glance = work.kind.glance(work.ledger.blobs.get(change.after))
    return glance.uid, glance.title


def quarantine(work: Work, link_id: int, reason: str) -> None:
    """Leaves an item alone for a while that a store refused, longer each time; it is looked at again at once when it
    changes on any side."""
    link = work.ledger.state.link(link_id)
    attempts = link.attempts if link else 0
    wait = min(QUARANTINE_MOST, QUARANTINE_FIRST * 2**attempts)
    work.ledger.state.quarantine(link_id, work.clock() + wait, reason)
