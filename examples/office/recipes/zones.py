"""VTIMEZONE components, one for every TZID that the examples use."""

from __future__ import annotations

import re

_TZID = re.compile(r';TZID=(?:"([^"]+)"|([^":;,]+))')


def _rule(kind: str, name: str, before: str, after: str, start: str, rule: str) -> list[str]:
    lines = [f"BEGIN:{kind}", f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}", f"DTSTART:{start}"]
    lines += [f"TZNAME:{name}"] if name else []
    lines += [f"RRULE:{rule}"] if rule else []
    return [*lines, f"END:{kind}"]


def _zone(tzid: str, *parts: list[str], extra: tuple[str, ...] = ()) -> list[str]:
    return ["BEGIN:VTIMEZONE", f"TZID:{tzid}", *extra, *(line for part in parts for line in part), "END:VTIMEZONE"]


_MARCH = "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"
_OCTOBER = "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"
_EU = (
    _rule("DAYLIGHT", "CEST", "+0100", "+0200", "19810329T020000", _MARCH),
    _rule("STANDARD", "CET", "+0200", "+0100", "19961027T030000", _OCTOBER),
)
_OUTLOOK = (
    _rule("STANDARD", "", "+0200", "+0100", "16010101T030000", "FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10"),
    _rule("DAYLIGHT", "", "+0100", "+0200", "16010101T020000", "FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3"),
)

WINDOWS = "W. Europe Standard Time"
FREE = "/freeassociation.sourceforge.net/Europe/Berlin"
CUSTOM = "Nordwind Schichtzeit"
SHOUTED = "(UTC+01:00) Amsterdam, Berlin, Bern, Rome"

ZONES: dict[str, list[str]] = {
    "Europe/Berlin": _zone("Europe/Berlin", *_EU, extra=("X-LIC-LOCATION:Europe/Berlin",)),
    "Europe/London": _zone(
        "Europe/London",
        _rule("DAYLIGHT", "BST", "+0000", "+0100", "19810329T010000", _MARCH),
        _rule("STANDARD", "GMT", "+0100", "+0000", "19961027T020000", _OCTOBER),
    ),
    "America/New_York": _zone(
        "America/New_York",
        _rule("DAYLIGHT", "EDT", "-0500", "-0400", "20070311T020000", "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU"),
        _rule("STANDARD", "EST", "-0400", "-0500", "20071104T020000", "FREQ=YEARLY;BYMONTH=11;BYDAY=1SU"),
    ),
    "Asia/Kolkata": _zone("Asia/Kolkata", _rule("STANDARD", "IST", "+0530", "+0530", "19700101T000000", "")),
    WINDOWS: _zone(WINDOWS, *_OUTLOOK),
    FREE: _zone(FREE, *_EU, extra=("X-LIC-LOCATION:Europe/Berlin",)),
    # The works council's own zone: one hour ahead of UTC all the year, no summer time.
    CUSTOM: _zone(CUSTOM, _rule("STANDARD", "NWZ", "+0100", "+0100", "20200101T000000", "")),
    SHOUTED: _zone(SHOUTED, *_OUTLOOK),
}


def used(lines: list[str]) -> list[str]:
    """The zones that these lines name, in order of appearance."""
    found = (match.group(1) or match.group(2) for line in lines for match in _TZID.finditer(line))
    return list(dict.fromkeys(found))
