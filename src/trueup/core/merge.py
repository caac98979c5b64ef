"""Three-way merge of fields, for any number of sides and any kind of item.

Every side is compared with what *that side* held when all last agreed, so a side that cannot hold a field, or
rewrites it, never looks as if its
owner had edited it. What the sides did since then are edits; edits of different fields never contradict each other
(unless the kind says that they are
coupled), equal edits agree, and the rest are conflicts, settled by `choose`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeAlias

from trueup.model.fields import Edit, Field, FieldKey, FieldMap

Edits: TypeAlias = dict[FieldKey, Edit]
Choose: TypeAlias = Callable[[Sequence[str]], str]
Rule: TypeAlias = Callable[[FieldKey, Sequence[str]], str]
Coupled: TypeAlias = Callable[[FieldKey, FieldKey], bool]

MAX_PAIRS = 1_000_000
"""Above this many pairs of edits, two sides that rewrote a series are taken to be coupled without looking at each
pair."""


@dataclass(frozen=True, slots=True)
class SideState:
    """One side of an item.

    Attributes:
        base: its fields when all last agreed; None: never.
        now: its fields now.
        given: what it was given since then, by a run that could not bring all sides to agreement; None: nothing.
    """

    base: FieldMap | None
    now: FieldMap
    given: FieldMap | None = None


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field that sides changed differently. `values` has every side that changed it; `winner` is "" where nobody
    may choose."""

    key: FieldKey
    values: Mapping[str, Field | None]
    winner: str


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome of a merge: the edits that every side shall have, which side each came from, and what was in
    conflict."""

    edits: Edits = field(default_factory=dict)
    origin: dict[FieldKey, str] = field(default_factory=dict)
    conflicts: list[FieldConflict] = field(default_factory=list)

    @property
    def undecided(self) -> bool:
        """Whether a conflict waits for a person."""
        return any(not one.winner for one in self.conflicts)


def diff(before: FieldMap, after: FieldMap) -> Edits:
    """The edits that turn `before` into `after`, by normal form."""
    edits: Edits = {}
    for key, value in after.items():
        old = before.get(key)
        if old is None or old.normal != value.normal:
            edits[key] = Edit(key, old, value)
    for key, old in before.items():
        if key not in after:
            edits[key] = Edit(key, old, None)
    return edits


def needed(edits: Mapping[FieldKey, Edit], now: FieldMap) -> Edits:
    """Those of the edits that `now` does not show yet."""
    result: Edits = {}
    for key, edit in edits.items():
        have = now.get(key)
        if edit.after is None:
            if have is not None:
                result[key] = Edit(key, have, None)
        elif have is None or have.normal != edit.after.normal:
            result[key] = Edit(key, have, edit.after)
    return result


def applied(edits: Mapping[FieldKey, Edit], fields: FieldMap) -> FieldMap:
    """`fields` after these edits."""
    result = dict(fields)
    for key, edit in edits.items():
        if edit.after is None:
            result.pop(key, None)
        else:
            result[key] = edit.after
    return result


def revert(edits: Mapping[FieldKey, Edit]) -> Edits:
    """The edits that undo these."""
    return {key: Edit(key, edit.after, edit.before) for key, edit in edits.items()}


def edits_of(sides: Mapping[str, SideState]) -> dict[str, Edits]:
    """What each side did since the sides last agreed.

    A side without an agreed state (first contact) has edited nothing that all sides show alike; where it differs, its
    value and the value of a side that
    speaks for the others stand against each other, and what only one of them has is an addition.
    """
    result = {name: {} if side.base is None else diff(side.base, side.now) for name, side in sides.items()}
    _supersede(sides, result)
    newcomers = [name for name, side in sides.items() if side.base is None]
    if not newcomers:
        return result
    settled = [name for name, side in sides.items() if side.base is not None]
    contenders = settled[:1] + newcomers
    keys = {key: None for name in contenders for key in sides[name].now}
    for key in keys:
        present = {name: value for name in contenders if (value := sides[name].now.get(key)) is not None}
        if len(present) == len(contenders) and len({value.normal for value in present.values()}) == 1:
            continue
        # A newcomer with the value that the others agreed on has edited nothing: what they did since stands.
        old = {field.normal for name in settled if (field := (sides[name].base or {}).get(key)) is not None}
        present = {name: value for name, value in present.items() if name in settled or value.normal not in old}
        for name, value in present.items():
            result[name].setdefault(key, Edit(key, None, value))
    return result


def _supersede(sides: Mapping[str, SideState], edits: dict[str, Edits]) -> None:
    """Whoever changed what he was given had seen the edit it came from: that one is over."""
    for name, side in sides.items():
        if side.given is None:
            continue
        for key, edit in diff(side.given, side.now).items():
            edits[name].setdefault(key, edit)
            for other in edits.keys() - {name}:
                if key in edits[other] and edits[other][key].same_result(Edit(key, None, edit.before)):
                    del edits[other][key]


def no_rule(key: FieldKey, contenders: Sequence[str]) -> str:
    """The rule of a job without any."""
    return ""


def merge(
    edits: Mapping[str, Mapping[FieldKey, Edit]], choose: Choose, coupled: Coupled, rule: Rule = no_rule
) -> Merged:
    """Brings the sides' edits together.

    Args:
        edits: by side, in order of preference for equal edits.
        choose: given the sides in conflict, the one that wins, or "" for "ask a person".
        coupled: whether edits of two different fields contradict each other.
        rule: as `choose`, of one field; "" for "as `choose` says".
    """
    merged = Merged()
    remaining = _settle_coupled({side: dict(own) for side, own in edits.items()}, choose, coupled, rule, merged)
    by_key: dict[FieldKey, dict[str, Edit]] = {}
    for side, own in remaining.items():
        for key, edit in own.items():
            by_key.setdefault(key, {})[side] = edit
    for key, contenders in by_key.items():
        first_side, first = next(iter(contenders.items()))
        if all(first.same_result(other) for other in contenders.values()):
            merged.edits[key], merged.origin[key] = first, first_side
            continue
        winner = rule(key, list(contenders)) or choose(list(contenders))
        merged.conflicts.append(FieldConflict(key, {side: edit.after for side, edit in contenders.items()}, winner))
        if winner:
            merged.edits[key], merged.origin[key] = contenders[winner], winner
    return merged


def _settle_coupled(
    edits: dict[str, Edits], choose: Choose, coupled: Coupled, rule: Rule, merged: Merged
) -> dict[str, Edits]:
    """Takes the loser's part out where edits of different fields contradict each other; what belongs together goes
    together."""
    for one, other in combinations(list(edits), 2):
        cluster = _cluster(edits[one], edits[other], coupled)
        if not cluster:
            continue
        ruled = (rule(key, [one, other]) for key in sorted(cluster))
        winner = next((name for name in ruled if name), "") or choose([one, other])
        for key in sorted(cluster):
            values = {side: edits[side][key].after for side in (one, other) if key in edits[side]}
            if len(values) == 2 and edits[one][key].same_result(edits[other][key]):
                continue
            merged.conflicts.append(FieldConflict(key, values, winner))
            loser = other if winner == one else one
            if winner and (lost := edits[loser].pop(key, None)):
                # The loser's own body has it already: what the winner did not touch is taken back there.
                edits[winner].setdefault(key, Edit(key, lost.after, lost.before))
    return edits


def _cluster(one: Edits, other: Edits, coupled: Coupled) -> set[FieldKey]:
    """The keys that stand against each other between two sides: empty unless a pair of *different* fields does."""
    mine = [key for key, edit in one.items() if key not in other or not edit.same_result(other[key])]
    theirs = [key for key, edit in other.items() if key not in one or not edit.same_result(one[key])]
    if len(mine) * len(theirs) > MAX_PAIRS:
        return set(mine) | set(theirs)
    found = {key for a in mine for b in theirs if a != b and (coupled(a, b) or coupled(b, a)) for key in (a, b)}
    if not found:
        return found
    # Whatever else a side did to the same thing goes with it: exceptions that were moved along with their series.
    for own in (mine, theirs):
        found |= {
            key for key in own if any(key != hit and (coupled(key, hit) or coupled(hit, key)) for hit in list(found))
        }
    return found
