"""Recurring events of the team: one shape of recurrence after the other."""

from __future__ import annotations

from .clients import APPLE, BOOKING, EVOLUTION, GOOGLE, IPHONE, MOZILLA, OUTLOOK, PHONE, PLAIN, Client, Item, item
from .lines import day_stamp, days, lasting, override, span, text, zoned
from .people import STAFF, organizer, staff
from .zones import CUSTOM, FREE, WINDOWS

TEAM = "team"
ROOM_ELBE = "LOCATION:Besprechungsraum Elbe"


def _simple() -> list[Item]:
    """A rule and nothing else; the shapes that people click together most often."""
    rows: list[tuple[str, Client, str, str, int, str]] = [
        ("weekly-sales-call", GOOGLE, "Vertriebsrunde", "2026-01-12 10:00", 45, "FREQ=WEEKLY;BYDAY=MO"),
        ("weekly-production", OUTLOOK, "Fertigungsbesprechung", "2026-01-14 07:30", 30, "FREQ=WEEKLY;BYDAY=WE"),
        ("weekly-support", MOZILLA, "Support-Übergabe", "2026-03-03 16:30", 15, "FREQ=WEEKLY;BYDAY=TU,TH"),
        ("sprint-planning", GOOGLE, "Sprint Planning", "2026-01-05 13:00", 120, "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"),
        ("sprint-review", GOOGLE, "Sprint Review", "2026-01-16 14:00", 60, "FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=FR"),
        ("sprint-retro", APPLE, "Retro 🪞", "2026-01-16 15:15", 45, "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=FR"),
        ("monthly-figures", OUTLOOK, "Monatszahlen", "2026-01-12 09:00", 60, "FREQ=MONTHLY;BYDAY=2MO"),
        ("all-hands-last-friday", APPLE, "Alle an Bord", "2026-01-30 11:00", 60, "FREQ=MONTHLY;BYDAY=-1FR"),
        ("safety-first-thursday", PLAIN, "Arbeitssicherheit", "2026-02-05 08:00", 30, "FREQ=MONTHLY;BYDAY=1TH"),
        (
            "payroll-last-workday",
            PLAIN,
            "Lohnlauf freigeben",
            "2026-01-30 08:30",
            30,
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        ),
        ("vat-return", MOZILLA, "Umsatzsteuer-Voranmeldung", "2026-01-10 09:30", 45, "FREQ=MONTHLY;BYMONTHDAY=10"),
        ("month-end", PHONE, "Monatsabschluss", "2026-01-31 17:00", 60, "FREQ=MONTHLY;BYMONTHDAY=-1"),
        ("on-the-31st", PLAIN, "Zählerstände ablesen", "2026-01-31 12:00", 15, "FREQ=MONTHLY;BYMONTHDAY=31"),
        ("quarterly-review", OUTLOOK, "Quartalsgespräch", "2026-01-20 13:00", 180, "FREQ=MONTHLY;INTERVAL=3;BYDAY=3TU"),
        ("stocktaking", EVOLUTION, "Inventur", "2026-12-29 07:00", 540, "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=29"),
        ("fire-drill", BOOKING, "Räumungsübung", "2026-03-10 10:30", 30, "FREQ=YEARLY;BYMONTH=3,9;BYDAY=2TU"),
        ("week-one", PLAIN, "Jahresauftakt", "2026-01-01 10:00", 60, "FREQ=YEARLY;BYWEEKNO=2;BYDAY=MO"),
        ("hundredth-day", PLAIN, "Tag 100: Prüfmittel", "2026-04-10 09:00", 30, "FREQ=YEARLY;BYYEARDAY=100"),
        ("course-ten-evenings", PHONE, "Englischkurs", "2026-09-15 17:15", 90, "FREQ=WEEKLY;COUNT=10"),
        ("pilot-every-third-day", PLAIN, "Sensor spülen", "2026-11-02 06:45", 20, "FREQ=DAILY;INTERVAL=3;COUNT=15"),
        ("burn-in-hourly", PLAIN, "Dauerlauf ablesen", "2026-11-19 08:00", 5, "FREQ=HOURLY;INTERVAL=2;COUNT=6"),
        ("backup-window", PLAIN, "Wartungsfenster 02:30", "2026-01-04 02:30", 60, "FREQ=WEEKLY;BYDAY=SU"),
        ("twice-a-day", EVOLUTION, "Temperatur notieren", "2026-11-09 09:00", 5, "FREQ=DAILY;BYHOUR=9,15;COUNT=20"),
    ]
    free = {"stocktaking": FREE, "twice-a-day": FREE}
    out = []
    for slug, client, title, start, minutes, rule in rows:
        zone = WINDOWS if client is OUTLOOK else free.get(slug, "Europe/Berlin")
        lines = [*span(start, minutes, zone), f"RRULE:{rule}", f"SUMMARY:{text(title)}"]
        out.append(item(TEAM, slug, client, lines))
    return out


