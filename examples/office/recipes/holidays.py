"""The holiday feed: public holidays of Hamburg, invented school holidays and a few days worth knowing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from .clients import Client, calendar, component
from .lines import days, text

FEED = Client(
    "feed",
    "-//example.org//Feiertage Hamburg//DE",
    "at",
    head=("CALSCALE:GREGORIAN", "X-WR-CALNAME:Feiertage Hamburg", "X-WR-TIMEZONE:Europe/Berlin"),
    dated=False,
)
YEARS = (2026, 2027, 2028)


def easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar."""
    golden, century, rest = year % 19, year // 100, year % 100
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    shift = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * shift + 114, 31)
    return date(year, month, day + 1)


def public(year: int) -> Iterator[tuple[str, date, int]]:
    sunday = easter(year)
    yield "Neujahr", date(year, 1, 1), 1
    yield "Karfreitag", sunday - timedelta(days=2), 1
    yield "Ostermontag", sunday + timedelta(days=1), 1
    yield "Tag der Arbeit", date(year, 5, 1), 1
    yield "Christi Himmelfahrt", sunday + timedelta(days=39), 1
    yield "Pfingstmontag", sunday + timedelta(days=50), 1
    yield "Tag der Deutschen Einheit", date(year, 10, 3), 1
    yield "Reformationstag", date(year, 10, 31), 1
    yield "1. Weihnachtstag", date(year, 12, 25), 1
    yield "2. Weihnachtstag", date(year, 12, 26), 1


def school(year: int) -> Iterator[tuple[str, date, int]]:
    """Plausible, but not the official dates."""
    yield "Halbjahrespause", _monday(date(year, 1, 28)) + timedelta(days=4), 1
    yield "Frühjahrsferien", _monday(date(year, 3, 5)), 12
    yield "Pfingstferien", _monday(easter(year) + timedelta(days=39)), 5
    yield "Sommerferien", date(year, 7, 9), 42
    yield "Herbstferien", _monday(date(year, 10, 19)), 12
    yield "Weihnachtsferien", date(year, 12, 21), 12


def observance(year: int) -> Iterator[tuple[str, date, int]]:
    sunday = easter(year)
    yield "Rosenmontag", sunday - timedelta(days=48), 1
    yield "Beginn der Sommerzeit", _last_sunday(year, 3), 1
    yield "Ende der Sommerzeit", _last_sunday(year, 10), 1
    yield "Heiligabend (halber Tag)", date(year, 12, 24), 1
    yield "Silvester (halber Tag)", date(year, 12, 31), 1


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _last_sunday(year: int, month: int) -> date:
    last = date(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def entries() -> list[tuple[str, date, int, str]]:
    found = []
    for year in YEARS:
        for category, source in (("public", public), ("school", school), ("observance", observance)):
            found += [(name, first, count, category) for name, first, count in source(year)]
    return sorted(found, key=lambda row: (row[1], row[0]))


def feed() -> bytes:
    parts = []
    for name, first, count, category in entries():
        lines = [
            *days(first, count),
            f"SUMMARY:{text(name)}",
            f"CATEGORIES:{category}",
            "TRANSP:OPAQUE" if category == "public" else "TRANSP:TRANSPARENT",
            "CLASS:PUBLIC",
        ]
        parts.append(component("VEVENT", FEED, f"holiday {first.isoformat()} {name}", lines))
    return calendar(FEED, parts, ("REFRESH-INTERVAL;VALUE=DURATION:P1W", "X-PUBLISHED-TTL:P1W"))
