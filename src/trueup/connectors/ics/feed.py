"""One .ics file with many events, split into items without a byte of them being touched.

An item is everything with one UID: master and overrides, and the time zones they name. Of the calendar around them it
keeps VERSION, PRODID and CALSCALE; the rest there (its name, colour, METHOD, when it was published) is about the feed
and must not be in a stored item (RFC 4791 section 4.1).

The file is never taken apart line by line: one pass finds where components begin and end, and an item is put together
from slices of the file when it is asked for. A feed of 10.5 MB with 24,000 events needs 30 MB and half a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

from trueup.core.contentlines import Line, unescape
from trueup.model.errors import Permanent

Span = tuple[int, int]

# The text is kept with a line end in front of it, so that every line follows one; that is far faster to search than `^`.
_EDGE = re.compile(rb"\n([Bb][Ee][Gg][Ii][Nn]|[Ee][Nn][Dd]):([A-Za-z0-9-]+)[ \t\r]*(?=\n|\Z)")
_KEPT = re.compile(rb"\n((?i:VERSION|PRODID|CALSCALE)[;:][^\n]*(?:\n[ \t][^\n]*)*)")
_NAME = re.compile(rb"\n((?i:X-WR-CALNAME|NAME)[;:][^\n]*(?:\n[ \t][^\n]*)*)")
_UID = re.compile(rb"\n([Uu][Ii][Dd][;:][^\n]*(?:\n[ \t][^\n]*)*)")
_TZID = re.compile(rb"\n([Tt][Zz][Ii][Dd][;:][^\n]*(?:\n[ \t][^\n]*)*)")
_START = re.compile(rb"\n(?i:DTSTART)[;:]([^\n]*)")
_OVERRIDE = re.compile(rb"\n(?i:RECURRENCE-ID)[;:]")
_STAMP = re.compile(rb"\n(?i:DTSTAMP)[;:][^\n]*")
_ZONE_USED = re.compile(rb';(?i:TZID)=(?:"([^"\n]*)"|([^;:,"\r\n]*))')
_FOLD = re.compile(rb"\r?\n[ \t]")

# What stands at the top of a calendar and never inside anything else (RFC 5545 section 3.6).
_TOP = frozenset({b"VEVENT", b"VTODO", b"VJOURNAL", b"VFREEBUSY", b"VTIMEZONE"})


@dataclass(slots=True)
class _Component:
    """A component at the top of a calendar: where it is, and where in it others are (alarms)."""

    name: bytes
    start: int
    end: int = 0
    inner: list[Span] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Item:
    """Where the parts of an item are. The etag leaves out DTSTAMP, which many feeds set to the time of the download."""

    calendar: int
    parts: tuple[Span, ...]
    etag: str


@dataclass(slots=True)
class _Calendar:
    """One VCALENDAR: what every item of it starts with, its zones by name, and its components."""

    start: int
    opening: bytes = b""
    zones: dict[bytes, Span] = field(default_factory=dict)
    components: list[_Component] = field(default_factory=list)


class Feed:
    """The items of a feed by href, which is the UID.

    Two events with one UID that are not one series are items of their own: one gets the UID as its href, the others a
    digest behind it. An event without a UID is an item too; its body shows what is wrong with it.

    Args:
        data: the file; it is changed (a line end is put in front), so leave it to the feed.
        where: where it comes from, for messages.

    Raises:
        Permanent: this is no calendar, or not all of it. Nothing may be concluded about its items.
    """

    def __init__(self, data: bytearray, where: str) -> None:
        if data.startswith(b"\xef\xbb\xbf"):
            del data[:3]
        data[:0] = b"\n"
        self._data = data
        _require_calendar(data, where)
        self._calendars = _scan(data, where)
        self.items: dict[str, Item] = {}
        for number, calendar in enumerate(self._calendars):
            self._collect(number, calendar)

    @property
    def title(self) -> str:
        """What the feed calls itself, or ""."""
        first = self._calendars[0]
        end = first.components[0].start if first.components else len(self._data)
        found = _NAME.search(self._data, first.start, end)
        return unescape(_line(found[1]).value).strip() if found else ""

    def body(self, href: str) -> bytes:
        """The item as a calendar of its own."""
        item = self.items[href]
        opening = self._calendars[item.calendar].opening
        end = b"\r\n" if opening.endswith(b"\r\n") else b"\n"
        parts = [bytes(self._data[start:stop]) for start, stop in item.parts]
        return (
            opening + b"".join(part if part.endswith(b"\n") else part + end for part in parts) + b"END:VCALENDAR" + end
        )

    def _collect(self, number: int, calendar: _Calendar) -> None:
        groups: dict[str, list[_Component]] = {}
        for one in calendar.components:
            groups.setdefault(self._uid(one), []).append(one)
        calendar.components = calendar.components[
            :1
        ]  # the rest is in the items now; the first says where the head ends
        for uid, components in groups.items():
            for members in self._series(uid, components):
                item = self._item(number, calendar, members)
                href = uid or f"no-uid-{item.etag}"
                if href in self.items:
                    if self.items[href].etag == item.etag:
                        continue  # the same event twice: once is enough
                    href = f"{href}#{item.etag[:12]}"
                self.items[href] = item

    def _series(self, uid: str, components: list[_Component]) -> Iterator[list[_Component]]:
        """What belongs together of components with one UID: a master with all overrides of its kind, each further master alone."""
        if not uid:
            yield from ([one] for one in components)
            return
        if len(components) == 1:
            yield components
            return
        masters = [one for one in components if not _OVERRIDE.search(self._own(one))]
        if len(masters) > 1:
            masters.sort(key=self._rank)  # not the order in the file, which may differ from one download to the next
        first = masters[:1]
        kind = (first or components)[0].name
        overrides = [one for one in components if one not in masters]
        yield first + [one for one in overrides if one.name == kind]
        strangers = [one for one in overrides if one.name != kind]
        yield from ([one] for one in masters[1:] + strangers)

    def _rank(self, one: _Component) -> tuple[bytes, bytes]:
        own = self._own(one)
        start = _START.search(own)
        return (start[1] if start else b"", _STAMP.sub(b"", own))

    def _item(self, number: int, calendar: _Calendar, components: list[_Component]) -> Item:
        parts = [(one.start, one.end) for one in components]
        zones = {}
        for start, end in parts:
            text = _FOLD.sub(b"", self._data[start:end])
            for quoted, plain in _ZONE_USED.findall(text):
                name = bytes(quoted or plain)
                if name in calendar.zones:
                    zones[name] = calendar.zones[name]
        every = (*zones.values(), *parts)
        state = blake2b(digest_size=16)
        for start, end in every:
            state.update(_STAMP.sub(b"", self._data[start:end]))
        return Item(number, every, state.hexdigest())

    def _uid(self, one: _Component) -> str:
        found = _UID.search(self._own(one))
        return unescape(_line(found[1]).value).strip() if found else ""

    def _own(self, one: _Component) -> bytes:
        """A component's own lines: an alarm in it may have a UID too (RFC 9074 section 4)."""
        return _own_text(self._data, one)


