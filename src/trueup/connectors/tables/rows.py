"""Rows: named values in text, as they were read, and the JSON bytes that a collection hands out for one.

A value is a text exactly as it stands in the table, None where the table says "no value" (null), and missing where the table says nothing of it.
Nothing is guessed: `0049` stays `0049`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

Row: TypeAlias = dict[str, str | None]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Unfit(Exception):
    """A row cannot be written like this; says why, for people."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row as a file has it.

    Attributes:
        number: where people find it: its line, or its number in the file, from 1.
        row: its values; None where it cannot be read.
        problem: why it cannot be.
        start, stop: where its bytes are, in files of text.
    """

    number: int
    row: Row | None
    problem: str = ""
    start: int = 0
    stop: int = 0


def to_body(row: Mapping[str, str | None]) -> bytes:
    """A row as the body of an item.

    Raises:
        UnicodeEncodeError: a value holds half a letter.
    """
    return _encode(row).encode()


def from_body(data: bytes) -> Row:
    """The row of a body.

    Raises:
        Unfit: it is no row.
    """
    try:
        row = json.loads(data)
    except ValueError:
        row = None
    if not isinstance(row, dict) or not all(one is None or isinstance(one, str) for one in row.values()):
        raise Unfit("it is no row: a JSON object with texts is needed")
    return row


def digest(body: bytes) -> bytes:
    """16 bytes that name the content of a row."""
    return blake2b(body, digest_size=16).digest()


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """The names of columns: one without a name is called by its place ("column 5"), one with the name of an earlier one gets a number
    behind it ("Phone (2)")."""
    found: dict[str, None] = {}
    for place, given in enumerate(names, 1):
        name = given.strip() or f"column {place}"
        tried, number = name, 1
        while tried in found:
            number += 1
            tried = f"{name} ({number})"
        found[tried] = None
    return tuple(found)
