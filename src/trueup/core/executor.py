"""The apply phase: one batch of changes at one collection.

A batch is journaled before it is sent and after it is answered, one commit each. Every write carries its
precondition, so a batch that was killed in between is
simply sent again: where the store says "not as you think", the item is read back, and if it already is what we
wanted, the change is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trueup.core.ledger.rows import JournalRow
from trueup.core.rewriting import took_effect
from trueup.core.work import Work
from trueup.model.change import Action, Change, ChangeState
from trueup.model.errors import ItemRefused, NotFound, SecretMissing, StoreError, TimedOut, Transient
from trueup.model.items import Body, Glance
from trueup.model.ports import Collection, Outcome, Verb, Write, Written

QUARANTINE_FIRST = 300.0
QUARANTINE_MOST = 86_400.0
_NO_ANSWER = Written(0, Outcome.UNCERTAIN, reason="no answer")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a change; `href` is where it was sent."""

    change: Change
    href: str
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

    A write whose outcome cannot be found out (the store does not answer any more) stays "sent"; the next reading of the collection begins by
    asking what became of it.

    Returns:
        {"batch", "collection", "done", "failed", "stale", "errors": [...]}.
    """
    rows = [
        row for row in work.ledger.journal.batch(run_id, batch) if row.state in (ChangeState.PLANNED, ChangeState.SENT)
    ]
    if not rows:
        return {"batch": batch, "collection": "", "done": 0, "failed": 0, "stale": 0, "errors": []}
    ref = rows[0].change.collection
    early, total = _too_early(work, run_id, rows), len(rows)
    rows = [row for row in rows if row.change.seq not in early]
    results = list(early.values())
    errors: list[dict[str, str]] = []
    try:
        collection = work.collection(ref, create=True)
        if collection is None:
            raise NotFound(f"{ref} is not there")
        results += _send(work, run_id, collection, rows)
    except (StoreError, NotFound, SecretMissing) as error:
        errors.append(error.to_json())
        code = "away" if isinstance(error, Transient | TimedOut) else "store"
        unsent = (row for row in work.ledger.journal.batch(run_id, batch) if row.state is ChangeState.PLANNED)
        results += [
            Result(row.change, row.change.href or "", ChangeState.FAILED, reason=str(error), code=code)
            for row in unsent
            if row.change.seq not in early
        ]
    record(work, run_id, ref, results)
    counts = Counter(one.state for one in results)
    return {
        "batch": batch,
        "collection": ref,
        "done": counts[ChangeState.DONE],
        "failed": total - counts[ChangeState.DONE] - counts[ChangeState.STALE],
        "stale": counts[ChangeState.STALE],
        "errors": errors,
    }


def _too_early(work: Work, run_id: str, rows: Sequence[JournalRow]) -> dict[int, Result]:
    """Deletions of what became part of another item that could not be written, by number: nothing of it would be left."""
    doomed = [one for one in rows if one.change.action is Action.DELETE and one.change.merging is not None]
    if not doomed:
        return {}
    links = {row.change.merging for row in doomed if row.change.merging is not None}
    missing = work.ledger.journal.undone(run_id, sorted(links))
    reason = "what it becomes part of could not be written"
    return {
        row.change.seq: Result(row.change, row.change.href or "", ChangeState.FAILED, reason=reason, code="waits")
        for row in doomed
        if row.change.merging in missing and row.state is ChangeState.PLANNED
    }


def find_out(work: Work, collection: Collection, changes: Sequence[Change]) -> list[Result]:
    """What became of writes that were sent and never answered, by what the target holds now; nothing is sent.

    Raises:
        StoreError: the store cannot be read.
    """
    hrefs = {change.seq: place(work, collection, change) for change in changes}
    held = {body.href: body for body in collection.fetch(list(hrefs.values()))}
    judged = (_judge(work, one, hrefs[one.seq], _NO_ANSWER, held.get(hrefs[one.seq]), doubted=True) for one in changes)
    return [one for one in judged if one is not None]


def _send(work: Work, run_id: str, collection: Collection, rows: Sequence[JournalRow]) -> list[Result]:
    changes = {row.change.seq: row.change for row in rows}
    doubted = {row.change.seq for row in rows if row.state is ChangeState.SENT}
    bodies = work.ledger.blobs.get_many(sorted({one.after for one in changes.values() if one.after}))
    writes = {seq: _write(work, collection, change, bodies) for seq, change in changes.items()}
    blind = {
        key: write
        for key, write in writes.items()
        if not collection.capabilities.preconditions or (write.verb is not Verb.CREATE and write.if_match is None)
    }
    results = _checked_first(work, collection, changes, blind, doubted)
    for one in results:
        del writes[one.change.seq]
    work.ledger.journal.mark_sent(run_id, sorted(writes))
    answers: dict[int, Written] = {}
    for answer in collection.write(list(writes.values())) if writes else ():
        answers.setdefault(answer.key, answer)
    unclear = [key for key in writes if key not in answers or answers[key].outcome is not Outcome.DONE]
    held = _read_back(collection, [writes[key].href for key in unclear])
    for key, write in writes.items():
        answer = answers.get(key, _NO_ANSWER)
        in_doubt = key in doubted or answer.outcome is Outcome.UNCERTAIN
        judged = _judge(work, changes[key], write.href, answer, held.get(write.href), doubted=in_doubt)
        if judged is not None:
            results.append(judged)
    return results


def _write(work: Work, collection: Collection, change: Change, bodies: dict[str, bytes]) -> Write:
    data = bodies[change.after] if change.after else None
    verb = {Action.CREATE: Verb.CREATE, Action.UPDATE: Verb.UPDATE, Action.DELETE: Verb.DELETE}[change.action]
    href = place(work, collection, change)
    return Write(change.seq, verb, href, data, change.precondition, quiet=not work.spec.invite)


def place(work: Work, collection: Collection, change: Change) -> str:
    """Where a change goes; a collection that was not there when the plan was made names the place only now."""
    if change.href is not None:
        return change.href
    assert change.after is not None
    body, narrow = work.ledger.blobs.get(change.after), collection.capabilities.narrow
    return collection.new_href(work.kind.glance(body).uid) if narrow is None else narrow.place(body)


def _checked_first(
    work: Work, collection: Collection, changes: dict[int, Change], writes: dict[int, Write], doubted: set[int]
) -> list[Result]:
    """Where a store takes no precondition, or gave no etag to make one of: reads first, and writes only where the target still is what
    the plan says."""
    held = _read_back(collection, [one.href for one in writes.values()])
    results = []
    for key, write in writes.items():
        body, change = held.get(write.href), changes[key]
        if body is None or body.error:
            if key not in doubted:
                reason = body.error if body else "no answer"
                results.append(Result(change, write.href, ChangeState.FAILED, reason=reason, code="store"))
        elif _shows_result(work, change, body) or (key in doubted and _took_effect(work, change, body)):
            results.append(Result(change, write.href, ChangeState.DONE))
        elif not _shows_before(work, change, body):
            results.append(_moved_on(change, write.href))
    return results


def _judge(
    work: Work, change: Change, href: str, answer: Written, body: Body | None, *, doubted: bool
) -> Result | None:
    """What a write has come to, by the answer, and by what the target holds where the answer does not tell; None: nobody can say."""
    if answer.outcome is Outcome.DONE:
        return Result(change, href, ChangeState.DONE, answer.etag)
    reason = answer.reason or "no answer"
    if body is None or body.error:
        if doubted or answer.outcome is not Outcome.REFUSED:
            return None
        return Result(change, href, ChangeState.FAILED, reason=reason, code="store")
    if _shows_result(work, change, body):
        return Result(change, href, ChangeState.DONE, body.etag)
    if doubted and _took_effect(work, change, body):
        return Result(change, href, ChangeState.DONE)  # whose etag this is will be seen when it is read back
    if not _shows_before(work, change, body):
        return _moved_on(change, href)
    if answer.outcome is Outcome.UNCERTAIN:
        return Result(change, href, ChangeState.FAILED, reason=reason, code="uncertain")
    if answer.outcome is Outcome.PRECONDITION and change.action is not Action.CREATE:
        # Only the etag moved: the next round reads the new one and sends the change again.
        return Result(change, href, ChangeState.STALE, reason="its etag changed since the plan was made", code="stale")
    # Refused; or not there and yet not to be created: another item has the same UID under another name.
    return Result(change, href, ChangeState.FAILED, reason=reason, code="refused")


def _moved_on(change: Change, href: str) -> Result:
    return Result(change, href, ChangeState.STALE, reason="changed since the plan was made", code="stale")


def _shows_result(work: Work, change: Change, body: Body) -> bool:
    if change.action is Action.DELETE:
        return body.data is None
    if body.data is None or change.after is None:
        return False
    try:
        return work.kind.same(work.ledger.blobs.get(change.after), body.data)
    except ItemRefused:
        return False


def _took_effect(work: Work, change: Change, body: Body) -> bool:
    if body.data is None or change.after is None:
        return False
    before = work.ledger.blobs.get(change.before) if change.before else None
    try:
        return took_effect(work.kind, before, work.ledger.blobs.get(change.after), body.data)
    except ItemRefused:
        return False


def _shows_before(work: Work, change: Change, body: Body) -> bool:
    if change.before is None or body.data is None:
        return change.before is None and body.data is None
    before = work.ledger.blobs.get(change.before)
    try:
        return work.kind.same(before, body.data)
    except ItemRefused:
        return before == body.data


def _read_back(collection: Collection, hrefs: Sequence[str]) -> dict[str, Body]:
    """What is there now; a store that cannot even be read leaves the answer open."""
    try:
        return {body.href: body for body in collection.fetch(hrefs)} if hrefs else {}
    except StoreError:
        return {}


def record(work: Work, run_id: str, ref: str, results: Sequence[Result]) -> None:
    """The second commit of a batch: what came of it, and what the target holds now as far as we know."""
    ledger, row = work.ledger, work.row(ref)
    with ledger.transaction("batch"):
        done = [one for one in results if one.state is ChangeState.DONE]
        glances = {one.change.seq: _glance(work, one.change) for one in done if one.change.after}
        ledger.state.wrote_many(
            row.id, [(one.href, one.change.link, glances.get(one.change.seq), one.change.after) for one in done]
        )
        for one in results:
            change = one.change
            if one.state is not ChangeState.DONE and change.link is not None and one.code in ("refused", "uncertain"):
                # What got no answer once may go through at once; what is refused will not.
                quarantine(work, change.link, one.reason, at_once=one.code == "uncertain")
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


def _glance(work: Work, change: Change) -> Glance:
    if change.uid:
        return Glance(change.uid, change.title, change.starts)
    assert change.after is not None
    glance = work.kind.glance(work.ledger.blobs.get(change.after))
    return Glance(glance.uid, glance.title, change.starts)


def quarantine(work: Work, link_id: int, reason: str, *, at_once: bool = False) -> None:
    """Leaves an item alone for a while because it failed, longer each time; it is looked at again at once when it changes on any side.

    Args:
        work: the job.
        link_id: the item's link.
        reason: why, for people.
        at_once: the first failure costs no wait.
    """
    link = work.ledger.state.link(link_id)
    attempts = link.attempts if link else 0
    wait = min(QUARANTINE_MOST, QUARANTINE_FIRST * 2.0**attempts)
    if at_once:
        wait = min(QUARANTINE_MOST, QUARANTINE_FIRST * 2.0 ** (attempts - 1)) if attempts else 0.0
    work.ledger.state.quarantine(link_id, work.clock() + wait, reason)
