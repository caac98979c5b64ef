"""Tasks and journal entries."""

from __future__ import annotations

from .clients import APPLE, EVOLUTION, IPHONE, MOZILLA, PLAIN, Item, item
from .lines import text, zoned
from .people import organizer, staff

FOLDER = "tasks"


def _todo(slug: str, title: str, *lines: str) -> Item:
    client = (MOZILLA, IPHONE, PLAIN, EVOLUTION)[len(slug) % 4]
    return item(FOLDER, slug, client, [f"SUMMARY:{text(title)}", *lines], kind="VTODO")


def tasks() -> list[Item]:
    parent = _todo("move-office", "Umzug ins Erdgeschoss", "DUE;VALUE=DATE:20261218", "PERCENT-COMPLETE:40")
    return [
        parent,
        _todo(
            "order-boxes", "Umzugskartons bestellen", f"RELATED-TO;RELTYPE=PARENT:{parent.uid}", "STATUS:NEEDS-ACTION"
        ),
        _todo(
            "label-cables", "Kabel beschriften", f"RELATED-TO:{parent.uid}", "STATUS:IN-PROCESS", "PERCENT-COMPLETE:10"
        ),
        _todo(
            "offer-stadtwerke",
            "Angebot Stadtwerke Musterhafen",
            zoned("DUE", "2026-11-20 12:00", "Europe/Berlin"),
            "PRIORITY:1",
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            "TRIGGER;RELATED=END:-P1D",
            "DESCRIPTION:Angebot",
            "END:VALARM",
        ),
        _todo(
            "tax-documents",
            "Belege Oktober einreichen",
            "DUE;VALUE=DATE:20261110",
            "STATUS:COMPLETED",
            "COMPLETED:20261109T153012Z",
            "PERCENT-COMPLETE:100",
        ),
        _todo(
            "water-plants",
            "Blumen gießen 🌱",
            "DTSTART;VALUE=DATE:20261102",
            "DUE;VALUE=DATE:20261103",
            "RRULE:FREQ=WEEKLY",
        ),
        _todo(
            "calibrate", "Prüfwaage kalibrieren", zoned("DTSTART", "2026-11-17 08:00", "Europe/Berlin"), "DURATION:PT2H"
        ),
        _todo("replace-filter", "Filter Kompressor tauschen", "STATUS:CANCELLED"),
        _todo("ask-dale", "Ask Dale about the Boston lease", organizer("joerg"), staff("dale", "NEEDS-ACTION")),
        _todo(
            "someday", "Irgendwann: Archiv entrümpeln", "PRIORITY:9", "CATEGORIES:Archiv,Irgendwann", "CLASS:PRIVATE"
        ),
        _todo("floating-due", "Kühlschrank leeren", "DUE:20261120T150000"),
        _todo("apple-sorted", "Messe: Aufsteller", "X-APPLE-SORT-ORDER:712345678", "DUE;VALUE=DATE:20261201"),
        item(
            FOLDER,
            "journal-minutes",
            MOZILLA,
            [
                "DTSTART;VALUE=DATE:20261113",
                "SUMMARY:Protokoll Lenkungskreis",
                "DESCRIPTION:"
                + text("1. Umzug liegt im Plan\n2. Halle 3; Strom fehlt noch\n3. Nächstes Mal: 26.11., 16:30"),
                "STATUS:FINAL",
                "CATEGORIES:Protokoll",
            ],
            kind="VJOURNAL",
        ),
        item(
            FOLDER,
            "journal-incident",
            PLAIN,
            [
                zoned("DTSTART", "2026-11-11 03:12", "UTC"),
                "SUMMARY:Störung Prüfstand 2",
                "DESCRIPTION:Sicherung F7 gefallen.",
                "STATUS:DRAFT",
            ],
            kind="VJOURNAL",
        ),
        item(
            "team",
            "task-in-the-calendar",
            APPLE,
            ["SUMMARY:Messestand buchen", "DUE;VALUE=DATE:20261130", "STATUS:NEEDS-ACTION"],
            kind="VTODO",
        ),
        item(
            "team",
            "journal-in-the-calendar",
            EVOLUTION,
            ["DTSTART;VALUE=DATE:20261116", "SUMMARY:Wochennotiz KW 47"],
            kind="VJOURNAL",
        ),
    ]
