"""Time zones that travel with lines: a line from another body names a zone by that body's TZID, and its definition has to come along."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trueup.core.contentlines import Component, escape, make_component
from trueup.jobs.calendar.item import KINDS
from trueup.jobs.calendar.zones import Zones, named_zone

_TZID = re.compile(r';TZID=(?:"([^"]*)"|([^":;,]*))', re.IGNORECASE)


class ZoneCopy:
    """Copies the VTIMEZONE components that adapted lines need from a donor's calendar into the target's."""

    def __init__(self, target: Component, donor: Component | None) -> None:
        self._target = target
        self._donor = donor
        self._own = Zones(target)
        self._other = None if donor is None else Zones(donor)
        self._renamed: dict[str, str] = {}
        self._missing: dict[str, tuple[str, ...]] = {}  # by the TZID they get

    def adapt(self, native: Sequence[str]) -> list[str]:
        """The lines as they can stand in the target: with another TZID where the target calls a different zone by the same."""
        return [self._adapt_line(text) if "TZID=" in text.upper() else text for text in native]

    def add_missing(self, end: bytes) -> None:
        """Puts the definitions that are needed and missing in front of the first event, written with that line end."""
        if not self._missing:
            return
        new = [make_component(texts, end) for texts in self._missing.values()]
        children = self._target.children
        place = next(
            (i for i, child in enumerate(children) if isinstance(child, Component) and child.name in KINDS),
            len(children),
        )
        children[place:place] = new

    def _adapt_line(self, text: str) -> str:
        match = _TZID.search(text)
        if match is None:
            return text
        tzid = match[1] or match[2] or ""
        name = self._name_for(tzid)
        if name == tzid:
            return text
        written = f'"{name}"' if any(mark in name for mark in ":;,") else name
        return f"{text[: match.start()]};TZID={written}{text[match.end() :]}"

    def _name_for(self, tzid: str) -> str:
        """What the target calls the donor's zone of that TZID; makes a note of a definition to copy."""
        if tzid in self._renamed:
            return self._renamed[tzid]
        theirs = None if self._other is None else self._other.definition(tzid)
        ours = self._own.definition(tzid)
        name = tzid
        if theirs is not None and ours is None:
            self._missing[tzid] = theirs
        elif (
            theirs is not None and ours is not None and named_zone(tzid) is None and _meaning(theirs) != _meaning(ours)
        ):
            name = self._free_name(tzid, theirs)
        self._renamed[tzid] = name
        return name

    def _free_name(self, tzid: str, theirs: tuple[str, ...]) -> str:
        """A TZID for their definition: one that has it already, else a new one."""
        number = 2
        while (taken := self._own.definition(f"{tzid} ({number})")) is not None:
            if _meaning(taken) == _meaning(theirs):
                return f"{tzid} ({number})"
            number += 1
        name = f"{tzid} ({number})"
        self._missing[name] = tuple(
            f"TZID:{escape(name)}" if text.upper().startswith("TZID:") else text for text in theirs
        )
        return name


def _meaning(definition: tuple[str, ...]) -> frozenset[str]:
    """What a definition does, whatever it is called."""
    ignored = ("TZID", "LAST-MODIFIED", "TZURL", "X-", "TZNAME", "COMMENT")
    return frozenset(text for text in definition if not text.upper().startswith(ignored))
