"""What a terminal shows: colours where it has them, and nothing that a title could do to it."""

from __future__ import annotations

import os
import sys
import unicodedata
from typing import TextIO

CODES = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "dim": "2",
    "bold": "1",
}

LEFT_TO_RIGHT = "\u200e"

# Directional marks are dropped: a title that turns the line around could show a deletion as something else.
_TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}


def coloured(stream: TextIO) -> bool:
    """Whether it is a terminal that wants colours (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def style(text: str, *names: str, stream: TextIO | None = None) -> str:
    """The text in these styles, where the stream (the standard output) is a terminal that has any."""
    if not names or not coloured(stream or sys.stdout):
        return text
    return f"\033[{';'.join(CODES[one] for one in names)}m{text}\033[0m"


def safe(text: str) -> str:
    """The text on one line, without anything that could command the terminal: control characters become visible.

    After a text in a script that is written from right to left, a mark keeps what follows it in its place (UAX 9).
    """
    shown = "".join(_visible(char) for char in text if ord(char) not in _TURNING)
    return shown + LEFT_TO_RIGHT if any(unicodedata.bidirectional(char) in ("R", "AL") for char in shown) else shown


def _visible(char: str) -> str:
    if char in "\n\r\t":
        return " "
    return f"\\x{ord(char):02x}" if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char


def width(text: str) -> int:
    """How many cells the text takes: wide characters (UAX 11) take two, combining and invisible ones none."""
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, cells: int) -> str:
    """The text in at most so many cells."""
    if width(text) <= cells:
        return text
    result, used = "", 0
    for char in text:
        used += _cells(char)
        if used > cells - 1:
            break
        result += char
    return result + "…" + (LEFT_TO_RIGHT if text.endswith(LEFT_TO_RIGHT) else "")
