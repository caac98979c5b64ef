"""A .parquet file as a table, read and written row group by row group; types, metadata and compression stay as they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, BinaryIO

from trueup.connectors.tables import values as v
from trueup.connectors.tables.connector import missing_package
from trueup.connectors.tables.formats import Edits
from trueup.connectors.tables.rows import Record, Row, Unfit
from trueup.model.errors import Permanent

BATCH = 10_000


class ParquetTable:
    """Implements `tables.formats.Table`. An empty file is a table without columns: its first rows say which it has, all of them texts."""

    def __init__(self, file: BinaryIO, path: str, what: str) -> None:
        try:
            pa: Any = import_module("pyarrow")
            pq: Any = import_module("pyarrow.parquet")
        except ImportError:
            raise missing_package("pyarrow", what) from None
        self._pa, self._pq = pa, pq
        self._path, self._what = path, what
        self._file: Any = None
        self.columns: tuple[str, ...] = ()
        if os.fstat(file.fileno()).st_size == 0:
            return
        try:
            self._file = pq.ParquetFile(file)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error
        self.columns = tuple(self._file.schema_arrow.names)
        if len(set(self.columns)) != len(self.columns):
            raise Permanent(f"could not read {what}", where=path, why="two of its columns have one name")

    def records(self) -> Iterator[Record]:
        """See `Table.records`."""
        if self._file is None:
            return
        number = 0
        try:
            for batch in self._file.iter_batches(BATCH):
                texts = [self._texts(column) for column in batch.columns]
                for row in zip(*texts, strict=True):
                    number += 1
                    yield Record(number, dict(zip(self.columns, row, strict=True)))
        except (self._pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error

    def fit(self, row: Mapping[str, str | None], before: Mapping[str, str | None] | None) -> Row:
        """See `Table.fit`."""
        if self._file is None:
            return dict(row)
        fitted = {name: v.to_text(value) for name, value in self._typed(row, before).items()}
        return {name: fitted[name] for name in self.columns}

    def rewrite(self, new: BinaryIO, edits: Edits) -> None:
        """See `Table.rewrite`."""
        if self._file is None:
            self._first(new, edits.added)
            return
        schema = self._file.schema_arrow
        if any(self._pa.types.is_dictionary(one.type) for one in schema):
            raise Unfit("it has columns of dictionaries, which are not written")
        done = 0
        with self._pq.ParquetWriter(new, schema, compression=self._compression()) as writer:
            for group in range(self._file.num_row_groups):
                table = self._file.read_row_group(group)
                writer.write_table(self._edited(table, edits, done))
                done += table.num_rows
            if edits.added:
                rows = [self._typed(row, None) for row in edits.added]
                writer.write_table(self._pa.Table.from_pylist(rows, schema=schema))

    def notes(self) -> Iterator[tuple[str, str]]:
        """See `Table.notes`."""
        if self._file is not None:
            typed = [f"{one.name} ({one.type})" for one in self._file.schema_arrow if not _is_text(self._pa, one.type)]
            if typed:
                yield f"columns that are no texts: {', '.join(typed[:20])}", ""

    # --- inside

    def _texts(self, column: Any) -> Sequence[str | None]:
        kind = column.type
        if _is_text(self._pa, kind):
            return column.to_pylist()  # type: ignore[no-any-return]
        if self._pa.types.is_integer(kind):
            return column.cast(self._pa.string()).to_pylist()  # type: ignore[no-any-return]
        return [v.to_text(value) for value in column.to_pylist()]

    def _typed(self, row: Mapping[str, str | None], before: Mapping[str, str | None] | None) -> dict[str, object]:
        """The values of a row in the types of their columns.

        Raises:
            Unfit: one cannot be of that type, or there is no such column.
        """
        assert self._file is not None
        schema = self._file.schema_arrow
        unknown = [name for name in row if name not in self.columns]
        if unknown:
            raise Unfit(f"the table has no column “{unknown[0]}”")
        made = {}
        for field in schema:
            reader = _reader(self._pa, field.type)
            value = v.fitted(field.name, row.get(field.name), reader, nullable=field.nullable)
            try:
                made[field.name] = self._pa.scalar(value, field.type).as_py()
            except (self._pa.ArrowException, OverflowError, TypeError, ValueError) as error:
                raise Unfit(f"“{field.name}” ({field.type}) cannot hold {row.get(field.name)!r}: {error}") from None
        return made

    def _edited(self, table: Any, edits: Edits, done: int) -> Any:
        """A row group with its edits; columns that none of them touches are not looked at."""
        own = {place - done: row for place, row in edits.changed.items() if done <= place < done + table.num_rows}
        if not own:
            return table
        for index, field in enumerate(table.schema):
            column = table.column(index)
            changed = {
                at: self._typed(row, None)[field.name]
                for at, row in own.items()
                if row is not None and v.to_text(column[at].as_py()) != row.get(field.name)
            }
            if changed:
                values = column.to_pylist()
                for at, value in changed.items():
                    values[at] = value
                table = table.set_column(index, field, self._pa.array(values, field.type))
        gone = {at for at, row in own.items() if row is None}
        kept = [at not in gone for at in range(table.num_rows)]
        return table if not gone else table.filter(self._pa.array(kept, self._pa.bool_()))

    def _compression(self) -> str | dict[str, str]:
        assert self._file is not None
        if not self._file.num_row_groups:
            return "snappy"
        group = self._file.metadata.row_group(0)
        found = {group.column(at).path_in_schema: group.column(at).compression for at in range(group.num_columns)}
        return {name: "NONE" if kind == "UNCOMPRESSED" else kind for name, kind in found.items()}

    def _first(self, new: BinaryIO, rows: Sequence[Row]) -> None:
        names = tuple(dict.fromkeys(name for row in rows for name in row))
        schema = self._pa.schema([(name, self._pa.string()) for name in names])
        table = self._pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], schema=schema)
        self._pq.write_table(table, new, compression="zstd")

    def _damaged(self, error: Exception) -> Permanent:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = "it may be half-written or no .parquet file: write it again where it came from"
        return Permanent(f"could not read {self._what}", where=self._path, why=why, hint=hint)


def _is_text(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _reader(pa: Any, kind: Any) -> Callable[[str], object] | None:
    """What makes a value of a column's type of a text; None for texts."""
    is_ = pa.types
    tests = (
        (is_.is_boolean, v.truth),
        (is_.is_integer, v.whole),
        (is_.is_floating, v.number),
        (is_.is_decimal, v.decimal),
        (is_.is_timestamp, v.moment),
        (is_.is_date, v.day),
        (is_.is_time, v.hour),
        (is_.is_duration, v.span),
        (is_.is_nested, v.structure),
        (is_.is_binary, v.data),
        (is_.is_large_binary, v.data),
        (is_.is_fixed_size_binary, v.data),
    )
    return None if _is_text(pa, kind) else next((read for test, read in tests if test(kind)), _refused)


def _refused(text: str) -> object:
    raise ValueError("nothing that can be written")