def _stand_up() -> list[Item]:
    """The busiest series: holidays taken out, one moved, one renamed, one cancelled, one longer with another room."""
    people = [organizer("noemie"), *(staff(local) for local in ("zoe", "lukasz", "djordje", "priya", "arjun"))]
    base = ["SUMMARY:Daily", ROOM_ELBE, *people]
    gone = ["20260403T091500", "20260406T091500", "20260501T091500", "20260514T091500", "20260525T091500"]
    master = [
        *span("2026-01-07 09:15", 15),
        "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20270331T071500Z",
        f"EXDATE;TZID=Europe/Berlin:{','.join(gone)}",
        "EXDATE;TZID=Europe/Berlin:20261224T091500",
        "EXDATE;TZID=Europe/Berlin:20261225T091500",
        "EXDATE;TZID=Europe/Berlin:20261231T091500",
        "EXDATE;TZID=Europe/Berlin:20270101T091500",
        *base,
        "SEQUENCE:6",
    ]
    moved = [*span("2026-11-17 13:45", 15), override("2026-11-17 09:15"), *base, "SEQUENCE:7"]
    renamed = [
        *span("2026-11-18 09:15", 15),
        override("2026-11-18 09:15"),
        "SUMMARY:Daily (mit Gästen vom Stadtwerk)",
        ROOM_ELBE,
        *people,
    ]
    cancelled = [*span("2026-11-19 09:15", 15), override("2026-11-19 09:15"), *base, "STATUS:CANCELLED", "SEQUENCE:8"]
    longer = [
        *span("2026-11-20 09:15", 45),
        override("2026-11-20 09:15"),
        "SUMMARY:Daily und Demo",
        "LOCATION:Besprechungsraum Alster",
        *people,
    ]
    return [item(TEAM, "daily-stand-up", GOOGLE, master, moved, renamed, cancelled, longer)]


def _exceptions() -> list[Item]:
    """EXDATE, RDATE and RECURRENCE-ID in the forms that different programs write."""
    out = [
        item(
            TEAM,
            "exdate-all-day",
            APPLE,
            [
                *days("2026-02-02"),
                "RRULE:FREQ=MONTHLY;BYDAY=1MO",
                "EXDATE;VALUE=DATE:20260406,20260601",
                "SUMMARY:Homeoffice-Tag",
                "TRANSP:TRANSPARENT",
            ],
        ),
        item(
            TEAM,
            "exdate-in-utc",
            MOZILLA,
            [
                *span("2026-09-01 15:00", 30),
                "RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20270330T130000Z",
                "EXDATE:20261006T130000Z",
                "EXDATE:20261103T140000Z",
                "SUMMARY:Qualitätszirkel",
            ],
        ),
        item(
            TEAM,
            "rdate-extra-dates",
            EVOLUTION,
            [
                *span("2026-10-06 14:00", 60, FREE),
                "RRULE:FREQ=WEEKLY;COUNT=4",
                f"RDATE;TZID={FREE}:20261110T140000,20261124T140000",
                "SUMMARY:Einarbeitung Lager",
            ],
        ),
        item(
            TEAM,
            "rdate-only",
            PLAIN,
            [
                *span("2026-11-03 16:00", 60),
                "RDATE;TZID=Europe/Berlin:20261112T160000,20261126T163000,20261214T150000",
                "SUMMARY:Lenkungskreis Umzug",
            ],
        ),
        item(
            TEAM,
            "rdate-in-utc",
            PLAIN,
            [
                *span("2026-11-10 08:00", 240, "UTC"),
                "RDATE:20261117T080000Z,20261118T130000Z",
                "RDATE:20261125T080000Z",
                "SUMMARY:Prüfstand belegt",
            ],
        ),
        item(
            TEAM,
            "rdate-all-day",
            APPLE,
            [*days("2026-10-12"), "RDATE;VALUE=DATE:20261123,20261207", "SUMMARY:Blutspende im Haus"],
        ),
    ]
    out.append(
        item(
            TEAM,
            "this-and-future",
            APPLE,
            [*span("2026-09-02 10:00", 60), "RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=24", "SUMMARY:Produktrunde", ROOM_ELBE],
            [
                *span("2026-11-18 11:00", 45),
                override("2026-11-18 10:00", this_and_future=True),
                "SUMMARY:Produktrunde (neu: 45 Minuten)",
                "LOCATION:Besprechungsraum Alster",
            ],
        )
    )
    out.append(
        item(
            TEAM,
            "override-all-day",
            APPLE,
            [*days("2026-10-05"), "RRULE:FREQ=WEEKLY;INTERVAL=4;COUNT=6", "SUMMARY:Bereitschaft Björn"],
            [
                *days("2026-11-03"),
                f"RECURRENCE-ID;VALUE=DATE:{day_stamp('2026-11-02')}",
                "SUMMARY:Bereitschaft Björn (getauscht)",
            ],
        )
    )
    out.append(
        item(
            TEAM,
            "override-id-in-utc",
            MOZILLA,
            [*span("2026-10-14 14:00", 60), "RRULE:FREQ=WEEKLY;COUNT=10", "SUMMARY:Kalibrierung"],
            [*span("2026-11-26 09:00", 60), "RECURRENCE-ID:20261125T130000Z", "SUMMARY:Kalibrierung (Vertretung)"],
        )
    )
    out.append(
        item(
            TEAM,
            "override-to-all-day",
            PHONE,
            [*span("2026-11-04 12:00", 60), "RRULE:FREQ=WEEKLY;COUNT=6", "SUMMARY:Mittag mit den Neuen"],
            [*span("2026-11-19 12:30", 90), override("2026-11-18 12:00"), "SUMMARY:Mittag mit den Neuen (Kantine zu)"],
            [*span("2026-12-02 12:00", 60), override("2026-12-02 12:00"), "SUMMARY:Mittag – Gänseessen 🦢"],
        )
    )
    return out


