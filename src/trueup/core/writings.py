"""One writing of a number or address where items were taken for one by likeness: "020 7946 0018" and "+442079460018" do not both stay."""

from __future__ import annotations

from collections.abc import Mapping

from trueup.core.draft import Draft
from trueup.core.ledger.rows import Replica
from trueup.core.merge import Edits
from trueup.core.work import Work
from trueup.model.fields import Edit, Field, FieldKey

_Held = dict[FieldKey, dict[str, Field]]


def one_writing(draft: Draft, live: Mapping[str, Replica], edits: dict[str, Edits]) -> dict[str, Edits]:
    """The edits of a first contact, without other writings of what a side has already: those give way.

    Two writings with types that differ both stay: nothing that somebody said is lost.

    Args:
        draft: the item.
        live: the sides that hold it.
        edits: by side, each field of theirs as an addition.
    """
    groups: dict[tuple[str, str, str], _Held] = {}
    for ref, one in live.items():
        for key, field in draft.bodies.fields(one.seen or "").items():
            if key.member:
                plain = (key.part, key.name, _plain(draft.work, key))
                groups.setdefault(plain, {}).setdefault(key, {})[ref] = field
    result = {ref: dict(own) for ref, own in edits.items()}
    for held in groups.values():
        if len(held) > 1 and len({_said(field) for own in held.values() for field in own.values()} - {""}) < 2:
            _settle(held, result)
    return result


def _settle(held: _Held, edits: dict[str, Edits]) -> None:
    kept = max(held, key=lambda key: (any(map(_said, held[key].values())), key.member.startswith("+"), key.member))
    speaker = next(iter(held[kept]))
    for key, own in held.items():
        if key == kept:
            continue
        for ref, field in own.items():
            if edits.get(ref, {}).pop(key, None) is not None and ref not in held[kept]:
                edits.setdefault(speaker, {})[key] = Edit(key, field, None)


def _plain(work: Work, key: FieldKey) -> str:
    return key.member if work.matcher is None else work.matcher.plain(key)


def _said(field: Field) -> str:
    """What a member of a list says beside itself: its types and label."""
    return field.normal.rpartition(":")[0]
