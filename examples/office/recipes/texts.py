"""More things that are easily lost: people, places, files, long and foreign texts, odd line ends and foldings."""

from __future__ import annotations

import base64
from dataclasses import replace

from .clients import APPLE, EVOLUTION, GOOGLE, IPHONE, MOZILLA, OUTLOOK, PLAIN, Client, Item, item
from .lines import span, text
from .people import GUESTS, STAFF, attendee, organizer, staff
from .zones import WINDOWS

TEAM = "team"
CRLF_PLAIN = replace(PLAIN, line_end=b"\r\n")
TABBED = replace(PLAIN, fold_style="tab")
UNFOLDED = replace(PLAIN, fold_style="none", line_end=b"\r\n")
PIXEL = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\x06\0\0\0\x1f\x15\xc4\x89"
    b"\0\0\0\rIDATx\x9cc\xf8\xff\xff?\0\5\xfe\2\xfe\xa75\x81\x84\0\0\0\0IEND\xaeB`\x82"
)
LONG = "\n\n".join(
    f"{number}. {title}\nDauer: {minutes} Minuten; Leitung: {who}.\n"
    f"Unterlagen liegen im Ordner \\\\ablage\\runde\\{number}\\, bitte vorher lesen, Fragen sammeln und mitbringen."
    for number, (title, minutes, who) in enumerate(
        (
            ("Begrüßung und Ziele", 10, "Wiebke"),
            ("Rückblick auf das dritte Quartal", 25, "Pauline"),
            ("Lieferzeiten, Engpässe, Ausweichteile", 40, "Mehmet"),
            ("Vorführung des neuen Durchflussmessers „Küstennebel“", 30, "Zoë & Đorđe"),
            ("Gruppenarbeit: Was lassen wir 2027 weg?", 60, "Noémie"),
            ("Abschluss – wer, was, bis wann", 15, "Jörg"),
        ),
        1,
    )
)


def _one(slug: str, client: Client, title: str, begin: str, *lines: str, zone: str = "Europe/Berlin") -> Item:
    return item(TEAM, slug, client, [*span(begin, 60, zone), f"SUMMARY:{text(title)}", *lines])


def people() -> list[Item]:
    guest, _, customer, supplier = GUESTS
    deputy = ';DELEGATED-TO="mailto:tjark@example.com"'
    stand_in = ';DELEGATED-FROM="mailto:ayse@example.com"'
    return [
        _one(
            "attendees-delegated",
            GOOGLE,
            "Rahmenvertrag verhandeln",
            "2026-11-17 10:00",
            organizer("wiebke"),
            staff("ayse", "DELEGATED", extra=deputy),
            staff("tjark", "ACCEPTED", extra=stand_in),
            attendee(guest, "TENTATIVE", extra=";RSVP=TRUE;LANGUAGE=de"),
        ),
        _one(
            "attendees-odd-names",
            OUTLOOK,
            "Abstimmung Rechtsform",
            "2026-11-17 14:00",
            'ORGANIZER;CN="Pfändner, Jörg: Geschäftsführung; Nordwind":mailto:joerg@example.com',
            'ATTENDEE;CN="Mac Giollabháin, Róisín (Samplebridge)";PARTSTAT=NEEDS-ACTION:mailto:roisin@example.net',
            "ATTENDEE;CN=O'Beispiel;PARTSTAT=DECLINED:mailto:o'beispiel@example.org",
            "ATTENDEE;CN=\"^'Der Chef^' ^^ Co\";PARTSTAT=ACCEPTED:mailto:chef@example.org",
            'ATTENDEE;CN="";PARTSTAT=ACCEPTED:MAILTO:Ohne.Namen@Example.ORG',
            zone=WINDOWS,
        ),
        _one(
            "attendees-kinds",
            APPLE,
            "Gesellschafterversammlung",
            "2026-12-10 15:00",
            organizer("joerg", ';EMAIL="joerg@example.com";SCHEDULE-AGENT=CLIENT'),
            attendee(customer, "NEEDS-ACTION", "OPT-PARTICIPANT", ";CUTYPE=INDIVIDUAL;SCHEDULE-STATUS=1.1"),
            attendee(supplier, "NEEDS-ACTION", "NON-PARTICIPANT"),
            'ATTENDEE;CUTYPE=GROUP;CN=Beirat;MEMBER="mailto:beirat@example.com":mailto:alle@example.com',
            "ATTENDEE;CUTYPE=RESOURCE;CN=Beamer:mailto:beamer@example.com",
            'ATTENDEE;SENT-BY="mailto:ole@example.com";CN=Pauline:mailto:pauline@example.com',
            "ATTENDEE;CN=Telefon:tel:+49-40-66969-100",
        ),
        _one(
            "attendees-all-staff",
            GOOGLE,
            "Weihnachtsfeier 🎄",
            "2026-12-11 18:00",
            organizer("ilse-marie"),
            *(attendee(person, "NEEDS-ACTION", extra=";RSVP=TRUE;X-NUM-GUESTS=1") for person in STAFF),
        ),
        _one("organizer-alone", PLAIN, "Sprechstunde Personal", "2026-11-18 14:00", organizer("ilse-marie")),
        _one(
            "contact-and-comments",
            EVOLUTION,
            "Hafenrundfahrt mit Gästen",
            "2026-11-21 15:00",
            "CONTACT:" + text("Anleger Beispielbrücke, Frau Müster, +49 40 66969 123"),
            "COMMENT:Regenjacken!",
            "COMMENT;LANGUAGE=en:Bring rain coats",
            "RELATED-TO;RELTYPE=SIBLING:visit-2026-11@example.com",
            "REQUEST-STATUS:2.0;Success",
            "RESOURCES:Projektor,Leinwand",
            zone="/freeassociation.sourceforge.net/Europe/Berlin",
        ),
    ]


