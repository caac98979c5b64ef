"""The ordinary part of the team calendar: single meetings, visits, trips and absences around the anchor week."""

from __future__ import annotations

from datetime import datetime, timedelta

from .clients import APPLE, EVOLUTION, GOOGLE, IPHONE, MOZILLA, OUTLOOK, PHONE, PLAIN, Client, Item, item
from .lines import ANCHOR, Dice, days, span, text
from .people import BY_LOCAL, CUSTOMERS, GUESTS, STAFF, Person, attendee, organizer
from .zones import FREE, WINDOWS

CLIENTS: tuple[Client, ...] = (GOOGLE, GOOGLE, OUTLOOK, OUTLOOK, APPLE, MOZILLA, EVOLUTION, PHONE, IPHONE, PLAIN)
STATES = ("ACCEPTED", "ACCEPTED", "ACCEPTED", "NEEDS-ACTION", "TENTATIVE", "DECLINED")
TITLES = (
    ("Kundentermin {customer}", "Vertrieb"),
    ("Angebotsdurchsprache {customer}", "Vertrieb"),
    ("Inbetriebnahme {customer}", "Service"),
    ("Wartung vor Ort: {customer}", "Service"),
    ("Abnahme Messkette, {customer}", "Service"),
    ("Code-Review Durchflussmodul", "Entwicklung"),
    ("Architekturrunde", "Entwicklung"),
    ("Lieferantengespräch Gehäuse", "Einkauf"),
    ("Bewerbungsgespräch", "Personal"),
    ("Jahresgespräch {person}", "Personal"),
    ("Budget 2027", "Finanzen"),
    ("Messevorbereitung", "Marketing"),
    ("Kick-off {customer}", "Projekt"),
    ("Statusrunde {customer}", "Projekt"),
)
AGENDA = ("Stand der Dinge", "Offene Punkte", "Termine", "Kosten; Risiken", "Wer macht was, bis wann?", "Verschiedenes")
PLACES = ("Besprechungsraum Elbe", "Besprechungsraum Alster", "Telefon", "Halle 3", "Musterstraße 12, 20095 Hamburg")
ABSENCES = (
    ("Urlaub", 5, "OOF"),
    ("Elternzeit", 28, "OOF"),
    ("Dienstreise Boston", 4, "OOF"),
    ("Homeoffice", 1, "WORKINGELSEWHERE"),
    ("Kind krank", 1, "OOF"),
    ("Fortbildung", 2, "BUSY"),
)
MEETINGS = 64
AWAY = 22


def vendor_lines(client: Client, dice: Dice, busy: str = "BUSY") -> list[str]:
    """What the program adds of its own."""
    if client is OUTLOOK:
        return [
            "PRIORITY:5",
            "CLASS:PUBLIC",
            "TRANSP:OPAQUE",
            f"SEQUENCE:{dice.number(4)}",
            f"X-MICROSOFT-CDO-APPT-SEQUENCE:{dice.number(4)}",
            f"X-MICROSOFT-CDO-BUSYSTATUS:{busy}",
            "X-MICROSOFT-CDO-INTENDEDSTATUS:BUSY",
            "X-MICROSOFT-CDO-ALLDAYEVENT:FALSE",
            "X-MICROSOFT-CDO-IMPORTANCE:1",
            "X-MICROSOFT-CDO-INSTTYPE:0",
            "X-MICROSOFT-DISALLOW-COUNTER:FALSE",
        ]
    if client is MOZILLA:
        return [f"X-MOZ-GENERATION:{1 + dice.number(9)}", "X-MOZ-LASTACK:20261115T081500Z"]
    if client in (APPLE, IPHONE):
        return ["TRANSP:OPAQUE", "SEQUENCE:1", "X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC"]
    if client is GOOGLE:
        meet = f"https://meet.example.com/{dice.number(10**6):06d}"
        return ["STATUS:CONFIRMED", "TRANSP:OPAQUE", "SEQUENCE:0", f"X-GOOGLE-CONFERENCE:{meet}"]
    if client is EVOLUTION:
        return ["X-EVOLUTION-CALDAV-ETAG:0123456789abcdef", "CLASS:PUBLIC"]
    return []


def _people(dice: Dice, with_guest: bool) -> list[str]:
    crowd = dice.sample(STAFF, 2 + dice.number(4))
    lines = [organizer(crowd[0].local), attendee(crowd[0], "ACCEPTED", "CHAIR")]
    lines += [attendee(person, dice.pick(STATES)) for person in crowd[1:]]
    if with_guest:
        lines.append(attendee(dice.pick(GUESTS), "NEEDS-ACTION", extra=";RSVP=TRUE"))
    return lines


