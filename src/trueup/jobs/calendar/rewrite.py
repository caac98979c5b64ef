"""Whole bodies rewritten: another UID, another title; and what tells two bodies of different UIDs to be the same event."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from hashlib import blake2b

from trueup.core.contentlines import Component, Line, escape, make_line
from trueup.jobs.calendar.item import CalendarItem, read_item, title_of
from trueup.jobs.calendar.times import parse_moment
from trueup.jobs.calendar.when import when_field
from trueup.jobs.calendar.zones import NO_ZONES, Zones
from trueup.model.errors import ItemRefused


def with_uid(data: bytes, uid: str) -> bytes:
    """The item under another UID, in its master and in every exception."""
    item = read_item(data)
    for component in item.components:
        replace_lines(component, "UID", f"UID:{escape(uid)}", item)
    return item.root.to_bytes()


def retitled(data: bytes, suffix: str) -> bytes:
    """The item with a suffix on every title in it; one without any title gets the suffix for a title."""
    item = read_item(data)
    for component in item.components:
        line = component.first("SUMMARY")
        if line is not None:
            replace_lines(component, "SUMMARY", line.text + escape(suffix), item)
    if all(component.first("SUMMARY") is None for component in item.components):
        add_line(item.main, f"SUMMARY:{escape(suffix.strip())}", item)
    return item.root.to_bytes()


def replace_lines(component: Component, name: str, text: str, item: CalendarItem) -> None:
    """Puts one line in place of all of that name; one that reads the same keeps its bytes."""
    old = list(component.lines(name))
    if not old:
        add_line(component, text, item)
        return
    new = old[0] if old[0].text == text else make_line(text, item.calendar.begin.end)
    component.children = [
        new if child is old[0] else child for child in component.children if child is old[0] or child not in old
    ]


def add_line(component: Component, text: str, item: CalendarItem) -> None:
    """Adds a line behind the component's own lines."""
    children = component.children
    place = next((index for index, child in enumerate(children) if isinstance(child, Component)), len(children))
    children.insert(place, make_line(text, item.calendar.begin.end))


def meaning(data: bytes) -> str:
    """A digest of kind, time and title: equal for what people call the same event; "" without a title or a time.

    Place, description and whatever else differs between two programs' copies do not count.
    """
    item = read_item(data)
    when = when_field(item.main, Zones(item.calendar))
    title = " ".join(unicodedata.normalize("NFKC", title_of(item.main)).casefold().split())
    if when is None or not title:
        return ""
    return blake2b(f"{item.kind}\n{when.normal}\n{title}".encode("utf-8", "replace"), digest_size=16).hexdigest()


def modified(data: bytes) -> float:
    """When any part of it was last edited: LAST-MODIFIED, else DTSTAMP (RFC 5545 section 3.8.7), seconds since 1970; 0.0 if it does not say."""
    components = read_item(data).components
    for name in ("LAST-MODIFIED", "DTSTAMP"):
        times = [_timestamp(line) for component in components for line in component.lines(name)]
        if any(times):
            return max(times)
    return 0.0


_EPOCH = datetime(1970, 1, 1)


def _timestamp(line: Line) -> float:
    try:
        return (parse_moment(line.value, "", NO_ZONES).local - _EPOCH).total_seconds()
    except ItemRefused:
        return 0.0
