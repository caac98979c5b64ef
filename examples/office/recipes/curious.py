"""One file for each thing that calendar data can contain and that is easily lost on the way: times and alarms."""

from __future__ import annotations

from .clients import APPLE, EVOLUTION, GOOGLE, IPHONE, MOZILLA, OUTLOOK, PHONE, PLAIN, Client, Item, item
from .lines import days, lasting, span, text, zoned
from .zones import FREE, SHOUTED, WINDOWS

TEAM = "team"


def _one(slug: str, client: Client, title: str, lines: list[str], uid: str = "") -> Item:
    return item(TEAM, slug, client, [*lines, f"SUMMARY:{text(title)}"], uid=uid)


def times() -> list[Item]:
    return [
        _one("floating-lunch", PLAIN, "Mittagspause (Ortszeit)", span("2026-11-17 12:30", 30, "floating")),
        _one("utc-webinar", PLAIN, "Webinar: flow metering 101", span("2026-11-24 15:00", 60, "UTC")),
        _one("zero-duration", PLAIN, "Abgabe Ausschreibung", span("2026-11-20 12:00", 0)),
        _one("no-end", PLAIN, "Lieferung erwartet", [zoned("DTSTART", "2026-11-18 07:00", "Europe/Berlin")]),
        _one("no-end-all-day", PLAIN, "Tag der offenen Tür", ["DTSTART;VALUE=DATE:20261128"]),
        _one("duration-hours", EVOLUTION, "Schulung Löten", lasting("2026-11-19 13:00", "PT2H45M", FREE)),
        _one("duration-one-day", PLAIN, "Dauertest 24 h", lasting("2026-10-24 12:00", "P1D")),
        _one("duration-24-hours", PLAIN, "Dauertest 24 Stunden genau", lasting("2026-10-24 12:00", "PT24H")),
        _one("duration-weeks", PLAIN, "Probezeit Ole", ["DTSTART;VALUE=DATE:20261102", "DURATION:P2W"]),
        _one("over-midnight", PLAIN, "Release-Nacht", span("2026-11-27 22:00", 300)),
        _one("over-new-year", PLAIN, "Rufbereitschaft Silvester", span("2026-12-31 20:00", 600)),
        _one("dst-gap", PLAIN, "Zeitumstellung prüfen (02:30 gibt es nicht)", span("2027-03-28 02:30", 30)),
        _one("dst-twice", PLAIN, "Zeitumstellung prüfen (02:30 zweimal)", span("2026-10-25 02:30", 30)),
        _one("dst-across", MOZILLA, "Umstellung Server", span("2026-10-24 23:00", 360)),
        _one("windows-zone", OUTLOOK, "Terminabstimmung", span("2026-11-23 09:00", 60, WINDOWS)),
        _one("display-name-zone", OUTLOOK, "Vertragsprüfung", span("2026-11-23 10:00", 60, SHOUTED)),
        _one("zone-without-definition", PHONE, "Zahnarzt Käthe", span("2026-11-25 08:20", 40)),
        _one("new-york", GOOGLE, "Investor call", span("2026-11-16 11:00", 60, "America/New_York")),
        _one("kolkata", GOOGLE, "Diwali party – दीवाली 🪔", span("2026-11-08 18:30", 180, "Asia/Kolkata")),
        _one("london", APPLE, "Fire panel test (London)", span("2026-11-26 08:05", 25, "Europe/London")),
        _one("value-date-time", PLAIN, "Erste-Hilfe-Kurs", _explicit("2026-12-02 09:00", "2026-12-02 16:30")),
        _one("seconds", PLAIN, "Prüfimpuls", ["DTSTART:20261117T101530Z", "DTEND:20261117T101545Z"]),
        _one("long-ago", PLAIN, "Firmengründung", [*days("1962-05-14"), "RRULE:FREQ=YEARLY"]),
        _one("far-away", PLAIN, "Pachtvertrag endet", days("2049-12-31")),
        _one("three-weeks", PLAIN, "Umbau Halle 3", [*days("2026-11-30", 21), "STATUS:TENTATIVE"]),
        _one("transparent", APPLE, "Stadtradeln-Aktion", [*span("2026-11-21 10:00", 240), "TRANSP:TRANSPARENT"]),
        _one("cancelled", GOOGLE, "Betriebsausflug (abgesagt)", [*days("2026-11-19"), "STATUS:CANCELLED"]),
        _one("confidential", MOZILLA, "Restrukturierung", [*span("2026-11-20 16:00", 60), "CLASS:CONFIDENTIAL"]),
        _one("colour-and-priority", PLAIN, "Audit", [*span("2026-11-24 09:00", 420), "COLOR:crimson", "PRIORITY:1"]),
        _one("uid-with-slash", PLAIN, "Werksführung A", span("2026-11-30 10:00", 60), "tour/2026/11-30#a?x=1"),
        _one("uid-with-blank", PLAIN, "Werksführung B", span("2026-11-30 11:00", 60), "tour 2026 11 30 b"),
        _one("uid-with-umlaut", PLAIN, "Werksführung C", span("2026-11-30 12:00", 60), "führung-größe-c"),
        _one("uid-percent", PLAIN, "Werksführung D", span("2026-11-30 13:00", 60), "tour%2F2026%20d@example.com"),
        _one("uid-long", PLAIN, "Werksführung E", span("2026-11-30 14:00", 60), "tour-" + "0123456789" * 19),
        _one(
            "uid-urn",
            PLAIN,
            "Werksführung F",
            span("2026-11-30 15:00", 60),
            "urn:uuid:0a1b2c3d-0000-4000-8000-00000000f001",
        ),
    ]


