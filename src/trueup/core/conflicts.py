"""What happens when sides contradict each other: who wins, what is shown, and where the loser is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from trueup.core.draft import Draft, join
from trueup.core.ledger.rows import Replica
from trueup.core.merge import Choose, Edits, Merged, Rule, no_rule, revert
from trueup.model.change import Action
from trueup.model.fields import Field, FieldKey
from trueup.model.job import ConflictPolicy


def chooser(draft: Draft, live: dict[str, Replica], word: str | None) -> Choose:
    spec = draft.work.spec

    def choose(contenders: Sequence[str]) -> str:
        if word is not None and word in contenders:
            return word
        if spec.conflicts is ConflictPolicy.ASK:
            return ""
        if spec.conflicts is ConflictPolicy.PREFER:
            preferred = [ref for ref in contenders if ref.split("/", 1)[0] == spec.prefer]
            if preferred:
                return preferred[0]
        return _newest(draft, live, contenders)

    return choose


def ruler(draft: Draft, live: dict[str, Replica], word: str | None) -> Rule:
    """Who wins a field by the job's own rules for it; a person's word is above them."""
    rules = draft.work.rules
    if rules is None or word is not None:
        return no_rule

    def rule(key: FieldKey, contenders: Sequence[str]) -> str:
        wanted = rules.prefers(key)
        if wanted == "newest":
            return _newest(draft, live, contenders)
        return next((ref for ref in contenders if ref.split("/", 1)[0] == wanted), "") if wanted else ""

    return rule


def _newest(draft: Draft, live: dict[str, Replica], contenders: Sequence[str]) -> str:
    order = list(draft.sides)
    return max(contenders, key=lambda ref: (_modified(draft, live[ref]), -order.index(ref)))


def _modified(draft: Draft, one: Replica) -> float:
    return draft.work.kind.modified(draft.bodies.get(one.seen)) if one.seen else 0.0


def newest_only(draft: Draft, live: dict[str, Replica], edits: dict[str, Edits], choose: Choose) -> dict[str, Edits]:
    """The `newest` policy: where two sides edited an item, one side's edits count, and the others' are taken back and
    kept as the loser."""
    editors = [ref for ref, own in edits.items() if own]
    first = edits[editors[0]]
    if all(
        len(own) == len(first) and all(k in first and first[k].same_result(e) for k, e in own.items())
        for own in (edits[r] for r in editors)
    ):
        return edits
    winner = choose(editors)
    result: dict[str, Edits] = {ref: {} for ref in edits}
    result[winner] = dict(edits[winner])
    found = []
    for loser in editors:
        for key, edit in edits[loser].items():
            if loser == winner or (key in edits[winner] and edits[winner][key].same_result(edit)):
                continue
            back = edits[winner].get(key) or revert({key: edit})[key]
            result[winner].setdefault(key, back)
            values = {loser: _shown(edit.after), winner: _shown(back.after)}
            found.append({"key": list(key), "label": draft.work.kind.label(key), "values": values, "winner": winner})
    if found:
        conflict(draft, found, "resolved", f"edited in {join(editors)}: the newest, {winner}, is kept whole")
    return result


def keep_losers(draft: Draft, live: dict[str, Replica], merged: Merged) -> None:
    """`keep-both`: each losing version becomes an item of its own; the next round of this run carries it to the other
    sides."""
    losers = {ref for one in merged.conflicts for ref in one.values if ref != one.winner}
    kind = draft.work.kind
    for ref in sorted(losers):
        body = draft.bodies.get(live[ref].seen or "")
        uid = str(uuid5(NAMESPACE_URL, f"trueup:keep-both:{draft.link.key}:{live[ref].seen}"))
        copy = kind.retitled(kind.with_uid(body, uid), f" ({ref.split('/', 1)[0]})")
        if draft.usable(ref):
            with draft.refusals(ref):
                reason = f"the version of {ref} is kept beside the merged one"
                draft.create(ref, copy, reason, [ref], title=kind.glance(copy).title, link=None, bases=())


def conflict(draft: Draft, fields: Sequence[dict[str, Any]], code: str, reason: str) -> None:
    draft.add(
        Action.CONFLICT,
        code=code,
        reason=reason,
        conflict=tuple(fields),
        versions=tuple((ref, body) for ref, one in draft.replicas.items() if (body := one.seen or one.base)),
    )


def described(draft: Draft, merged: Merged) -> list[dict[str, Any]]:
    return [
        {
            "key": list(one.key),
            "label": draft.work.kind.label(one.key),
            "values": {ref: _shown(value) for ref, value in one.values.items()},
            "winner": one.winner,
        }
        for one in merged.conflicts
    ]


def _shown(value: Field | None) -> str | None:
    return None if value is None else value.shown or value.normal


def contenders(merged: Merged) -> list[str]:
    return list(dict.fromkeys(ref for one in merged.conflicts for ref in one.values))


def resolution(merged: Merged) -> str:
    winners = list(dict.fromkeys(one.winner for one in merged.conflicts))
    verb = "wins" if len(winners) == 1 else "win"
    return f"changed differently in {join(contenders(merged))}: {join(winners)} {verb}, the other version is kept in the ledger"
