"""A database as a store whose collections are tables; or one table, or one query."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from trueup.connectors.sql.collection import SqlCollection
from trueup.connectors.sql.database import Database, Shape
from trueup.connectors.tables.selection import apart
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import Permanent, StoreError
from trueup.model.ports import CollectionInfo


class SqlStore:
    """A database.

    Args:
        name: the store's name in the configuration.
        url: where the database is, with its password.
        table, query: the one collection, whose name is ""; "" and "": every table is one.
        key: the columns that name a row; (): the primary key.
        updated: the column with the time of a row's last change; "": none.
    """

    def __init__(self, name: str, url: str, *, table: str, query: str, key: Sequence[str], updated: str) -> None:
        self.name = name
        self._url = url
        self._table, self._query = table, query
        self._key, self._updated = tuple(key), updated
        self._known: Database | None = None

    @property
    def single(self) -> bool:
        """Whether it is one table or query, whose collection has no name."""
        return bool(self._table or self._query)

    def collections(self) -> list[CollectionInfo]:
        """Every table; or the one."""
        if self.single:
            collection = self.open("")
            return (
                [] if collection is None else [CollectionInfo("", self._table, None, collection.capabilities.writable)]
            )
        return [CollectionInfo(one) for one in self._database().tables()]

    def open(self, name: str, cursor: str | None = None) -> SqlCollection | None:
        """The table of that name, or a part of it; None where there is none.

        Raises:
            NotFound: no part could have that name.
            StoreError: the database cannot be reached, or the table has no key.
        """
        table, selection = apart(name)
        if self.single == bool(table):
            return None
        table = table or self._table
        database = self._database()
        shape = database.query_shape(self._query) if self._query else database.shape(table)
        if shape is None:
            return None
        what = f"the table {table} of {self.name}" if table else f"the query {self.name}"
        key = self._key or shape.primary
        self._require(shape, key, what)
        return SqlCollection(
            database, what, shape, key, table=table, query=self._query, updated=self._updated, selection=selection
        )

    def create(self, name: str) -> SqlCollection:
        """A table that is there. None is made: its columns and their types are the database's matter.

        Raises:
            Permanent: there is none.
        """
        found = self.open(name)
        if found is None:
            raise Permanent(
                f"there is no table {name or self._table!r} in {self.name}",
                why="tables are not made by themselves",
                hint="make it there (CREATE TABLE …), with a column for each property of the mapping",
            )
        return found

    def check(self) -> Iterable[Diagnostic]:
        """It can be reached, and what is to be known of its tables."""
        try:
            database = self._database()
            names = [""] if self.single else database.tables()
            yield Diagnostic(Severity.INFO, f"{self.name}: {database.name}, tables: {len(names)}")
            for name in names if self.single else []:
                yield from self._examine(name)
            if not self.single and names:
                yield Diagnostic(Severity.INFO, f"tables: {', '.join(names[:40])}")
        except StoreError as error:
            yield Diagnostic(Severity.ERROR, error.what, error.where, error.why, error.hint)

    def close(self) -> None:
        """Gives the connection back."""
        if self._known is not None:
            self._known.close()
            self._known = None

    def _examine(self, name: str) -> Iterator[Diagnostic]:
        collection = self.open(name)
        if collection is None:
            hint = "make it there, or correct `table`"
            yield Diagnostic(Severity.WARNING, f"there is no table {self._table!r}", hint=hint)
            return
        columns = ", ".join(collection.columns())
        yield Diagnostic(
            Severity.INFO, f"{collection.what}: key {', '.join(collection.key)}", why=f"columns: {columns}"
        )
        yield from collection.check()

    def _require(self, shape: Shape, key: Sequence[str], what: str) -> None:
        columns = [one.name for one in shape.columns]
        listed = ", ".join(columns[:30])
        if not key:
            raise Permanent(
                f"could not read {what}",
                why="it has no primary key, and nothing says which column names a row",
                hint=f"say it in the store: key: …; its columns: {listed}",
            )
        for name in (*key, *([self._updated] if self._updated else [])):
            if name not in columns:
                raise Permanent(
                    f"could not read {what}", why=f"it has no column “{name}”", hint=f"its columns: {listed}"
                )

    def _database(self) -> Database:
        if self._known is None:
            self._known = _database(self._url, self.name)
        return self._known


def _database(url: str, what: str) -> Database:
    scheme = url.partition(":")[0].partition("+")[0].lower()
    if scheme in ("postgresql", "postgres"):
        from trueup.connectors.sql.postgresql import PostgreSql

        return PostgreSql(f"postgresql:{url.partition(':')[2]}", what)
    if scheme in ("mysql", "mariadb"):
        from trueup.connectors.sql.mysql import MySql

        return MySql(url, what)
    if scheme == "sqlite":
        from trueup.connectors.sql.sqlite import Sqlite

        path = url.partition(":")[2]
        return Sqlite(os.path.abspath(os.path.expanduser(path.removeprefix("//").replace("//", "/", 1))), what)
    raise Permanent(
        f"the address of {what} is of no kind that is known",
        why=f"it begins with {scheme!r}",
        hint="postgresql://…, mysql://… or sqlite:path",
    )
