"""When an item is: start, end and rule as one field, for they only mean something together."""

from __future__ import annotations

from datetime import timedelta

from trueup.core.contentlines import Component, Line
from trueup.jobs.calendar.properties import WHEN_NAMES
from trueup.jobs.calendar.rules import normal_rule, show_rule
from trueup.jobs.calendar.times import Duration, Moment, parse_duration, parse_moment, show_day
from trueup.jobs.calendar.zones import UTC_ZONE, Zones
from trueup.model.errors import ItemRefused
from trueup.model.fields import Field

_ONE_DAY = timedelta(days=1)
_ALL_DAY = Duration(_ONE_DAY, timedelta())


def when_field(component: Component, zones: Zones) -> Field | None:
    """Start, end and rule of a part in normal form; None where it has none (a task without dates).

    Raises:
        ItemRefused: the start is no time (code "time").
    """
    lines = [line for line in component.lines() if line.name in WHEN_NAMES]
    if not lines:
        return None
    start = moment_of(component.first("DTSTART"), zones)
    end = end_of(component, start, zones)
    unread = (
        [f"{line.name}:{line.value}" for line in lines if line.name in ("DTEND", "DUE", "DURATION")]
        if end is None
        else []
    )
    rules = sorted(
        f"{line.name}:{normal_rule(line.value, start, zones)}" for line in lines if line.name in ("RRULE", "EXRULE")
    )
    normal = [start.normal if start else "", end.normal if end else "", *unread, *rules]
    shown = [
        show_span(start, end),
        *(_show_rule(line, start, zones) for line in lines if line.name in ("RRULE", "EXRULE")),
    ]
    return Field("\n".join(normal), tuple(line.text for line in lines), ", ".join(text for text in shown if text))


def _show_rule(line: Line, start: Moment | None, zones: Zones) -> str:
    words = show_rule(line.value, start, zones)
    return words if line.name == "RRULE" else f"except {words}"


def moment_of(line: Line | None, zones: Zones) -> Moment | None:
    """The moment of a line that may not be there."""
    return None if line is None else parse_moment(line.value, line.param("TZID"), zones)


def end_of(component: Component, start: Moment | None, zones: Zones) -> Moment | None:
    """When it ends, however it is written: DTEND, DUE, DURATION, or by default (RFC 5545 section 3.6.1); in the start's zone unless
    it names another. None: it does not say, or what it says cannot be read."""
    line = component.first("DTEND") or component.first("DUE")
    duration = component.first("DURATION")
    if line is not None:
        try:
            end = parse_moment(line.value, line.param("TZID"), zones)
        except ItemRefused:
            return None
        if end.zone is UTC_ZONE and start is not None:
            end = end.within(start.zone)  # UTC names no place: the end is where the start is
        if component.name == "VEVENT" and start is not None and start.day and end == start:
            return start.plus(_ALL_DAY)  # written by some for "this one day"
        return end
    if start is None:
        return None
    if duration is not None:
        length = parse_duration(duration.value)
        return None if length is None else start.plus(length)
    if component.name != "VEVENT":
        return None
    return start.plus(_ALL_DAY) if start.day else start


def show_span(start: Moment | None, end: Moment | None) -> str:
    """For people: "Mon 16 Nov 2026 09:00–09:30 Europe/Berlin", "Mon 16 Nov 2026 – Wed 18 Nov 2026", "due …"."""
    if start is None:
        return "" if end is None else f"due {end.shown()}"
    if end is None:
        return start.shown()
    if start.day and end.day:
        try:
            last = end.local - _ONE_DAY  # DTEND is the day after the last
        except OverflowError:
            last = end.local
        return show_day(start.local) if last <= start.local else f"{show_day(start.local)} – {show_day(last)}"
    if end == start or start.day or end.day:
        return start.shown() if end == start else f"{start.shown()} – {end.shown()}"
    if (start.zone and start.zone.id) != (end.zone and end.zone.id):
        return f"{start.shown()} – {end.shown()}"
    if end.local.date() == start.local.date():
        return f"{show_day(start.local)} {start.local:%H:%M}–{end.local:%H:%M}{start.zone_shown()}"
    return f"{show_day(start.local)} {start.local:%H:%M} – {show_day(end.local)} {end.local:%H:%M}{start.zone_shown()}"
