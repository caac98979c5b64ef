"""How a .csv file is written: what stands between values, what lines end with, what is quoted. Found out, or asked for; never guessed."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

DELIMITERS = (",", ";", "\t", "|")
SHOWN = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe", " ": "space"}
ROWS = 200
_MOST, _HALF = 0.8, 0.5
_SAID = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)  # a line that Excel writes and heeds


class Unclear(Exception):
    """More than one delimiter, or none, makes rows of equal widths; has those that do."""

    def __init__(self, found: Sequence[str]) -> None:
        super().__init__()
        self.found = tuple(found)


@dataclass(frozen=True, slots=True)
class Dialect:
    """A file's way of writing.

    Attributes:
        delimiter: between values.
        end: of a line.
        quote_all: every value stands in quotes.
    """

    delimiter: str
    end: str
    quote_all: bool

    def write(self, values: Sequence[str]) -> str:
        """A row as a line. A value with anything in it that could be misread stands in quotes."""
        return self.delimiter.join([self._value(one, len(values)) for one in values]) + self.end

    def _value(self, value: str, width: int) -> str:
        plain = not (self.quote_all or any(one in value for one in (self.delimiter, '"', "\r", "\n")))
        if plain and not (width == 1 and not value.strip()) and value == value.strip(" \t"):
            return value
        return '"' + value.replace('"', '""') + '"'


def said_delimiter(line: str) -> str:
    """The delimiter that a first line `sep=;` names; "" for any other line."""
    match = _SAID.fullmatch(line)
    return "" if match is None else match[1]


def line_end(text: str) -> str:
    """What lines end with, by the first of them; CR LF where there is none (RFC 4180 section 2)."""
    at = next((place for place, one in enumerate(text) if one in "\r\n"), None)
    if at is None:
        return "\r\n"
    return "\r\n" if text[at : at + 2] == "\r\n" else text[at]


def delimiter_of(text: str, *, whole: bool) -> str:
    """What stands between the values of a text.

    A delimiter counts where it parts the first row, and all others into as many values. Where none parts the first row, the table has a single
    column, and a comma would part it.

    Args:
        text: the beginning of a file.
        whole: it is all of it; else its last row may be cut off.

    Raises:
        Unclear: several count, or some part the first row and none counts.
    """
    widths = {one: _widths(text, one, whole) for one in DELIMITERS}
    parting = [one for one in DELIMITERS if widths[one] and widths[one][0] > 1]
    if not parting:
        return ","
    even = [one for one in parting if all(width == widths[one][0] for width in widths[one])]
    if len(even) == 1:
        return even[0]
    if not even:
        # Some rows are broken; still clear where most are of one width, and no other delimiter comes near.
        near = [one for one in parting if _share(widths[one]) >= (_MOST if len(parting) > 1 else _HALF)]
        if len(near) == 1:
            return near[0]
        raise Unclear(near or parting)
    # Where one of them leaves quotes within values, it cuts through what is quoted.
    clean = [one for one in even if not _cuts_quotes(text, one)]
    if len(clean) == 1:
        return clean[0]
    raise Unclear(even)


def _cuts_quotes(text: str, delimiter: str) -> bool:
    first = next((one for one in text.splitlines() if one.strip()), "")
    return any(one.count('"') % 2 for one in next(csv.reader([first], delimiter=delimiter), []))


def _share(widths: Sequence[int]) -> float:
    return sum(1 for one in widths if one == widths[0]) / len(widths)


def _widths(text: str, delimiter: str, whole: bool) -> list[int]:
    """How many values the first rows have."""
    found: list[int] = []
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    try:
        for row in reader:
            if row and (len(row) > 1 or row[0].strip()):
                found.append(len(row))
            if len(found) > ROWS:
                break
    except csv.Error:
        pass
    return found if whole or len(found) < 2 else found[:-1]


def quotes_all(text: str, delimiter: str) -> bool:
    """Whether the first two rows have every value in quotes."""
    lines = [one for one in text.splitlines()[:2] if one.strip()]
    mark = re.compile(rf'"(?:[^"]|"")*"(?:{re.escape(delimiter)}"(?:[^"]|"")*")*')
    return bool(lines) and all(mark.fullmatch(one) for one in lines)
