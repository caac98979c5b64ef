"""Time zones: whatever a calendar calls a zone, mapped to the IANA zone it means; what is none is compared by what it does.

A TZID is only a name inside its own body (RFC 5545 section 3.2.19). Servers and programs rename freely: Windows names, paths such as
/freeassociation.sourceforge.net/Europe/Berlin, old aliases. The name is tried first, as every program does, then the body's own definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from zoneinfo import ZoneInfo

from trueup.core.contentlines import Component, Line, unescape
from trueup.jobs.calendar.ruleparts import fits_zone

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone as it is compared and shown.

    Attributes:
        id: equal for the same zone whatever it was called: an IANA name, "UTC", "custom:…" for a definition that is no IANA zone,
            "unknown:…" for a name without a definition.
        rules: how its hours go; None for an unknown one, whose hours are then taken as they stand.
        shown: what people call it.
    """

    id: str
    rules: tzinfo | None
    shown: str


UTC_ZONE = Zone("UTC", UTC, "UTC")


class Zones:
    """The zones of one body: looks a TZID up, first by name, then in the body's VTIMEZONE components."""

    def __init__(self, calendar: Component) -> None:
        self._calendar = calendar
        self._definitions: dict[str, tuple[str, ...]] | None = None

    def named(self, tzid: str, year: int) -> Zone:
        """The zone of that TZID; `year` is around when it matters, for a definition is only compared with IANA's zones there."""
        known = named_zone(tzid)
        if known is not None:
            return known
        definition = self.definition(tzid)
        if definition is None:
            return Zone(f"unknown:{tzid}", None, tzid)
        return _defined_zone(definition, tzid, min(max(year, 1900), 2100))

    def definition(self, tzid: str) -> tuple[str, ...] | None:
        """The unfolded lines of the VTIMEZONE of that TZID, or None."""
        if self._definitions is None:
            self._definitions = {}
            for component in self._calendar.components("VTIMEZONE"):
                # A TZID is TEXT where it is defined and a bare parameter where it is used (RFC 5545 section 3.8.3.1).
                self._definitions.setdefault(unescape(component.value("TZID")), component.texts())
        return self._definitions.get(tzid)


@lru_cache(maxsize=4096)
def named_zone(tzid: str) -> Zone | None:
    """The IANA zone a name stands for: itself, an alias, a Windows name, or a path that ends in one; None if it says nothing."""
    name = _iana_names().get(tzid.strip().lower())
    if name is None and "/" in tzid:
        parts = tzid.strip().lower().split("/")[-3:]
        tails = ("/".join(parts[start:]) for start in range(len(parts)))
        # A single last word ("/x/UTC") is only taken from a path that says it is one by its leading slash.
        name = next((_iana_names()[t] for t in tails if t in _iana_names() and ("/" in t or tzid[0] == "/")), None)
    if name is None:
        name = _windows_names().get(tzid.strip().lower()) if " " in tzid.strip() else None
    if name is None:
        return None
    if name in ("Etc/UTC", "Etc/GMT"):
        return UTC_ZONE
    try:
        return Zone(name, ZoneInfo(name), tzid if tzid in _written_names() else name)
    except (KeyError, ValueError, OSError):  # in the list but not on this machine
        return None


@lru_cache(maxsize=1)
def _iana_names() -> dict[str, str]:
    """Every IANA name in lower case, with the name of the zone it is (aliases followed)."""
    return {name.lower(): target for name, target in _written_names().items()}


@lru_cache(maxsize=1)
def _written_names() -> dict[str, str]:
    """Every IANA name as it is written, with the name of the zone it is; from the `Z` and `L` lines of tzdata.zi (zic(8))."""
    zones, links = {}, {}
    with (files("tzdata") / "zoneinfo" / "tzdata.zi").open(encoding="utf-8") as lines:
        for line in lines:
            kind, _, rest = line.partition(" ")
            words = rest.split()
            if kind == "Z":
                zones[words[0]] = words[0]
            elif kind == "L":
                links[words[1]] = words[0]
    for alias, target in links.items():
        for _ in range(3):  # a link may point to a link
            target = links.get(target, target)
        zones[alias] = target
    return zones


