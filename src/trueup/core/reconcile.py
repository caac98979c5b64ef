"""The two-way planner: one item of two or more collections, brought to agreement.

Deletions first (an edit beats a deletion unless the job says otherwise), then the merge of what the sides edited, then
every side gets the others' edits patched into its own body, and a side that lacks the item gets a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trueup.core.conflicts import chooser, conflict, contenders, described, keep_losers, newest_only, resolution, ruler
from trueup.core.decisions import after_undo, brought_back, decided, restored
from trueup.core.draft import Draft, edits_since, join, richest
from trueup.core.ledger.rows import Replica
from trueup.core.merge import Edits, Merged, SideState, applied, diff, edits_of, merge, needed
from trueup.core.narrowing import uncontended, widened
from trueup.model.change import NOT_DELETED, REVIEW, Action
from trueup.model.fields import Edit, FieldKey
from trueup.model.job import ConflictPolicy


def reconcile(draft: Draft) -> None:
    """Drafts the changes of one item."""
    if any(one.refused for one in draft.replicas.values()):
        _leave_refused(draft)
        return
    if draft.open_conflict is not None and draft.open_conflict.code == "undone":
        after_undo(draft)
        return
    if _filtered_out(draft) or (draft.gone and not _deletion(draft)):
        return
    live = draft.live
    if not live and restored(draft):
        body = draft.bodies.get(restored(draft))
        _create_missing(draft, list(draft.sides), body, "brought back", [])
        return
    if not live:
        draft.add(Action.LINK, reason="deleted on all sides")
        return
    _agree(draft, live)


def _filtered_out(draft: Draft) -> bool:
    """Whether the job's filter keeps a new item out; what is in step already stays in step."""
    if draft.work.filter is None or any(one.base or one.sent for one in draft.replicas.values()):
        return False
    now = draft.work.clock()
    verdicts = [draft.work.filter.verdict(draft.bodies.get(one.seen), now) for one in draft.live.values() if one.seen]
    if not verdicts or any(one.keep for one in verdicts):
        return False
    wakes = [one.wake for one in verdicts if one.wake is not None]
    draft.work.ledger.state.park(draft.link.id, min(wakes, default=None))
    return True


def _leave_refused(draft: Draft) -> None:
    for ref, one in draft.replicas.items():
        if one.refused:
            draft.skip(ref, one.refused, one.refused_why)


def _deletion(draft: Draft) -> bool:
    """Decides between deletion and keeping; True where the item stays and the planning goes on."""
    live, gone = draft.live, draft.gone
    if not live:
        return True
    edited = [ref for ref, one in live.items() if _edited(draft, one)]
    word = decided(draft)
    if word in gone or (not edited and word not in live) or (draft.work.spec.delete_wins and word not in live):
        _delete_everywhere(draft, edited)
        return False
    if edited and word is None and draft.work.spec.conflicts is ConflictPolicy.ASK:
        conflict(
            draft, [_presence(draft, "")], "edit-against-delete", f"edited in {join(edited)}, deleted in {join(gone)}"
        )
        return False
    if edited and word is None:
        winner = edited[0]
        conflict(
            draft,
            [_presence(draft, winner)],
            "resolved",
            f"edited in {join(edited)}, deleted in {join(gone)}: the edit is kept",
        )
    return True


def _edited(draft: Draft, one: Replica) -> bool:
    """Whether a side has something that none of those who deleted the item ever had: an edit, or the item itself."""
    now = draft.bodies.fields(one.seen or "")
    edits = edits_since(draft, one) if one.base or one.kept else diff({}, now)
    given = [draft.bodies.fields(gone.sent) if gone.sent else {} for gone in draft.gone.values()]
    return bool(edits) and all(needed(edits, had) for had in given)


