"""What a person decided about an item (`trueup resolve`), carried out by the next plan."""

from __future__ import annotations

from trueup.core.conflicts import conflict
from trueup.core.draft import Draft, edits_since, richest
from trueup.core.ledger.rows import Replica
from trueup.core.merge import Edits, diff, revert
from trueup.model.change import NOT_DELETED, Action
from trueup.model.fields import FieldMap


def decided(draft: Draft) -> str | None:
    """The collection whose version a person chose, or None."""
    chosen = (draft.link.decision or {}).get("prefer")
    return None if chosen is None else str(chosen)


def restored(draft: Draft) -> str:
    """The digest of a losing version that a person wants back, or ""."""
    return str((draft.link.decision or {}).get("version", ""))


def brought_back(draft: Draft, live: dict[str, Replica], version: str) -> dict[str, Edits]:
    """The fields that lost a conflict, as edits of nobody's side, so that every side gets them."""
    wanted = {tuple(key) for key in (draft.link.decision or {}).get("keys", [])}
    reference: FieldMap = draft.bodies.fields(live[richest(draft)].seen or "")
    edits = diff(reference, draft.bodies.fields(version))
    return {"the kept version": {key: edit for key, edit in edits.items() if tuple(key) in wanted}}


def after_undo(draft: Draft) -> None:
    """An item that was undone waits until a person says which side is right; then that side is followed as it stands,
    deletions too."""
    chosen = decided(draft)
    if chosen is None or chosen not in draft.sides:
        wait_for_word(draft)
        return
    leader = draft.replicas.get(chosen)
    if leader is None or leader.seen is None:
        for ref in draft.live:
            if draft.usable(ref, NOT_DELETED):
                with draft.refusals(ref, NOT_DELETED):
                    draft.delete(ref, f"not in {chosen}, which you chose", [chosen])
        if not draft.live:
            draft.add(Action.LINK, reason="deleted on all sides")
        return
    _follow(draft, chosen, leader)


def wait_for_word(draft: Draft) -> None:
    """Leaves an item that was undone as it is."""
    assert draft.open_conflict is not None
    conflict(draft, draft.open_conflict.fields, "undone", "was undone, and waits for your word on which side is right")


def _follow(draft: Draft, chosen: str, leader: Replica) -> None:
    led = edits_since(draft, leader) if leader.base else {}
    touched = False
    for ref in draft.sides:
        one = draft.live.get(ref)
        if ref == chosen or not draft.usable(ref):
            continue
        if one is None:
            with draft.refusals(ref):
                draft.create(ref, draft.bodies.get(leader.seen or ""), f"is in {chosen}, which you chose", [chosen])
            touched = True
            continue
        edits = {**revert(edits_since(draft, one)), **led} if one.base and leader.base else None
        if edits is None:
            edits = diff(draft.bodies.fields(one.seen or ""), draft.bodies.fields(leader.seen or ""))
        before = len(draft.changes)
        with draft.refusals(ref):
            donors = dict.fromkeys(edits, leader.seen or "")
            draft.update(ref, edits, donors, f"as in {chosen}, which you chose", [chosen])
        touched |= len(draft.changes) > before
    if not touched:
        draft.add(Action.LINK, reason="the same on all sides")
