"""A contact's fields as rules and profiles know them: people's words, each a property or a part of one (RFC 6350 section 6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from trueup.jobs.contacts import properties as p
from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.card import Card, CardLine
from trueup.jobs.contacts.write import plain_head


class Place(NamedTuple):
    """Where a field stands: the property, and which component of it; -1: all of it."""

    name: str
    component: int = -1


PLACES: Mapping[str, Place] = {
    "name": Place("FN"),
    "family": Place("N", 0),
    "given": Place("N", 1),
    "middle": Place("N", 2),
    "prefix": Place("N", 3),
    "suffix": Place("N", 4),
    "nickname": Place("NICKNAME"),
    "email": Place("EMAIL"),
    "phone": Place("TEL"),
    "address": Place("ADR"),
    "street": Place("ADR", 2),
    "city": Place("ADR", 3),
    "district": Place("ADR", 4),
    "postcode": Place("ADR", 5),
    "country": Place("ADR", 6),
    "organisation": Place("ORG", 0),
    "unit": Place("ORG", 1),
    "job_title": Place("TITLE"),
    "role": Place("ROLE"),
    "birthday": Place("BDAY"),
    "anniversary": Place("ANNIVERSARY"),
    "notes": Place("NOTE"),
    "categories": Place("CATEGORIES"),
    "url": Place("URL"),
    "messaging": Place("IMPP"),
    "photo": Place("PHOTO"),
    "kind": Place("KIND"),
    "members": Place("MEMBER"),
    "uid": Place("UID"),
}
"""People's words; every other property is known by its own name in capitals. `district` is the region (state, province) of RFC 6350."""

EXPECTS: Mapping[str, str] = {
    "email": "email",
    "phone": "phone",
    "birthday": "date",
    "anniversary": "date",
    "url": "link",
}
"""The kind of value that a field should hold."""

_WORDS = {(place.name, place.component): word for word, place in PLACES.items()}
_COMPONENTS: Mapping[str, tuple[tuple[int, str, bool], ...]] = {
    # index, word, whether it is missed where the rest is there
    "N": ((0, "family", True), (1, "given", True), (2, "middle", False), (3, "prefix", False), (4, "suffix", False)),
    "ADR": (
        (2, "street", True),
        (3, "city", True),
        (4, "district", False),
        (5, "postcode", True),
        (6, "country", True),
    ),
    "ORG": ((0, "organisation", True), (1, "unit", False)),
}
_SILENT = p.IGNORED - {"UID"} | p.ATTACHED
_VALUE_TEXT = re.compile(r";VALUE=TEXT(?=[;:]|$)", re.IGNORECASE)


def place_of(word: str) -> Place:
    """Where the field of that word, or the property of that name, stands."""
    return PLACES.get(word) or Place(p.CANONICAL.get(word, word))


def read(card: Card, place: Place) -> list[str]:
    """What the card says there, a value each; one that is written and says nothing is "" (a name or address as a whole: its parts in one
    text)."""
    return [said for line in card.lines if line.head.key == place.name for said in _values(line, place)]


def _values(line: CardLine, place: Place) -> list[str]:
    if place.component >= 0:
        found = v.components(line.value)
        return [v.text(found[place.component]) if place.component < len(found) else ""]
    if place.name in p.COMMA_LISTS:
        return [v.text(one) for one in v.items(line.value)]
    if place.name in p.BINARY:
        return ["there"] if line.value.strip() else [""]
    if place.name in ("N", "ADR", "ORG"):
        return [", ".join(one for one in v.structured(line.value) if one)]
    return [_plain(line)]


def _plain(line: CardLine) -> str:
    said = v.text(line.value)
    if line.head.key in ("TEL", "EMAIL"):
        for scheme in ("tel:", "mailto:"):
            said = said[len(scheme) :] if said[: len(scheme)].lower() == scheme else said
    return said


def rewrite(card: Card, place: Place, mend: Callable[[str], str]) -> list[tuple[str, str]]:
    """Mends the values of a field in the card's own lines.

    Args:
        card: is changed.
        place: the field; a whole name or address cannot be mended, its parts can.
        mend: gives the text to stand there instead; the same one where nothing is to be mended.

    Returns:
        (before, after) of each value that was mended.
    """
    made: list[tuple[str, str]] = []
    for index, line in enumerate(card.lines):
        if line.head.key == place.name and line.value:
            new = _rewritten(card, line, place, mend, made)
            if new is not None:
                card.lines[index] = new
    return made


def _rewritten(
    card: Card, line: CardLine, place: Place, mend: Callable[[str], str], made: list[tuple[str, str]]
) -> CardLine | None:
    if place.component >= 0:
        parts, mark, wanted = v.components(line.value), ";", [place.component]
    elif place.name in p.COMMA_LISTS:
        parts, mark = v.items(line.value), ","
        wanted = list(range(len(parts)))
    else:
        parts, mark, wanted = [line.value], "", [0]
    changed = False
    for at in wanted:
        if at < len(parts) and parts[at].strip():
            said = _plain(line) if not mark else v.text(parts[at])
            new = mend(said)
            if new != said or (
                not mark and place.name not in p.URIS and v.escape(new) != parts[at] and new != parts[at]
            ):
                made.append((said, new))
                parts[at] = _written(line, new, card.version)
                changed = True
    if not changed:
        return None
    head = plain_head(line, card.version)
    if place.name in p.DATES:
        head = _VALUE_TEXT.sub("", head)
    return card.make(f"{head}:{mark.join(parts)}")


def _written(line: CardLine, new: str, version: str) -> str:
    """A text as the line writes it; 4.0 has dates without dashes (RFC 6350 section 4.3.1)."""
    if line.head.key in p.DATES and version == "4.0":
        return new.replace("-", "")
    if line.head.key == "TEL" and line.head.value == "URI":
        return f"tel:{new}"
    return new if line.head.key in p.URIS else v.escape(new)


def record(card: Card) -> Mapping[str, Sequence[str]]:
    """All that a profile looks at, by people's words; photos and the like by their size in kB."""
    found: dict[str, list[str]] = {}
    for line in card.lines:
        head, value = line.head, line.value
        name = head.key
        if name in _SILENT or not name:
            continue
        parts = _COMPONENTS.get(name)
        if parts is not None:
            raw = value.split(";") if "\\" not in value else v.components(value)
            for at, word, missed in parts:
                said = raw[at] if at < len(raw) else ""
                if "\\" in said:
                    said = v.text(said)
                if missed or said.strip():
                    found.setdefault(word, []).append(said.strip())
            continue
        word = _WORDS.get((name, -1), name)
        if name in p.COMMA_LISTS:
            found.setdefault(word, []).extend(v.text(one) for one in v.items(value))
        elif name in p.BINARY:
            found.setdefault(word, []).append(_size(line))
        else:
            found.setdefault(word, []).append(
                _plain(line) if "\\" in value or name in ("TEL", "EMAIL") else value.strip()
            )
    return found


def _size(line: CardLine) -> str:
    """A photo by its size, rounded to powers of two, so that its bytes do not fill the profile."""
    length = len(line.value) * 3 // 4 if line.head.encoding == "B" or line.value.startswith("data:") else 0
    if not line.value.strip():
        return ""
    return "link" if not length else f"up to {max(1, 1 << (length // 1000).bit_length())} kB"
