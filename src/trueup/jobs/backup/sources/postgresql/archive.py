"""A dump in pg_dump's custom format, as pg_restore lists it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trueup.core.supervision import child_env, run_child
from trueup.jobs.backup.sources.postgresql.faults import said
from trueup.jobs.backup.sources.postgresql.programs import Programs
from trueup.model.errors import Permanent
from trueup.model.repository import Watch

_LINE = re.compile(r"^(\d+); (\d+) (\d+) [A-Z]+ ")
_DEPENDS = re.compile(r"^;\s+depends on: ([\d ]+)$")
_NAME = r'(?:"(?:[^"]|"")+"|[^\s";]+)'
_SETTING = re.compile(rf"^(ALTER (?:ROLE {_NAME} IN )?DATABASE ){_NAME}( SET .*;)$")
_SETVAL = re.compile(r", (-?\d+), (true|false)\);$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a dump's table of contents.

    Attributes:
        id: its number in the dump.
        catalogue: the catalogue it comes from, by number; 0: none.
        oid: the number in the catalogue of what it is about; 0: it goes with what it depends on.
        line: as listed; `pg_restore --use-list` takes it.
        needs: ids of entries it depends on.
    """

    id: int
    catalogue: int
    oid: int
    line: str
    needs: tuple[int, ...]

    def about(self, kind: str) -> bool:
        """Whether it is of a kind ("TABLE", "TABLE DATA"). A schema named DATA is told from one by the catalogue."""
        if not self.line.split(" ", 3)[3].startswith(kind + " "):
            return False
        return kind not in _BARE or (self.catalogue == 0) == _BARE[kind]


_BARE = {
    **dict.fromkeys(("TABLE", "SEQUENCE", "DATABASE", "INDEX", "MATERIALIZED VIEW"), False),
    **dict.fromkeys(("TABLE DATA", "TABLE ATTACH", "SEQUENCE SET", "SEQUENCE OWNED BY", "DATABASE PROPERTIES"), True),
    **dict.fromkeys(("INDEX ATTACH", "MATERIALIZED VIEW DATA"), True),
}
"""Kinds that begin alike: whether they are of no catalogue."""


def read(path: Path, programs: Programs, watch: Watch) -> list[Entry]:
    """The table of contents, in the dump's order.

    Raises:
        Permanent: it is no dump, or cut off within its table of contents.
    """
    text = bytearray()
    arguments = [programs.path("pg_restore"), "--list", "--verbose", str(path)]
    ended = run_child(arguments, watch=watch, env=child_env(), stdout=text.extend)
    if ended.code:
        raise said("the dump cannot be read back", path.name, ended.stderr)
    return list(_entries(text.decode(errors="replace").split("\n")))


def _entries(lines: Sequence[str]) -> Iterator[Entry]:
    for number, line in enumerate(lines):
        if found := _LINE.match(line):
            follows = _DEPENDS.match(lines[number + 1]) if number + 1 < len(lines) else None
            needs = tuple(int(one) for one in follows[1].split()) if follows else ()
            yield Entry(int(found[1]), int(found[2]), int(found[3]), line, needs)


def sequence_values(
    path: Path, entries: Sequence[Entry], programs: Programs, spool: Path, watch: Watch
) -> dict[int, tuple[int, bool]]:
    """What a dump sets sequences to: number in the catalogue -> (last value, whether it was given out).

    Raises:
        Permanent: the dump cannot be read.
    """
    wanted = [one for one in entries if one.about("SEQUENCE SET")]
    if not wanted:
        return {}
    text = bytearray()
    with listing(wanted, spool) as file:
        arguments = [programs.path("pg_restore"), "--use-list", str(file), "--file", "-", str(path)]
        ended = run_child(arguments, watch=watch, env=child_env(), stdout=text.extend)
    found = [match for line in text.decode(errors="replace").splitlines() if (match := _SETVAL.search(line))]
    if ended.code or len(found) != len(wanted):
        raise Permanent(
            "the dump cannot be read back",
            where=path.name,
            why=ended.stderr or "it does not set all sequences it names",
        )
    oids = {one.id: one.oid for one in entries}
    return {
        oids[entry.needs[0]]: (int(match[1]), match[2] == "true") for entry, match in zip(wanted, found, strict=True)
    }


@contextmanager
def listing(entries: Sequence[Entry], folder: Path) -> Iterator[Path]:
    """A file with some entries, for `pg_restore --use-list`, gone afterwards."""
    path = folder / "toc.list"
    path.write_text("".join(f"{one.line}\n" for one in entries), encoding="utf-8")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def settings(path: Path, entries: Sequence[Entry], programs: Programs, folder: Path, watch: Watch) -> list[str]:
    """Settings that belong to the dumped database, as statements with {} for its name.

    Raises:
        Permanent: the dump cannot be read.
    """
    wanted = [one for one in entries if one.about("DATABASE PROPERTIES")]
    text = bytearray()
    with listing(wanted, folder) as file:
        arguments = [programs.path("pg_restore"), "--create", "--use-list", str(file), "--file", "-", str(path)]
        ended = run_child(arguments, watch=watch, env=child_env(), stdout=text.extend)
    if ended.code:
        raise said("the dump cannot be read back", path.name, ended.stderr)
    return [_named(line) for line in text.decode(errors="replace").splitlines() if _SETTING.match(line)]


def _named(line: str) -> str:
    return _SETTING.sub(lambda found: f"{_doubled(found[1])}{{}}{_doubled(found[2])}", line)


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
