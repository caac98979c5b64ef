"""A table or query as a collection: listed by versions of rows, fetched by key, written under the version that was read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cached_property
from typing import Any

from trueup.connectors.sql.database import BadValue, Database, Shape
from trueup.connectors.tables.index import LINE
from trueup.connectors.tables.rows import Row, digest, to_body
from trueup.connectors.tables.selection import Selection
from trueup.connectors.tables.values import to_text
from trueup.core.rowkeys import href_of, key_of, quoted
from trueup.model.capabilities import Capabilities
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import StoreError
from trueup.model.items import Body, Entry
from trueup.model.ports import Write, Written

BATCH = 1000
FETCH = 500
_NO_KEY = f"{LINE}without a key"
_WARM = 2.0
"""Seconds within which two changes of a row may have one time."""


class SqlChanges:
    """A listing: every row with its version, or the news that nothing changed."""

    def __init__(self, entries: Iterator[Entry] | None, token: str | None) -> None:
        self.full = entries is not None
        self.token = token
        self._entries = entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(()) if self._entries is None else self._entries


class SqlCollection:
    """Rows of a database.

    Args:
        database: where it is.
        what: what people call it.
        shape: its columns and keys.
        key: the columns that name a row.
        table, query: one of them.
        updated: the column with the time of a row's last change.
        selection: the part of it that is meant.
    """

    def __init__(
        self,
        database: Database,
        what: str,
        shape: Shape,
        key: Sequence[str],
        *,
        table: str,
        query: str,
        updated: str,
        selection: Selection,
    ) -> None:
        self.database, self.what, self.shape, self.key = database, what, shape, tuple(key)
        self.updated, self.selection = updated, selection
        self.source = f"({database.literal(query)}) AS q" if query else database.quoted(table)
        self._names = [one.name for one in shape.columns]

    @cached_property
    def capabilities(self) -> Capabilities:
        """Preconditions are looked at under a lock on the rows."""
        return Capabilities(writable=self.shape.writable, parallel=1, batch=BATCH, key=self.key, columns=self.columns())

    @property
    def unique(self) -> bool:
        """Whether the database itself keeps two rows from having one key."""
        return any(one <= set(self.key) for one in self.shape.unique)

    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self._names)

    def changes(self, cursor: str | None) -> SqlChanges:
        """Every row's key and version; or nothing, where the time of the last change and the number of rows are those of the cursor.

        A row's version is xmin in PostgreSQL, else the time of its last change, else the digest of all its values.
        """
        token = self._token()
        if cursor is not None and token is not None and cursor == token:
            return SqlChanges(None, cursor)
        return SqlChanges(self._entries(), token)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """Reads rows by their keys."""
        for start in range(0, len(hrefs), FETCH):
            chunk = hrefs[start : start + FETCH]
            try:
                found = self.held(chunk)
            except StoreError as error:
                yield from (Body(href, error=str(error)) for href in chunk)
                continue
            for href in chunk:
                yield self._body(href, found.get(href, []))

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """See `writing.Writer`."""
        from trueup.connectors.sql.writing import Writer

        return Writer(self).run(writes)

    def new_href(self, uid: str) -> str:
        """The key as an href; what a row with this key has."""
        return quoted(uid)

    def check(self) -> Iterator[Diagnostic]:
        """What `doctor` tells: rows without a key, keys that stand more than once, and what the database does not keep by itself."""
        if not self.unique:
            hint = f"CREATE UNIQUE INDEX on {', '.join(self.key)}"
            yield Diagnostic(Severity.WARNING, f"nothing keeps two rows of {self.what} from having one key", hint=hint)
        without = self._without_key()
        if without:
            yield Diagnostic(Severity.WARNING, f"{without} rows of {self.what} have no key", hint="they are left alone")
        twins = len(self._twins())
        if twins:
            yield Diagnostic(
                Severity.WARNING, f"{twins} keys of {self.what} stand more than once", hint="they are left alone"
            )
        if not self.shape.writable:
            yield Diagnostic(Severity.INFO, f"{self.what} is read, and never written")

    # --- for the writer as well ------------------------------------------------------------------------------------

    def held(self, hrefs: Sequence[str], locking: str = "") -> dict[str, list[tuple[str, Row]]]:
        """The rows of these hrefs with their versions; more than one where a key is not unique.

        Raises:
            StoreError: the database cannot be read.
        """
        keys = {href: key for href in hrefs if (key := key_of(href, self.key)) is not None}
        if not keys:
            return {}
        apart: Callable[[], AbstractContextManager[None]] = self.database.savepoint if locking else nullcontext
        with suppress(BadValue), apart():
            return self._held(list(keys.values()), locking)
        found: dict[str, list[tuple[str, Row]]] = {}
        for key in keys.values():  # one value that is none of the key's type spoils a whole query
            with suppress(BadValue), apart():
                found |= self._held([key], locking)
        return found

    def where(self, key: dict[str, str]) -> tuple[str, list[object]]:
        """SQL that finds a row by its key, and its values."""
        marks = " AND ".join(f"{self.database.quoted_name(name)} = {self.database.mark}" for name in key)
        return marks, list(key.values())

    # --- inside

    def _held(self, keys: Sequence[dict[str, str]], locking: str) -> dict[str, list[tuple[str, Row]]]:
        places, values = [], []
        for key in keys:
            place, own = self.where(key)
            places.append(f"({place})")
            values += own
        sql = f"SELECT {self._version()}{self._columns()} FROM {self.source} WHERE {' OR '.join(places)}{locking}"
        found: dict[str, list[tuple[str, Row]]] = {}
        for row in self.database.rows(sql, values):
            made = self._row(row[1:])
            found.setdefault(href_of(made, self.key), []).append((self._etag(row[0], made), made))
        return found

    def _body(self, href: str, rows: Sequence[tuple[str, Row]]) -> Body:
        if href == _NO_KEY:
            count = self._without_key()
            names = " and ".join(f"“{name}”" for name in self.key)
            return Body(href, error=f"{count} rows have no value in {names}" if count else "")
        if len(rows) > 1:
            return Body(href, error=f"{len(rows)} rows have this key")
        if not rows or not self.selection.holds(rows[0][1]):
            return Body(href)
        etag, row = rows[0]
        try:
            return Body(href, etag, to_body(row))
        except UnicodeEncodeError:
            return Body(href, error="it holds bytes that are no letters")

    def _token(self) -> str | None:
        """What says that nothing changed; None where nothing can say so."""
        marks = [self.source, self.key, self.updated, repr(self.selection)]
        still = self.database.still()
        if still:
            return digest(json.dumps([still, *marks]).encode()).hex()
        if not self.updated:
            return None
        # While a change is so young that another could have the same time, it says nothing yet.
        column = self.database.quoted_name(self.updated)
        young = f"count(CASE WHEN {self.database.younger_than(column, _WARM)} THEN 1 END)"
        found = next(self.database.rows(f"SELECT count(*), max({column}), {young} FROM {self.source} LIMIT 1"))
        if int(found[2]):
            return None
        return digest(json.dumps([to_text(found[0]), to_text(found[1]), *marks]).encode()).hex()

    def _entries(self) -> Iterator[Entry]:
        twins = self._twins()
        versions = self.shape.versioned or bool(self.updated)
        ranges = [one.column for one in self.selection.conditions if one.bounds is not None]
        names = list(dict.fromkeys([*self.key, *ranges])) if versions else self._names
        place, values = self._part()
        sql = f"SELECT {self._version()}{self._columns(names)} FROM {self.source}{place}"
        young = self._young() if self.updated and not self.shape.versioned else set()
        for row in self.database.rows(sql, values):
            made = self._row(row[1:], names)
            href = href_of(made, self.key)
            if href and href not in twins and self.selection.holds(made, names):
                yield Entry(href, None if href in young else self._etag(row[0], made))
        for href in twins:
            yield Entry(href, None)
        if self._without_key():
            yield Entry(_NO_KEY, None)

    def _part(self) -> tuple[str, list[object]]:
        """SQL for what the database itself can leave out, and its values."""
        asked = [one for one in self.selection.conditions if one.bounds is None]
        if not asked:
            return "", []
        marks = [
            f"COALESCE({self.database.text(one.column)}, '') IN ({', '.join([self.database.mark] * len(one.values))})"
            for one in asked
        ]
        return f" WHERE {' AND '.join(marks)}", [value for one in asked for value in one.values]

    def _young(self) -> set[str]:
        """Rows changed so short a time ago that another change could have the same time."""
        condition = self.database.younger_than(self.database.quoted_name(self.updated), _WARM)
        sql = f"SELECT {self._columns(self.key, first=True)} FROM {self.source} WHERE {condition}"
        return {href_of(self._row(row, self.key), self.key) for row in self.database.rows(sql)}

    def _twins(self) -> set[str]:
        if self.unique:
            return set()
        names = ", ".join(self.database.quoted_name(name) for name in self.key)
        sql = f"SELECT {self._columns(self.key, first=True)} FROM {self.source} GROUP BY {names} HAVING count(*) > 1"
        return {href for row in self.database.rows(sql) if (href := href_of(self._row(row, self.key), self.key))}

    def _without_key(self) -> int:
        texts = [f"COALESCE({self.database.text(name)}, '') = ''" for name in self.key]
        sql = f"SELECT count(*) FROM {self.source} WHERE {' AND '.join(texts)} LIMIT 1"
        return int(next(self.database.rows(sql))[0])

    def _version(self) -> str:
        if self.shape.versioned:
            return "xmin::text"
        return self.database.text(self.updated) if self.updated else "1"

    def _etag(self, version: Any, row: Row) -> str:
        if self.shape.versioned:
            return f"x{version}"
        if self.updated:
            return f"u{to_text(version)}"
        try:
            return digest(to_body(row)).hex()
        except UnicodeEncodeError:
            return "broken"

    def _columns(self, names: Sequence[str] | None = None, *, first: bool = False) -> str:
        listed = [self.database.text(name) for name in (self._names if names is None else names)]
        return ("" if first else ", ") + ", ".join(listed)

    def _row(self, values: Sequence[Any], names: Sequence[str] | None = None) -> Row:
        return dict(zip(self._names if names is None else names, map(to_text, values), strict=True))