def places_and_files() -> list[Item]:
    png = base64.b64encode(PIXEL).decode()
    note = base64.b64encode("Türcode: siehe Tresor\n".encode()).decode()
    return [
        _one(
            "geo-and-url",
            PLAIN,
            "Ortstermin Klärwerk",
            "2026-11-19 10:00",
            "GEO:53.5436;9.9886",
            "URL:https://example.org/k%C3%A4",
        ),
        _one(
            "structured-location",
            APPLE,
            "Abendessen mit der Werft",
            "2026-11-18 19:00",
            "LOCATION:" + text("Gasthaus Zum Muster\nHafenweg 3, 20457 Hamburg"),
            'X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-ADDRESS="Hafenweg 3\\n20457 Hamburg";X-APPLE-RADIUS=70.5;'
            'X-APPLE-REFERENCEFRAME=1;X-TITLE="Gasthaus Zum Muster":geo:53.543600,9.988600',
            "X-APPLE-TRAVEL-DURATION;VALUE=DURATION:PT25M",
            "X-APPLE-TRAVEL-START;ROUTING=WALKING;VALUE=URI;X-APPLE-RADIUS=50;X-TITLE=Büro:",
        ),
        _one(
            "conference",
            GOOGLE,
            "Videorunde",
            "2026-11-20 10:00",
            'CONFERENCE;VALUE=URI;FEATURE=AUDIO;LABEL="Einwahl, PIN 4711":tel:+49-40-66969-199,,,4711',
            "CONFERENCE;VALUE=URI;FEATURE=VIDEO;LABEL=Web:https://meet.example.com/abc-defg-hij",
            "X-GOOGLE-CONFERENCE:https://meet.example.com/abc-defg-hij",
        ),
        _one(
            "attach-link",
            GOOGLE,
            "Entwurf Katalog",
            "2026-11-24 13:00",
            "ATTACH;FMTTYPE=application/pdf;FILENAME=Katalog.pdf:https://example.com/k.pdf",
        ),
        _one(
            "attach-inline",
            MOZILLA,
            "Logo abstimmen",
            "2026-11-24 14:00",
            f"ATTACH;FMTTYPE=image/png;ENCODING=BASE64;VALUE=BINARY:{png}",
        ),
        _one(
            "attach-two",
            EVOLUTION,
            "Schlüsselübergabe",
            "2026-11-24 15:00",
            f"ATTACH;VALUE=BINARY;FMTTYPE=text/plain;ENCODING=BASE64;X-FILENAME=notiz.txt:{note}",
            "ATTACH:https://example.com/plan.svg",
        ),
        _one(
            "image-and-source",
            PLAIN,
            "Fotoaktion Website",
            "2026-11-26 11:00",
            "IMAGE;VALUE=URI;DISPLAY=BADGE;FMTTYPE=image/png:https://example.com/i.png",
        ),
        _one(
            "categories-in-lines",
            MOZILLA,
            "Vertriebsklausur",
            "2026-11-27 09:00",
            "CATEGORIES:Vertrieb,Klausur",
            "CATEGORIES:Hamburg\\, Altona",
            "CATEGORIES;LANGUAGE=en:Offsite",
        ),
        _one(
            "outlook-all",
            OUTLOOK,
            "Portfoliorunde",
            "2026-11-26 10:00",
            "X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE",
            "X-MICROSOFT-CDO-IMPORTANCE:2",
            "X-MICROSOFT-CDO-OWNERAPPTID:2119999999",
            'X-MICROSOFT-LOCATIONS:[{"DisplayName":"Besprechungsraum Elbe"\\,"LocationUri":""}]',
            "X-MS-OLK-CONFTYPE:0",
            "X-ALT-DESC;FMTTYPE=text/html:<html><body><p>Bitte <b>Zahlen</b> mitbringen\\; danke</p></body></html>",
            "DESCRIPTION:Bitte Zahlen mitbringen\\; danke\\n",
            zone=WINDOWS,
        ),
        _one(
            "apple-suggested", IPHONE, "Tisch für 4", "2026-11-28 19:30", "X-APPLE-CREATOR-IDENTITY:com.apple.mobilecal"
        ),
    ]