def _line(raw: bytes) -> Line:
    """A line that may be in any encoding: what is not UTF-8 is refused item by item, and not here."""
    return Line("", bytes(raw).decode("utf-8", "replace").encode())


def _own_text(data: bytearray, one: _Component) -> bytes:
    pieces, at = [], one.start - 1
    for start, end in one.inner:
        pieces.append(data[at:start])
        at = end - 1
    pieces.append(data[at : one.end])
    return b"".join(pieces)


def _require_calendar(data: bytearray, where: str) -> None:
    """Says what was found in place of a calendar."""
    head = bytes(data[:2000]).lstrip()
    if head[:15].upper() == b"BEGIN:VCALENDAR":
        return
    what, hint = "could not read the feed", "check the address in a browser that is not logged in"
    if not data.strip():
        why, hint = "it is empty", "the file may be half-written, or the server may have a fault"
    elif head[:1] == b"<" or b"<html" in head.lower():
        why = "it is a web page and no calendar, perhaps for logging in"
    elif head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        why, hint = "it is written in UTF-16", "save it as UTF-8"
    elif head[:2] == b"\x1f\x8b":
        why, hint = "it is compressed", "unpack it with gunzip"
    else:
        why = f"it does not start with BEGIN:VCALENDAR but with {head[:40].decode('utf-8', 'replace')!r}"
    raise Permanent(what, where=where, why=why, hint=hint)


def _scan(data: bytearray, where: str) -> list[_Calendar]:
    """Finds the calendars (a file may hold several, RFC 5545 section 3.4) and their components.

    A component that is not closed, or closed by the wrong name, ends where the next one begins: it alone is refused
    later on. A calendar that is not closed is a download that was cut off.
    """
    found: list[_Calendar] = []
    calendar: _Calendar | None = None
    current: _Component | None = None
    open_names: list[bytes] = []
    for edge in _EDGE.finditer(data):
        name, begins = edge[2].upper(), edge[1][:1] in b"Bb"
        start, after = edge.start() + 1, min(edge.end() + 1, len(data))
        if name == b"VCALENDAR":
            if begins and calendar is not None:
                break  # the calendar before is cut off
            _close(data, calendar, current, start)
            current = None
            calendar = _Calendar(start) if begins else None
            if calendar is not None:
                found.append(calendar)
        elif calendar is None:
            continue
        elif begins and (current is None or name in _TOP):
            _open(data, calendar, start)
            _close(data, calendar, current, start)
            current, open_names = _Component(name, start), []
        elif current is None:
            continue  # an END that closes nothing
        elif begins:
            open_names.append(name)
            if len(open_names) == 1:
                current.inner.append((start, start))
        elif name in open_names:
            while open_names.pop() != name:
                pass
            if not open_names:
                current.inner[-1] = (current.inner[-1][0], after)
        elif name == current.name:
            _close(data, calendar, current, after)
            current = None
    if calendar is not None or not found:
        raise Permanent(
            "could not read the feed",
            where=where,
            why="it is cut off: END:VCALENDAR is missing",
            hint="the file may be half-written, or the download was interrupted; it is read again in the next run",
        )
    for one in found:
        if not one.opening:
            _open(data, one, len(data))
    return found


def _open(data: bytearray, calendar: _Calendar, end: int) -> None:
    """Reads the lines of a calendar before its first component."""
    if calendar.opening:
        return
    begin = data.index(b"\n", calendar.start, end) + 1 if b"\n" in data[calendar.start : end] else end
    lines = [bytes(one[1]) + b"\n" for one in _KEPT.finditer(data, begin - 1, end)]
    calendar.opening = bytes(data[calendar.start : begin]) + b"".join(lines)


def _close(data: bytearray, calendar: _Calendar | None, one: _Component | None, end: int) -> None:
    """Takes a component up; a time zone is kept by its name."""
    if calendar is None or one is None:
        return
    one.end = end
    if one.inner and one.inner[-1][0] == one.inner[-1][1]:
        one.inner[-1] = (one.inner[-1][0], end)
    if one.name != b"VTIMEZONE":
        calendar.components.append(one)
        return
    named = _TZID.search(_own_text(data, one))
    if named:
        calendar.zones.setdefault(_line(named[1]).value.strip().encode(), (one.start, end))
