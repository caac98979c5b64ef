"""Writing rows: a batch in one transaction, each row under the version that was read, looked at under a lock.

What fails is taken back for its row alone (a savepoint). Where the end of a transaction is not answered, every row of it is UNCERTAIN: the key tells
later what became of it, so that none is written twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from trueup.connectors.sql.database import Exists, Refused
from trueup.connectors.tables import values as v
from trueup.connectors.tables.index import LINE
from trueup.connectors.tables.rows import Row, Unfit, from_body
from trueup.core.rowkeys import href_of, key_of
from trueup.model.errors import StoreError
from trueup.model.ports import Outcome, Verb, Write, Written

if TYPE_CHECKING:
    from trueup.connectors.sql.collection import SqlCollection

LOCKED = 500
"""Rows are locked by so many."""


class Writer:
    """Carries out writes in one table."""

    def __init__(self, collection: SqlCollection) -> None:
        self._table = collection
        self._columns = {one.name: one for one in collection.shape.columns}

    def run(self, writes: Sequence[Write]) -> Iterator[Written]:
        """One answer each; those of a chunk come together, when it is committed."""
        if not self._table.shape.writable:
            why = "a query or view is read, and never written"
            yield from (Written(one.key, Outcome.REFUSED, reason=why) for one in writes)
            return
        for chunk in _chunks(writes):
            yield from self._chunk(chunk)

    def _chunk(self, writes: Sequence[Write]) -> list[Written]:
        database = self._table.database
        try:
            with database.transaction():
                held = self._table.held([one.href for one in writes], database.locking())
                answers = {one.key: self._one(one, held.get(one.href, [])) for one in writes}
                done = [
                    one for one in writes if answers[one.key].outcome is Outcome.DONE and one.verb is not Verb.DELETE
                ]
                now = self._table.held([one.href for one in done]) if done else {}
            for one in done:
                rows = now.get(one.href, [])
                etag = rows[0][0] if len(rows) == 1 else None
                answers[one.key] = Written(one.key, Outcome.DONE, etag)
            return list(answers.values())
        except StoreError as error:
            return [Written(one.key, Outcome.UNCERTAIN, reason=str(error)) for one in writes]

    def _one(self, write: Write, held: Sequence[tuple[str, Row]]) -> Written:
        refusal = self._refusal(write, held)
        if refusal is not None:
            return refusal
        try:
            with self._table.database.savepoint():
                self._send(write, held[0][1] if held else None)
            return Written(write.key, Outcome.DONE)
        except Exists as error:
            reason = f"another row has it already: {error}"
            return Written(
                write.key, Outcome.PRECONDITION if write.verb is Verb.CREATE else Outcome.REFUSED, reason=reason
            )
        except (Refused, Unfit) as error:
            return Written(write.key, Outcome.REFUSED, reason=str(error))

    def _refusal(self, write: Write, held: Sequence[tuple[str, Row]]) -> Written | None:
        """The answer to a write that cannot be done; None where it can."""
        if write.href.startswith(LINE) or len(held) > 1:
            return Written(write.key, Outcome.REFUSED, reason=f"{len(held)} rows have this key")
        if write.verb is Verb.CREATE:
            if held:
                return Written(write.key, Outcome.PRECONDITION, reason="a row with this key is there already")
            return None
        if not held or not self._table.selection.holds(held[0][1]):
            return Written(write.key, Outcome.MISSING, reason="there is no such row")
        if write.if_match not in (None, held[0][0]):
            return Written(write.key, Outcome.PRECONDITION, reason="the row was changed since it was read")
        return None

    def _send(self, write: Write, before: Row | None) -> None:
        table, database = self._table, self._table.database
        key = key_of(write.href, table.key)
        if key is None:
            raise Unfit("its place is that of no key")
        if write.data is None:
            place, values = table.where(key)
            self._require_one(database.execute(f"DELETE FROM {table.source} WHERE {place}", values))
            return
        row = from_body(write.data)
        if before is None:
            row = table.selection.filled(row)
        if href_of(row, table.key) != write.href:
            raise Unfit(f"its key ({', '.join(table.key)}) is not that of its place")
        changed = {name: text for name, text in row.items() if before is None or before.get(name) != text}
        names = [name for name in changed if not self._made_by_database(name)]
        typed = [self._typed(name, changed[name]) for name in names]
        quoted = [database.quoted_name(name) for name in names]
        if before is None:
            marks = ", ".join([database.mark] * len(names))
            database.execute(f"INSERT INTO {table.source} ({', '.join(quoted)}) VALUES ({marks})", typed)
        elif names:
            place, values = table.where(key)
            setting = ", ".join(f"{name} = {database.mark}" for name in quoted)
            self._require_one(database.execute(f"UPDATE {table.source} SET {setting} WHERE {place}", [*typed, *values]))

    def _made_by_database(self, name: str) -> bool:
        if name not in self._columns:
            raise Unfit(f"the table has no column “{name}”")
        if self._columns[name].generated:
            raise Unfit(f"the database makes the values of “{name}” by itself")
        return False

    def _typed(self, name: str, text: str | None) -> object:
        """A text as it is sent; what must have a value gets an empty text."""
        column = self._columns[name]
        if text is None:
            return "" if column.required else None
        if "\0" in text:
            raise Unfit(f"“{name}” holds a NUL character")
        try:
            text.encode()
            return v.data(text) if column.binary else text
        except UnicodeEncodeError:
            raise Unfit(f"“{name}” holds half a letter") from None
        except ValueError as error:
            raise Unfit(f"“{name}” takes {error}") from None

    @staticmethod
    def _require_one(count: int) -> None:
        if count != 1:
            raise Refused(f"{count} rows would be changed, and one is meant")


def _chunks(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """Chunks in which no href stands twice, so that two writes to one row happen in their order."""
    chunk: dict[str, Write] = {}
    for write in writes:
        if write.href in chunk or len(chunk) == LOCKED:
            yield list(chunk.values())
            chunk = {}
        chunk[write.href] = write
    if chunk:
        yield list(chunk.values())
