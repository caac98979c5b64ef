"""Content lines: escaping, folding and the values of dates and times.

The writer is deliberately naive. It does not come from a calendar library, so the examples show what calendar
programs really write and not what one library would make of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")

ANCHOR = date(2026, 11, 16)  # the Monday that "this week" means everywhere in the examples


class Dice:
    """Repeatable choices, the same in every version of Python."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count = 0

    def number(self, limit: int) -> int:
        self._count += 1
        digest = hashlib.sha256(f"{self._seed}/{self._count}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % limit

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.number(len(choices))]

    def sample(self, choices: Sequence[T], count: int) -> list[T]:
        rest = list(choices)
        return [rest.pop(self.number(len(rest))) for _ in range(min(count, len(rest)))]


def text(value: str) -> str:
    """Escape a TEXT value."""
    return value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def fold(line: str, style: str) -> list[bytes]:
    """Split one logical line into physical ones.

    ``clean``: at 75 bytes, between characters. ``tab``: the same, continued with a tab. ``chars``: at 75 characters,
    so lines may be longer than 75 bytes. ``none``: not at all. Folding inside a character, which RFC 5545 warns of and
    Xandikos refuses, is among the hostile examples.
    """
    raw = line.encode()
    lead = b"\t" if style == "tab" else b" "
    if style == "none":
        return [raw]
    if style == "chars":
        parts = [line[at : at + 74].encode() for at in range(0, len(line), 74)]
        return [parts[0], *(lead + part for part in parts[1:])]
    out: list[bytes] = []
    limit = 75
    while len(raw) > limit:
        cut = limit
        while raw[cut] & 0xC0 == 0x80:
            cut -= 1
        out.append(raw[:cut])
        raw = raw[cut:]
        limit = 74
    out.append(raw)
    return [out[0], *(lead + part for part in out[1:])]


def moment(value: str | datetime) -> datetime:
    return datetime.strptime(value, "%Y-%m-%d %H:%M") if isinstance(value, str) else value


def stamp(value: str | datetime) -> str:
    return moment(value).strftime("%Y%m%dT%H%M%S")


def day_stamp(value: str | date) -> str:
    return (date.fromisoformat(value) if isinstance(value, str) else value).strftime("%Y%m%d")


def zoned(name: str, value: str | datetime, zone: str) -> str:
    """A date-time property in a zone; ``UTC`` and ``floating`` are zones too."""
    if zone == "UTC":
        return f"{name}:{stamp(value)}Z"
    if zone == "floating":
        return f"{name}:{stamp(value)}"
    quoted = f'"{zone}"' if any(char in zone for char in ":;,") else zone
    return f"{name};TZID={quoted}:{stamp(value)}"


def span(start: str | datetime, minutes: int, zone: str = "Europe/Berlin") -> list[str]:
    """DTSTART and DTEND."""
    return [zoned("DTSTART", start, zone), zoned("DTEND", moment(start) + timedelta(minutes=minutes), zone)]


def lasting(start: str | datetime, duration: str, zone: str = "Europe/Berlin") -> list[str]:
    """DTSTART and DURATION."""
    return [zoned("DTSTART", start, zone), f"DURATION:{duration}"]


def days(first: str | date, count: int = 1) -> list[str]:
    """An all-day event; the end is the day after the last one."""
    begin = date.fromisoformat(first) if isinstance(first, str) else first
    end = begin + timedelta(days=count)
    return [f"DTSTART;VALUE=DATE:{day_stamp(begin)}", f"DTEND;VALUE=DATE:{day_stamp(end)}"]


def override(original: str, zone: str = "Europe/Berlin", this_and_future: bool = False) -> str:
    """The RECURRENCE-ID of one occurrence, or of it and all later ones."""
    name = "RECURRENCE-ID;RANGE=THISANDFUTURE" if this_and_future else "RECURRENCE-ID"
    return zoned(name, original, zone)
