"""Durations, shares, limits and switches as people write them: "90s", "30d", "2y"; "50%"; 200; off."""

from __future__ import annotations

import math
import re

SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_557_600.0}
"""A year is 365.25 days."""

_PART = r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w|y)"
_DURATION = re.compile(rf"{_PART}(?:\s*{_PART})*")

SWITCH = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


def duration(value: object) -> float:
    """Seconds of "90s", "10m", "1h", "30d", "2w", "2y", "1h 30m"; a bare number counts as seconds.

    Raises:
        ValueError: with what is right.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(value)
    text = value.strip().lower() if isinstance(value, str) else ""
    if not _DURATION.fullmatch(text):
        raise ValueError("must be a number and a unit: 90s, 10m, 1h, 30d, 2w, 2y or 1h 30m")
    return sum(float(number) * SECONDS[unit] for number, unit in re.findall(_PART, text))


_SIZES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}


def size(value: object) -> int:
    """Bytes of "10MB", "1.5 GiB" or a bare number.

    Raises:
        ValueError: with what is right.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?b)?", str(value).strip().lower())
    if isinstance(value, bool) or found is None or (found[2] or "") not in _SIZES:
        raise ValueError("must be a number of bytes: 10MB, 1.5GiB")
    return int(float(found[1]) * _SIZES[found[2] or ""])


def share(value: object) -> float:
    """A share from 0 to 1, of "50%" or 0.5.

    Raises:
        ValueError: with what is right.
    """
    text = str(value).strip()
    try:
        number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        number = -1.0
    if isinstance(value, bool) or not 0 <= number <= 1:
        raise ValueError("must be a percentage from 0% to 100%")
    return number


def share_or_off(value: object) -> float | None:
    """A share, or None for "off".

    Raises:
        ValueError: with what is right.
    """
    if _is_off(value):
        return None
    try:
        return share(value)
    except ValueError:
        raise ValueError("must be a percentage from 0% to 100%, or off") from None


def limit(value: object) -> float | int | None:
    """A share (float) of "50%", a number (int) of 200, or None for "off".

    Raises:
        ValueError: with what is right.
    """
    if isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    try:
        return share_or_off(value)
    except ValueError:
        raise ValueError("must be a percentage (50%), a number of items (200), both in a list, or off") from None


def switch(value: object) -> object:
    """on, off, yes and no as True and False; anything else as it is."""
    return SWITCH.get(value.strip().lower(), value) if isinstance(value, str) else value


def _is_off(value: object) -> bool:
    return value is False or (isinstance(value, str) and value.strip().lower() == "off")