def texts() -> list[Item]:
    description = "DESCRIPTION:" + text(LONG)
    emoji = "👩‍🔬🧑🏽‍🏭👨‍👩‍👧‍👦🏳️‍🌈 " * 4
    return [
        _one("long-description", APPLE, "Strategietag", "2026-11-25 09:00", description),
        _one("long-description-unfolded", UNFOLDED, "Strategietag (Kopie)", "2026-11-25 09:00", description),
        _one("long-umlauts", CRLF_PLAIN, "Größenänderungsüberprüfungsausschüsse " + "äöüß" * 20, "2026-11-26 13:00"),
        _one("long-emoji", TABBED, "Gäste " + emoji, "2026-11-26 14:00", description),
        _one(
            "japanese",
            APPLE,
            "流量計の打ち合わせ(ハンブルク)",
            "2026-11-27 08:00",
            "DESCRIPTION:星村さんと。場所は三階、" + "資料を持参。" * 20,
        ),
        _one("arabic", APPLE, "اجتماع مع العميل – قياس التدفق", "2026-11-27 10:00", "LOCATION:قاعة الاجتماعات ٣"),
        _one("hebrew", CRLF_PLAIN, "פגישה: \u202bמדידת זרימה (DN 50)\u202c", "2026-11-27 11:00"),
        _one("thai-and-hindi", PLAIN, "ประชุมทีม / टीम की बैठक", "2026-11-27 12:00"),
        _one("combining", PLAIN, "Cafe\u0301 mit Zoe\u0308 (zerlegt) und Café mit Zoë", "2026-11-27 13:00"),
        _one(
            "all-escapes",
            PLAIN,
            "A; B, C \\ D \\n E: \"F\" 'G'",
            "2026-11-27 14:00",
            "DESCRIPTION:Zeile 1\\NZeile 2\\n\\nZeile 4 \\\\n",
        ),
        _one("tabs-and-blanks", PLAIN, "  vorn und hinten  ", "2026-11-27 15:00", "DESCRIPTION:a\tb\t\tc   "),
        _one("no-break", PLAIN, "DN\u00a050\u2009mm\u200b Prüfung \u2013 10\u202f%", "2026-11-27 16:00"),
        item(TEAM, "no-summary", PLAIN, span("2026-11-28 10:00", 30)),
        item(TEAM, "empty-summary", PLAIN, [*span("2026-11-28 11:00", 30), "SUMMARY:", "LOCATION:", "DESCRIPTION:"]),
        _one("same-title", PLAIN, "Telefonat", "2026-11-28 12:00"),
        _one("same-title-again", PLAIN, "Telefonat", "2026-11-28 12:00"),
        _one(
            "html-description",
            GOOGLE,
            "Lunch & Learn <neu>",
            "2026-11-30 12:00",
            "DESCRIPTION:<b>Thema:</b> Küstenschutz &amp\\; Sensorik<br>",
        ),
        _one(
            "unknown-properties",
            PLAIN,
            "Werkstattrundgang",
            "2026-11-30 09:00",
            'X-NORDWIND-KST;X-ART="a;b":4711',
            "FOO-BAR:baz",
            "STYLED-DESCRIPTION;VALUE=TEXT;FMTTYPE=text/html:<p>x</p>",
        ),
        _one(
            "language-and-altrep",
            PLAIN,
            "Werksbesuch",
            "2026-12-02 14:00",
            'DESCRIPTION;ALTREP="https://example.com/d.html";LANGUAGE=de-DE:Siehe Verweis',
        ),
    ]
