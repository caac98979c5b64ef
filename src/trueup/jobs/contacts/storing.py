"""What may be stored in an address book: a UID, a version it takes, the lines its version demands, a size it takes."""

from __future__ import annotations

from trueup.jobs.contacts.card import Card, read_card
from trueup.jobs.contacts.rewrite import set_uid, uid_of
from trueup.jobs.contacts.write import completed, display_name, upgraded
from trueup.model.capabilities import Capabilities
from trueup.model.errors import ItemRefused

_MAKER = "-//trueup//table//EN"
OF_A_TABLE = f"PRODID:{_MAKER}".encode()
"""What the cards have that were made of rows."""
_PREFERRED = ("3.0", "4.0")  # every CardDAV server takes 3.0 (RFC 6352 section 3)


def storable(data: bytes, into: Capabilities) -> bytes:
    """What may be created in a collection: with a UID, and in a version that it takes. 2.1 is written as 3.0, unless it is taken as it is.

    Raises:
        ItemRefused: no version it takes can be written (code "version"), or it is larger than what is taken (code "too-large").
    """
    card = read_card(data)
    if OF_A_TABLE in data and card.value("PRODID") == _MAKER:
        # Empty lines say which columns are blank; a card of its own has no need of them.
        card.lines = [one for one in card.lines if one.value.strip("; ,") or one.head.name in ("", "FN", "N")]
        card.lines = [one for one in card.lines if one.head.name != "PRODID"]
        data = card.to_bytes()
    version = _version(card, into)
    if (
        version != card.version
        or not card.value("UID")
        or not card.value("FN")
        or (version == "3.0" and card.first("N") is None)
    ):
        uid = uid_of(card)
        if version != card.version:
            card = upgraded(card, version)
        if not card.value("UID"):
            set_uid(card, uid)
        data = completed(card).to_bytes()
    if into.max_size is not None and len(data) > into.max_size:
        raise refused(
            card,
            "too-large",
            f"it has {len(data):,} bytes, and the address book takes {into.max_size:,} at most",
            "it is often a large photo: make it smaller",
        )
    return data


def _version(card: Card, into: Capabilities) -> str:
    takes = into.formats
    if takes is None:
        return "3.0" if card.version == "2.1" else card.version
    if card.version in takes:
        return card.version
    found = next((one for one in _PREFERRED if one in takes), None)
    if found is None:
        listed = ", ".join(sorted(takes)) or "no version"
        raise refused(
            card, "version", f"it is written in vCard {card.version}, and the address book takes {listed}", ""
        )
    return found


def refused(card: Card, code: str, why: str, hint: str) -> ItemRefused:
    """A refusal that names the contact."""
    name = display_name(card)
    what = f"“{name[:80]}” cannot be handled" if name else "the contact cannot be handled"
    return ItemRefused(what, code=code, why=why, hint=hint)
