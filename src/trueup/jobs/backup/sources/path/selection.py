"""Which entries of a snapshot a restore is about."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from trueup.core.patterns import Patterns, is_pattern
from trueup.jobs.backup.sources.path.records import manifest_of, records
from trueup.jobs.backup.sources.path.words import shown
from trueup.model.errors import NotFound

CLOSE = 5


class Selection:
    """What some texts name: files and folders with all that is in them.

    Args:
        about: the snapshot's about folder.
        only: paths below the root, the absolute paths they were at, or patterns (see `core.patterns`); empty: everything.
    """

    def __init__(self, about: Path, only: Sequence[str]) -> None:
        self._about = about
        self._only = tuple(only)

    def includes(self, path: str) -> bool:
        """Whether a path is named, or a folder it is in."""
        top = self._top
        if not top:
            return True
        end = path.find("/")
        while end >= 0:
            if path[:end] in top:
                return True
            end = path.find("/", end + 1)
        return path in top

    def top(self) -> tuple[str, ...]:
        """The paths that are named, without those that are in others; empty: everything.

        Raises:
            NotFound: a text names nothing in the snapshot.
        """
        return tuple(self._top)

    @cached_property
    def _top(self) -> dict[str, None]:
        wants = {text: self._relative(text) for text in self._only}
        if any(not path for path in wants.values()):
            return {}
        exact = set(wants.values())
        patterns = {path: Patterns([path]) for path in exact if is_pattern(path)}
        found: dict[str, None] = {}
        hit: set[str] = set()
        inside = "\0"
        for record in records(self._about):
            path: str = record["path"]
            name = path.rpartition("/")[2]
            named = {one for one, pattern in patterns.items() if pattern.matches(path, name)}
            if path in exact:
                named.add(path)
            hit |= named
            if named and not path.startswith(inside):
                found[path] = None
                if record["type"] == "dir":
                    inside = path + "/"
        for text, path in wants.items():
            if path not in hit:
                raise self._not_found(text, path)
        return found

    def _relative(self, text: str) -> str:
        """The path or pattern below the root; "" for the root itself."""
        root = self._root
        if text.startswith("/"):
            if text.rstrip("/") == root:
                return ""
            text = text.removeprefix(root.rstrip("/") + "/").removeprefix("/")
        return "/".join(one for one in text.split("/") if one not in ("", "."))

    @cached_property
    def _root(self) -> str:
        found = manifest_of(self._about)
        root: str = found["root"]
        # A single file is known by its own path; its folder is what its name is relative to.
        return root.rpartition("/")[0] if found.get("root_type") == "file" else root

    def _not_found(self, text: str, path: str) -> NotFound:
        name = path.rpartition("/")[2].lower()
        known: dict[str, str] = {}
        for record in records(self._about):
            known.setdefault(record["path"].rpartition("/")[2].lower(), record["path"])
        close = ([known[name]] if name in known else []) + [
            known[one] for one in get_close_matches(name, known, CLOSE) if one != name
        ]
        hint = (
            f"did you mean {', '.join(shown(one) for one in close[:CLOSE])}?" if close else "list what is in it first"
        )
        return NotFound(f"{shown(text)} is not in this snapshot", where=self._root, hint=hint)
