"""A .csv file as a table (RFC 4180, and what programs really write)."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from trueup.connectors.csv.dialect import SHOWN, Dialect, Unclear, delimiter_of, line_end, quotes_all, said_delimiter
from trueup.connectors.csv.lines import Lines, encoding_of
from trueup.connectors.folder.replacing import copied
from trueup.connectors.tables.formats import Edits
from trueup.connectors.tables.rows import Record, Row, Unfit, unique
from trueup.model.errors import Permanent

START = 1 << 18
LONGEST = 32 * 1024 * 1024
"""No value is longer, in letters: a photo in base64 is a value of a few MB."""


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """Implements `tables.formats.Format`. `delimiter` and `encoding` "": found out."""

    suffixes: tuple[str, ...]
    delimiter: str
    encoding: str
    header: bool = True
    faithful: bool = True
    fixed: bool = True

    @property
    def marks(self) -> str:
        """See `Format.marks`."""
        return f"{ord(self.delimiter or chr(0)):x}.{self.encoding}.{self.header:d}"

    def open(self, file: BinaryIO, path: str, what: str) -> CsvTable:
        """See `Format.open`."""
        if csv.field_size_limit() < LONGEST:
            csv.field_size_limit(LONGEST)
        return CsvTable(file, path, what, self)


class CsvTable:
    """Implements `tables.formats.Table`."""

    def __init__(self, file: BinaryIO, path: str, what: str, form: CsvFormat) -> None:
        self._file, self._path, self._what = file, path, what
        start = file.read(START)
        self._encoding, self._mark = encoding_of(start, form.encoding)
        text = self._decoded(start[len(self._mark) :])
        self._preamble = ""
        delimiter = said_delimiter(text.split("\n", 1)[0] + "\n")
        if delimiter:
            self._preamble, text = text[: text.index("\n") + 1], text[text.index("\n") + 1 :] if "\n" in text else ""
        self._found = not (form.delimiter or delimiter)
        delimiter = form.delimiter or delimiter or self._delimiter(text, whole=len(start) < START)
        self.dialect = Dialect(delimiter, line_end(text or self._preamble), quotes_all(text, delimiter))
        self._header = form.header
        self._said = form.encoding
        self._skip = len(self._mark) + len(self._preamble.encode(self._encoding))
        self.columns = self._columns()

    def records(self) -> Iterator[Record]:
        """See `Table.records`: a row of another width than the first is refused with its line, and never shifted."""
        columns, width = self.columns, len(self.columns)
        try:
            lines, reader = self._reader()
            if self._header and columns:
                self._first(lines, reader)
            while True:
                lines.mark()
                start, number = lines.offset, lines.number + 1
                problem, values = "", []
                try:
                    values = next(reader)
                except StopIteration:
                    break
                except csv.Error as error:
                    problem = f"its quotes are wrong ({error})"
                if not problem and not values:
                    continue
                if not problem and len(values) != width:
                    if len(values) == 1 and not values[0].strip():
                        continue
                    problem = f"it has {len(values)} values, and the table {width} columns"
                if problem:
                    lines.give_back()  # a quote too many must not swallow the rows behind it
                    yield Record(number, None, problem, start, lines.offset)
                    continue
                row = dict(zip(columns, values, strict=True))
                if any("\0" in one for one in values):
                    yield Record(number, None, "it holds a NUL character", start, lines.offset)
                else:
                    yield Record(number, row, "", start, lines.offset)  # type: ignore[arg-type]
        except UnicodeDecodeError as error:
            raise self._foreign(f"it is not written in {self._encoding}: {error.reason}") from error
        if lines.foreign and not lines.letters and not self._said:
            raise self._foreign(f"line {lines.first_foreign} is not written in UTF-8")

    def fit(self, row: Mapping[str, str | None], before: Mapping[str, str | None] | None) -> Row:
        """See `Table.fit`: a .csv file has no null, and a value for every column."""
        columns = self.columns or tuple(row)
        unknown = [name for name in row if name not in columns]
        if unknown:
            raise Unfit(f"the table has no column “{unknown[0]}”")
        fitted: Row = {name: row.get(name) or "" for name in columns}
        for name, value in fitted.items():
            assert value is not None
            if "\0" in value:
                raise Unfit(f"“{name}” holds a NUL character")
            try:
                value.encode(self._encoding)
            except UnicodeEncodeError as error:
                raise Unfit(f"“{name}” holds {value[error.start]!r}, which {self._encoding} cannot write") from None
        if len(columns) > 1 and not any(fitted.values()):
            raise Unfit("it has no value at all")
        return fitted

    def rewrite(self, new: BinaryIO, edits: Edits) -> None:
        """See `Table.rewrite`: what is not changed keeps its bytes, blank lines and all."""
        size, done = os.fstat(self._file.fileno()).st_size, 0
        for place in sorted(edits.changed, key=edits.span):
            start, stop = edits.span(place)
            copied(self._file, new, done, start)
            row = edits.changed[place]
            if row is not None:
                new.write(self._line(row, self._end(start, stop)))
            done = stop
        copied(self._file, new, done, size)
        if not edits.added:
            return
        if not self.columns:
            names = tuple(dict.fromkeys(name for row in edits.added for name in row))
            if self._header:
                new.write(self._encoded(self.dialect.write(names)))
        elif not self._ends_a_line(new):
            new.write(self._encoded(self.dialect.end))
        for row in edits.added:
            new.write(self._line(row, self.dialect.end))

    def notes(self) -> Iterator[tuple[str, str]]:
        """See `Table.notes`."""
        delimiter = SHOWN.get(self.dialect.delimiter, repr(self.dialect.delimiter))
        found = " (found out)" if self._found else ""
        mark = ", with a byte order mark" if self._mark else ""
        yield f"read as {self._encoding}{mark}, delimiter {delimiter}{found}", ""

    # --- inside

    def _reader(self) -> tuple[Lines, Iterator[list[str]]]:
        end = "\r" if self.dialect.end == "\r" else "\n"
        lines = Lines(self._file, self._skip, self._encoding, end)
        lines.number = 1 if self._preamble else 0
        return lines, csv.reader(lines, delimiter=self.dialect.delimiter, strict=True)

    def _first(self, lines: Lines, reader: Iterator[list[str]]) -> list[str]:
        """The first row that is not blank; [] where there is none."""
        try:
            for values in reader:
                if values and (len(values) > 1 or values[0].strip()):
                    return values
        except csv.Error as error:
            raise Permanent(
                f"could not read {self._what}",
                where=self._path,
                why=f"line {lines.number}, which should name the columns, has wrong quotes ({error})",
                hint="check `path`, `delimiter` and `encoding`",
            ) from error
        except UnicodeDecodeError as error:
            raise self._foreign(f"it is not written in {self._encoding}: {error.reason}") from error
        return []

    def _columns(self) -> tuple[str, ...]:
        values = self._first(*self._reader())
        if any("\udc80" <= letter <= "\udcff" for one in values for letter in one):
            raise self._foreign(f"its first line is not written in {self._encoding}")
        return unique(values) if self._header else tuple(str(place) for place in range(1, len(values) + 1))

    def _decoded(self, start: bytes) -> str:
        errors = "ignore" if self._encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        return start.decode(self._encoding, errors)

    def _delimiter(self, text: str, *, whole: bool) -> str:
        try:
            return delimiter_of(text, whole=whole)
        except Unclear as unclear:
            listed = " and ".join(SHOWN[one] for one in unclear.found)
            raise Permanent(
                f"could not read {self._what}",
                where=self._path,
                why=f"its delimiter is not clear: {listed} may be meant",
                hint="say which: delimiter: ';'",
            ) from None

    def _foreign(self, why: str) -> Permanent:
        hint = (
            "say which encoding it has, as: encoding: cp1252; letters are not guessed, for a wrong guess would spread"
        )
        return Permanent(f"could not read {self._what}", where=self._path, why=why, hint=hint)

    def _line(self, row: Row, end: str) -> bytes:
        text = self.dialect.write([row[name] or "" for name in self.columns or row])
        return self._encoded(text.removesuffix(self.dialect.end) + end)

    def _encoded(self, text: str) -> bytes:
        return text.encode(self._encoding)

    def _end(self, start: int, stop: int) -> str:
        """How a row ended: the last one of a file may have no line end."""
        last = os.pread(self._file.fileno(), min(8, stop - start), max(start, stop - 8)).decode(
            self._encoding, "ignore"
        )
        return next((one for one in ("\r\n", "\n", "\r") if last.endswith(one)), "")

    def _ends_a_line(self, new: BinaryIO) -> bool:
        new.flush()
        size = new.tell()
        last = os.pread(new.fileno(), 4, max(0, size - 4))
        return not last or last.endswith((b"\n", b"\r", b"\n\0", b"\r\0", b"\0\n", b"\0\r"))
