"""What databases hold, as plain JSON: definitions, and for each table the rows and a checksum that the server works out itself.

A row's digest is the MD5 of its values in hexadecimal, taken as the bytes that the column keeps; 64 bits of each are added up, so that
the order does not matter, and a row that is there twice counts twice. Session settings that change how a value is written are fixed (`link`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from trueup.jobs.backup.sources.mariadb.link import Link
from trueup.jobs.backup.sources.mariadb.names import is_system, quoted
from trueup.jobs.backup.sources.mariadb.programs import release
from trueup.model.errors import NotFound, Permanent

TRANSACTIONAL = frozenset({"innodb", "rocksdb", "tokudb"})
_LONG = (
    "text",
    "blob",
    "json",
    "geometry",
    "point",
    "linestring",
    "polygon",
    "geomcollection",
    "geometrycollection",
    "vector",
)
_NAMED = 5
_NONE = 10**30
"""Stands for a row without a digest: more than the digests of all rows that a table can have."""

_COUNTER = re.compile(r"\sAUTO_INCREMENT=\d+")


def server(link: Link) -> dict[str, Any]:
    """{"version", "release", "lower_case_table_names"}."""
    version, lower = link.rows("SELECT VERSION(), @@lower_case_table_names")[0]
    return {"version": version, "release": release(version), "lower_case_table_names": int(lower)}


def databases(link: Link, wanted: object, named: str) -> list[str]:
    """The databases of a source.

    Args:
        link: the server.
        wanted: names, "all", or None for the one in the address.
        named: the one in the address; "" for none.

    Raises:
        NotFound: one is not there. Permanent: none is wanted.
    """
    there = [
        row[0]
        for row in link.rows("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY 1")
        if not is_system(row[0])
    ]
    if wanted == "all":
        return there
    names = [str(one) for one in wanted] if isinstance(wanted, Sequence) and not isinstance(wanted, str) else [named]
    if not any(names):
        raise Permanent("no database is named", hint="end `url` with its name, or give `databases`: names, or all")
    for name in names:
        if name not in there:
            raise NotFound(
                f"there is no database {name}, or the user may not see it",
                hint=f"there are: {', '.join(there) or 'none'}",
            )
    return names


def tables(link: Link, names: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """(database, name, type, engine) of all tables, sequences and views, by name. Types are "BASE TABLE", "SYSTEM VERSIONED", "SEQUENCE", "VIEW"."""
    if not names:
        return []
    sql = f"SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA IN ({_marks(names)})"
    return sorted((row[0], row[1], row[2], (row[3] or "").lower()) for row in link.rows(sql, names))


def describe(link: Link, names: Sequence[str]) -> dict[str, Any]:
    """{database: {"charset", "collation", "tables", "sequences", "views", "triggers", "routines", "events"}}; see the functions below."""
    found: dict[str, Any] = {}
    for name in names:
        charset, collation = link.rows(
            "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s",
            [name],
        )[0]
        link.rows(f"USE {quoted(name)}")  # definitions name what is in another database only
        there = tables(link, [name])
        found[name] = {
            "charset": charset,
            "collation": collation,
            "tables": {
                table: _table(link, name, table, engine)
                for _, table, kind, engine in there
                if kind not in ("VIEW", "SEQUENCE")
            },
            "sequences": {
                table: _digest([_created(link, "SEQUENCE", table, 1)])
                for _, table, kind, _ in there
                if kind == "SEQUENCE"
            },
            "views": _views(link, name),
            **_code(link, name),
        }
    return found


def _views(link: Link, database: str) -> dict[str, str]:
    """Digests of views. SHOW CREATE VIEW names the database or does not, as its cache has it; the schema's tables always do."""
    found = link.rows(
        "SELECT TABLE_NAME, VIEW_DEFINITION, DEFINER, SECURITY_TYPE, CHECK_OPTION FROM information_schema.VIEWS"
        " WHERE TABLE_SCHEMA = %s ORDER BY 1",
        [database],
    )
    return {name: _digest(map(str, rest)) for name, *rest in found}


def counters(link: Link, names: Sequence[str]) -> dict[str, list[int]]:
    """{"database.sequence": [next value that is not cached, step]}: sequences belong to no transaction and only go on."""
    return {
        f"{database}.{name}": [int(one) for one in _sequence(link, database, name)]
        for database, name, kind, _ in tables(link, names)
        if kind == "SEQUENCE"
    }


def sums(link: Link, some: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, str]]:
    """{(database, table): (rows, sum)}."""
    return {(database, table): _sum(link, database, table) for database, table in some}


def _sequence(link: Link, database: str, name: str) -> tuple[Any, ...]:
    return link.rows(f"SELECT next_not_cached_value, increment FROM {quoted(database)}.{quoted(name)}")[0]


def _table(link: Link, database: str, table: str, engine: str) -> dict[str, Any]:
    rows, total = _sum(link, database, table)
    definition = _COUNTER.sub("", _created(link, "TABLE", table, 1))
    return {"rows": rows, "sum": total, "engine": engine, "definition": _digest([definition])}


