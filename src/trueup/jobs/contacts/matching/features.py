"""What of a card is compared: names, addresses and numbers in normal form, small enough to be kept for a million cards."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.card import Card, CardLine, read_card
from trueup.jobs.contacts.matching import names
from trueup.jobs.contacts.matching.phones import number
from trueup.jobs.contacts.matching.words import LEGAL
from trueup.jobs.contacts.write import modern

Address: TypeAlias = tuple[str, str, str]
"""Street with its number, postcode, town: folded."""

MOST = 12
"""How many e-mails, numbers and addresses of a card are looked at: one with hundreds is a list and no person."""

_DAY = re.compile(r"(\d{4}-|--)(\d\d)-(\d\d)")
_GOOGLE = frozenset({"gmail.com", "googlemail.com"})


class Features(NamedTuple):
    """What is compared of one card; "" and () for what it does not say.

    Attributes:
        given, family: names, folded, without titles.
        nick: nicknames, folded.
        generation: "junior", "senior", "ii" …
        emails: in lower case.
        phones: in E.164, or digits.
        born: "1980-03-09", or "--03-09" without a year.
        organisation: folded, without its legal form.
        addresses: street with number, postcode, town.
        company: it is an organisation's card; its name is `family`.
    """

    given: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    nick: tuple[str, ...] = ()
    generation: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    born: str = ""
    organisation: str = ""
    addresses: tuple[Address, ...] = ()
    company: bool = False


def features_of(data: bytes, region: str) -> Features | None:
    """The features of a body; None for a card that stands for no one (a group, a place, a device).

    Args:
        data: a vCard.
        region: the country of phone numbers without a country code; see `phones.number`.

    Raises:
        ItemRefused: the body is no contact.
    """
    card = modern(read_card(data))
    kind = (card.value("KIND") or card.value("X-ADDRESSBOOKSERVER-KIND")).lower()
    if kind not in ("", "individual", "org"):
        return None
    given, family, generation = _name(card)
    organisation = _organisation(v.structured(card.value("ORG")))
    company = kind == "org" or card.value("X-ABSHOWAS").upper() == "COMPANY"
    if company or not (given or family or not organisation):
        company, given, family = True, (), tuple(organisation.split()) or (*given, *family)
    elif organisation and {*given, *family} == set(names.words(v.text(card.value("ORG")))):
        company, given, family = True, (), tuple(organisation.split())
    return Features(
        given,
        family,
        tuple(names.folded(v.text(raw)) for raw in v.items(card.value("NICKNAME")) if raw.strip()),
        generation,
        _all(card, "EMAIL", lambda line: address(line.value)),
        _all(card, "TEL", lambda line: "" if "fax" in line.head.types else number(line.value, region)),
        _born(card),
        organisation,
        tuple(dict.fromkeys(one for line in card.lines if line.head.name == "ADR" and (one := _address(line)) != ("", "", "")))[:MOST],
        company,
    )  # fmt: skip


def _name(card: Card) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    full = v.text(card.value("FN"))
    parts = [*v.structured(card.value("N")), "", "", "", "", ""]
    family, given = (
        names.tokens(parts[0].replace("\\,", " ")),
        names.tokens(f"{parts[1]} {parts[2]}".replace("\\,", " ")),
    )
    if not (family and given) and full:
        said = names.split(full)
        family, given = (said[1], said[0]) if said[0] or not (family or given) else (family, given)
    return given, family, names.generation(f"x {parts[4]} {full}")


def address(value: str) -> str:
    """An e-mail address as it reaches a mailbox: in lower case; without dots and what follows a plus where the provider ignores them."""
    said = v.email(value).casefold()
    local, at, domain = said.rpartition("@")
    if not at or not local:
        return ""
    if domain in _GOOGLE:
        return f"{local.partition('+')[0].replace('.', '')}@gmail.com"
    return said


def _all(card: Card, name: str, read: Callable[[CardLine], str]) -> tuple[str, ...]:
    found = (read(line) for line in card.lines if line.head.name == name)
    return tuple(dict.fromkeys(one for one in found if one))[:MOST]


def _born(card: Card) -> str:
    line = card.first("BDAY")
    match = None if line is None else _DAY.match(v.date(line.head, line.value))
    return "" if match is None else match[0]


def _organisation(parts: list[str]) -> str:
    found = names.words(parts[0].replace("\\,", " ")) if parts else []
    return " ".join([one for one in found if one not in LEGAL] or found)


def _address(line: CardLine) -> Address:
    parts = [*v.structured(line.value), *[""] * 7]
    street = " ".join(names.words(f"{parts[2]} {parts[1]}"))
    return (
        street.replace("strase", "str").replace("strasse", "str").replace("street", "str"),
        "".join(names.words(parts[5])),
        " ".join(names.words(parts[3])),
    )
