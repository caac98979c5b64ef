"""The one-way planner: one item of a source, copied (and perhaps transformed) into the targets.

The source is the truth. What someone changed in a copy is drift, shown as such and put back. What the targets hold
beside the copies is nobody's business here:
it is never touched, so that many sources may share one target.
"""

from __future__ import annotations

from trueup.core.decisions import decided, wait_for_word
from trueup.core.draft import Draft
from trueup.core.ledger.rows import Replica
from trueup.core.merge import Edits, applied, diff, needed, revert
from trueup.model.change import NOT_DELETED, Action
from trueup.model.ports import Verdict


def mirror(draft: Draft) -> None:
    """Drafts the changes of one item of a one-way job."""
    sources = {str(ref) for ref in draft.work.spec.sources}
    targets = [str(ref) for ref in draft.work.spec.targets]
    for ref, one in draft.replicas.items():
        if one.refused and ref in sources:
            draft.skip(ref, one.refused, one.refused_why)
            return
    if draft.open_conflict is not None and draft.open_conflict.code == "undone" and decided(draft) not in sources:
        _after_undo(draft, targets)
        return
    origin = next((ref for ref in draft.live if ref in sources), None)
    if origin is None:
        _withdraw(draft, targets, _departed(draft, sources))
        return
    source = draft.replicas[origin]
    body = draft.bodies.get(source.seen or "")
    now = draft.work.clock()
    verdict = draft.work.filter.verdict(body, now) if draft.work.filter else Verdict(True)
    if not verdict.keep:
        _left_out(draft, targets, origin, verdict)
        return
    copy = _copy(draft, body)
    before = len(draft.changes)
    for ref in targets:
        if draft.usable(ref):
            with draft.refusals(ref):
                _bring(draft, ref, copy, origin)
    if len(draft.changes) == before:
        draft.add(Action.LINK, reason=f"as in {origin}")


def _after_undo(draft: Draft, targets: list[str]) -> None:
    """A copy that was undone waits for a person's word; one that shall stay as it is stays so until its source is edited."""
    if (chosen := decided(draft)) in targets:
        draft.add(Action.LINK, reason=f"left as it is in {chosen}, which you chose")
    else:
        wait_for_word(draft)


def _copy(draft: Draft, body: bytes) -> bytes:
    work = draft.work
    copy = work.transform.apply(body) if work.transform and not work.transform.identity else body
    return copy if work.kind.glance(copy).uid == draft.link.key else work.kind.with_uid(copy, draft.link.key)


def _bring(draft: Draft, ref: str, copy: bytes, origin: str) -> None:
    held = draft.replicas.get(ref)
    if held is None:
        draft.create(ref, copy, f"new in {origin}", [origin])
    elif held.seen is None:
        draft.create(ref, copy, f"was deleted in {ref}, and is still in {origin}", [origin], drift=True)
    elif held.refused:
        draft.skip(ref, held.refused, held.refused_why)
    else:
        _align(draft, ref, held, copy, origin)


def _align(draft: Draft, ref: str, held: Replica, copy: bytes, origin: str) -> None:
    side = draft.sides[ref]
    wanted_body = draft.work.kind.storable(copy, side.capabilities, invite=draft.work.spec.invite)
    wanted_body = draft.kept(ref, draft.bodies.get(held.seen or ""), wanted_body)
    donor = draft.bodies.put(wanted_body)
    wanted, now = draft.bodies.fields(donor), draft.bodies.fields(held.seen or "")
    if not held.sent:
        edits = diff(now, wanted)
        draft.update(ref, edits, dict.fromkeys(edits, donor), f"as in {origin}", [origin])
        return
    edits = diff(draft.bodies.fields(held.sent), wanted)
    if draft.work.rules is not None:
        edits = dict(draft.work.rules.admitted(edits, copy))
    drift = _drift(draft, held)
    reason, drifted = f"edited in {origin}", False
    if drift and not needed(edits, applied(revert(drift), now)):
        reason, drifted = f"was changed in {ref}, and is put back", True
    donors = dict.fromkeys(drift, held.kept or held.sent) | dict.fromkeys(edits, donor)
    draft.update(ref, {**revert(drift), **edits}, donors, reason, [origin], drift=drifted)


def _drift(draft: Draft, held: Replica) -> Edits:
    """What someone else changed in a copy since it was written and read back; one that was changed before it could be read back is
    compared with what was sent."""
    written = held.kept or held.sent
    if written is None or held.seen is None or written == held.seen:
        return {}
    return diff(draft.bodies.fields(written), draft.bodies.fields(held.seen))


def _left_out(draft: Draft, targets: list[str], origin: str, verdict: Verdict) -> None:
    """An item that the filter leaves out: its copies go if it was edited out, and stay if only time passed."""
    copies = [ref for ref in targets if ref in draft.live]
    if copies and not verdict.aged:
        _withdraw(draft, targets, f"left out of {origin}: {verdict.reason}")
        return
    draft.work.ledger.state.park(draft.link.id, verdict.wake)


def _departed(draft: Draft, sources: set[str]) -> str:
    gone = [ref for ref in draft.gone if ref in sources]
    return f"deleted in {gone[0]}" if gone else "no longer in any source"


def _withdraw(draft: Draft, targets: list[str], reason: str) -> None:
    before = len(draft.changes)
    for ref in targets:
        if ref in draft.live and draft.usable(ref, NOT_DELETED):
            with draft.refusals(ref, NOT_DELETED):
                draft.delete(ref, reason, [])
    if len(draft.changes) == before:
        draft.add(Action.LINK, reason=reason)
