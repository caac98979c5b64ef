"""Glances at a contact, and whole cards rewritten: another UID, another name; and what tells two cards to be the same person's."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from hashlib import blake2b
from uuid import UUID, uuid5

from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.card import Card, read_card
from trueup.jobs.contacts.write import completed, display_name, modern, plain_head
from trueup.model.items import Glance

_NAMESPACE = UUID("6f0c1a52-6f5e-5d4e-8d0a-0a6c4d5a9b17")


def glance(data: bytes) -> Glance:
    """The contact's UID and what people call it.

    Raises:
        ItemRefused: see `card.read_card`.
    """
    card = read_card(data)
    return Glance(uid_of(card), display_name(card), "")


def uid_of(card: Card) -> str:
    """The card's key; one that has none (exports of Google and of phones) is known by who it is: name and first e-mail, or name and all
    numbers, for a single number may be that of a household or of a firm."""
    written = v.uid(card.value("UID"))
    if written:
        return written
    name, reachable = who(card)
    if reachable:
        said = "\n".join((name, next((one for one in reachable if "@" in one), "\n".join(reachable))))
    else:
        said = "\n".join(
            sorted(
                line.text
                for line in card.lines
                if line.head.name not in ("", "REV", "PRODID", "VERSION", "BEGIN", "END")
            )
        )
    return str(uuid5(_NAMESPACE, said.encode("utf-8", "replace").decode()))


def who(card: Card) -> tuple[str, list[str]]:
    """The name without case and accents' forms, and every e-mail and phone number, sorted."""
    name = " ".join(unicodedata.normalize("NFKC", display_name(card)).casefold().split())
    found = {v.email(line.value).casefold() for line in card.lines if line.head.name == "EMAIL"}
    found |= {v.phone(line.value) for line in card.lines if line.head.name == "TEL"}
    return name, sorted(found - {""})


def meaning(data: bytes) -> str:
    """A digest of the name and of all e-mails and numbers: equal for two cards that are surely one person's; "" without a name, without
    any address or number, and for groups.

    A digest has to come from one card alone, so that a single shared number is not enough: both must list the same ones. A name alone never
    is: two people may have it, and joining them would mix their data.
    """
    card = modern(read_card(data))
    if (card.value("KIND") or card.value("X-ADDRESSBOOKSERVER-KIND")).lower() not in ("", "individual", "org"):
        return ""
    name, reachable = who(card)
    if not name or not reachable:
        return ""
    return blake2b("\n".join((name, *reachable)).encode("utf-8", "replace"), digest_size=16).hexdigest()


def modified(data: bytes) -> float:
    """REV (RFC 6350 section 6.7.4), seconds since 1970; 0.0 if it does not say."""
    return _timestamp(read_card(data).value("REV"))


def _timestamp(value: str) -> float:
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def revised(card: Card, donor: Card) -> None:
    """Takes the donor's REV where it is later: other programs tell the newer version by it."""
    own, other = card.first("REV"), donor.first("REV")
    if other is None or _timestamp(other.value.strip()) <= (0.0 if own is None else _timestamp(own.value.strip())):
        return
    new = card.make(f"REV:{other.value.strip()}")
    if own is None:
        place = next(index for index, line in enumerate(card.lines) if line.head.name == "END")
        card.lines.insert(place, new)
    else:
        card.lines[card.lines.index(own)] = new


def with_uid(data: bytes, uid: str) -> bytes:
    """The contact under another UID."""
    card = read_card(data)
    set_uid(card, uid)
    return card.to_bytes()


def set_uid(card: Card, uid: str) -> None:
    """Gives the card this UID."""
    new = card.make(f"UID:{v.escape(uid)}")
    own = card.first("UID")
    if own is None:
        place = next((index for index, line in enumerate(card.lines) if line.head.name == "VERSION"), None)
        begin = next(index for index, line in enumerate(card.lines) if line.head.name == "BEGIN")
        card.lines.insert((begin if place is None else place) + 1, new)
    else:
        card.lines = [new if line is own else line for line in card.lines if line is own or line.head.name != "UID"]


def retitled(data: bytes, suffix: str) -> bytes:
    """The contact with a suffix on its name: on FN, and on N's, for some programs show the one and some the other."""
    card = completed(modern(read_card(data)))
    for index, line in enumerate(card.lines):
        if line.head.name == "FN":
            card.lines[index] = card.make(f"{plain_head(line, card.version)}:{v.escape(v.text(line.value) + suffix)}")
        elif line.head.name == "N" and line.value.strip("; "):
            parts = [*v.components(line.value), "", "", "", "", ""][:5]
            parts[4] = v.escape(f"{v.text(parts[4])}{suffix}".strip())
            card.lines[index] = card.make(f"{plain_head(line, card.version)}:{';'.join(parts)}")
    return card.to_bytes()
