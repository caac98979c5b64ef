"""The events of an item, for schedules that a calendar drives: every occurrence with a name of its own that stays when it is moved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from trueup.core.contentlines import Component, split_list, unescape
from trueup.jobs.calendar.expand import bounds, cancelled, moment_of_value, recurs, worked_out
from trueup.jobs.calendar.item import RANGE, CalendarItem, read_item, title_of
from trueup.jobs.calendar.times import Moment
from trueup.jobs.calendar.when import moment_of
from trueup.jobs.calendar.zones import Zones
from trueup.model.occurrence import Event

_DAY = 86_400.0


def events(data: bytes, first: float, last: float) -> list[Event]:
    """Every event of a body that lies, if only in part, in a window, the earliest first. Cancelled ones are none.

    A single event is named by its UID; one of a series by its UID and its RECURRENCE-ID: where the series has it, wherever it was moved to.

    Args:
        data: the item, as the store holds it.
        first, last: the window in seconds since 1970; what names no zone is given with a day's room on both sides.

    Raises:
        ItemRefused: it is no calendar item, or its rule cannot be worked out.
    """
    item = read_item(data)
    if item.kind != "VEVENT":
        return []
    zones = Zones(item.calendar)
    found = worked_out(item, zones, first - _DAY, last + _DAY) if recurs(item) else None
    made = _of_parts(item, zones) if found is None else _of_instances(item, zones, found)
    return sorted(
        (one for one in made if one.start < last + _DAY * one.local and one.end + _DAY * one.local >= first),
        key=lambda one: (one.start, one.key),
    )


def _of_parts(item: CalendarItem, zones: Zones) -> list[Event]:
    """Of an item without a rule: the event itself, or the exceptions that somebody was sent of a series."""
    parts = item.parts(zones)
    made = []
    for name, component in parts.items():
        start, end = bounds(component, zones)
        if start is None or cancelled(component) or (name == "" and start.instant in parts):
            continue
        key = f"{item.uid}#{name.removesuffix(RANGE)}" if name else item.uid
        made.append(_event(key, start, end or start, title_of(component), _text(component), _categories(component)))
    return made


def _of_instances(item: CalendarItem, zones: Zones, found: list[Any]) -> list[Event]:
    shifts = _shifts(item, zones)
    made = []
    for one in found:
        if str(one.get("STATUS", "")).strip().upper() == "CANCELLED":
            continue
        start = moment_of_value(one.start)
        end = start if one.end is None else moment_of_value(one.end)
        key = f"{item.uid}#{_place(one, start, shifts).instant}"
        title = " ".join(str(one.get("SUMMARY", "")).split())
        made.append(_event(key, start, end, title, str(one.get("DESCRIPTION", "")), _listed(one.get("CATEGORIES"))))
    return made


def _place(one: Any, start: Moment, shifts: dict[str, timedelta]) -> Moment:
    """Where the series has this instance, before anything moved it."""
    given = one.get("RECURRENCE-ID")
    if given is None:
        return start
    place = moment_of_value(given.dt)
    if place.instant in shifts:  # one RECURRENCE-ID stands for all that follow, too
        return start._replace(local=start.local - shifts[place.instant])
    return place


def _shifts(item: CalendarItem, zones: Zones) -> dict[str, timedelta]:
    """By how much "this and all that follow" were moved, by the instant of their RECURRENCE-ID."""
    shifts = {}
    for name, component in item.parts(zones).items():
        start = moment_of(component.first("DTSTART"), zones)
        place = moment_of(component.first("RECURRENCE-ID"), zones)
        if name.endswith(RANGE) and start is not None and place is not None:
            shifts[place.instant] = start.local - place.within(start.zone).local
    return shifts


def _event(key: str, start: Moment, end: Moment, title: str, description: str, categories: tuple[str, ...]) -> Event:
    local = start.day or start.zone is None
    return Event(
        key, start.timestamp, max(start.timestamp, end.timestamp), local, title, description.strip(), categories
    )


def _text(component: Component) -> str:
    line = component.first("DESCRIPTION")
    return "" if line is None else unescape(line.value)


def _categories(component: Component) -> tuple[str, ...]:
    return tuple(
        unescape(one).strip() for line in component.lines("CATEGORIES") for one in split_list(line.value) if one.strip()
    )


def _listed(given: Any) -> tuple[str, ...]:
    """Of one CATEGORIES line or several."""
    lines = given if isinstance(given, list) else [] if given is None else [given]
    return tuple(str(one).strip() for line in lines for one in line.cats)
