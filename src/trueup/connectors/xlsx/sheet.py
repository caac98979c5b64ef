"""The XML of one sheet: rows and cells found by their tags, and changed in place (ECMA-376 part 1, sections 18.3.1.73 and 18.3.1.4)."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from trueup.connectors.tables.rows import Unfit

_ROW = re.compile(rb"<((?:\w+:)?)row\b([^>]*?)(/>|>(.*?)</\1row>)", re.DOTALL)
_CELL = re.compile(r"<((?:\w+:)?)c\b([^>]*?)(/>|>(.*?)</\1c>)", re.DOTALL)
_END = re.compile(rb"</((?:\w+:)?)sheetData>|<((?:\w+:)?)sheetData\s*/>")
_NUMBER = re.compile(rb'\br="(\d+)"')
_PLACE = re.compile(r'\br="([A-Z]+)(\d+)"')
_TYPE = re.compile(r'\s+t="\w+"')
_FORMULA = re.compile(r"<(?:\w+:)?f\b")
_DIMENSION = re.compile(rb'(<(?:\w+:)?dimension\b[^>]*?\bref=")([A-Z]+\d+)(?::([A-Z]+)(\d+))?(")')
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_PACKAGE = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"

Cells = Mapping[int, Any] | None


class Sheet:
    """A sheet of a workbook.

    Attributes:
        path: where it is in the archive.
        data: its XML.
    """

    def __init__(self, book: zipfile.ZipFile, name: str) -> None:
        self.path, self._since_1904 = _find(book, name)
        self.data = book.read(self.path)

    def edit(self, changed: Mapping[int, Cells], added: Sequence[Cells], last: int, left: int) -> None:
        """Writes cells.

        Args:
            changed: by row number: cells by column, counted from `left`; None: the row's cells go.
            added: rows for the end.
            last: the number of the last row that has anything in it.
            left: the sheet's first column that is used.

        Raises:
            Unfit: a cell that is to change holds a formula, or the rows have no numbers.
        """
        if _ROW.search(self.data) and not _NUMBER.search(_ROW.search(self.data)[2]):  # type: ignore[index]
            raise Unfit("the sheet's rows have no numbers: save the workbook once with Excel or LibreOffice")
        left_to_do = dict(changed)

        def one(match: re.Match[bytes]) -> bytes:
            found = _NUMBER.search(match[2])
            number = int(found[1]) if found else 0
            if number not in left_to_do:
                return match[0]
            return self._row(match, number, left_to_do.pop(number), left)

        self.data = _ROW.sub(one, self.data)
        if left_to_do:
            raise Unfit(f"row {min(left_to_do)} is not found in the sheet")
        if added:
            self._append(added, last, left)

    def _row(self, match: re.Match[bytes], number: int, cells: Cells, left: int) -> bytes:
        prefix, inner = match[1].decode(), (match[4] or b"").decode()
        kept: dict[int, str] = {}
        for found in _CELL.finditer(inner):
            place = _PLACE.search(found[2])
            if place is None:
                raise Unfit(
                    f"the cells of row {number} have no names: save the workbook once with Excel or LibreOffice"
                )
            kept[_column(place[1])] = found[0]
        if cells is None:
            if any(_FORMULA.search(one) for one in kept.values()):
                raise Unfit(f"row {number} holds a formula, which would go with it")
            return b"<" + match[1] + b"row" + match[2] + b"/>"
        for at, value in cells.items():
            old = kept.get(at + left, "")
            if _FORMULA.search(old):
                raise Unfit(f"the cell {_letters(at + left)}{number} holds a formula")
            kept[at + left] = self._cell(prefix, at + left, number, value, _style(old))
        body = "".join(kept[at] for at in sorted(kept)).encode()
        attributes = re.sub(rb'\s+spans="[^"]*"', b"", match[2])  # only a hint of where cells are
        return b"<" + match[1] + b"row" + attributes + b">" + body + b"</" + match[1] + b"row>"

    def _append(self, added: Sequence[Cells], last: int, left: int) -> None:
        end = _END.search(self.data)
        if end is None:
            raise Unfit("the sheet has no place for rows")
        rows = [int(one[1]) for match in _ROW.finditer(self.data) if (one := _NUMBER.search(match[2]))]
        number = max([last, *rows])
        prefix = (end[1] or end[2] or b"").decode()
        new = []
        for cells in added:
            number += 1
            body = "".join(
                self._cell(prefix, at + left, number, value, "") for at, value in sorted((cells or {}).items())
            )
            new.append(f'<{prefix}row r="{number}">{body}</{prefix}row>')
        text = "".join(new).encode()
        if end[0].endswith(b"/>"):
            name = f"{prefix}sheetData".encode()
            self.data = (
                self.data[: end.start()] + b"<" + name + b">" + text + b"</" + name + b">" + self.data[end.end() :]
            )
        else:
            self.data = self.data[: end.start()] + text + self.data[end.start() :]
        self.data = _DIMENSION.sub(
            lambda match: (
                match[0]
                if match[3] is None
                else match[1] + match[2] + b":" + match[3] + str(number).encode() + match[5]
            ),
            self.data,
            count=1,
        )

    def _cell(self, prefix: str, at: int, number: int, value: Any, style: str) -> str:
        head = f'<{prefix}c r="{_letters(at)}{number}"{style}'
        if isinstance(value, bool):
            return f'{head} t="b"><{prefix}v>{value:d}</{prefix}v></{prefix}c>'
        if isinstance(value, date):
            value = self._serial(value)
        if isinstance(value, float | int):
            said = str(int(value)) if float(value).is_integer() else repr(float(value))
            return f"{head}><{prefix}v>{said}</{prefix}v></{prefix}c>"
        if value == "":
            return f"{head}/>" if style else ""
        text = escape(str(value)).replace("\n", "&#10;")
        return f'{head} t="inlineStr"><{prefix}is><{prefix}t xml:space="preserve">{text}</{prefix}t></{prefix}is></{prefix}c>'

    def _serial(self, value: date) -> float:
        """Days since the beginning of time, as Excel counts them (section 18.17.4.1)."""
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
        start = datetime(1904, 1, 1) if self._since_1904 else datetime(1899, 12, 30)
        return (moment.replace(tzinfo=None) - start).total_seconds() / 86_400


def _find(book: zipfile.ZipFile, name: str) -> tuple[str, bool]:
    """Where a sheet is, and whether the workbook counts days since 1904."""
    root = ElementTree.fromstring(book.read("xl/workbook.xml"))
    properties = root.find(f"{_MAIN}workbookPr")
    since_1904 = properties is not None and properties.get("date1904") in ("1", "true")
    sheets = root.find(f"{_MAIN}sheets")
    wanted = next((one.get(_REL) for one in sheets if one.get("name") == name), None) if sheets is not None else None
    links = ElementTree.fromstring(book.read("xl/_rels/workbook.xml.rels"))
    target = next((one.get("Target") for one in links.iter(_PACKAGE) if one.get("Id") == wanted), None)
    if not target:
        raise Unfit(f"the workbook does not say where the sheet “{name}” is")
    return (target.lstrip("/") if target.startswith("/") else f"xl/{target}"), since_1904


def _style(cell: str) -> str:
    found = re.search(r'\ss="\d+"', cell.partition(">")[0])
    return found[0] if found else ""


def _column(letters: str) -> int:
    number = 0
    for one in letters:
        number = number * 26 + ord(one) - 64
    return number - 1


def _letters(column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
