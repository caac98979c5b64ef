"""A database's content as a manifest: counted and summed in the server, in one transaction.

The checksum of a table is the sum of 64-bit hashes of its rows (`hashtextextended` of the row's text, columns in the order of their names):
it does not depend on the order of rows, sees a row that is there twice, and costs about as much as reading the table. It finds accidents;
against a forger it proves nothing, which is the repository's work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from trueup.jobs.backup.sources.postgresql import catalogue
from trueup.jobs.backup.sources.postgresql.session import Session
from trueup.jobs.backup.sources.postgresql.words import identifier, size, table

CHECKSUM_LIMIT = 10 * 10**9
"""Bytes of a table above which its rows are counted and not summed, unless told otherwise."""

# Read in pieces of about this many bytes, so that a table of many gigabytes shows that it moves.
_PIECE = 256 * 10**6
_LOCKED_AT_ONCE = 200
_OBJECTS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the catalogue.

    Attributes:
        oid: its number there.
        schema, name: its name.
        kind: "r" table, "p" partitioned table (has no rows of its own), "m" materialised view, "f" foreign table.
        unlogged: whether it is emptied after a crash.
        pages: of its main part.
        bytes: with what is kept aside (TOAST).
        columns: in the order of their names.
        parents: oids of what it is a partition or child of.
    """

    oid: int
    schema: str
    name: str
    kind: str
    unlogged: bool
    pages: int
    bytes: int
    columns: tuple[str, ...]
    parents: tuple[int, ...]

    @property
    def title(self) -> str:
        """As "public.orders"."""
        return table(self.schema, self.name)

    @property
    def sql(self) -> str:
        """As SQL takes it."""
        return f"{identifier(self.schema)}.{identifier(self.name)}"

    def excluded(self, patterns: Sequence[str]) -> bool:
        """Whether a pattern names it: "schema.table", or "table" in any schema; `*` and `?` as in a shell."""
        return any(fnmatchcase(self.title if "." in one else self.name, one) for one in patterns)


