"""Sides that hold a part of each item only (`Capabilities.narrow`): what is planned for them is what they will show.

So nothing that they have no place for is ever sent, reported as lost, or taken from the others when it does not come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trueup.core.merge import Edits
from trueup.model.capabilities import Narrow
from trueup.model.errors import ItemRefused
from trueup.model.fields import Edit, FieldKey

if TYPE_CHECKING:
    from trueup.core.draft import Draft
    from trueup.core.ledger.rows import Replica


def aliased(draft: Draft, narrow: Narrow, before: bytes, edits: Mapping[FieldKey, Edit]) -> Edits:
    """A list's members that are removed elsewhere under a name that a narrow side does not know, under the name that they have there: an
    address without the district that the table has no column for."""
    kind, result = draft.work.kind, dict(edits)
    now = kind.fields(before)
    for key, edit in edits.items():
        if edit.after is not None or not key.member or key in now or edit.before is None:
            continue
        others = {one: Edit(one, field, None) for one, field in now.items() if one.name == key.name}
        if not others:
            continue
        shown = kind.fields(narrow.kept(before, kind.patch(before, {**others, key: Edit(key, None, edit.before)})))
        for one in others:
            if one in shown and one not in result:
                result[one] = Edit(one, now[one], None)
    return result


def widened(draft: Draft, ref: str, edits: Edits, origin: Mapping[FieldKey, str]) -> Edits:
    """The edits for one side; those that a narrow side made, as one that holds more would have made them."""
    result = dict(edits)
    # A store may have to be asked for what it can do: only those are that are known to hold a part.
    for other in {origin[key] for key in edits if key in origin} & draft.work.narrow & draft.sides.keys():
        narrow = draft.sides[other].capabilities.narrow
        if narrow is not None:
            own = {key: edit for key, edit in edits.items() if origin.get(key) == other}
            for key in own:
                del result[key]
            result.update(narrow.widened(own, draft.bodies.get(draft.live[ref].seen or "")))
    return result


def uncontended(draft: Draft, live: Mapping[str, Replica], edits: dict[str, Edits]) -> dict[str, Edits]:
    """The sides' edits, at first contact without those of a narrow side that are what it can show of another side's values: it does not
    contend with what it shows as well as it can."""
    result = dict(edits)
    for ref, one in live.items():
        if ref not in draft.work.narrow or one.base is not None or not edits.get(ref):
            continue
        narrow = draft.sides[ref].capabilities.narrow
        if narrow is None:
            continue
        own = draft.bodies.get(one.seen or "")
        now = draft.bodies.fields(one.seen or "")
        for other, theirs in live.items():
            if other == ref:
                continue
            shown = draft.work.kind.fields(narrow.kept(own, draft.bodies.get(theirs.seen or "")))
            result[ref] = {
                key: edit
                for key, edit in result[ref].items()
                if key not in shown or key not in now or shown[key].normal != now[key].normal
            }
    return result


def place(draft: Draft, ref: str, body: bytes) -> str | None:
    """The href of a new item on a narrow side; None: the collection has yet to be made.

    Raises:
        ItemRefused: another item stands there ("key-taken"), or one that cannot be read.
    """
    side = draft.sides[ref]
    narrow = side.capabilities.narrow
    assert narrow is not None
    if not side.exists or draft.work.collection(ref) is None:
        return None
    href = narrow.place(body)
    there = draft.work.ledger.state.replica(side.id, href)
    if there is not None and there.refused:
        raise ItemRefused(f"{ref} has something in its place", code=there.refused, why=there.refused_why)
    if there is not None and there.seen is not None and there.link not in (None, draft.link.id):
        title = f"“{there.title}”" if there.title else "another item"
        raise ItemRefused(f"{ref} has {title} under the same key", code="key-taken", why="a key names one item only")
    return href