def _explicit(start: str, end: str) -> list[str]:
    berlin = "Europe/Berlin"
    pairs = (zoned("DTSTART", start, berlin), zoned("DTEND", end, berlin))
    return [line.replace(";TZID", ";VALUE=DATE-TIME;TZID") for line in pairs]


def alarm(trigger: str, *lines: str, action: str = "DISPLAY") -> list[str]:
    body = [f"TRIGGER{trigger}", f"ACTION:{action}", *lines]
    if action == "DISPLAY" and not any(line.startswith("DESCRIPTION") for line in lines):
        body.append("DESCRIPTION:Erinnerung")
    return ["BEGIN:VALARM", *body, "END:VALARM"]


def alarms() -> list[Item]:
    mail = [
        "SUMMARY:Bitte Unterlagen mitbringen",
        "DESCRIPTION:Ausweis\\, Vertrag\\, Schlüssel",
        "ATTENDEE:mailto:ilse-marie@example.com",
    ]
    apple = ["UID:0A0B0C0D-1111-4222-A333-444455556666", "X-WR-ALARMUID:0A0B0C0D-1111-4222-A333-444455556666"]
    default = ["X-APPLE-DEFAULT-ALARM:TRUE", "ATTACH;VALUE=URI:Chord"]
    at = span("2026-11-25 14:00", 60)
    return [
        _one("alarm-display", PLAIN, "Brandmeldeanlage", [*at, *alarm(":-PT15M")]),
        _one("alarm-email", GOOGLE, "Vertragsunterzeichnung", [*at, *alarm(":-P1D", *mail, action="EMAIL")]),
        _one("alarm-related-end", MOZILLA, "Raum aufräumen", [*at, *alarm(";RELATED=END:-PT5M")]),
        _one("alarm-after-start", PLAIN, "Ofen nachsehen", [*at, *alarm(";RELATED=START:PT20M")]),
        _one("alarm-absolute", APPLE, "Bewerbungsfrist", [*at, *alarm(";VALUE=DATE-TIME:20261124T080000Z")]),
        _one(
            "alarm-acknowledged",
            APPLE,
            "Steuerberater",
            [*at, *alarm(":-PT30M", *apple, "ACKNOWLEDGED:20261125T123012Z")],
        ),
        _one(
            "alarm-snoozed",
            MOZILLA,
            "Rückruf Werft",
            [*at, "X-MOZ-SNOOZE-TIME:20261125T131500Z", *alarm(":-PT30M"), "X-MOZ-LASTACK:20261125T123012Z"],
        ),
        _one("alarm-repeat", PLAIN, "Medikament im Labor", [*at, *alarm(":-PT10M", "REPEAT:3", "DURATION:PT2M")]),
        _one("alarm-audio", IPHONE, "Tor öffnen", [*at, *alarm(":PT0S", *default, action="AUDIO")]),
        _one(
            "alarm-default-all-day",
            APPLE,
            "Jubiläum Gudrun (25 Jahre)",
            [*days("2026-12-01"), *alarm(":-PT15H", *apple, "X-APPLE-DEFAULT-ALARM:TRUE")],
        ),
        _one("alarm-three", GOOGLE, "Pressetermin", [*at, *alarm(":-P1W"), *alarm(":-P1D"), *alarm(":-PT10M")]),
        _one(
            "alarm-none",
            APPLE,
            "Stille Stunde",
            [*at, *alarm(";VALUE=DATE-TIME:19760401T005545Z", "X-APPLE-LOCAL-DEFAULT-ALARM:TRUE", action="NONE")],
        ),
        _one(
            "alarm-proximity",
            IPHONE,
            "Paket abholen",
            [
                *at,
                *alarm(
                    ";VALUE=DATE-TIME:19760401T005545Z",
                    "X-APPLE-PROXIMITY:ARRIVE",
                    'X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-APPLE-RADIUS=100;X-TITLE="Paketstation 7":geo:53.55,9.99',
                ),
            ],
        ),
    ]
