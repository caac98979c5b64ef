"""What changed between the list and the repository's reading: nothing can be said of its content, and a drill must not call it damage."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trueup.jobs.backup.sources.path.records import Record, chained_of, key, records, unchanged
from trueup.jobs.backup.sources.path.walk import Seen
from trueup.jobs.backup.sources.path.words import some
from trueup.model.repository import Watch

VOLATILE = "volatile.json"
LOOK_EVERY = 256


@dataclass(slots=True)
class Volatile:
    """Paths that were not the same before and after.

    Attributes:
        changed: other content, or other properties; a folder where something came or went, "" for the root.
        appeared: not in the list.
        vanished: in the list, and not there any more.
    """

    changed: set[str] = field(default_factory=set)
    appeared: set[str] = field(default_factory=set)
    vanished: set[str] = field(default_factory=set)

    def may_be_missing(self, path: str) -> bool:
        """Whether a listed entry may be missing from what was stored: it vanished, or it was replaced in a moment when it was read."""
        return path in self.vanished or (path in self.changed and path.rpartition("/")[0] in self.changed)

    def may_be_extra(self, path: str) -> bool:
        """Whether an entry that is not listed may be in what was stored: something came or went in a folder it is in."""
        if path in self.appeared:
            return True
        while path:
            path = path.rpartition("/")[0]
            if path in self.changed or path in self.appeared:
                return True
        return False

    def write(self, about: Path) -> None:
        """Keeps it in an about folder."""
        parts = {"changed": self.changed, "appeared": self.appeared, "vanished": self.vanished}
        text = json.dumps({"version": 1, **{name: sorted(paths, key=key) for name, paths in parts.items()}})
        (about / VOLATILE).write_text(text + "\n", encoding="ascii")

    @classmethod
    def read(cls, about: Path) -> Volatile:
        """What an about folder holds of it; nothing where there is none, or none that can be read: then every difference is told."""
        try:
            found = json.loads((about / VOLATILE).read_text(encoding="ascii"))
            return cls(*(set(map(str, found[name])) for name in ("changed", "appeared", "vanished")))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def notes(self) -> Iterator[str]:
        """In sentences."""
        for paths, what in (
            (
                self.changed,
                "changed while the backup was made, and may be in it as it was before or after, or half and half",
            ),
            (self.appeared, "came while the backup was made, and may not be in it"),
            (self.vanished, "vanished while the backup was made, and may not be in it"),
        ):
            named = sorted(paths - {""}, key=key)
            if named:
                yield f"{what}: {some(named[:5], len(named))}"


def merged(listed: Iterable[Record], entries: Iterable[Seen]) -> Iterator[tuple[Record | None, Seen | None]]:
    """The records of a list and the entries of a walk, side by side; None where one of the two does not have the path."""
    ones, others = iter(listed), iter(entries)
    record, seen = next(ones, None), next(others, None)
    while record is not None or seen is not None:
        if seen is None or (record is not None and key(record["path"]) < key(seen.path)):
            yield record, None
            record = next(ones, None)
        elif record is None or key(seen.path) < key(record["path"]):
            yield None, seen
            seen = next(others, None)
        else:
            yield record, seen
            record, seen = next(ones, None), next(others, None)


def state(entries: Iterator[Seen], watch: Watch) -> int | None:
    """What all entries are like, as `Looking.state` has it of those that were listed; None: one cannot be looked at."""
    found = 0
    for number, seen in enumerate(entries):
        if not number % LOOK_EVERY:
            watch.moved()
            watch.ok()
        if seen.stat is None:
            return None
        if not (seen.mount and seen.stat.st_mode & 0o170000 != 0o040000):
            found = chained_of(found, seen.path, seen.stat)
    return found


def compare(about: Path, entries: Iterator[Seen], watch: Watch) -> Volatile:
    """What is not as it was listed, by its times and inode."""
    found = Volatile()
    for number, (record, seen) in enumerate(merged(records(about), entries)):
        if not number % LOOK_EVERY:
            watch.moved()
            watch.ok()
        if record is None:
            assert seen is not None
            if not (seen.mount and seen.stat is not None and seen.stat.st_mode & 0o170000 != 0o040000):
                found.appeared.add(seen.path)
        elif seen is None or seen.stat is None or "volatile" in record:
            (found.changed if "volatile" in record and seen is not None else found.vanished).add(record["path"])
        elif not unchanged(record, seen.stat):
            found.changed.add(record["path"])
    return found
