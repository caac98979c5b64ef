"""The two-way planner: one item of two or more collections, brought to agreement.

Deletions first (an edit beats a deletion unless the job says otherwise), then the merge of what the sides edited, then
every side gets the others' edits patched into its own body, and a side that lacks the item gets a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trueup.core.conflicts import chooser, conflict, contenders, described, keep_losers, newest_only, resolution
from trueup.core.decisions import after_undo, brought_back, decided, restored
from trueup.core.draft import Draft, edits_since, join, richest
from trueup.core.ledger.rows import Replica
from trueup.core.merge import Edits, Merged, SideState, applied, diff, edits_of, merge, needed
from trueup.model.change import Action
from trueup.model.job import ConflictPolicy


def reconcile(draft: Draft) -> None:
    """Drafts the changes of one item."""
    if any(one.refused for one in draft.replicas.values()):
        _leave_refused(draft)
        return
    if draft.open_conflict is not None and draft.open_conflict.code == "undone":
        after_undo(draft)
        return
    if draft.gone and not _deletion(draft):
        return
    live = draft.live
    if not live:
        draft.add(Action.LINK, reason="deleted on all sides")
        return
    _agree(draft, live)


def _leave_refused(draft: Draft) -> None:
    for ref, one in draft.replicas.items():
        if one.refused:
            draft.skip(ref, one.refused, one.refused_why)


def _deletion(draft: Draft) -> bool:
    """Decides between deletion and keeping; True where the item stays and the planning goes on."""
    live, gone = draft.live, draft.gone
    if not live:
        return True
    edited = [ref for ref, one in live.items() if one.base is None or edits_since(draft, one)]
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
        if draft.usable(ref):
            with draft.refusals(ref):
                draft.delete(ref, f"deleted in {join(gone)}", gone)


def _presence(draft: Draft, winner: str) -> dict[str, Any]:
    values = dict.fromkeys(draft.live, "there") | dict.fromkeys(draft.gone, "deleted")
    return {"key": ["", "", ""], "label": "the whole item", "values": values, "winner": winner}


def _agree(draft: Draft, live: dict[str, Replica]) -> None:
    missing = [ref for ref in draft.sides if ref not in live]
    first = next(iter(live.values()))
    if len(live) == 1 and first.base is None and not restored(draft):
        # Nothing to merge: the common first pull, which must not cost a parse.
        origin = next(iter(live))
        _create_missing(draft, missing, draft.bodies.get(first.seen or ""), f"new in {origin}", [origin])
        return
    merged = _merge(draft, live)
    if merged is None:
        return
    origins = sorted(set(merged.origin.values()))
    donors = {ref: one.seen for ref, one in live.items()}
    touched = _update_sides(draft, live, merged, donors)
    if missing:
        donor = origins[0] if origins and origins[0] in live else richest(draft)
        body = draft.bodies.get(live[donor].seen or "")
        body = (
            draft.work.kind.patch(
                body, {k: e for k, e in merged.edits.items() if merged.origin[k] != donor}, donor=None
            )
            if merged.edits
            else body
        )
        reason = f"edited in {join(origins)}, so it is kept" if draft.gone else f"is in {join(live)}"
        _create_missing(draft, missing, body, reason, list(live))
    if not touched and not missing:
        draft.add(Action.LINK, reason="the same on all sides" if _first_contact(live) else "the same edit on all sides")


def _update_sides(draft: Draft, live: dict[str, Replica], merged: Merged, donors: dict[str, str | None]) -> bool:
    touched = False
    for ref in live:
        edits = {key: edit for key, edit in merged.edits.items() if merged.origin[key] != ref}
        edits |= _fill(draft, live, ref, merged)
        edits = needed(edits, _state(draft, live[ref]).now)
        if not edits:
            continue
        origin = sorted({merged.origin.get(key, "") for key in edits} - {""}) or [
            other for other in live if other != ref
        ]
        if not draft.usable(ref):
            touched = True
            continue

        before = len(draft.changes)
        with draft.refusals(ref):
            draft.update(ref, edits, donors.get(origin[0]), f"edited in {join(origin)}", origin)
        touched |= len(draft.changes) > before
    return touched


def _merge(draft: Draft, live: dict[str, Replica]) -> Merged | None:
    """The merged edits; None where the item has to wait for a person (the conflict is drafted then)."""
    sides = {ref: _state(draft, one) for ref, one in live.items()}
    edits = edits_of(sides)
    version = restored(draft)
    if version:
        edits = {**{ref: {} for ref in live}, **brought_back(draft, live, version)}
    word = decided(draft)
    choose = chooser(draft, live, word)
    policy = draft.work.spec.conflicts
    if policy is ConflictPolicy.NEWEST and sum(1 for own in edits.values() if own) > 1 and not version:
        edits = newest_only(draft, live, edits, choose)
    merged = merge(edits, choose, draft.work.kind.coupled)
    if merged.undecided:
        conflict(draft, described(draft, merged), "fields", f"changed differently in {join(contenders(merged))}")
        return None
    if merged.conflicts and not version:
        conflict(draft, described(draft, merged), "resolved", resolution(merged))
        if policy is ConflictPolicy.KEEP_BOTH and word is None:
            keep_losers(draft, live, merged)
    return merged


def _state(draft: Draft, one: Replica) -> SideState:
    """A side's agreed and present fields.

    Where we wrote to the side but the item did not come to agreement yet (another side was down), what we sent counts
    as what it holds: what the server
    lost on the way is no edit of its owner, and is not sent again in every run.
    """
    assert one.seen is not None
    now = draft.bodies.fields(one.seen)
    base = draft.bodies.fields(one.base) if one.base else None
    if one.sent and one.kept and one.base != one.kept:
        since = diff(draft.bodies.fields(one.kept), now)
        now = applied(since, draft.bodies.fields(one.sent))
    return SideState(base, now)


def _fill(draft: Draft, live: dict[str, Replica], ref: str, merged: Merged) -> Edits:
    """What a side that joins late lacks though nobody edited it: the fields of a side that was in agreement all
    along."""
    if live[ref].base is not None:
        return {}
    reference = next((one for one in live.values() if one.base is not None), None)
    if reference is None or reference.seen is None:
        return {}
    now, theirs = draft.bodies.fields(live[ref].seen or ""), draft.bodies.fields(reference.seen)
    return {key: edit for key, edit in diff(now, theirs).items() if edit.before is None and key not in merged.edits}


def _create_missing(draft: Draft, missing: Sequence[str], body: bytes, reason: str, origin: Sequence[str]) -> None:
    for ref in missing:
        if draft.usable(ref):
            with draft.refusals(ref):
                draft.create(ref, body, reason, origin)


def _first_contact(live: dict[str, Replica]) -> bool:
    return any(one.base is None for one in live.values())
