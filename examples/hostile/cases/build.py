"""The small building blocks of the hostile files."""

from __future__ import annotations

from dataclasses import dataclass

TIMES = ("DTSTART:20261117T090000Z", "DTEND:20261117T100000Z")
BERLIN = (
    "BEGIN:VTIMEZONE",
    "TZID:Europe/Berlin",
    "BEGIN:DAYLIGHT",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0200",
    "DTSTART:19810329T020000",
    "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    "END:DAYLIGHT",
    "BEGIN:STANDARD",
    "TZOFFSETFROM:+0200",
    "TZOFFSETTO:+0100",
    "DTSTART:19961027T030000",
    "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
    "END:STANDARD",
    "END:VTIMEZONE",
)


@dataclass(frozen=True)
class Case:
    """One file: its name, its bytes and what is wrong with it."""

    name: str
    body: bytes
    wrong: str


def event(uid: str, *lines: str, times: tuple[str, ...] = TIMES) -> list[str]:
    head = [f"UID:{uid}"] if uid else []
    return ["BEGIN:VEVENT", *head, "DTSTAMP:20261101T080000Z", *times, *lines, "END:VEVENT"]


def calendar(*parts: list[str] | tuple[str, ...], head: tuple[str, ...] = ()) -> list[str]:
    inner = [line for part in parts for line in part]
    return ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example.org//hostile//EN", *head, *inner, "END:VCALENDAR"]


def raw(lines: list[str], end: str = "\r\n") -> bytes:
    return "".join(line + end for line in lines).encode()


def single(name: str, wrong: str, *lines: str, times: tuple[str, ...] = TIMES, head: tuple[str, ...] = ()) -> Case:
    """A file with one event that would be fine but for these lines."""
    title = f"SUMMARY:{name.replace('-', ' ').capitalize()}"
    parts = event(f"{name}@example.org", title, *lines, times=times)
    return Case(name, raw(calendar(parts, head=head)), wrong)
