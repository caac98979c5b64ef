"""What the last capture fetched, so that only what changed is fetched again.

    items.jsonl        the list of the last capture
    bodies/ab/abcd…    bodies by their sum

All of it may be lost or damaged: a body is used only where its sum is right.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from trueup.jobs.backup.sources.collections.index import ITEMS, Item, item_of
from trueup.model.items import digest


class Cache:
    """The cache of one source.

    Args:
        path: its folder (`SourceContext.cache`).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[tuple[str, str], dict[str, Item]] = {}
        for item in self._read():
            self._known.setdefault((item.store, item.collection), {})[item.href] = item

    def _read(self) -> Iterable[Item]:
        with suppress(OSError, ValueError, TypeError), open(self._path / ITEMS, encoding="ascii") as lines:
            for line in lines:
                yield item_of(json.loads(line))

    def collections(self, store: str) -> list[str]:
        """Names of the collections of a store that were in the last capture."""
        return [name for one, name in self._known if one == store]

    def items(self, store: str, collection: str) -> dict[str, Item]:
        """What the last capture found in a collection, by href."""
        return self._known.get((store, collection), {})

    def body(self, sum_: str) -> bytes | None:
        """A body by its sum."""
        try:
            data = self._place(sum_).read_bytes()
        except OSError:
            return None
        return data if digest(data) == sum_ else None

    def keep(self, sum_: str, data: bytes) -> None:
        """Keeps a body; a disk that is full only makes the next capture slower."""
        place = self._place(sum_)
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)

    def replace(self, listed: Path) -> None:
        """Takes a new list of items over, and lets go of the bodies that it does not name."""
        self._path.mkdir(parents=True, exist_ok=True)
        beside = self._path / f"{ITEMS}.new"
        shutil.copyfile(listed, beside)
        os.replace(beside, self._path / ITEMS)
        named = {item.sum for item in self._read()}
        for folder, _, names in os.walk(self._path / "bodies"):
            for name in names:
                if name not in named:
                    with suppress(OSError):
                        os.unlink(os.path.join(folder, name))

    def _place(self, sum_: str) -> Path:
        return self._path / "bodies" / sum_[:2] / sum_
