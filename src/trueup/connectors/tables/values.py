"""Typed values as text, and back: one way of writing for each, so that a value which is read and written again is the same.

Whole numbers have no point, decimals keep their places, dates and times are written after ISO 8601, truth is `true` or `false`, bytes are base64,
and lists and records are JSON. A text is itself, whatever it looks like.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation

from trueup.connectors.tables.rows import Unfit

_EXACT = 1e15  # whole numbers below it are exact as floats
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TRUTHS = {"true": True, "false": False}


def to_text(value: object) -> str | None:
    """A value of a column as text; None for "no value"."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.6f}".rstrip("0").rstrip(".")
    if isinstance(value, bytes | bytearray | memoryview):
        return b64encode(bytes(value)).decode()
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=to_text)
    return str(value)


def whole(text: str) -> int:
    """A whole number.

    Raises:
        ValueError: it is none.
    """
    if not text.isascii() or not text.removeprefix("-").isdigit():
        raise ValueError("a whole number")
    return int(text)


def number(text: str) -> float:
    """A number. Raises ValueError."""
    if not text.isascii() or "_" in text:
        raise ValueError("a number")
    try:
        return float(text)
    except ValueError:
        raise ValueError("a number") from None


def decimal(text: str) -> Decimal:
    """A decimal number. Raises ValueError."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("a number") from None


def truth(text: str) -> bool:
    """True or false. Raises ValueError."""
    if text.lower() not in TRUTHS:
        raise ValueError("true or false")
    return TRUTHS[text.lower()]


def day(text: str) -> date:
    """A date. Raises ValueError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("a date as 2026-11-26") from None


def moment(text: str) -> datetime:
    """A date with a time. Raises ValueError."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a date and time as 2026-11-26T08:30:00") from None


def hour(text: str) -> time:
    """A time of day. Raises ValueError."""
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise ValueError("a time as 08:30:00") from None


def span(text: str) -> timedelta:
    """A length of time in seconds. Raises ValueError."""
    return timedelta(seconds=number(text))


def data(text: str) -> bytes:
    """Bytes in base64. Raises ValueError."""
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise ValueError("base64") from None


def structure(text: str) -> object:
    """A list or record in JSON. Raises ValueError."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list | dict):
        raise ValueError("a list or an object in JSON")
    return found


def fitted(column: str, text: str | None, read: Callable[[str], object] | None, *, nullable: bool) -> object:
    """A text as the value of a column.

    Args:
        column: its name, for the message.
        text: the value; None for none.
        read: makes a value of its type of a text; None: it holds texts.
        nullable: it may have no value.

    Raises:
        Unfit: it cannot be one.
    """
    if text is None or (text == "" and read is not None):
        if nullable:
            return None
        if read is None:
            return ""
        raise Unfit(f"“{column}” needs a value")
    if read is None:
        return text
    try:
        return read(text)
    except (ValueError, OverflowError) as error:
        raise Unfit(f"“{column}” takes {error}, not {text[:60]!r}") from None
