"""What a terminal shows: colours where it has them, and nothing that a title could do to it."""

from __future__ import annotations

import os
import sys
import unicodedata

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

# Directional marks are dropped: a title that turns the line around could show a deletion as something else.
_TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}


def coloured() -> bool:
    """Whether the output is a terminal that wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def style(text: str, *names: str) -> str:
    """The text in these styles, where the terminal has any."""
    if not names or not coloured():
        return text
    return f"\033[{';'.join(CODES[one] for one in names)}m{text}\033[0m"


def safe(text: str) -> str:
    """The text on one line, without anything that could command the terminal: control characters become visible."""
    return "".join(_visible(char) for char in text if ord(char) not in _TURNING)


def _visible(char: str) -> str:
    if char in "\n\r\t":
        return " "
    return f"\\x{ord(char):02x}" if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char


def width(text: str) -> int:
    """How many cells the text takes: wide characters (UAX 11) take two, combining ones none."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def cut(text: str, cells: int) -> str:
    """The text in at most so many cells."""
    if width(text) <= cells:
        return text
    result, used = "", 0
    for char in text:
        used += width(char)
        if used > cells - 1:
            break
        result += char
    return result + "…"
