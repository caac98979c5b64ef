"""The parts of a recurrence rule, and whether a rule can be worked out in reasonable time."""

from __future__ import annotations

import calendar as months
import re

_ZONE_DAY = re.compile(r"[+-]?[1-5]?(?:MO|TU|WE|TH|FR|SA|SU)")
_ZONE_PARTS = frozenset({"FREQ", "BYMONTH", "BYDAY", "BYMONTHDAY", "UNTIL", "INTERVAL", "WKST", "BYHOUR", "BYMINUTE"})


def split_rule(value: str) -> dict[str, str]:
    """The parts of a rule, upper case."""
    pairs = (part.partition("=") for part in value.strip().upper().split(";") if part.strip())
    return {name.strip(): text.strip() for name, _, text in pairs}


def number(text: str) -> int:
    """A number of a rule's list; 0 where it is none."""
    text = text.strip().removeprefix("+")
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 6 else 0


def never(parts: dict[str, str]) -> bool:
    """Whether no month the rule names has a day it names (30 February): libraries search for it until the year 9999."""
    days = [number(day) for day in parts.get("BYMONTHDAY", "").split(",") if day]
    named = [number(month) for month in parts.get("BYMONTH", "").split(",") if month]
    if not days or not named:
        return False
    longest = max((months.monthrange(2024, month)[1] for month in named if 1 <= month <= 12), default=0)
    return all(abs(day) > longest for day in days)


def fits_zone(value: str) -> bool:
    """Whether a rule is one that time zones have: once a year, on a day of a month. Others are not worked out at all."""
    parts = split_rule(value)
    return (
        parts.get("FREQ") == "YEARLY"
        and parts.get("INTERVAL", "1") == "1"
        and parts.keys() <= _ZONE_PARTS
        and all(_ZONE_DAY.fullmatch(day) for day in parts.get("BYDAY", "MO").split(","))
        and all(1 <= number(month) <= 12 for month in parts.get("BYMONTH", "1").split(","))
        and all(number(day) for day in parts.get("BYMONTHDAY", "1").split(","))
        and not never(parts)
    )
