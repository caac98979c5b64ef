"""What a snapshot contains, for people who look for something in it: files, tables, events and contacts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from trueup.core.patterns import Patterns
from trueup.model.errors import NotFound
from trueup.model.repository import Entry


@dataclass(frozen=True, slots=True)
class Content:
    """One thing in a snapshot.

    Attributes:
        name: what `--only` of a restore takes.
        type: "file", "dir", "link" …, "table", "event", "contact", "accounts".
        size: bytes; None: not known.
        rows: of a table; None: it is none, or its rows were left out.
        time: when a file was changed last; seconds since 1970; None: not known.
        note: what else there is to say, for people.
        also: other names that `--only` takes: a UID.
    """

    name: str
    type: str
    size: int | None = None
    rows: int | None = None
    time: float | None = None
    note: str = ""
    also: tuple[str, ...] = ()


@runtime_checkable
class Lists(Protocol):
    """A kind of source that says more of what is in a snapshot than which files it is stored in."""

    def contents(self, about: Path) -> Iterator[Content]:
        """What there is, from the snapshot's about folder."""
        ...


def of_files(entries: Iterable[Entry]) -> Iterator[Content]:
    """Files as a repository lists them."""
    for one in entries:
        size = one.size if one.type == "file" else None
        yield Content(one.path, one.type, size, time=one.mtime or None)


def wanted(found: Iterable[Content], only: Sequence[str]) -> Iterator[Content]:
    """Those that are named: by a path or pattern (with all that is below), a table, a UID, or a part of a title in any case.

    Raises:
        NotFound: there is none.
    """
    if not only:
        yield from found
        return
    patterns = Patterns(only)
    hit = False
    for one in found:
        if one.type in ("event", "contact"):
            named = any(text in one.also or text.casefold() in one.name.casefold() for text in only)
        else:
            named = patterns.covers(one.name) or any(text in (one.name, *one.also) for text in only)
        if named:
            hit = True
            yield one
    if not hit:
        raise NotFound(
            f"nothing in this snapshot is called {' or '.join(only)}", hint="--files without --only shows all"
        )
