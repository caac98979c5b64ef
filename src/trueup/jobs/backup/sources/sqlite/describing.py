"""What a copy of a SQLite database holds: its settings, schema and rows, as plain JSON."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Any

from trueup.jobs.backup.sources.filing import RowSum
from trueup.jobs.backup.sources.sqlite.opening import open_copy, told, watched
from trueup.model.errors import Permanent
from trueup.model.repository import Watch

_SETTINGS = ("user_version", "application_id", "page_size", "encoding")
_NAMED = 3
_WAL = 2  # the file's read version (https://www.sqlite.org/fileformat.html, 1.3.3)
_BATCH = 500


def describe(path: Path, watch: Watch) -> dict[str, Any]:
    """Everything that a drill compares.

    Returns:
        {"settings": {…}, "schema": {"table orders": digest of its SQL}, "tables": {name: {"rows", "sum"}}, "foreign_keys": rows that
        refer to nothing}. Virtual tables have no rows of their own: those are in their shadow tables, which are listed.
    """
    with told(path), closing(open_copy(path)) as copy, watched(copy, watch):
        found = list(_schema(copy))
        tables = {name: _rows(copy, name, watch) for kind, name, sql, root in found if kind == "table" and root}
        return {
            "settings": _settings(copy, path),
            "schema": {f"{kind} {name}": _digest(sql) for kind, name, sql, _ in found},
            "tables": tables,
            "foreign_keys": sum(1 for _ in copy.execute("PRAGMA foreign_key_check")) if tables else 0,
        }


def check(path: Path, watch: Watch) -> str:
    """Whether a copy is whole.

    Returns:
        A note where SQLite cannot look at everything, since an application's own collation or function is missing here; else "".

    Raises:
        Permanent: it is damaged.
    """
    with told(path), closing(open_copy(path)) as copy, watched(copy, watch):
        copy.execute(
            "PRAGMA ignore_check_constraints = ON"
        )  # an application's rule, perhaps with its own functions; no damage
        try:
            faults = [_text(row[0]) for row in copy.execute("PRAGMA integrity_check(10)")]
            note = ""
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise
            faults = [_text(row[0]) for row in copy.execute("PRAGMA quick_check(10)")]
            note = f"the order of indexes could not be checked: {error}"
    if faults != ["ok"]:
        more = f" and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
        raise Permanent(
            "the database is damaged",
            where=path.name,
            why="; ".join(faults[:_NAMED]) + more,
            hint="bring it back from the newest good snapshot (trueup restore)",
        )
    return note


def _settings(copy: sqlite3.Connection, path: Path) -> dict[str, Any]:
    settings: dict[str, Any] = {name: copy.execute(f"PRAGMA {name}").fetchone()[0] for name in _SETTINGS}
    settings["encoding"] = _text(settings["encoding"])
    with path.open("rb") as file:
        settings["journal_mode"] = "wal" if file.read(20)[19] == _WAL else "rollback"
    return settings


def _schema(copy: sqlite3.Connection) -> Iterator[tuple[str, str, str, int]]:
    for kind, name, sql, root in copy.execute(
        "SELECT type, name, sql, rootpage FROM sqlite_master ORDER BY type, name"
    ):
        yield _text(kind), _text(name), _text(sql), root


def _rows(copy: sqlite3.Connection, table: str, watch: Watch) -> dict[str, Any]:
    total = RowSum()
    names = ", ".join(quoted(one) for one in columns(copy, table))
    cursor = copy.execute(f"SELECT {names} FROM {quoted(table)}")
    while batch := cursor.fetchmany(_BATCH):
        watch.ok()
        watch.moved(len(batch))
        total.add(batch)
    return {"rows": total.rows, "sum": total.digest}


def columns(connection: sqlite3.Connection, table: str, schema: str = "main") -> list[str]:
    """The columns that hold something: generated ones (hidden 2 and 3) are worked out, perhaps with an application's own functions."""
    rows = connection.execute(f"PRAGMA {schema}.table_xinfo({quoted(table)})").fetchall()
    return [_text(row[1]) for row in rows if row[6] in (0, 1)]


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def _digest(sql: str) -> str:
    return blake2b(sql.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "surrogateescape")
    return "" if value is None else str(value)
