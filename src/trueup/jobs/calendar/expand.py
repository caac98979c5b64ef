"""When an item takes place: its occurrences within a window.

Items without a rule are worked out here, from their own lines; the others are given to recurring-ical-events, which knows rules, exceptions and
THISANDFUTURE. A rule that would take too long is refused instead (`every second`, or one that never comes true and is searched until the year 9999).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from trueup.core.contentlines import Component
from trueup.jobs.calendar.item import CalendarItem, refused, title_of
from trueup.jobs.calendar.ruleparts import never as never_true
from trueup.jobs.calendar.ruleparts import split_rule
from trueup.jobs.calendar.rules import until_of
from trueup.jobs.calendar.times import Moment
from trueup.jobs.calendar.when import end_of, moment_of, show_span
from trueup.jobs.calendar.zones import UTC_ZONE, Zone, Zones

_STEPS = {
    "SECONDLY": 1,
    "MINUTELY": 60,
    "HOURLY": 3600,
    "DAILY": 86400,
    "WEEKLY": 604800,
    "MONTHLY": 2419200,
    "YEARLY": 31536000,
}
_MAX_STEPS = 50_000  # about half a second
_FAR = datetime(9990, 1, 1)
_LONG_AGO = datetime(1, 1, 3)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time at which an item takes place.

    Attributes:
        start, end: seconds since 1970; dates and floating times are taken as if they were in UTC.
        day: it lasts whole days.
        busy: it blocks time: an event, not cancelled, not shown as free.
        title, shown: what it is and when, for people.
    """

    start: float
    end: float
    day: bool
    busy: bool
    title: str
    shown: str

    def within(self, first: float, last: float) -> bool:
        """Whether any of it lies in the window."""
        return self.start < last and (self.end > first or self.start == self.end >= first)


def blocks_time(component: Component) -> bool:
    """Whether a part is busy time: an event that is neither cancelled nor shown as free (RFC 5545 section 3.8.2.7)."""
    transparent = component.value("TRANSP").strip().upper() == "TRANSPARENT"
    return component.name == "VEVENT" and not transparent and not cancelled(component)


def cancelled(component: Component) -> bool:
    """Whether a part was called off."""
    return component.value("STATUS").strip().upper() == "CANCELLED"


def recurs(item: CalendarItem) -> bool:
    """Whether its master has a rule or further dates."""
    return any(component.first(name) for component in item.components for name in ("RRULE", "RDATE"))


def occurrences(item: CalendarItem, first: float, last: float) -> list[Occurrence]:
    """Every occurrence that lies, if only in part, in a window, the earliest first.

    Args:
        item: the item.
        first, last: the window, in seconds since 1970; `last` is not part of it.

    Raises:
        ItemRefused: its rule cannot be worked out, or would take too long (code "rule").
    """
    zones = Zones(item.calendar)
    found = _of_series(item, zones, first, last) if recurs(item) else _of_single(item, zones)
    return sorted((one for one in found if one.within(first, last)), key=lambda one: (one.start, one.end))


def span(item: CalendarItem) -> tuple[float, float | None]:
    """When its first occurrence starts at the earliest, and when its last one ends at the latest (None: never, or not told by the rule)."""
    zones = Zones(item.calendar)
    starts: list[float] = []
    ends: list[float | None] = []
    for component in item.components:
        start, end = bounds(component, zones)
        if start is None:
            continue
        length = max(0.0, (end or start).timestamp - start.timestamp)
        final = _last_start(component, start, zones)
        starts.append(start.timestamp)
        ends.append(None if final is None else final + length)
    if not starts:
        return 0.0, None
    return min(starts), None if None in ends else max(one for one in ends if one is not None)


def bounds(component: Component, zones: Zones) -> tuple[Moment | None, Moment | None]:
    """Start and end of a part; a task that is only due, starts and ends then."""
    start = moment_of(component.first("DTSTART"), zones)
    end = end_of(component, start, zones)
    return start or end, end or start


def _last_start(component: Component, start: Moment, zones: Zones) -> float | None:
    """When the last occurrence of a part can begin."""
    if component.first("RDATE") is not None:
        return None
    rule = component.first("RRULE")
    if rule is None:
        return start.timestamp
    until = split_rule(rule.value).get("UNTIL", "")
    moment = until_of(until, start, zones) if until else None
    return None if moment is None else moment.timestamp + 86400


def _of_single(item: CalendarItem, zones: Zones) -> list[Occurrence]:
    parts = item.parts(zones)
    result = []
    for part, component in parts.items():
        start, end = bounds(component, zones)
        if start is None or end is None or (part == "" and start.instant in parts):
            continue  # an exception stands for the single occurrence of its master
        result.append(_occurrence(component, start, end))
    return result


