"""One person's private calendar: the kind that is copied into the team calendar as "busy" at most."""

from __future__ import annotations

from datetime import datetime, timedelta

from .clients import APPLE, GOOGLE, IPHONE, PLAIN, Item, item
from .lines import ANCHOR, Dice, days, lasting, override, span, text

FOLDER = "private"
SINGLE = (
    ("Zahnärztin", "08:10", 40),
    ("Elternabend", "19:30", 90),
    ("Steuerunterlagen abgeben", "17:45", 15),
    ("Kino mit Imke", "20:15", 140),
    ("Auto in die Werkstatt", "07:15", 30),
    ("Telefonat mit Oma 👵", "18:00", 45),
    ("Konzert Kinderchor", "16:00", 75),
    ("Heizungsableser", "09:00", 120),
    ("Friseur", "17:30", 60),
    ("Blutabnahme", "07:40", 20),
    ("Besichtigung Schrebergarten", "15:30", 60),
    ("Schwimmbad mit den Zwillingen", "14:00", 180),
    ("Essen bei den Nachbarn", "19:00", 180),
    ("Tierarzt (Katze Mucki)", "17:10", 30),
    ("Umzugshilfe Gesa", "10:00", 360),
)
SINGLES = 36


def _single(number: int) -> Item:
    dice = Dice(f"private/{number}")
    title, clock, minutes = SINGLE[number % len(SINGLE)]
    day = ANCHOR + timedelta(days=dice.number(90) - 35)
    hour, minute = (int(part) for part in clock.split(":"))
    begin = datetime(day.year, day.month, day.day, hour, minute)
    client = dice.pick((IPHONE, IPHONE, APPLE, GOOGLE, PLAIN))
    lines = [*span(begin, minutes), f"SUMMARY:{text(title)}"]
    lines += ["CLASS:PRIVATE"] if dice.number(2) else []
    lines += ["TRANSP:TRANSPARENT"] if not dice.number(6) else []
    if not dice.number(3):
        lines += ["BEGIN:VALARM", "TRIGGER:-PT30M", "ACTION:DISPLAY", "DESCRIPTION:Ereignis", "END:VALARM"]
    return item(FOLDER, f"single-{number:02d}", client, lines)


def _series() -> list[Item]:
    rows = [
        ("yoga", "Yoga", "2026-01-08 18:30", 75, "FREQ=WEEKLY;BYDAY=TH"),
        ("choir", "Chorprobe", "2026-01-13 19:45", 120, "FREQ=WEEKLY;BYDAY=TU;UNTIL=20270713T174500Z"),
        ("bins", "Papiertonne rausstellen", "2026-01-07 06:30", 10, "FREQ=WEEKLY;INTERVAL=4"),
        ("school-run", "Kinder zur Schule", "2026-08-24 07:25", 25, "FREQ=WEEKLY;BYDAY=MO,WE,FR"),
        ("allotment", "Gartendienst", "2026-04-11 10:00", 120, "FREQ=MONTHLY;BYDAY=2SA;COUNT=24"),
        ("rent", "Miete prüfen", "2026-01-01 08:00", 5, "FREQ=MONTHLY;BYMONTHDAY=1"),
        ("physio", "Krankengymnastik", "2026-10-07 07:00", 30, "FREQ=WEEKLY;COUNT=12"),
        ("language-tandem", "Tandem Polski–Deutsch", "2026-09-03 20:00", 60, "FREQ=WEEKLY;INTERVAL=2"),
    ]
    out = []
    for slug, title, start, minutes, rule in rows:
        lines = [*span(start, minutes), f"RRULE:{rule}", f"SUMMARY:{text(title)}", "CLASS:PRIVATE"]
        if slug == "physio":
            moved = [*span("2026-11-19 07:30", 30), override("2026-11-18 07:00"), f"SUMMARY:{title} (verlegt)"]
            out.append(item(FOLDER, slug, IPHONE, lines, moved))
        elif slug == "yoga":
            lines.append("EXDATE;TZID=Europe/Berlin:20261119T183000")
            out.append(item(FOLDER, slug, APPLE, lines))
        else:
            out.append(item(FOLDER, slug, IPHONE if len(slug) % 2 else PLAIN, lines))
    return out


def _all_day() -> list[Item]:
    rows = [
        ("wedding-day", "Hochzeitstag 💍", "2011-06-18", 1, "RRULE:FREQ=YEARLY"),
        ("birthday-twins", "Zwillinge", "2018-02-28", 1, "RRULE:FREQ=YEARLY"),
        ("birthday-oma", "Oma Trude", "1941-11-20", 1, "RRULE:FREQ=YEARLY"),
        ("birthday-leap", "Onkel Fiete (Schalttag)", "1956-02-29", 1, "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1"),
        ("ski", "Skiurlaub", "2027-03-06", 8, "TRANSP:OPAQUE"),
        ("autumn", "Ferienwohnung Amrum-Muster", "2026-10-17", 9, "LOCATION:Dünenweg 4"),
        ("visit", "Besuch aus Gdańsk", "2026-11-20", 3, "CLASS:PRIVATE"),
        ("fasting", "Heilfasten", "2027-02-17", 7, "TRANSP:TRANSPARENT"),
        ("tax-deadline", "Frist Steuererklärung", "2027-07-31", 1, "PRIORITY:1"),
        ("advent", "1. Advent", "2026-11-29", 1, "TRANSP:TRANSPARENT"),
    ]
    return [
        item(FOLDER, slug, APPLE, [*days(first, count), f"SUMMARY:{text(title)}", extra])
        for slug, title, first, count, extra in rows
    ]


def _trips() -> list[Item]:
    """Things with other time zones or without any."""
    flight = [*span("2027-02-03 10:35", 530), "SUMMARY:Flug nach Boston", "LOCATION:" + text("Terminal 2, Gate ?")]
    return [
        item(FOLDER, "flight-out", GOOGLE, flight),
        item(
            FOLDER,
            "flight-back",
            GOOGLE,
            [*span("2027-02-10 21:05", 425, "America/New_York"), "SUMMARY:Flug nach Hause"],
        ),
        item(FOLDER, "jog-floating", IPHONE, [*span("2026-11-22 07:00", 45, "floating"), "SUMMARY:Laufen (egal wo)"]),
        item(FOLDER, "london-musical", IPHONE, [*span("2026-12-05 19:30", 160, "Europe/London"), "SUMMARY:Musical"]),
        item(FOLDER, "night-train", APPLE, [*lasting("2026-12-18 21:52", "PT12H8M"), "SUMMARY:Nachtzug"]),
        item(
            FOLDER,
            "secret-gift",
            IPHONE,
            [*span("2026-12-12 11:00", 60), "SUMMARY:Geschenk abholen 🎁", "CLASS:PRIVATE"],
        ),
        item(
            FOLDER,
            "clash-with-work",
            IPHONE,
            [*span("2026-11-17 14:00", 60), "SUMMARY:Hautarzt", "CLASS:PRIVATE", "TRANSP:OPAQUE"],
        ),
        item(FOLDER, "maybe", PLAIN, [*span("2026-11-21 20:00", 180), "SUMMARY:Spieleabend?", "STATUS:TENTATIVE"]),
        item(
            FOLDER,
            "called-off",
            GOOGLE,
            [*span("2026-11-22 15:00", 120), "SUMMARY:Kaffee bei Gesa", "STATUS:CANCELLED"],
        ),
    ]


def private() -> list[Item]:
    return [*(_single(n) for n in range(SINGLES)), *_series(), *_all_day(), *_trips()]
