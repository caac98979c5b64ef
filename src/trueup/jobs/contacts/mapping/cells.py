"""Values of cells as values of properties, and back. What a cell cannot hold is `None` on the way back."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from trueup.jobs.contacts import properties as p
from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.card import CardLine
from trueup.jobs.contacts.head import BLANK
from trueup.jobs.contacts.mapping.spec import Cell

Row = Mapping[str, str | None]

_DAY = re.compile(r"(\d{4}|-)-(\d{2})-(\d{2})(T.*)?", re.DOTALL)
_LINK = re.compile(r"[a-z][a-z0-9+.\-]*://|data:", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([\\,])")
_MIMES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WebP": "image/webp"}


def raw(row: Row, cell: Cell) -> str:
    """The text of a cell; several columns joined, blank ones left out."""
    if len(cell.columns) == 1:
        return (row.get(cell.columns[0]) or "").strip()
    return cell.separator.join(one for name in cell.columns if (one := (row.get(name) or "").strip()))


def silent(row: Row, cell: Cell) -> bool:
    """Whether a cell without a value says that there is none: its line is then left out, and else empty."""
    if not cell.wipes:
        return False
    states = {
        "absent" if name not in row else "null" if row[name] is None else "blank"
        for name in cell.columns
        if not (row.get(name) or "").strip()
    }
    return states <= cell.wipes


def to_value(name: str, text: str, cell: Cell) -> tuple[str, str]:
    """A cell's text as a property's value, and the parameters that go with it (";VALUE=text")."""
    if name in p.DATES:
        return _date_value(text, cell.form)
    if name in p.BINARY:
        return _photo_value(text)
    if name in p.URIS:
        return _address(text), ""
    if name == "GENDER":
        return " ".join(text.replace("\\", "\\\\").split()), ""
    return v.escape(text), ""


def _address(text: str) -> str:
    """An address of the web, in which nothing but what would break the line is escaped."""
    return text.replace("\\", "\\\\").replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")


def _date_value(text: str, form: str) -> tuple[str, str]:
    if form:
        try:
            text = datetime.strptime(text, form).date().isoformat()
        except ValueError:
            return v.escape(text), ";VALUE=text"
    match = _DAY.fullmatch(v.date(BLANK, text))
    if match is None:
        return v.escape(text), ";VALUE=text"
    year, month, day, time = match.groups()
    return f"{'--' if year == '-' else year}{month}{day}{time or ''}", ""


def _photo_value(text: str) -> tuple[str, str]:
    if _LINK.match(text):
        return _address(text), ""
    try:
        data = b64decode("".join(text.split()), validate=True)
    except (Base64Error, ValueError):
        return v.escape(text), ";VALUE=text"
    kind = v.media_type(BLANK, "", data[:16])
    return f"data:{_MIMES.get(kind, 'application/octet-stream')};base64,{b64encode(data).decode()}", ""


def same(name: str, text: str, line: CardLine, cell: Cell) -> bool:
    """Whether a cell's text says what a line of a card says: it then stays as it is written."""
    value, _ = to_value(name, text, cell)
    return normal(name, BLANK_LINE(value)) == normal(name, line)


def BLANK_LINE(value: str) -> CardLine:
    """A line with nothing but a value."""
    return CardLine(BLANK, "", value)


def normal(name: str, line: CardLine) -> str:
    """A line's value as it is compared."""
    value = line.value
    if name == "TEL":
        return v.phone(value)
    if name == "EMAIL":
        return v.email(value)
    if name in p.DATES:
        return v.date(line.head, value)
    if name in p.BINARY:
        data = v.binary(line.head, value)
        return v.uri(value) if data is None else v.short_digest(data)
    if name in p.URIS:
        return v.uri(value)
    return v.text(value)


def to_text(name: str, line: CardLine, cell: Cell) -> str | None:
    """A line's value as the text of a cell; None where the cell cannot hold it."""
    if name in p.DATES:
        return _date_text(v.date(line.head, line.value), cell.form)
    if name in p.BINARY:
        return _photo_text(line, link=cell.link)
    text = v.text(line.value)
    if name == "TEL" and text[:4].lower() == "tel:":
        return text[4:]
    if name == "EMAIL" and text[:7].lower() == "mailto:":
        return text[7:]
    return text


def _date_text(said: str, form: str) -> str | None:
    if not form:
        return said
    match = _DAY.fullmatch(said)
    if match is None or match[1] == "-" or match[4]:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3])).strftime(form)
    except ValueError:
        return None


def _photo_text(line: CardLine, *, link: bool) -> str | None:
    data = v.binary(line.head, line.value)
    if data is None or link:
        said = v.text(line.value).replace("\\:", ":")
        return said if link == (data is None) and _LINK.match(said) else None
    return b64encode(data).decode()


def plain(component: str) -> str:
    """A component of a structured value (see `values.component`) as people write it."""
    return _ESCAPED.sub(r"\1", component)


def split(text: str, separator: str) -> list[str]:
    """Several values of one cell."""
    return [one for part in text.split(separator.strip() or separator) if (one := part.strip())]


def joined(values: Sequence[str], separator: str) -> str:
    """Several values in one cell; those that hold the separator themselves cannot be told apart there, and are left out."""
    mark = separator.strip() or separator
    spaced = separator if separator != mark or not separator.isascii() else f"{mark} " if mark in ",;" else mark
    return spaced.join(one for one in values if mark not in one)