def _sum(link: Link, database: str, table: str) -> tuple[int, str]:
    columns = link.rows(
        "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS"
        " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND COALESCE(GENERATION_EXPRESSION, '') = '' ORDER BY ORDINAL_POSITION",
        [database, table],
    )
    values = ", ".join(_value(name, str(kind).lower()) for name, kind in columns) or "''"
    digest = f"MD5(CONCAT_WS(',', {values}))"
    number = (
        f"COALESCE(CAST(CONV(LEFT({digest}, 16), 16, 10) AS UNSIGNED), {_NONE})"  # worked out once a row: it costs half
    )
    rows, total = link.rows(f"SELECT COUNT(*), COALESCE(SUM({number}), 0) FROM {quoted(database)}.{quoted(table)}")[0]
    if int(total) >= _NONE:
        why = "the values of a row together are longer than max_allowed_packet"
        raise Permanent(
            "the checksum of a table cannot be worked out",
            where=f"{database}.{table}",
            why=why,
            hint="raise it on the server",
        )
    return int(rows), f"{int(total) % (1 << 64):016x}"


def _value(name: str, kind: str) -> str:
    column = quoted(name)
    digest = f"MD5({column})" if kind.endswith(_LONG) else f"HEX(CAST({column} AS BINARY))"
    return f"COALESCE({digest}, '-')"


def _code(link: Link, database: str) -> dict[str, dict[str, str]]:
    """Digests of triggers, routines and events: their text, with definer, and the SQL mode they run in."""
    where = "_SCHEMA = %s ORDER BY 1"
    triggers = link.rows(f"SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER{where}", [database])
    routines = link.rows(
        f"SELECT ROUTINE_NAME, ROUTINE_TYPE FROM information_schema.ROUTINES WHERE ROUTINE{where}", [database]
    )
    events = link.rows(f"SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT{where}", [database])
    return {
        "triggers": {name: _digest(_shown(link, "TRIGGER", name, (1, 2))) for (name,) in triggers},
        "routines": {
            f"{kind.lower()} {name}": _digest(_shown(link, kind, name, (1, 2)))
            for name, kind in sorted(routines)
            if kind in ("PROCEDURE", "FUNCTION", "PACKAGE", "PACKAGE BODY")
        },
        "events": {name: _digest(_shown(link, "EVENT", name, (1, 2, 3))) for (name,) in events},
    }


def _shown(link: Link, kind: str, name: str, columns: tuple[int, ...]) -> list[str]:
    row = link.rows(f"SHOW CREATE {kind} {quoted(name)}")[0]
    if any(row[one] is None for one in columns):
        why = "the server does not show its text to this user"
        raise Permanent(
            f"{kind.lower()} {name} cannot be backed up",
            why=why,
            hint="GRANT SELECT ON mysql.* (or SHOW_ROUTINE) to the user",
        )
    return [str(row[one]) for one in columns]


def _created(link: Link, kind: str, name: str, column: int) -> str:
    return str(link.rows(f"SHOW CREATE {kind} {quoted(name)}")[0][column])


def _digest(texts: Iterable[str]) -> str:
    return blake2b("\0".join(texts).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _marks(names: Sequence[str]) -> str:
    return ", ".join(["%s"] * len(names))


def losses(link: Link, names: Sequence[str]) -> list[str]:
    """What no dump of these databases has, in sentences: mariadb-dump writes a FLOAT with 6 digits, and no history of versioned tables."""
    where = f"TABLE_SCHEMA IN ({_marks(names)})"
    floats = link.rows(
        f"SELECT DISTINCT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.COLUMNS JOIN information_schema.TABLES"
        f" USING (TABLE_SCHEMA, TABLE_NAME) WHERE {where} AND DATA_TYPE = 'float' AND TABLE_TYPE <> 'VIEW' ORDER BY 1",
        names,
    )
    versioned = [
        f"{database}.{table}" for database, table, kind, _ in tables(link, names) if kind == "SYSTEM VERSIONED"
    ]
    found = {
        "a FLOAT comes back with 6 digits, as the dump program writes it (use DOUBLE)": [row[0] for row in floats],
        "the history of versioned tables is not in the dump": versioned,
    }
    return [f"{what}: {listed(some)}" for what, some in found.items() if some]


def listed(names: Sequence[str]) -> str:
    """The first of them, and how many more."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def totals(found: Mapping[str, Any]) -> dict[str, int]:
    """How much there is: {"tables", "rows", "definitions"}."""
    kinds = ("tables", "sequences", "views", "triggers", "routines", "events")
    return {
        "tables": sum(len(one["tables"]) for one in found.values()),
        "rows": sum(table["rows"] for one in found.values() for table in one["tables"].values()),
        "definitions": sum(len(one[kind]) for one in found.values() for kind in kinds),
    }
