"""Bookings of the two meeting rooms; nothing overlaps within one room except one deliberate double booking."""

from __future__ import annotations

from datetime import datetime, timedelta

from .clients import BOOKING, Item, item
from .lines import ANCHOR, Dice, days, override, span, text
from .people import BY_LOCAL, CUSTOMERS, STAFF, organizer

ROOMS = {"meeting-room-elbe": "Besprechungsraum Elbe", "meeting-room-alster": "Besprechungsraum Alster"}
REASONS = (
    "Kundengespräch",
    "Bewerbungsgespräch",
    "Abstimmung",
    "Schulung",
    "Lieferantentermin",
    "Workshop",
    "Telefonat",
)
TAKEN = {"meeting-room-elbe": {(0, 9), (1, 9), (2, 9), (3, 9), (4, 9)}, "meeting-room-alster": {(2, 11), (4, 9)}}
PER_ROOM = 26


def _booking(room: str, begin: datetime, hours: int, number: int) -> Item:
    dice = Dice(f"{room}/{number}")
    person = dice.pick(STAFF)
    reason = dice.pick(REASONS)
    title = f"{reason} {dice.pick(CUSTOMERS)}" if reason == "Kundengespräch" else f"{reason} ({person.role})"
    lines = [
        *span(begin, 60 * hours),
        f"SUMMARY:{text(title)}",
        f"LOCATION:{ROOMS[room]}",
        organizer(person.local),
        f'ATTENDEE;CUTYPE=ROOM;CN="{ROOMS[room]}";PARTSTAT=ACCEPTED:mailto:{room}@example.com',
        f"X-BOOKING-SEATS:{4 + 2 * dice.number(5)}",
    ]
    return item(f"resources/{room}", f"{begin:%Y-%m-%d-%H}00", BOOKING, lines)


def _bookings(room: str) -> list[Item]:
    """Walks through three weeks before and after the anchor and books every now and then."""
    dice = Dice(room)
    monday = datetime(ANCHOR.year, ANCHOR.month, ANCHOR.day) - timedelta(weeks=2)
    out: list[Item] = []
    slots = [(week, day, hour) for week in range(5) for day in range(5) for hour in (8, 10, 13, 15)]
    free = [slot for slot in slots if (slot[1], slot[2]) not in TAKEN[room] and slot[2] != 9]
    for number, (week, day, hour) in enumerate(sorted(dice.sample(free, PER_ROOM))):
        begin = monday + timedelta(weeks=week, days=day, hours=hour)
        out.append(_booking(room, begin, 1 if hour == 8 else 1 + number % 2, number))
    return out


def rooms() -> list[Item]:
    out = [booking for room in ROOMS for booking in _bookings(room)]
    host = organizer("noemie")
    out.append(
        item(
            "resources/meeting-room-elbe",
            "series-daily",
            BOOKING,
            [
                *span("2026-01-07 09:15", 15),
                "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20270331T071500Z",
                "EXDATE;TZID=Europe/Berlin:20261119T091500,20261224T091500,20261225T091500",
                "SUMMARY:Daily",
                host,
            ],
            [*span("2026-11-17 13:45", 15), override("2026-11-17 09:15"), "SUMMARY:Daily (verschoben)", host],
        )
    )
    out.append(
        item(
            "resources/meeting-room-alster",
            "closed-for-painting",
            BOOKING,
            [*days("2026-12-07", 3), "SUMMARY:Gesperrt: Malerarbeiten", organizer("gudrun"), "TRANSP:OPAQUE"],
        )
    )
    for number, local in enumerate(("ayse", "siobhan"), 1):
        out.append(
            item(
                "resources/meeting-room-alster",
                f"double-booking-{number}",
                BOOKING,
                [
                    *span("2026-11-18 17:00", 60),
                    f"SUMMARY:Reserviert für {text(BY_LOCAL[local].name)}",
                    organizer(local),
                    "STATUS:TENTATIVE",
                ],
            )
        )
    return out