def _occurrence(component: Component, start: Moment, end: Moment) -> Occurrence:
    return Occurrence(
        start.timestamp,
        max(start.timestamp, end.timestamp),
        start.day,
        blocks_time(component),
        title_of(component),
        show_span(start, end),
    )


def _of_series(item: CalendarItem, zones: Zones, first: float, last: float) -> list[Occurrence]:
    found = worked_out(item, zones, first, last)
    return _of_single(item, zones) if found is None else [_of_library(one, item.kind) for one in found]


def worked_out(item: CalendarItem, zones: Zones, first: float, last: float) -> list[Any] | None:
    """Every instance of a series within a window, as icalendar's component with its own start, end and RECURRENCE-ID.

    None: its rules never come true, so that only its parts themselves count.

    Raises:
        ItemRefused: as `occurrences`.
    """
    if _check_rules(item, zones, last):
        return None
    # Slow to import (a third of a second), and not needed where nothing recurs.
    import icalendar
    import recurring_ical_events

    low, high = _clock(first), _clock(last)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = icalendar.Calendar.from_ical(item.root.to_bytes().removeprefix(b"\xef\xbb\xbf"))
            return list(recurring_ical_events.of(body, components=[item.kind]).between(low, high))
    except Exception as error:  # the library knows a hundred ways to dislike a rule
        raise refused(
            item.calendar, "rule", f"its recurrence rule cannot be worked out ({type(error).__name__}: {error})"
        ) from error


def _of_library(component: Any, kind: str) -> Occurrence:
    start = moment_of_value(component.start)
    end = moment_of_value(component.end) if component.end is not None else start
    free = (
        str(component.get("TRANSP", "")).upper() == "TRANSPARENT"
        or str(component.get("STATUS", "")).upper() == "CANCELLED"
    )
    title = " ".join(str(component.get("SUMMARY", "")).split())
    shown = show_span(start, end)
    return Occurrence(
        start.timestamp, max(start.timestamp, end.timestamp), start.day, kind == "VEVENT" and not free, title, shown
    )


def moment_of_value(value: date) -> Moment:
    """The moment of a value that icalendar has read."""
    if not isinstance(value, datetime):
        return Moment(datetime(value.year, value.month, value.day), True, None)
    if value.tzinfo is None:
        return Moment(value, False, None)
    name = str(value.tzinfo)
    return Moment(value.replace(tzinfo=None), False, UTC_ZONE if name == "UTC" else Zone(name, value.tzinfo, name))


def _check_rules(item: CalendarItem, zones: Zones, last: float) -> bool:
    """Whether the rules never come true, so that only the lines themselves count.

    Raises:
        ItemRefused: working them out would take too long, or they make no sense (code "rule").
    """
    never = False
    for component in item.components:
        start = moment_of(component.first("DTSTART"), zones)
        for line in component.lines("RRULE", "EXRULE"):
            parts = split_rule(line.value)
            steps = 0.0 if start is None else (last - start.timestamp) / _step(parts)
            if _step(parts) <= 0 or steps * _choices(parts) > _MAX_STEPS or _searches_long(parts):
                why = "its recurrence rule is too dense to be worked out, or makes no sense"
                raise refused(item.calendar, "rule", f"{why}: {line.value[:100]}")
            never |= line.name == "RRULE" and never_true(parts)
    return never


def _step(parts: dict[str, str]) -> float:
    interval = parts.get("INTERVAL", "1")
    if not interval.isascii() or not interval.isdecimal() or len(interval) > 9 or int(interval) == 0:
        return -1
    return _STEPS.get(parts.get("FREQ", ""), -1) * int(interval)


def _choices(parts: dict[str, str]) -> int:
    """How many occurrences a step can have at most."""
    choices = 1
    for name in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        choices *= parts.get(name, "").count(",") + 1
    return choices


def _searches_long(parts: dict[str, str]) -> bool:
    """A rule of hours, minutes or seconds that is held to certain days is searched step by step for as long as there are years."""
    return _STEPS[parts["FREQ"]] < 86400 and any(
        name in parts for name in ("BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS", "BYDAY")
    )


def _clock(timestamp: float) -> datetime:
    try:
        moment = datetime(1970, 1, 1) + timedelta(seconds=timestamp)
    except OverflowError:
        moment = _FAR if timestamp > 0 else _LONG_AGO
    return min(max(moment, _LONG_AGO), _FAR).replace(tzinfo=UTC)
