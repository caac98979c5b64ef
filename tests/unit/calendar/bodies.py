"""Bodies for the tests of calendar items."""

from __future__ import annotations

from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"

BERLIN = """\
BEGIN:VTIMEZONE
TZID:{name}
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""


def body(*components: str, zone: str = "", around: str = "", end: str = "\r\n") -> bytes:
    """A calendar around these components."""
    text = (
        f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//test//EN\n{around}{zone}"
        + "".join(components)
        + "END:VCALENDAR\n"
    )
    return text.replace("\n", end).encode()


def event(
    *lines: str, uid: str = "one@example.com", start: str = "DTSTART:20261116T090000Z", kind: str = "VEVENT"
) -> str:
    """An event of these lines; without `start` where that is ""."""
    inside = [f"UID:{uid}", "DTSTAMP:20261101T080000Z", *([start] if start else []), *lines]
    return f"BEGIN:{kind}\n" + "".join(f"{line}\n" for line in inside) + f"END:{kind}\n"


def item(*lines: str, **options: str) -> bytes:
    """A body with one event of these lines."""
    return body(event(*lines, **options))


def office() -> list[Path]:
    """Every item of the example office."""
    return sorted(path for path in (EXAMPLES / "office").rglob("*.ics") if path.name != "holidays.ics")


def hostile() -> list[Path]:
    """Every broken or extreme item of the examples."""
    return sorted((EXAMPLES / "hostile").glob("*.ics"))
