"""Contacts to measure with: any number, the same bytes every time, about 0.6 kB each, one in ten with a photo of 5 kB.

They have what phones and programs write: several numbers and addresses with types, labels of Apple's, notes, categories, birthdays.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from examples.office.recipes.clients import Item
from examples.office.recipes.lines import Dice, fold, text
from examples.office.recipes.people import CUSTOMERS, STAFF

STREETS = ("Hafenstraße", "Am Markt", "Lange Reihe", "Beispielweg", "Mühlendamm")
CATEGORIES = ("Kunden", "Lieferanten", "Presse", "Privat", "Verein")


def cards(count: int, seed: str = "bench") -> Iterator[Item]:
    """`count` contacts; another seed gives others, with other UIDs. The first n of more are the same as of n."""
    for number in range(count):
        yield _card(f"{seed}-{number:06d}")


def edited(body: bytes, mark: str) -> bytes:
    """The same contact with another name to show, as a person's edit leaves it."""
    at = body.index(b"FN:") + len(b"FN:")
    return body[:at] + f"({mark}) ".encode() + body[at:]


def _card(slug: str) -> Item:
    dice = Dice(slug)
    given, _, family = dice.pick(STAFF).name.partition(" ")
    number = dice.number(10**7)
    company = dice.pick(CUSTOMERS)
    lines = [
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"UID:{slug}@bench.example",
        f"FN:{text(f'{given} {family} {number}')}",
        f"N:{text(family)};{text(given)};;;",
        f"ORG:{text(company)}",
        f"EMAIL;TYPE=WORK:person{number}@example.org",
        f"TEL;TYPE=WORK:+49 40 {number:07d}",
        f"TEL;TYPE=CELL:+49 170 {dice.number(10**7):07d}",
        f"ADR;TYPE=WORK:;;{dice.pick(STREETS)} {dice.number(200)};Musterhafen;;2{dice.number(9999):04d};Germany",
        f"CATEGORIES:{dice.pick(CATEGORIES)}",
        f"NOTE:{text(f'Met at {company}, {dice.number(30)} years ago; likes tea.')}",
        "item1.URL:https://example.org/" + slug,
        "item1.X-ABLabel:_$!<HomePage>!$_",
    ]
    if dice.number(3) == 0:
        lines.append(f"BDAY:19{dice.number(90):02d}-0{1 + dice.number(9)}-1{dice.number(10)}")
    if dice.number(10) == 0:
        photo = base64.b64encode(slug.encode() * 280).decode()
        lines.append(f"PHOTO;ENCODING=b;TYPE=JPEG:{photo[: 5000 // 4 * 4]}")
    body = b"".join(piece + b"\r\n" for line in [*lines, "END:VCARD"] for piece in fold(line, "clean"))
    return Item("bench", slug, body, f"{slug}@bench.example")
