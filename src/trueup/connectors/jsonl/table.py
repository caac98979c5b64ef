"""A .jsonl file as a table: one JSON object a line (RFC 8259 in UTF-8).

A missing name, null and "" are three things, and stay so. Numbers keep the digits that stand there; what a name has held so far says what it may
be given: a text is written as a number only where its name holds numbers.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from trueup.connectors.folder.replacing import copied
from trueup.connectors.tables.formats import Edits
from trueup.connectors.tables.held import Held
from trueup.connectors.tables.rows import Record, Row, Unfit
from trueup.model.errors import Permanent

_BOM = b"\xef\xbb\xbf"
_START = 1 << 16
_SAMPLE = 1000
LONGEST = 64 * 1024 * 1024


class _Number(str):
    """A number as it is written."""


class _Twice(ValueError):
    """A name stands twice in an object."""


class JsonlTable:
    """Implements `tables.formats.Table`. Its columns are the names in the first 1,000 objects: more may come."""

    def __init__(self, file: BinaryIO, path: str, what: str) -> None:
        self._file = file
        start = os.pread(file.fileno(), _START, 0)
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise Permanent(
                f"could not read {what}", where=path, why="it is written in UTF-16", hint="save it as UTF-8"
            )
        self._skip = len(_BOM) if start.startswith(_BOM) else 0
        self._spaced = b'": ' in start
        self._end = b"\r\n" if b"\r\n" in start else b"\n"
        self._kinds: dict[str, set[str]] = {}
        names: dict[str, None] = {}
        for count, record in enumerate(self.records()):
            names.update(dict.fromkeys(record.row or ()))
            if count >= _SAMPLE:
                break
        self.columns = tuple(names)

    def records(self) -> Iterator[Record]:
        """See `Table.records`."""
        self._file.seek(self._skip)
        at = self._skip
        with io.BufferedReader(Held(self._file), 1 << 20) as lines:
            number = 0
            while line := lines.readline(LONGEST):
                number += 1
                start, at = at, at + len(line)
                if line.strip():
                    row, problem = self._row(line)
                    yield Record(number, row, problem, start, at)

    def fit(self, row: Mapping[str, str | None], before: Mapping[str, str | None] | None) -> Row:
        """See `Table.fit`."""
        return {name: self._shown(self._value(name, text)) for name, text in row.items()}

    def rewrite(self, new: BinaryIO, edits: Edits) -> None:
        """See `Table.rewrite`: what is not changed keeps its bytes."""
        size, done = os.fstat(self._file.fileno()).st_size, 0
        for place in sorted(edits.changed, key=edits.span):
            start, stop = edits.span(place)
            copied(self._file, new, done, start)
            row = edits.changed[place]
            if row is not None:
                old = os.pread(self._file.fileno(), stop - start, start)
                new.write(self._changed(old, row) + old[len(old.rstrip(b"\r\n")) :])
            done = stop
        copied(self._file, new, done, size)
        new.flush()
        if edits.added and new.tell() > self._skip and not os.pread(new.fileno(), 1, new.tell() - 1).endswith(b"\n"):
            new.write(self._end)
        for row in edits.added:
            new.write(self._written({name: self._value(name, text) for name, text in row.items()}) + self._end)

    def notes(self) -> Iterator[tuple[str, str]]:
        """See `Table.notes`."""
        mixed = sorted(name for name, kinds in self._kinds.items() if len(kinds) > 1)
        if mixed:
            yield f"names that hold texts and others: {', '.join(mixed[:10])}", "what is new there is written as text"

    # --- inside

    def _row(self, line: bytes) -> tuple[Row | None, str]:
        try:
            found = json.loads(line, parse_int=_Number, parse_float=_Number, object_pairs_hook=_once)
        except _Twice as error:
            return None, f"the name “{error}” stands in it twice"
        except UnicodeDecodeError:
            return None, "it is not written in UTF-8"
        except (ValueError, RecursionError) as error:
            return None, f"it is no JSON ({error})"
        if not isinstance(found, dict):
            return None, "it is no JSON object"
        for name, value in found.items():
            if value is not None:
                self._kinds.setdefault(name, set()).add(_kind(value))
        return {name: self._shown(value) for name, value in found.items()}, ""

    def _shown(self, value: object) -> str | None:
        if value is None or isinstance(value, str):
            return None if value is None else str(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        return _dumped(value, spaced=False)

    def _value(self, name: str, text: str | None) -> object:
        """A text as the kind of value that its name holds elsewhere.

        Raises:
            Unfit: it can be none.
        """
        kinds = self._kinds.get(name, set())
        if text is None or len(kinds) != 1 or kinds == {"a text"}:
            return text
        (kind,) = kinds
        try:
            value = json.loads(text, parse_int=_Number, parse_float=_Number)
        except ValueError:
            value = None
        if value is None or _kind(value) != kind or self._shown(value) != text:
            raise Unfit(f"“{name}” holds {kind}, and {text[:60]!r} is none")
        return value

    def _changed(self, line: bytes, row: Row) -> bytes:
        """An object with its new values; a value that stays keeps its kind, and names keep their order."""
        old = json.loads(line, parse_int=_Number, parse_float=_Number)
        new = {}
        for name, text in row.items():
            same = name in old and self._shown(old[name]) == text
            new[name] = old[name] if same else self._value(name, text)
        return self._written(new)

    def _written(self, value: Mapping[str, object]) -> bytes:
        return _dumped(value, spaced=self._spaced).encode("utf-8")


def _kind(value: object) -> str:
    if isinstance(value, _Number):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, bool):
        return "true or false"
    return "a list" if isinstance(value, list) else "an object"


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return found


def _dumped(value: object, *, spaced: bool) -> str:
    """JSON with numbers as they were written."""
    comma, colon = (", ", ": ") if spaced else (",", ":")
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, Mapping):
        inner = comma.join(
            f"{json.dumps(name, ensure_ascii=False)}{colon}{_dumped(one, spaced=spaced)}" for name, one in value.items()
        )
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{comma.join(_dumped(one, spaced=spaced) for one in value)}]"
    return json.dumps(value, ensure_ascii=False)