@lru_cache(maxsize=1)
def _windows_names() -> dict[str, str]:
    """Windows' zone names in lower case, with the IANA zone each means by default (Unicode CLDR, shipped with icalendar)."""
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON  # imported here: most calendars never need it

    written = _written_names()
    return {name.lower(): written.get(zone, zone) for name, zone in WINDOWS_TO_OLSON.items()}


@lru_cache(maxsize=256)
def _defined_zone(definition: tuple[str, ...], tzid: str, year: int) -> Zone:
    """The zone of a VTIMEZONE whose name says nothing: the IANA zone that does the same in that year, or one of its own."""
    for text in definition:
        if text.upper().startswith("X-LIC-LOCATION:"):
            located = named_zone(text.partition(":")[2])
            if located is not None:
                return located
    rules = _rules(definition)
    if rules is None:
        what = blake2b("\n".join(sorted(_defining(definition))).encode(), digest_size=8).hexdigest()
        return Zone(f"custom:{what}", None, tzid)
    course = _course(rules, year)
    for name in _usual_zones():
        zone = named_zone(name)
        if zone is not None and zone.rules is not None and _follows(zone.rules, course, year):
            return Zone(zone.id, zone.rules, zone.id)
    what = blake2b(repr(course).encode(), digest_size=8).hexdigest()
    return Zone(f"custom:{what}", rules, tzid)


@lru_cache(maxsize=1)
def _usual_zones() -> list[str]:
    """The zones a nameless definition is compared with, the most populous of a kind first."""
    first = ["UTC", "Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York", "America/Chicago"]
    return list(dict.fromkeys([*first, *_windows_names().values(), *_written_names().values()]))


_LEAST_YEAR = 1500


def _defining(definition: tuple[str, ...]) -> list[str]:
    """The lines of a VTIMEZONE that say what it does."""
    names = ("TZOFFSETTO:", "TZOFFSETFROM:", "DTSTART", "RRULE", "RDATE", "BEGIN:", "END:")
    return [text for text in definition if text.upper().startswith(names)]


def _rules(definition: tuple[str, ...]) -> tzinfo | None:
    """A VTIMEZONE's hours as Python understands them; None where it is broken, or would take too long to work out."""
    for text in definition:
        name = text.upper()
        if name.startswith(("RRULE", "EXRULE")) and not fits_zone(text.partition(":")[2]):
            return None
        if name.startswith("DTSTART") and not _LEAST_YEAR <= _year(text) <= 9999:
            return None
    from icalendar import Timezone  # slow to import, and seldom needed

    try:
        zone = Timezone.from_ical("\r\n".join(definition) + "\r\n")
        if not isinstance(zone, Timezone):
            return None
        rules = zone.to_tz(lookup_tzid=False)
        rules.utcoffset(datetime(2026, 1, 1))
    except Exception:  # whatever a broken definition makes of the library, it is only a definition that says nothing
        return None
    return rules if isinstance(rules, tzinfo) else None


def _year(text: str) -> int:
    digits = text.rpartition(":")[2][:4]
    return int(digits) if digits.isdigit() and digits.isascii() else 0


def _course(rules: tzinfo, year: int) -> tuple[timedelta | None, ...]:
    """The offset from UTC at noon of each day of a year."""
    first = datetime(year, 1, 1, 12)
    return tuple(rules.utcoffset(first + day * _ONE_DAY) for day in range(365))


def _follows(rules: tzinfo, course: tuple[timedelta | None, ...], year: int) -> bool:
    """Whether a zone does that in that year; ends at the first day on which it does not."""
    first = datetime(year, 1, 1, 12)
    return all(rules.utcoffset(first + day * _ONE_DAY) == offset for day, offset in enumerate(course))


NO_ZONES = Zones(Component("VCALENDAR", Line("", b""), Line("", b"")))
"""For times that stand outside of a body, as in a field's key."""