def tables(session: Session) -> list[Table]:
    """The database's tables, by name."""
    return [
        Table(oid, schema, name, kind, persistence == "u", pages // 8192, whole, tuple(columns), tuple(parents))
        for oid, schema, name, kind, persistence, pages, whole, columns, parents in session.rows(
            catalogue.TABLES, what="could not list the tables"
        )
    ]


def lock(session: Session, found: Sequence[Table]) -> None:
    """Locks tables as pg_dump does, against ALTER, TRUNCATE and DROP only: a TRUNCATE would otherwise show in one half of the backup."""
    names = [one.sql for one in found if one.kind in "rp"]
    for start in range(0, len(names), _LOCKED_AT_ONCE):
        some = ", ".join(names[start : start + _LOCKED_AT_ONCE])
        session.do(f"LOCK TABLE ONLY {some} IN ACCESS SHARE MODE", what="could not lock the tables for reading")


class Reading(Enum):
    """How a table's rows are looked at."""

    SUM = "counted and summed"
    COUNT = "counted"
    NONE = "not at all: the backup has none of them"


def measure(session: Session, found: Sequence[Table], how: Callable[[Table], Reading]) -> dict[str, dict[str, Any]]:
    """Counts and sums the rows of tables.

    Args:
        session: a transaction.
        found: the tables.
        how: what to do with each that can have rows of its own.

    Returns:
        Title -> {"rows", "sum", …}; "sum" null where it was not computed, and both where nothing was.
    """
    titles = {one.oid: one.title for one in found}
    return {one.title: _measured(session, one, how(one), titles) for one in found}


def _measured(session: Session, one: Table, how: Reading, titles: Mapping[int, str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "oid": one.oid,
        "schema": one.schema,
        "name": one.name,
        "kind": one.kind,
        "rows": None,
        "sum": None,
        "parents": [titles[oid] for oid in one.parents if oid in titles],
    }
    if one.kind == "r" and how is not Reading.NONE:
        told["rows"], told["sum"] = _rows(session, one, how is Reading.SUM)
    return told


def _rows(session: Session, one: Table, summed: bool) -> tuple[int, str | None]:
    values = ", ".join(f"t.{identifier(name)}" for name in one.columns)
    what = f'sum(hashtextextended(ROW({values})::text COLLATE "C", 0))' if summed else "NULL::numeric"
    query = f"SELECT count(*), {what} FROM ONLY {one.sql} t"
    count, total = 0, 0
    for where in _pieces(session, one):
        rows, part = session.row(query + where, what=f"could not read the table {one.title}")
        count += rows
        total += int(part or 0)
    return count, str(total) if summed else None


def _pieces(session: Session, one: Table) -> Iterator[str]:
    """Conditions that cut a table into pieces; a range of ctid is read as such since PostgreSQL 14."""
    pages = max(1, one.pages * _PIECE // max(1, one.bytes))
    borders = range(pages, one.pages - pages // 2, pages)
    if not borders or session.major < 14:
        yield ""
        return
    yield f" WHERE t.ctid < '({borders[0]},0)'"
    for border in borders[:-1]:
        yield f" WHERE t.ctid >= '({border},0)' AND t.ctid < '({border + pages},0)'"
    yield f" WHERE t.ctid >= '({borders[-1]},0)'"


def large_objects(session: Session) -> dict[str, Any]:
    """{"count", "sum"} of large objects: number, owner and content (of one larger than a value can be, the first gigabyte)."""
    count, total, last = 0, 0, 0
    while True:
        rows, part, last_one = session.row(
            """SELECT count(*), sum(hashtextextended(format('%%s %%s %%s', o.oid, o.owner, md5(lo_get(o.oid, 0, 1000000000))), 0)), max(o.oid::bigint)
            FROM (SELECT oid, pg_get_userbyid(lomowner) AS owner FROM pg_largeobject_metadata
              WHERE oid::bigint > %s ORDER BY oid LIMIT %s) o""",
            (last, _OBJECTS_AT_ONCE),
            what="could not read the large objects",
        )
        if not rows:
            return {"count": count, "sum": str(total)}
        count, total, last = count + rows, total + int(part), last_one


def sequence_values(session: Session) -> dict[str, tuple[int, bool]]:
    """Where each sequence stands now: (last value, whether that was given out). No transaction holds a sequence still."""
    found = session.rows(catalogue.SEQUENCES, what="could not list the sequences")
    values = {}
    for _, schema, name in found:
        what = f"could not read the sequence {table(schema, name)}"
        query = f"SELECT last_value, is_called FROM {identifier(schema)}.{identifier(name)}"
        values[table(schema, name)] = session.row(query, what=what)
    return {title: (int(last), bool(called)) for title, (last, called) in values.items()}


def sequence_titles(session: Session) -> dict[int, str]:
    """Number in the catalogue -> title."""
    found = session.rows(catalogue.SEQUENCES, what="could not list the sequences")
    return {oid: table(schema, name) for oid, schema, name in found}


def contents(session: Session) -> dict[str, Any]:
    """The part of a manifest that needs no reading of tables: objects, owners, roles, extensions."""
    return {
        "objects": catalogue.objects(session),
        "owners": catalogue.owners(session),
        "roles": roles_used(session),
        "extensions": [name for (name,) in session.rows(catalogue.EXTENSIONS, what="could not list the extensions")],
    }


def roles_used(session: Session) -> list[str]:
    """Roles that own something in the database or may do something there."""
    query = """SELECT r.rolname::text FROM pg_roles r WHERE r.oid IN (SELECT d.refobjid FROM pg_shdepend d
        WHERE d.refclassid = 'pg_authid'::regclass AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))
      OR r.oid = (SELECT datdba FROM pg_database WHERE datname = current_database()) ORDER BY 1"""
    return [name for (name,) in session.rows(query, what="could not list the roles")]


def notes(manifest: Mapping[str, Any]) -> list[str]:
    """What a person should know of a database's manifest."""
    said = []
    for title, one in manifest["tables"].items():
        if one["kind"] == "f":
            said.append(f"the rows of the foreign table {title} live elsewhere and are not in the backup")
        elif one["kind"] == "r" and one["rows"] is None:
            said.append(f"the rows of {title} are left out, as asked")
        elif one["kind"] == "r" and one["sum"] is None:
            limit = size(manifest["checksum_limit"])
            said.append(f"the table {title} is above the limit for checksums ({limit}): its rows are counted only")
    return said
