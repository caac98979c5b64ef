"""Calendar items for the contract suite: plain ones, and ones that stores are known to stumble over."""

from __future__ import annotations

import icalendar

from trueup.jobs.calendar.kind import CalendarKind

KIND = CalendarKind()
SUFFIX = ".ics"
STAMP = "20261101T080000Z"

# What UIDs look like in the wild, and what a file system, a URL or a pattern would choke on.
ODD_UIDS = [
    "3A9FB0C2-7D1E-4C55-9A57-5D0B2C2F7E10",
    "040000008200E00074C5B7101A82E00800000000B0A5",
    "with blank and  two",
    "a/b/../c",
    "..",
    "50%25off?x=1#y&z",
    "quotes\"and'apostrophes",
    "umlaut-ä-and-日本語-🎉",
    "cafe\u0301",
    "caf\u00e9",
    "CON",
    ".hidden",
    "*<>|:",
    "x" * 200,
]


def event(uid: str, summary: str = "Team meeting", *more: str) -> bytes:
    """An event of an hour, with further lines inside."""
    return calendar(
        "BEGIN:VEVENT",
        f"UID:{escape(uid)}",
        f"DTSTAMP:{STAMP}",
        "DTSTART:20261116T090000Z",
        "DTEND:20261116T100000Z",
        f"SUMMARY:{escape(summary)}",
        *more,
        "END:VEVENT",
    )


item = event


def calendar(*lines: str) -> bytes:
    """An iCalendar object around these lines, folded as RFC 5545 section 3.1 wants it."""
    every = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//trueup//contract suite//EN", *lines, "END:VCALENDAR"]
    return "".join(fold(line) + "\r\n" for line in every).encode()


def fold(line: str) -> str:
    """At most 75 octets a line, never within a character."""
    parts, size = [""], 0
    for character in line:
        width = len(character.encode())
        if size + width > 74:
            parts.append(" ")
            size = 1
        parts[-1] += character
        size += width
    return "\r\n".join(parts)


def escape(text: str) -> str:
    """A text value, RFC 5545 section 3.3.11."""
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _component(data: bytes | None) -> icalendar.Component:
    assert data is not None, "the item is gone"
    parsed = icalendar.Calendar.from_ical(data)
    return next(one for one in parsed.subcomponents if one.name != "VTIMEZONE")


def uid(data: bytes | None) -> str:
    return str(_component(data)["UID"])


def summary(data: bytes | None) -> str:
    return str(_component(data)["SUMMARY"])


title = summary

# What a server may set anew whenever it stores an item (RFC 5545 sections 3.7.3, 3.8.7; RFC 6638 section 3.2.10).
_REWRITTEN = {"PRODID", "DTSTAMP", "CREATED", "LAST-MODIFIED", "X-RADICALE-NAME", "CALSCALE"}


def same(a: bytes, b: bytes) -> bool:
    """Equal but for folding, the order of properties and components, and what servers set anew.

    Asked twice: line by line, and as the product compares (which must not take a rewrite for an edit).
    """
    return _normal(icalendar.Calendar.from_ical(a)) == _normal(icalendar.Calendar.from_ical(b)) and KIND.same(a, b)


def _normal(component: icalendar.Component) -> tuple[object, ...]:
    lines = sorted(
        f"{line.split(':')[0].upper()}:{line.partition(':')[2]}"
        for line in (str(one) for one in component.content_lines())
        if line and line.split(":")[0].split(";")[0].upper() not in _REWRITTEN | {"BEGIN", "END"}
    )
    return (component.name, tuple(lines), tuple(sorted(_normal(one) for one in component.subcomponents)))


BERLIN = (
    "BEGIN:VTIMEZONE",
    "TZID:Europe/Berlin",
    "BEGIN:DAYLIGHT",
    "DTSTART:19810329T020000",
    "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0200",
    "TZNAME:CEST",
    "END:DAYLIGHT",
    "BEGIN:STANDARD",
    "DTSTART:19961027T030000",
    "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
    "TZOFFSETFROM:+0200",
    "TZOFFSETTO:+0100",
    "TZNAME:CET",
    "END:STANDARD",
    "END:VTIMEZONE",
)

_SERIES = calendar(
    *BERLIN,
    "BEGIN:VEVENT",
    "UID:series@example.org",
    f"DTSTAMP:{STAMP}",
    "DTSTART;TZID=Europe/Berlin:20261102T090000",
    "DTEND;TZID=Europe/Berlin:20261102T093000",
    "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=10",
    "EXDATE;TZID=Europe/Berlin:20261109T090000",
    "SUMMARY:Monday round",
    "END:VEVENT",
    "BEGIN:VEVENT",
    "UID:series@example.org",
    f"DTSTAMP:{STAMP}",
    "RECURRENCE-ID;TZID=Europe/Berlin:20261116T090000",
    "DTSTART;TZID=Europe/Berlin:20261116T100000",
    "DTEND;TZID=Europe/Berlin:20261116T103000",
    "SUMMARY:Monday round\\, an hour later",
    "END:VEVENT",
)

_TASK = calendar(
    "BEGIN:VTODO",
    "UID:task@example.org",
    f"DTSTAMP:{STAMP}",
    "DUE:20261120T160000Z",
    "SUMMARY:File the VAT return",
    "STATUS:NEEDS-ACTION",
    "END:VTODO",
)

BODIES: dict[str, tuple[str, bytes]] = {
    "plain": ("plain@example.org", event("plain@example.org")),
    "unicode": ("unicode@example.org", event("unicode@example.org", "Grüße, 日本語; 🎉 e\u0301 — ‮abc")),
    "escapes": (
        "escapes@example.org",
        event("escapes@example.org", "a\\b;c,d\ne", "DESCRIPTION:one\\ntwo\\, three\\; four \\\\ five"),
    ),
    "long line": ("long@example.org", event("long@example.org", "Long", "DESCRIPTION:" + "äbcdefgh " * 2000)),
    "unknown": (
        "unknown@example.org",
        event(
            "unknown@example.org",
            "Vendor properties",
            'X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE="Hall 3":geo:52.5,13.4',
            "X-EMPTY:",
            "COLOR:turquoise",
        ),
    ),
    "alarms": (
        "alarms@example.org",
        event(
            "alarms@example.org",
            "Reminded twice",
            *("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT15M", "DESCRIPTION:soon", "END:VALARM"),
            *("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-P1D", "DESCRIPTION:tomorrow", "END:VALARM"),
        ),
    ),
    "series": ("series@example.org", _SERIES),
    "task": ("task@example.org", _TASK),
}
