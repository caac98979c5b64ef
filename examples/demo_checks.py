"""The demo's own eyes: reads the collections without trueup, with the icalendar library, and compares what people see."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import icalendar
from tests.support.servers import Dav

SEEN = ("SUMMARY", "DTSTART", "DTEND", "DUE", "DURATION", "RRULE", "LOCATION", "DESCRIPTION", "STATUS")
"""What a person sees of an event, compared by value."""


@dataclass(frozen=True)
class Side:
    """One place: every item's text by UID, and the UIDs that stand twice."""

    name: str
    raw: dict[str, str]
    doubled: list[str] = field(default_factory=list)

    def shown(self) -> dict[str, object]:
        """By UID, what a person sees of every part of an event or task; not every server takes journal entries."""
        return {uid: _shown(text) for uid, text in self.raw.items() if "BEGIN:VJOURNAL" not in text}


def server_side(name: str, dav: Dav, calendar: str) -> Side:
    """A calendar on a server."""
    return _side(name, list(dav.items(calendar).values()))


def folder_side(name: str, folder: Path) -> Side:
    """A calendar in a folder."""
    return _side(name, [path.read_bytes().decode() for path in sorted(folder.glob("*.ics"))])


def _side(name: str, texts: list[str]) -> Side:
    pairs = [(_uid(text), text) for text in texts]
    counts = Counter(uid for uid, _ in pairs)
    return Side(name, dict(pairs), [uid for uid, count in counts.items() if count > 1])


def _uid(text: str) -> str:
    calendar = icalendar.Calendar.from_ical(text)
    return next(str(part["UID"]) for part in calendar.walk() if "UID" in part and part.name != "VALARM")


def _shown(text: str) -> object:
    calendar = icalendar.Calendar.from_ical(text)
    parts = [part for part in calendar.subcomponents if part.name in ("VEVENT", "VTODO", "VJOURNAL")]
    return sorted(
        (str(part.get("RECURRENCE-ID", "")), [(key, _value(part, key)) for key in SEEN if key in part])
        for part in parts
    )


def _value(part: icalendar.Component, key: str) -> str:
    value = part[key]
    if hasattr(value, "dt"):
        return str(value.dt.utctimetuple()[:6] if getattr(value.dt, "tzinfo", None) else value.dt)
    if key == "RRULE":
        return str(sorted((name, sorted(map(str, values))) for name, values in value.items()))
    return str(value).strip()  # a blank at the end is nothing that anybody sees, and Cyrus trims it


class Checks:
    """What was promised and what was seen."""

    def __init__(self) -> None:
        self._seen: list[tuple[bool, str]] = []

    @property
    def good(self) -> bool:
        """Whether everything held so far."""
        return all(held for held, _ in self._seen)

    def that(self, promise: str, held: bool) -> None:
        """Notes one promise; says at once where it was not kept."""
        self._seen.append((held, promise))
        if not held:
            print(f"    NOT SO: {promise}")

    def agree(self, when: str, sides: list[Side]) -> None:
        """All sides hold the same items, each once, showing the same to a person."""
        first, *others = sides
        shown = first.shown()
        for other in others:
            theirs = other.shown()
            missing = sorted(set(shown) ^ set(theirs))
            different = sorted(uid for uid in set(shown) & set(theirs) if shown[uid] != theirs[uid])
            for uid in missing[:5] + different[:5]:
                print(f"    differs: {uid}\n      {shown.get(uid)}\n      {theirs.get(uid)}")
            self.that(
                f"{first.name} and {other.name} agree on {len(shown)} items {when}", not missing and not different
            )
            self.that(f"nothing stands twice in {other.name} {when}", not other.doubled)

    def print(self) -> None:
        """Everything that was promised, with a mark."""
        for held, promise in self._seen:
            print(f"    {'✓' if held else '✗'} {promise}")
