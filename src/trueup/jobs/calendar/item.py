"""A body as one calendar item: the calendar around it, its parts, and why it cannot be one."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.core.contentlines import Component, parse, unescape
from trueup.jobs.calendar.times import parse_moment
from trueup.jobs.calendar.zones import Zones
from trueup.model.errors import ItemRefused

KINDS = ("VEVENT", "VTODO", "VJOURNAL")
RANGE = ";THISANDFUTURE"
_NOUNS = {
    "VFREEBUSY": "free/busy times",
    "VTIMEZONE": "a time zone",
    "VAVAILABILITY": "availability",
    "VPOLL": "a poll",
}


@dataclass(frozen=True, slots=True)
class CalendarItem:
    """One item: a series with its exceptions, or a single event, task or note.

    Attributes:
        root: all that was read; gives the bytes back.
        calendar: its VCALENDAR.
        components: its events, tasks or notes, in the order they came.
        uid: the UID they share.
    """

    root: Component
    calendar: Component
    components: tuple[Component, ...]
    uid: str

    @property
    def kind(self) -> str:
        """VEVENT, VTODO or VJOURNAL."""
        return self.components[0].name

    @property
    def main(self) -> Component:
        """The master; where only exceptions are there, the first of them."""
        return next((one for one in self.components if one.first("RECURRENCE-ID") is None), self.components[0])

    def parts(self, zones: Zones) -> dict[str, Component]:
        """Its parts by identity: "" for the master, else the RECURRENCE-ID in normal form.

        Raises:
            ItemRefused: two exceptions for the same instance (code "two-overrides").
        """
        parts: dict[str, Component] = {}
        for component in self.components:
            part = part_id(component, zones)
            if part in parts:
                raise refused(self.calendar, "two-overrides", f"it has two exceptions for the same instance ({part})")
            parts[part] = component
        return parts


def part_id(component: Component, zones: Zones) -> str:
    """What names a part: "" for a master, the instant of its RECURRENCE-ID for an exception (RFC 5545 section 3.8.4.4)."""
    line = component.first("RECURRENCE-ID")
    if line is None:
        return ""
    instant = parse_moment(line.value, line.param("TZID"), zones).instant
    return instant + RANGE if line.param("RANGE").upper() == "THISANDFUTURE" else instant


def read_item(data: bytes) -> CalendarItem:
    """The item that a body holds.

    Raises:
        ItemRefused: it is none, or more than one; besides the codes of `contentlines.parse`: "not-icalendar", "nul", "method",
            "no-component", "component", "mixed", "no-uid", "two-uids", "two-masters", "time".
    """
    _check_format(data)
    root = parse(data)
    calendars = list(root.components())
    if len(calendars) != 1 or calendars[0].name != "VCALENDAR":
        raise _not_one(calendars)
    calendar = calendars[0]
    components = tuple(calendar.components(*KINDS))
    _check_components(calendar, components)
    uid = _uid(calendar, components)
    _check_method(calendar)
    for component in components:
        if component.name == "VEVENT":
            start = component.first("DTSTART")
            if start is None or not start.value.strip():
                raise refused(calendar, "time", "the event does not say when it starts (no DTSTART)")
    return CalendarItem(root, calendar, components, uid)


def title_of(component: Component) -> str:
    """What people call it, on one line."""
    line = component.first("SUMMARY")
    return "" if line is None else " ".join(unescape(line.value).split())


def refused(calendar: Component, code: str, why: str, hint: str = "") -> ItemRefused:
    """A refusal that names the item by its title where it has one."""
    title = next((title_of(one) for one in calendar.components(*KINDS) if title_of(one)), "")
    what = f"“{title[:80]}” cannot be handled" if title else "the item cannot be handled"
    return ItemRefused(what, code=code, why=why, hint=hint)


def _check_format(data: bytes) -> None:
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"begin:vcalendar"):
        if b"\x00" in data:
            line = data.count(b"\n", 0, data.index(b"\x00")) + 1
            raise ItemRefused("the item cannot be read", code="nul", where=f"line {line}", why="it holds a NUL byte")
        return
    why = ""
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<")):
        why = "it looks like a web page or XML: the address may lead to a login or an error page"
    elif start.startswith(b"begin:vcard"):
        why = "it is a vCard: a contact, not an event"
    elif start.startswith((b"{", b"[")):
        why = "it looks like JSON"
    elif start.startswith(b"begin:"):
        if start.startswith(tuple(f"begin:{kind}".lower().encode() for kind in KINDS)):
            why = "the VCALENDAR around the event is missing"
    elif start and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        why = "it does not begin with BEGIN:VCALENDAR"
    if why:
        raise ItemRefused("this is not a calendar item", code="not-icalendar", why=why)


def _not_one(found: list[Component]) -> ItemRefused:
    names = [one.name for one in found]
    why = (
        "it holds no VCALENDAR"
        if "VCALENDAR" not in names
        else f"it holds {len(names)} objects ({', '.join(names[:5])})"
    )
    return ItemRefused("this is not one calendar item", code="not-icalendar", why=why)


def _check_components(calendar: Component, components: tuple[Component, ...]) -> None:
    if not components:
        others = sorted({one.name for one in calendar.components()})
        if not others:
            raise refused(calendar, "no-component", "the calendar is empty: no event, task or note in it")
        nouns = ", ".join(_NOUNS.get(name, name) for name in others)
        code = "no-component" if others == ["VTIMEZONE"] else "component"
        raise refused(calendar, code, f"it holds {nouns} only, no event, task or note")
    if len({one.name for one in components}) > 1:
        raise refused(calendar, "mixed", "it mixes " + " and ".join(sorted({one.name for one in components})))


def _uid(calendar: Component, components: tuple[Component, ...]) -> str:
    uids = {one.value("UID").strip() for one in components}
    if "" in uids:
        raise refused(calendar, "no-uid", "it has no UID", "save it again in a calendar program, which gives it one")
    if len(uids) > 1:
        raise refused(
            calendar,
            "two-uids",
            f"it holds {len(uids)} items with different UIDs in one body",
            "a file with many events is read with the ics connector",
        )
    masters = sum(1 for one in components if one.first("RECURRENCE-ID") is None)
    if masters > 1:
        raise refused(
            calendar, "two-masters", f"it holds {masters} items under one UID, and no RECURRENCE-ID to tell them apart"
        )
    return unescape(uids.pop())


def _check_method(calendar: Component) -> None:
    method = calendar.value("METHOD").strip().upper()
    if method not in ("", "PUBLISH"):
        raise refused(
            calendar,
            "method",
            f"it is a message (METHOD:{method}), not an item of a calendar (RFC 4791 section 4.1)",
            "open it in a calendar program and accept it there",
        )