def _zone(client: Client) -> str:
    return {OUTLOOK.name: WINDOWS, EVOLUTION.name: FREE}.get(client.name, "Europe/Berlin")


def _slug(begin: datetime, title: str) -> str:
    plain = title.lower()
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("å", "a")):
        plain = plain.replace(umlaut, letters)
    words = "".join(char if char.isascii() and char.isalnum() else " " for char in plain).split()
    return f"{begin:%Y-%m-%d}-{'-'.join(words)}"


def _alarm(client: Client, minutes: int) -> list[str]:
    mark = {APPLE.name: ["X-WR-ALARMUID:5D3B0E9C-0000-4000-A000-00000000001A"]}.get(client.name, [])
    return ["BEGIN:VALARM", *mark, f"TRIGGER:-PT{minutes}M", "ACTION:DISPLAY", "DESCRIPTION:Erinnerung", "END:VALARM"]


def _meeting(number: int) -> Item:
    dice = Dice(f"meeting/{number}")
    pattern, category = dice.pick(TITLES)
    title = pattern.format(customer=dice.pick(CUSTOMERS), person=dice.pick(STAFF).name)
    client = dice.pick(CLIENTS)
    week = dice.number(9) - 4
    day = ANCHOR + timedelta(weeks=week, days=dice.number(5))
    begin = datetime(day.year, day.month, day.day, 8 + dice.number(9), dice.pick((0, 0, 15, 30)))
    lines = [*span(begin, dice.pick((30, 45, 60, 60, 90, 120)), _zone(client)), f"SUMMARY:{text(title)}"]
    if dice.number(4):
        lines.append(f"LOCATION:{text(dice.pick(PLACES))}")
    if dice.number(3):
        points = dice.sample(AGENDA, 2 + dice.number(3))
        lines.append("DESCRIPTION:" + text("Agenda:\n" + "\n".join(f"- {point}" for point in points)))
    lines.append(f"CATEGORIES:{category}")
    if dice.number(5) > 1:
        lines += _people(dice, category in ("Vertrieb", "Projekt"))
    lines += vendor_lines(client, dice)
    if not dice.number(3):
        lines += _alarm(client, dice.pick((5, 10, 15, 30, 60)))
    return item("team", f"{_slug(begin, title)}-{number:02d}", client, lines)


def _absence(number: int) -> Item:
    dice = Dice(f"absence/{number}")
    person: Person = STAFF[number % len(STAFF)]
    reason, length, busy = dice.pick(ABSENCES)
    first = ANCHOR + timedelta(weeks=dice.number(18) - 4, days=0 if length > 3 else dice.number(4))
    client = dice.pick((APPLE, OUTLOOK, PLAIN, MOZILLA))
    lines = [*days(first, length), f"SUMMARY:{reason}: {text(person.name)}", "CATEGORIES:Abwesenheit"]
    if client is OUTLOOK:
        lines += ["X-MICROSOFT-CDO-ALLDAYEVENT:TRUE", f"X-MICROSOFT-CDO-BUSYSTATUS:{busy}"]
    else:
        lines.append("TRANSP:TRANSPARENT")
    return item("team", f"absence-{person.local}-{first.isoformat()}-{number:02d}", client, lines)


def _trips() -> list[Item]:
    """Events of several days with a time, and trade fairs."""
    return [
        item(
            "team",
            "trade-fair-sensorik",
            APPLE,
            [
                *span("2026-12-01 09:00", 2 * 1440 + 480),
                "SUMMARY:Messe Sensorik & Regeltechnik",
                "LOCATION:" + text("Messegelände Musterstadt, Halle 11, Stand C·42"),
                "CATEGORIES:Messe",
                "CATEGORIES:Vertrieb,Marketing",
                "COLOR:tomato",
                "URL:https://messe.example.org/2026?lang=de&halle=11",
            ],
        ),
        item(
            "team",
            "visit-from-pune",
            GOOGLE,
            [
                *span("2026-11-15 21:40", 6 * 1440 - 600, "Asia/Kolkata"),
                "SUMMARY:Priya und Arjun in Hamburg",
                organizer("priya"),
                attendee(BY_LOCAL["arjun"], "ACCEPTED"),
            ],
        ),
        item("team", "plant-closed", PLAIN, [*days("2026-12-24", 11), "SUMMARY:Betriebsruhe", "PRIORITY:2"]),
    ]


def meetings() -> list[Item]:
    return [*(_meeting(n) for n in range(MEETINGS)), *(_absence(n) for n in range(AWAY)), *_trips()]
