"""The programs that wrote the calendars: each has its own habits for ids, line ends, folding and extra properties."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from .lines import ANCHOR, Dice, fold, stamp
from .zones import ZONES, used


@dataclass(frozen=True)
class Client:
    name: str
    prodid: str
    uid_style: str
    line_end: bytes = b"\r\n"
    fold_style: str = "clean"
    head: tuple[str, ...] = ()
    zones: bool = True
    dated: bool = True  # writes CREATED and LAST-MODIFIED


APPLE = Client("apple", "-//Apple Inc.//macOS 15.6//EN", "upper", head=("CALSCALE:GREGORIAN",))
IPHONE = Client("iphone", "-//Apple Inc.//iOS 18.6//EN", "upper", head=("CALSCALE:GREGORIAN",))
MOZILLA = Client("mozilla", "-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN", "lower")
OUTLOOK = Client(
    "outlook", "Microsoft Exchange Server 2010", "hex", fold_style="chars", head=("X-MS-OLK-FORCEINSPECTOROPEN:TRUE",)
)
GOOGLE = Client(
    "google", "-//Google Inc//Google Calendar 70.9054//EN", "at", head=("CALSCALE:GREGORIAN",), fold_style="clean"
)
EVOLUTION = Client("evolution", "-//Ximian//NONSGML Evolution Calendar//EN", "sha", fold_style="tab")
PLAIN = Client("plain", "-//example.org//terminal calendar//EN", "short", line_end=b"\n", dated=False)
PHONE = Client("phone", "-//example.org//phone calendar 4.2//DE", "lower", fold_style="none", zones=False)
BOOKING = Client("booking", "-//Nordwind Messtechnik//Raumbuchung 3//DE", "at", line_end=b"\n", dated=False)
BY_NAME = {c.name: c for c in (APPLE, IPHONE, MOZILLA, OUTLOOK, GOOGLE, EVOLUTION, PLAIN, PHONE, BOOKING)}


@dataclass(frozen=True)
class Item:
    """One file of the examples."""

    folder: str
    slug: str
    body: bytes
    uid: str

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.slug}.ics"


def uid_of(client: Client, slug: str) -> str:
    digest = hashlib.sha256(slug.encode()).hexdigest()
    uuid = f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"
    styles = {
        "upper": uuid.upper(),
        "lower": uuid,
        "hex": "040000008200E00074C5B7101A82E00800000000" + digest[:40].upper(),
        "at": f"{digest[:26]}@calendar.example.com",
        "sha": digest[:40],
        "short": f"{slug}@example.com",
    }
    return styles[client.uid_style]


def written(slug: str) -> datetime:
    """When an entry was last saved: some minute of the ten weeks before the anchor."""
    return datetime(ANCHOR.year, ANCHOR.month, ANCHOR.day) - timedelta(minutes=Dice(slug).number(70 * 24 * 60) + 600)


def component(kind: str, client: Client, slug: str, lines: list[str], uid: str = "") -> list[str]:
    saved = written(slug)
    out = [f"BEGIN:{kind}", f"UID:{uid or uid_of(client, slug)}", f"DTSTAMP:{stamp(saved)}Z"]
    if client.dated:
        out += [f"CREATED:{stamp(saved - timedelta(days=3))}Z", f"LAST-MODIFIED:{stamp(saved)}Z"]
    return [*out, *lines, f"END:{kind}"]


def calendar(client: Client, components: list[list[str]], extra_head: tuple[str, ...] = ()) -> bytes:
    """The bytes of one file, with the zones that its lines use."""
    lines = [line for part in components for line in part]
    names = used(lines) if client.zones else []
    whole = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{client.prodid}", *client.head, *extra_head]
    whole += [line for name in names for line in ZONES[name]]
    whole += [*lines, "END:VCALENDAR"]
    return b"".join(part + client.line_end for line in whole for part in fold(line, client.fold_style))


def item(
    folder: str,
    slug: str,
    client: Client,
    lines: list[str],
    *overrides: list[str],
    kind: str = "VEVENT",
    uid: str = "",
) -> Item:
    """One event, task or journal entry with its overrides as one file."""
    parts = [component(kind, client, slug, part, uid) for part in (lines, *overrides)]
    return Item(folder, slug, calendar(client, parts), uid or uid_of(client, slug))