def _zones() -> list[Item]:
    """Series whose hours shift against each other when one continent changes its clocks before another."""
    call = "CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO;LABEL=Wochenruf:https://meet.example.com/boston"
    rows = [
        (
            "boston-call",
            GOOGLE,
            "Boston weekly",
            "2026-02-05 09:30",
            "America/New_York",
            ["RRULE:FREQ=WEEKLY;BYDAY=TH", call, organizer("dale"), staff("marisol"), staff("tjark", "TENTATIVE")],
        ),
        (
            "pune-handover",
            GOOGLE,
            "Handover Pune → Hamburg",
            "2026-01-05 13:30",
            "Asia/Kolkata",
            ["RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", organizer("priya"), staff("zoe"), staff("arjun")],
        ),
        (
            "london-pipeline",
            APPLE,
            "UK pipeline",
            "2026-01-07 16:00",
            "Europe/London",
            ["RRULE:FREQ=WEEKLY;BYDAY=WE;UNTIL=20270630T150000Z", organizer("siobhan"), staff("ayse")],
        ),
        (
            "shift-plan",
            BOOKING,
            "Schichtplan aushängen",
            "2026-01-09 14:00",
            CUSTOM,
            ["RRULE:FREQ=WEEKLY;BYDAY=FR", organizer("hinnerk")],
        ),
        ("medication-floating", IPHONE, "Trinkpause 💧", "2026-11-02 15:00", "floating", ["RRULE:FREQ=DAILY;COUNT=60"]),
        ("utc-release", PLAIN, "Release window", "2026-01-08 20:00", "UTC", ["RRULE:FREQ=WEEKLY;INTERVAL=3;BYDAY=TH"]),
        (
            "night-shift",
            EVOLUTION,
            "Nachtschicht Ofen 2",
            "2026-10-19 22:00",
            FREE,
            ["RRULE:FREQ=DAILY;UNTIL=20261120T210000Z", "CATEGORIES:Schicht"],
        ),
    ]
    out = []
    for slug, client, title, start, zone, extra in rows:
        minutes = 480 if slug == "night-shift" else 30
        out.append(item(TEAM, slug, client, [*span(start, minutes, zone), f"SUMMARY:{text(title)}", *extra]))
    out.append(
        item(
            TEAM,
            "two-zones",
            MOZILLA,
            [
                zoned("DTSTART", "2026-09-07 18:20", "Europe/Berlin"),
                zoned("DTEND", "2026-09-07 20:55", "America/New_York"),
                "RRULE:FREQ=MONTHLY;BYDAY=1MO;COUNT=6",
                "SUMMARY:Flug HAM–BOS",
            ],
        )
    )
    out.append(
        item(
            TEAM,
            "series-with-duration",
            EVOLUTION,
            [
                *lasting("2026-10-02 13:00", "PT1H30M", FREE),
                "RRULE:FREQ=WEEKLY;BYDAY=FR;UNTIL=20270226T120000Z",
                "SUMMARY:Werkstattzeit",
            ],
        )
    )
    return out


def _birthdays() -> list[Item]:
    """One all-day yearly event for each colleague, one of them born on 29 February."""
    out = []
    for person in STAFF:
        lines = [
            *days(person.born),
            "RRULE:FREQ=YEARLY",
            f"SUMMARY:🎂 {text(person.name)}",
            "TRANSP:TRANSPARENT",
            "CATEGORIES:Geburtstag",
            "X-APPLE-DEFAULT-ALARM:TRUE" if person.local < "i" else "CLASS:PUBLIC",
        ]
        out.append(item(TEAM, f"birthday-{person.local}", APPLE if person.local < "m" else PLAIN, lines))
    return out


def series() -> list[Item]:
    return [*_simple(), *_stand_up(), *_exceptions(), *_zones(), *_birthdays()]
