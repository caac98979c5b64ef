"""Which tables of a backup are meant, and which entries of a dump belong to them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from trueup.jobs.backup.sources.postgresql.address import Address
from trueup.jobs.backup.sources.postgresql.archive import Entry
from trueup.jobs.backup.sources.postgresql.words import listed
from trueup.model.errors import NotFound

_PARTS = (
    *(
        "TABLE DATA",
        "SEQUENCE",
        "SEQUENCE OWNED BY",
        "SEQUENCE SET",
        "DEFAULT",
        "CONSTRAINT",
        "CHECK CONSTRAINT",
        "INDEX",
    ),
    *(
        "INDEX ATTACH",
        "TABLE ATTACH",
        "FK CONSTRAINT",
        "TRIGGER",
        "RULE",
        "POLICY",
        "ROW SECURITY",
        "COMMENT",
        "ACL",
        "STATISTICS",
    ),
)
"""Kinds of entries that belong to a table, or to a part of it."""


def databases(manifest: Mapping[str, Any], address: Address) -> list[tuple[Mapping[str, Any], str]]:
    """The databases of a backup that an address means, each with its name there.

    Raises:
        NotFound: the backup has several, and the address names another.
    """
    there = manifest["databases"]
    if len(there) == 1:
        return [(there[0], address.database or there[0]["name"])]
    if not address.database:
        return [(one, one["name"]) for one in there]
    for one in there:
        if one["name"] == address.database:
            return [(one, one["name"])]
    raise NotFound(
        f"the backup has no database {address.database}",
        why=f"it has {listed([one['name'] for one in there], 20)}",
        hint="an address with one of these names, or without any for all of them; each keeps its name",
    )


def chosen(found: Sequence[Mapping[str, Any]], only: Sequence[str]) -> list[list[str]]:
    """The tables meant by `only`, for each of some databases; partitions come with what they are a partition of.

    Args:
        found: parts of the manifest.
        only: "schema.table", or "table" in any schema; `*` and `?` as in a shell.

    Raises:
        NotFound: a name is in none of them.
    """
    names = [_named(one["tables"], only) for one in found]
    for pattern in only:
        if not any(_named(one["tables"], [pattern]) for one in found):
            known = [title for one in found for title in one["tables"]]
            close = get_close_matches(pattern, [*known, *(one.partition(".")[2] for one in known)], n=3)
            raise NotFound(
                f"the backup has no table {pattern}",
                hint=f"did you mean {' or '.join(close)}?" if close else f"it has {listed(known, 10)}",
            )
    return names


def _named(tables: Mapping[str, Any], only: Sequence[str]) -> list[str]:
    names = {
        title
        for title, one in tables.items()
        if any(title == want or one["name"] == want or fnmatchcase(title, want) for want in only)
    }
    grown = True
    while grown:
        below = {title for title, one in tables.items() if title not in names and names.intersection(one["parents"])}
        names |= below
        grown = bool(below)
    return [title for title in tables if title in names]


def entries_of(
    entries: Sequence[Entry], wanted: Collection[int], there: Collection[int], *, alone: bool
) -> tuple[list[Entry], list[Entry]]:
    """The entries of a dump that bring tables back.

    Args:
        entries: the dump's.
        wanted: oids of the tables.
        there: oids of tables that the target has.
        alone: the target has nothing: what the tables need (schemas, types, functions, sequences) comes too.

    Returns:
        The entries in the dump's order, and those left out since they need a table that is neither wanted nor there (a foreign key).
    """
    by_id = {one.id: one for one in entries}
    picked = {one.id for one in entries if one.oid in wanted and _is_table(one)}
    left_out: dict[int, Entry] = {}
    grown = True
    while grown:
        before = len(picked)
        for one in entries:
            if one.id in picked or not picked.intersection(one.needs) or not any(one.about(kind) for kind in _PARTS):
                continue
            if all(need in picked or _met(by_id, need, there) for need in one.needs):
                picked.add(one.id)
                left_out.pop(one.id, None)
            elif any(one.about(kind) for kind in ("FK CONSTRAINT", "RULE")) and _own(one, by_id, picked):
                left_out[one.id] = one
        if alone:
            picked |= set(_needed(by_id, picked))
        grown = len(picked) > before
    return [one for one in entries if one.id in picked], list(left_out.values())


def _is_table(one: Entry) -> bool:
    return any(one.about(kind) for kind in ("TABLE", "FOREIGN TABLE", "MATERIALIZED VIEW"))


def _met(by_id: Mapping[int, Entry], need: int, there: Collection[int]) -> bool:
    """Whether what an entry needs is no table or part of one (types and functions are no concern here), or the target has that table."""
    one = by_id.get(need)
    if one is None or not (_is_table(one) or any(one.about(kind) for kind in ("CONSTRAINT", "INDEX", "FK CONSTRAINT"))):
        return True
    if _is_table(one):
        return one.oid in there
    return all(_met(by_id, further, there) for further in one.needs)


def _own(one: Entry, by_id: Mapping[int, Entry], picked: Collection[int]) -> bool:
    """Whether a foreign key starts at a picked table: the listing names that first, behind the kind."""
    words = one.line.split(" ", 3)[3].removeprefix("FK CONSTRAINT ").removeprefix("RULE ")
    tables = [by_id[need].line.split(" ", 3)[3] for need in one.needs if need in picked and _is_table(by_id[need])]
    return any(words.startswith(line.removeprefix("TABLE ").rpartition(" ")[0] + " ") for line in tables)


def _needed(by_id: Mapping[int, Entry], picked: Collection[int]) -> Iterator[int]:
    for each in picked:
        yield from (need for need in by_id[each].needs if need in by_id)
