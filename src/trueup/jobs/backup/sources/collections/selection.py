"""Which items of a snapshot a restore is about."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from trueup.jobs.backup.sources.collections.index import Item, items
from trueup.model.errors import NotFound

CLOSE = 5


def selected(about: Path, only: Sequence[str]) -> list[Item]:
    """The items that are wanted, in an order that is always the same.

    Args:
        about: the snapshot's about folder.
        only: UIDs, parts of titles (in any case), or whole collections by name, title or store/name; empty: everything.

    Raises:
        NotFound: a text that names none; with titles that come close.
    """
    every = sorted(items(about), key=lambda one: (one.place, one.file))
    if not only:
        return every
    found: dict[str, None] = {}
    for text in only:
        matching = [one.file for one in every if text and text in (one.uid, *_collection(one))]
        matching = matching or [one.file for one in every if text and text.casefold() in one.title.casefold()]
        if not matching:
            raise _not_found(text, every)
        found |= dict.fromkeys(matching)
    return [one for one in every if one.file in found]


def _collection(item: Item) -> tuple[str, ...]:
    return item.collection, item.collection_title, item.place


def _not_found(text: str, every: Sequence[Item]) -> NotFound:
    known = {name.casefold(): name for one in every for name in (one.title, one.uid, *_collection(one)) if name}
    close = get_close_matches(text.casefold(), known, CLOSE, 0.5)
    hint = f"did you mean {', '.join(f'“{known[one]}”' for one in close)}?" if close else "list what is in it first"
    return NotFound(f"nothing in this snapshot is called “{text}”", hint=hint)