def _delete_everywhere(draft: Draft, edited: Sequence[str]) -> None:
    gone = list(draft.gone)
    if edited:
        conflict(
            draft,
            [_presence(draft, gone[0])],
            "resolved",
            f"edited in {join(edited)}, deleted in {join(gone)}: the deletion wins",
        )
    for ref in draft.live:
        if draft.usable(ref, NOT_DELETED):
            with draft.refusals(ref, NOT_DELETED):
                draft.delete(ref, f"deleted in {join(gone)}", gone)


def _presence(draft: Draft, winner: str) -> dict[str, Any]:
    values = dict.fromkeys(draft.live, "there") | dict.fromkeys(draft.gone, "deleted")
    return {"key": ["", "", ""], "label": "the whole item", "values": values, "winner": winner}


def _agree(draft: Draft, live: dict[str, Replica]) -> None:
    if draft.held is not None and not any(one.base or one.sent for one in draft.replicas.values()):
        draft.skip("", REVIEW, draft.held.reason)
        return
    missing = draft.missing()
    matched = _told_why(draft, live)
    first = next(iter(live.values()))
    if len(live) == 1 and first.base is None and not restored(draft):
        # Nothing to merge: the common first pull, which must not cost a parse.
        origin = next(iter(live))
        _create_missing(draft, missing, draft.bodies.get(first.seen or ""), f"new in {origin}", [origin])
        return
    if not missing and _identical(live) and not restored(draft):
        if not matched:
            draft.add(Action.LINK, reason="the same on all sides")
        return
    merged = _merge(draft, live)
    if merged is None:
        return
    touched = _update_sides(draft, live, merged)
    if missing:
        origins = sorted({merged.origin[key] for key in merged.edits} & set(live))
        body = _merged_body(draft, live, merged, richest(draft))
        reason = f"edited in {join(origins)}, so it is kept" if draft.gone and origins else f"is in {join(live)}"
        _create_missing(draft, missing, body, reason, list(live))
    if not touched and not missing and not matched:
        draft.add(Action.LINK, reason="the same on all sides" if _first_contact(live) else "the same edit on all sides")


def _told_why(draft: Draft, live: dict[str, Replica]) -> bool:
    """Drafts a link that says why items were taken for one though nothing identifies them; False where they were not."""
    why = (draft.link.decision or {}).get("matched")
    if why and len(live) > 1:
        draft.add(Action.LINK, reason=f"taken for one, {why}")
    return bool(why) and len(live) > 1


def _identical(live: dict[str, Replica]) -> bool:
    """A first contact of equal bodies: the same bytes are not parsed to find that they mean the same."""
    return len({one.seen for one in live.values()}) == 1 and all(
        one.base is None and one.sent is None for one in live.values()
    )


def _update_sides(draft: Draft, live: dict[str, Replica], merged: Merged) -> bool:
    """Drafts what each side lacks of the merged item; False where no side lacks anything."""
    before = len(draft.changes)
    for ref in live:
        edits = {key: edit for key, edit in merged.edits.items() if merged.origin[key] != ref}
        edits = widened(draft, ref, edits, merged.origin)
        edits |= _fill(draft, live, ref, merged)
        edits = needed(edits, _state(draft, live[ref]).now)
        if not edits or not draft.usable(ref):
            continue
        origin = sorted({merged.origin.get(key, "") for key in edits} - {""}) or [one for one in live if one != ref]
        with draft.refusals(ref):
            draft.update(ref, edits, _donors(live, merged, edits), f"edited in {join(origin)}", origin)
    return len(draft.changes) > before


def _merged_body(draft: Draft, live: dict[str, Replica], merged: Merged, donor: str) -> bytes:
    """What a side gets that lacks the item: one side's body with the others' edits made in it."""
    edits = {key: edit for key, edit in merged.edits.items() if merged.origin[key] != donor}
    return draft.patched(draft.bodies.get(live[donor].seen or ""), edits, _donors(live, merged, edits))


def _donors(live: dict[str, Replica], merged: Merged, edits: Edits) -> dict[FieldKey, str]:
    known = {ref: one.seen or "" for ref, one in live.items()}
    return {key: known.get(merged.origin.get(key, ""), "") for key in edits}


