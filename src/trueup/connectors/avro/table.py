"""An .avro file as a table, read and written block by block; schema, codec and metadata stay as they are."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, BinaryIO

from trueup.connectors.tables import values as v
from trueup.connectors.tables.connector import missing_package
from trueup.connectors.tables.formats import Edits
from trueup.connectors.tables.held import Held
from trueup.connectors.tables.rows import Record, Row, Unfit
from trueup.model.errors import Permanent

_OWN = ("avro.codec", "avro.schema")
_PLAIN: dict[str, Callable[[str], object]] = {
    "int": v.whole,
    "long": v.whole,
    "float": v.number,
    "double": v.number,
    "boolean": v.truth,
    "bytes": v.data,
    "fixed": v.data,
    "array": v.structure,
    "map": v.structure,
    "record": v.structure,
}
_LOGICAL: dict[str, Callable[[str], object]] = {
    "date": v.day,
    "time-millis": v.hour,
    "time-micros": v.hour,
    "timestamp-millis": v.moment,
    "timestamp-micros": v.moment,
    "local-timestamp-millis": v.moment,
    "local-timestamp-micros": v.moment,
    "decimal": v.decimal,
}


class AvroTable:
    """Implements `tables.formats.Table`. An empty file is a table without columns: its first rows say which it has, all of them texts."""

    def __init__(self, file: BinaryIO, path: str, what: str) -> None:
        try:
            import fastavro
        except ImportError:
            raise missing_package("fastavro", what) from None
        self._avro = fastavro
        self._file, self._path, self._what = file, path, what
        self._fields: list[dict[str, Any]] = []
        self._empty = os.fstat(file.fileno()).st_size == 0
        if not self._empty:
            schema = self._reader().writer_schema
            if not isinstance(schema, dict) or schema.get("type") != "record":
                raise Permanent(f"could not read {what}", where=path, why="its items are no records")
            self._fields = schema["fields"]
        self.columns = tuple(field["name"] for field in self._fields)

    def records(self) -> Iterator[Record]:
        """See `Table.records`."""
        for number, found in enumerate(self._found(), 1):
            yield Record(number, {name: v.to_text(value) for name, value in found.items()})

    def fit(self, row: Mapping[str, str | None], before: Mapping[str, str | None] | None) -> Row:
        """See `Table.fit`."""
        return dict(row) if self._empty else {name: v.to_text(value) for name, value in self._typed(row).items()}

    def rewrite(self, new: BinaryIO, edits: Edits) -> None:
        """See `Table.rewrite`."""
        if self._empty:
            self._first(new, edits)
            return
        reader = self._reader()
        metadata = {name: text for name, text in reader.metadata.items() if name not in _OWN}
        rows = chain(self._edited(edits), (self._typed(row) for row in edits.added))
        self._avro.writer(new, reader.writer_schema, rows, codec=reader.codec or "null", metadata=metadata)

    def notes(self) -> Iterator[tuple[str, str]]:
        """See `Table.notes`."""
        typed = [one["name"] for one in self._fields if _reading(one["type"])[0] is not None]
        if typed:
            yield f"columns that are no texts: {', '.join(typed[:20])}", ""

    # --- inside

    def _reader(self) -> Any:
        self._file.seek(0)
        try:
            return self._avro.reader(io.BufferedReader(Held(self._file), 1 << 20))
        except Exception as error:
            raise self._damaged(error) from error

    def _found(self) -> Iterator[dict[str, Any]]:
        if self._empty:
            return
        rows = iter(self._reader())
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except Exception as error:  # whatever a damaged block makes the decoder stumble over
                raise self._damaged(error) from error
            yield row

    def _edited(self, edits: Edits) -> Iterator[dict[str, object]]:
        for place, found in enumerate(self._found()):
            if place not in edits.changed:
                yield found
            elif (row := edits.changed[place]) is not None:
                typed = self._typed(row)
                yield {
                    name: value if v.to_text(value) == row.get(name) else typed[name] for name, value in found.items()
                }

    def _typed(self, row: Mapping[str, str | None]) -> dict[str, object]:
        """The values of a row in the types of their fields.

        Raises:
            Unfit: one cannot be of that type, or there is no such field.
        """
        unknown = [name for name in row if name not in self.columns]
        if unknown:
            raise Unfit(f"the table has no column “{unknown[0]}”")
        made = {}
        for field in self._fields:
            name, kind = field["name"], field["type"]
            read, nullable = _reading(kind)
            if name not in row and "default" in field:
                made[name] = field["default"]
                continue
            value = v.fitted(name, row.get(name), read, nullable=nullable)
            if not _valid(self._avro, value, kind):
                raise Unfit(f"“{name}” cannot hold {row.get(name)!r}")
            made[name] = value
        return made

    def _first(self, new: BinaryIO, edits: Edits) -> None:
        names = tuple(dict.fromkeys(name for row in edits.added for name in row))
        wrong = [name for name in names if not name.isidentifier() or not name.isascii()]
        if wrong:
            raise Unfit(f"a field of an .avro file cannot be called “{wrong[0]}”: letters, digits and _ only")
        fields = [{"name": name, "type": ["null", "string"], "default": None} for name in names]
        schema = {"type": "record", "name": "row", "fields": fields}
        self._avro.writer(
            new, schema, ({name: row.get(name) for name in names} for row in edits.added), codec="deflate"
        )

    def _damaged(self, error: Exception) -> Permanent:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = "it may be half-written or no .avro file: write it again where it came from"
        return Permanent(f"could not read {self._what}", where=self._path, why=why, hint=hint)


def _reading(kind: Any) -> tuple[Callable[[str], object] | None, bool]:
    """What makes a value of a type of a text (None: it is a text), and whether it may have none."""
    branches = kind if isinstance(kind, list) else [kind]
    nullable = "null" in branches
    others = [one for one in branches if one != "null"]
    readers = [_reader_of(one) for one in others]
    return (None if None in readers or not readers else readers[0]), nullable


def _reader_of(kind: Any) -> Callable[[str], object] | None:
    if isinstance(kind, dict):
        logical = _LOGICAL.get(str(kind.get("logicalType")))
        return logical or _reader_of(kind["type"])
    return _PLAIN.get(kind)


def _valid(avro: Any, value: object, kind: Any) -> bool:
    from fastavro.validation import validate

    try:
        return bool(validate(value, kind, raise_errors=False))
    except Exception:
        return False
