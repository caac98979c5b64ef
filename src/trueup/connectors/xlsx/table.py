"""A sheet of an .xlsx workbook as a table (ECMA-376 part 1, section 18.3).

Read by python-calamine. Written by changing cells in the sheet's XML: styles, formulas, other sheets, macros and everything else in the workbook keep
their bytes. A deleted row becomes an empty one, since moving the others would break what refers to them.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, BinaryIO

from trueup.connectors.tables import values as v
from trueup.connectors.tables.connector import missing_package
from trueup.connectors.tables.formats import Edits
from trueup.connectors.tables.rows import Record, Row, Unfit, unique
from trueup.model.errors import Permanent

LONGEST = 32_767
"""A cell takes no more letters (Excel's specifications and limits)."""
_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class XlsxFormat:
    """Implements `tables.formats.Format`. `sheet` "": the first."""

    suffixes: tuple[str, ...]
    sheet: str = ""
    faithful: bool = False
    fixed: bool = True

    @property
    def marks(self) -> str:
        """See `Format.marks`."""
        return self.sheet.encode().hex()

    def open(self, file: BinaryIO, path: str, what: str) -> XlsxTable:
        """See `Format.open`."""
        return XlsxTable(file, path, what, self.sheet)


class XlsxTable:
    """Implements `tables.formats.Table`. The first row with anything in it names the columns."""

    def __init__(self, file: BinaryIO, path: str, what: str, sheet: str) -> None:
        self._file, self._path, self._what, self._name = file, path, what, sheet
        self._left = 0
        self._header = -1
        self._values: list[list[Any]] = []
        self.columns: tuple[str, ...] = ()
        self._numeric: set[str] = set()
        if os.fstat(file.fileno()).st_size:
            self._read()

    def _read(self) -> None:
        try:
            import python_calamine as calamine
        except ImportError:
            raise missing_package("python-calamine", self._what) from None
        try:
            with open(os.dup(self._file.fileno()), "rb") as own:
                own.seek(0)
                book = calamine.CalamineWorkbook.from_filelike(own)
                if self._name and self._name not in book.sheet_names:
                    listed = ", ".join(book.sheet_names)
                    raise self._failed(f"it has no sheet “{self._name}”", f"its sheets: {listed}")
                self._name = self._name or book.sheet_names[0]
                found = book.get_sheet_by_name(self._name)
                self._left = found.start[1] if found.start else 0
                self._values = list(found.iter_rows()) if found.start else []
        except (calamine.CalamineError, OSError, IndexError) as error:
            raise self._failed(str(error) or type(error).__name__, "it may be half-written or protected") from error
        self._header = next((at for at, row in enumerate(self._values) if any(one != "" for one in row)), -1)
        if self._header >= 0:
            names = [v.to_text(one) or "" for one in self._values[self._header]]
            self.columns = unique(names)
            sample = self._values[self._header + 1 : self._header + 1 + _SAMPLE]
            for at, name in enumerate(self.columns):
                kinds = {
                    isinstance(row[at], float | int) and not isinstance(row[at], bool)
                    for row in sample
                    if row[at] != ""
                }
                if kinds == {True}:
                    self._numeric.add(name)

    def records(self) -> Iterator[Record]:
        """See `Table.records`: numbers are the sheet's row numbers."""
        for number, row in self._rows():
            yield Record(number, dict(zip(self.columns, map(v.to_text, row), strict=True)))

    def fit(self, row: Mapping[str, str | None], before: Mapping[str, str | None] | None) -> Row:
        """See `Table.fit`: a cell has no null."""
        columns = self.columns or tuple(row)
        unknown = [name for name in row if name not in columns]
        if unknown:
            raise Unfit(f"the sheet has no column “{unknown[0]}”")
        fitted: Row = {name: row.get(name) or "" for name in columns}
        for name, text in fitted.items():
            if len(text or "") > LONGEST:
                raise Unfit(f"“{name}” has {len(text or ''):,} letters, and a cell takes {LONGEST:,}")
            if any(one < " " and one not in "\t\n\r" for one in text or ""):
                raise Unfit(f"“{name}” holds a control character, which XML cannot hold")
            fitted[name] = (text or "").replace("\r\n", "\n").replace("\r", "\n")
        if not any(fitted.values()):
            raise Unfit("it has no value at all")
        return fitted

    def rewrite(self, new: BinaryIO, edits: Edits) -> None:
        """See `Table.rewrite`."""
        if self._header < 0:
            self._first(new, edits.added)
            return
        from trueup.connectors.xlsx.sheet import Sheet

        with open(os.dup(self._file.fileno()), "rb") as own, zipfile.ZipFile(own) as old:
            sheet = Sheet(old, self._name)
            changed = {}
            for place, (number, row) in enumerate(self._rows()):
                if place in edits.changed:
                    changed[number] = self._cells(row, edits.changed[place])
            last = len(self._values)
            added = [self._cells([], row) for row in edits.added]
            sheet.edit(changed, added, last, self._left)
            with zipfile.ZipFile(new, "w") as target:
                for info in old.infolist():
                    data = sheet.data if info.filename == sheet.path else old.read(info)
                    target.writestr(info, data, compress_type=info.compress_type)

    def notes(self) -> Iterator[tuple[str, str]]:
        """See `Table.notes`."""
        if self._header >= 0:
            yield f"sheet {self._name}, columns named by row {self._header + 1}", ""
        if self._numeric:
            yield (
                f"columns of numbers: {', '.join(sorted(self._numeric)[:20])}",
                "what Excel took for a number has lost its zeros",
            )

    # --- inside

    def _rows(self) -> Iterator[tuple[int, list[Any]]]:
        """Rows that are not blank, with their numbers in the sheet."""
        for at in range(self._header + 1, len(self._values)):
            if any(one != "" for one in self._values[at]):
                yield at + 1, self._values[at]

    def _cells(self, old: Sequence[Any], row: Row | None) -> dict[int, Any] | None:
        """What changes in a row, by column from 0: numbers and dates where such stood, else texts; None: all of it goes."""
        if row is None:
            return None
        cells: dict[int, Any] = {}
        for at, name in enumerate(self.columns):
            text, was = row.get(name) or "", old[at] if old else ""
            if text == (v.to_text(was) or ""):
                continue
            cells[at] = _like(text, was, numeric=name in self._numeric)
        return cells

    def _first(self, new: BinaryIO, rows: Sequence[Row]) -> None:
        """A new workbook, all texts."""
        try:
            xlsxwriter = import_module("xlsxwriter")
        except ImportError:
            raise missing_package("xlsxwriter", self._what) from None
        names = tuple(dict.fromkeys(name for row in rows for name in row))
        book = xlsxwriter.Workbook(new, {"in_memory": False, "constant_memory": True})
        sheet = book.add_worksheet(self._name or "Sheet1")
        for place, values in enumerate([names, *([row.get(name) or "" for name in names] for row in rows)]):
            for at, text in enumerate(values):
                if text:
                    sheet.write_string(place, at, text)
        book.close()

    def _failed(self, why: str, hint: str) -> Permanent:
        return Permanent(f"could not read {self._what}", where=self._path, why=why, hint=hint)


def _like(text: str, was: Any, *, numeric: bool) -> Any:
    """A text as the kind of value that stood there, where it can be read back as itself."""
    if isinstance(was, bool):
        return v.TRUTHS.get(text, text)
    if isinstance(was, float | int) or (was == "" and numeric):
        try:
            number = v.number(text)
        except ValueError:
            return text
        return number if v.to_text(number) == text else text
    if hasattr(was, "isoformat"):
        for read in (v.day, v.moment):
            try:
                found = read(text)
            except ValueError:
                continue
            if found.isoformat() == text:
                return found
    return text
