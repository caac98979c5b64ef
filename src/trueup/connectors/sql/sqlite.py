"""SQLite, by the standard library."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from trueup.connectors.sql.database import Column, Exists, Refused, Shape
from trueup.model.errors import Permanent, StoreError, Transient

PATIENCE = 30.0


class Sqlite:
    """Implements `database.Database`. The file must be there: one that is made by accident would look like an empty table."""

    name = "SQLite"
    mark = "?"

    def __init__(self, path: str, what: str) -> None:
        self._path, self._what = path, what
        self._connection: sqlite3.Connection | None = None

    def literal(self, sql: str) -> str:
        return sql

    def quoted(self, name: str) -> str:
        return ".".join('"' + one.replace('"', '""') + '"' for one in name.split(".", 1))

    def quoted_name(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def text(self, column: str) -> str:
        return self.quoted_name(column)

    def tables(self) -> list[str]:
        sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
        return [str(row[0]) for row in self.rows(sql)]

    def shape(self, table: str) -> Shape | None:
        found = list(self.rows("SELECT type FROM sqlite_master WHERE name = ? AND type IN ('table', 'view')", (table,)))
        if not found:
            return None
        name = table.replace("'", "''")
        columns = list(self.rows(f"SELECT name, \"notnull\", pk, hidden, type FROM pragma_table_xinfo('{name}')"))
        primary = [str(row[0]) for row in sorted(columns, key=lambda row: row[2]) if row[2]]
        unique = [frozenset(primary)] if primary else []
        for index in list(self.rows(f"SELECT name FROM pragma_index_list('{name}') WHERE \"unique\" AND NOT partial")):
            inner = str(index[0]).replace("'", "''")
            members = [row[0] for row in self.rows(f"SELECT name FROM pragma_index_info('{inner}')")]
            if None not in members:
                unique.append(frozenset(map(str, members)))
        return Shape(
            tuple(
                Column(str(row[0]), bool(row[1]), row[3] in (2, 3), "BLOB" in str(row[4]).upper())
                for row in columns
                if row[3] != 1
            ),
            tuple(primary),
            tuple(unique),
            writable=found[0][0] == "table",
        )

    def query_shape(self, query: str) -> Shape:
        with self._meaning():
            cursor = self._opened().execute(f"SELECT * FROM ({query}) AS q LIMIT 0")
            return Shape(tuple(Column(str(one[0])) for one in cursor.description), writable=False)

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[Sequence[Any]]:
        with self._meaning():
            yield from self._opened().execute(sql, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        connection = self._opened()
        with self._meaning():
            connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            with self._meaning():
                connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        connection = self._opened()
        connection.execute("SAVEPOINT row")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK TO row")
            raise
        finally:
            connection.execute("RELEASE row")

    def execute(self, sql: str, values: Sequence[object]) -> int:
        try:
            return self._opened().execute(sql, values).rowcount
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorname in ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"):
                raise Exists(str(error)) from error
            raise Refused(str(error)) from error
        except (sqlite3.DataError, sqlite3.ProgrammingError, UnicodeEncodeError, OverflowError) as error:
            raise Refused(str(error)) from error
        except sqlite3.Error as error:
            raise self._meant(error) from error

    def locking(self) -> str:
        return ""  # BEGIN IMMEDIATE keeps all others from writing

    def still(self) -> str:
        parts = []
        for path in (self._path, f"{self._path}-wal"):
            try:
                about = os.stat(path)
            except FileNotFoundError:
                parts.append("-")
            except OSError as error:
                raise Permanent(f"could not read {self._what}", where=path, why=str(error)) from error
            else:
                if time.time_ns() - about.st_mtime_ns < 2_000_000_000:
                    return ""
                parts.append(f"{about.st_ino}.{about.st_size}.{about.st_mtime_ns}")
        return "/".join(parts)

    def younger_than(self, column: str, seconds: float) -> str:
        return f"(julianday('now') - julianday({column})) * 86400 < {seconds}"

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- inside

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            if not os.path.isfile(self._path):
                hint = "check the path in `url`; the database is not made where it is missing"
                raise Permanent(
                    f"could not open {self._what}", where=self._path, why="there is no such file", hint=hint
                )
            uri = f"file:{self._path.replace('%', '%25').replace('?', '%3f').replace('#', '%23')}?mode=rw"
            with self._meaning():
                try:
                    connection = sqlite3.connect(uri, PATIENCE, isolation_level=None, check_same_thread=False, uri=True)
                    connection.execute("PRAGMA schema_version")
                except sqlite3.OperationalError:
                    connection = sqlite3.connect(
                        uri.replace("mode=rw", "mode=ro"),
                        PATIENCE,
                        isolation_level=None,
                        check_same_thread=False,
                        uri=True,
                    )
                self._connection = connection
        elif not os.path.isfile(self._path):
            self.close()
            raise Permanent(f"could not read {self._what}", where=self._path, why="the file is not there any more")
        return self._connection

    @contextmanager
    def _meaning(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._meant(error) from error

    def _meant(self, error: sqlite3.Error) -> StoreError:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return Transient(f"could not use {self._what}", where=self._path, why="another program has locked it")
        return Permanent(f"could not use {self._what}", where=self._path, why=str(error))
