"""Undo: puts back what a run changed, where the target still holds what the run wrote, and says plainly what it cannot.

An undone item waits afterwards: the sides no longer agree, and only a person knows which one is right (`trueup
resolve`). So a timer does not do the same thing again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from trueup.core.executor import place
from trueup.core.ledger.rows import JournalRow, Replica
from trueup.core.work import Work
from trueup.model.change import Action, Change, ChangeState
from trueup.model.errors import ItemRefused
from trueup.model.plan import BasedOn, Plan

PAGE = 500


def plan_undo(work: Work, run_id: str, undone: str, readings: Mapping[str, Mapping[str, Any]]) -> Plan:
    """Makes the plan that takes back the run `undone`, in the ledger under `run_id`."""
    ledger = work.ledger
    ledger.journal.clear_changes(run_id)
    counts: dict[str, int] = {}
    seq = 0
    page: list[tuple[Change, ChangeState]] = []
    for row in _written(work, undone):
        change = replace(_reverse(work, row, readings), seq=(seq := seq + 1), bases=row.change.bases)
        counts[change.action.value] = counts.get(change.action.value, 0) + 1
        page.append((change, ChangeState.PLANNED if change.action.writes else ChangeState.SKIPPED))
    ledger.journal.add_changes(run_id, page)
    plan = Plan(
        run=run_id,
        job=work.spec.name,
        created=datetime.fromtimestamp(work.clock(), UTC).isoformat(timespec="seconds"),
        config=work.spec.digest,
        based_on=tuple(_based_on(work, ref, reading) for ref, reading in readings.items()),
        complete=Action.SKIP.value not in counts,
        applyable=any(counts.get(action.value) for action in Action if action.writes),
        counts=counts,
    )
    plan = plan.sealed(ledger.journal.texts(run_id))
    sizes = dict.fromkeys(readings, 100)
    ledger.journal.assign_batches(run_id, sizes)
    ledger.journal.update(run_id, plan=plan.to_json())
    return plan


def _based_on(work: Work, ref: str, reading: Mapping[str, Any]) -> BasedOn:
    row = work.row(ref)
    return BasedOn(ref, row.revision, work.ledger.state.counts(row.id).live, bool(reading["read"]))


def _written(work: Work, run_id: str) -> Iterator[JournalRow]:
    """What the run wrote, last first."""
    after, rows = 0, []
    done = (ChangeState.DONE, ChangeState.VERIFIED)
    while page := work.ledger.journal.changes(run_id, after=after, limit=PAGE, states=done):
        rows += [row for row in page if row.change.action.writes]
        after = page[-1].change.seq
    return reversed(rows)


def _reverse(work: Work, row: JournalRow, readings: Mapping[str, Mapping[str, Any]]) -> Change:
    change = row.change
    ref = change.collection
    if ref not in readings or not readings[ref]["read"]:
        return _cannot(change, f"{ref} could not be read", "unavailable")
    href = change.href
    if href is None:
        collection = work.collection(ref)
        if collection is None or change.after is None:
            return _cannot(change, f"{ref} is not there any more", "unavailable")
        href = place(work, collection, change)
    now = work.ledger.state.replica(work.row(ref).id, href)
    if change.action is Action.DELETE:
        if now is not None and now.seen is not None:
            return _cannot(change, f"stands in {ref} again already", "changed-since")
        return _back(
            change, Action.CREATE, href, after=change.before, reason="was deleted by the run: is created again"
        )
    if now is None or now.seen is None:
        return _cannot(change, f"was deleted in {ref} since", "changed-since")
    if not _still_ours(work, row, now):
        return _cannot(change, f"was changed in {ref} since", "changed-since")
    if change.action is Action.CREATE:
        return _back(
            change,
            Action.DELETE,
            href,
            precondition=now.etag,
            before=now.seen,
            reason="was created by the run: is deleted",
        )
    fields = tuple(replace(one, before=one.after, after=one.before) for one in change.fields)
    back = _back(
        change,
        Action.UPDATE,
        href,
        precondition=now.etag,
        before=now.seen,
        after=change.before,
        reason="was changed by the run: is put back",
    )
    return replace(back, fields=fields)


def _back(change: Change, action: Action, href: str, **values: Any) -> Change:
    values |= {"link": change.link, "merging": change.merging}
    return Change(0, action, change.collection, href, change.title, change.starts, **values)


def _cannot(change: Change, reason: str, code: str) -> Change:
    return Change(
        0,
        Action.SKIP,
        change.collection,
        change.href,
        change.title,
        change.starts,
        f"cannot be undone: {reason}",
        code,
        link=change.link,
    )


def _still_ours(work: Work, row: JournalRow, now: Replica) -> bool:
    if now.seen is None or row.change.after is None:
        return False
    if now.seen in (row.result.get("seen"), row.change.after):
        return True
    try:
        wrote = row.result.get("seen") or row.change.after
        return work.kind.same(work.ledger.blobs.get(wrote), work.ledger.blobs.get(now.seen))
    except ItemRefused:
        return False


def finish_undo(work: Work, run_id: str) -> int:
    """After the undo was applied and verified: gives the items their agreed state of before back, and makes them wait
    for a person. Items that had been made one are what they were, on all sides: whether they are one is asked.

    Returns:
        How many items wait.
    """
    ledger, after = work.ledger, 0
    waiting: set[int] = set()
    parted: set[tuple[int, int]] = set()
    while rows := ledger.journal.changes(run_id, after=after, limit=PAGE, states=(ChangeState.VERIFIED,)):
        for row in rows:
            if row.change.action.writes:
                link = _hold(work, run_id, row.change)
                waiting |= {link} if link is not None else set()
                if row.change.action is Action.CREATE and row.change.link and row.change.merging:
                    parted.add((row.change.link, row.change.merging))
        after = rows[-1].change.seq
    if parted:
        from trueup.core.asking import ask_again

        for one, other in sorted(parted):
            ask_again(work, one, other)
    return len(waiting)


def _hold(work: Work, run_id: str, change: Change) -> int | None:
    """Gives one item its agreed state back and makes it wait; returns its link, or None where it does not."""
    ledger = work.ledger
    link = change.link if change.link is not None and ledger.state.link(change.link) else None
    if link is None:
        replica = ledger.state.replica(work.row(change.collection).id, change.href or "")
        if replica is None or replica.seen is None:
            return None
        ledger.state.attach(work.spec.name, [(replica.id, replica.uid)])
        found = ledger.state.replica(work.row(change.collection).id, change.href or "")
        link = found.link if found else None
    if link is None:
        return None
    ids = {str(ref): work.row(str(ref)).id for ref in work.spec.collections}
    held = {one.collection for one in ledger.state.replicas([link]).get(link, [])}
    known = [(ids[ref], href, base, sent) for ref, href, base, sent in change.bases if ref in ids]
    ledger.state.restore(link, [one for one in known if one[2] is not None or one[0] in held])
    if change.merging is not None:
        return None
    versions = {ref: one for one_id, ref in ((v, k) for k, v in ids.items()) for one in _seen(work, link, one_id)}
    fields = [
        {"key": ["", "", ""], "label": "the whole item", "values": dict.fromkeys(versions, "there"), "winner": ""}
    ]
    ledger.conflicts.open(work.spec.name, link, run_id, change.title, change.starts, "undone", "open", fields, versions)
    return link


def _seen(work: Work, link: int, collection_id: int) -> list[str]:
    replicas = work.ledger.state.replicas([link]).get(link, [])
    return [one.seen for one in replicas if one.collection == collection_id and one.seen]
