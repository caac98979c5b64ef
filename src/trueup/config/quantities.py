"""Durations and shares as people write them: "90s", "30d", "2y"; "50%"."""

from __future__ import annotations

import re

SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_557_600.0}
"""A year is 365.25 days."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w|y)")


def duration(value: object) -> float:
    """Seconds of "90s", "10m", "1h", "30d", "2w", "2y", "1h 30m"; a bare number counts as seconds.

    Raises:
        ValueError: with what is right.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    text = str(value).strip().lower()
    if not text or _DURATION.sub("", text).strip(" ,") or not _DURATION.search(text):
        raise ValueError("a duration is a number and a unit: 90s, 10m, 1h, 30d, 2w or 2y")
    return sum(float(number) * SECONDS[unit] for number, unit in _DURATION.findall(text))


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
    if not 0 <= number <= 1:
        raise ValueError("a share is a percentage from 0% to 100%")
    return number