def _merge(draft: Draft, live: dict[str, Replica]) -> Merged | None:
    """The merged edits; None where the item has to wait for a person (the conflict is drafted then)."""
    sides = {ref: _state(draft, one) for ref, one in live.items()}
    edits = _admitted(draft, live, uncontended(draft, live, edits_of(sides)))
    if (draft.link.decision or {}).get("matched"):
        from trueup.core.writings import one_writing

        edits = one_writing(draft, live, edits)
    version = restored(draft)
    if version:
        edits = {**{ref: {} for ref in live}, **brought_back(draft, live, version)}
    word = decided(draft)
    choose = chooser(draft, live, word)
    policy = draft.work.spec.conflicts
    if policy is ConflictPolicy.NEWEST and sum(1 for own in edits.values() if own) > 1 and not version:
        edits = newest_only(draft, live, edits, choose)
    merged = merge(edits, choose, draft.work.kind.coupled, ruler(draft, live, word))
    if word in live and any(word not in one.values for one in merged.conflicts):
        # The side that a person chose did not touch what the others fight over: its value is the one to have.
        own = sides[word].now
        kept = {one.key: Edit(one.key, None, own.get(one.key)) for one in merged.conflicts}
        merged = merge({**edits, word: {**kept, **edits[word]}}, choose, draft.work.kind.coupled)
    if merged.undecided:
        conflict(draft, described(draft, merged), "fields", f"changed differently in {join(contenders(merged))}")
        return None
    if merged.conflicts and not version:
        conflict(draft, described(draft, merged), "resolved", resolution(merged))
        if policy is ConflictPolicy.KEEP_BOTH and word is None:
            keep_losers(draft, live, merged)
    return merged


def _admitted(draft: Draft, live: dict[str, Replica], edits: dict[str, Edits]) -> dict[str, Edits]:
    """The edits that count by the job's rules for single fields."""
    rules = draft.work.rules
    if rules is None:
        return edits
    return {ref: dict(rules.admitted(own, draft.bodies.get(live[ref].seen or ""))) for ref, own in edits.items()}


def _state(draft: Draft, one: Replica) -> SideState:
    """A side's agreed and present fields.

    Where we wrote to the side but the item did not come to agreement yet (another side was down), what we sent counts
    as what it holds: what the server lost on the way is no edit of its owner, and is not sent again in every run.
    """
    assert one.seen is not None
    now = draft.bodies.fields(one.seen)
    base = draft.bodies.fields(one.base) if one.base else None
    if not one.sent or (one.base and one.base == one.kept):
        return SideState(base, now)
    sent = draft.bodies.fields(one.sent)
    if one.kept:
        now = applied(diff(draft.bodies.fields(one.kept), now), sent)
    else:
        # Edited before it was read back: what is missing was lost by the server, or removed by the editor. It is not taken from the others.
        sent = {key: field for key, field in sent.items() if key in now}
    return SideState(base if base is not None else sent, now, sent)


def _fill(draft: Draft, live: dict[str, Replica], ref: str, merged: Merged) -> Edits:
    """What a side that joins late lacks though nobody edited it: the fields of a side that was in agreement all
    along, or those that we sent there and that were lost."""
    one = live[ref]
    if one.base is not None:
        return {}
    if one.sent and not one.kept:
        reference: str | None = one.sent
    else:
        reference = next((other.seen for other in live.values() if other.base is not None), None)
    if reference is None:
        return {}
    now, theirs = draft.bodies.fields(one.seen or ""), draft.bodies.fields(reference)
    return {key: edit for key, edit in diff(now, theirs).items() if edit.before is None and key not in merged.edits}


def _create_missing(draft: Draft, missing: Sequence[str], body: bytes, reason: str, origin: Sequence[str]) -> None:
    for ref in missing:
        if draft.usable(ref):
            with draft.refusals(ref):
                draft.create(ref, body, reason, origin)


def _first_contact(live: dict[str, Replica]) -> bool:
    return any(one.base is None for one in live.values())
