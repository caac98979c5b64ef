"""Blocking: cards are compared only where they share a key. A second key parts blocks that are too large (a switchboard's number)."""

from __future__ import annotations

from collections.abc import Iterator

from trueup.jobs.contacts.matching.features import Features
from trueup.jobs.contacts.matching.names import sound
from trueup.jobs.contacts.matching.words import ROLES


def keys(one: Features) -> Iterator[tuple[str, str]]:
    """The keys of a card: (key, second key)."""
    family = sound(max(one.family, key=len, default=""))
    initial = one.given[0][:1] if one.given else ""
    who = f"{initial}{family}"
    for each in one.emails:
        yield f"e:{each}", who
        local = each.partition("@")[0]
        if len(local) > 5 and local not in ROLES:
            yield f"l:{local}", who
    for each in one.phones:
        yield f"p:{each}", who
    if one.born:
        yield f"b:{one.born}", who
        yield f"d:{one.born[-5:]}{who}", one.born
    for street, postcode, town in one.addresses:
        number = next((word for word in street.split() if word[0].isdigit()), "")
        yield f"a:{street[:5]}{number}{postcode or town}", initial
        if family:
            yield f"z:{postcode or town}|{who}", street[:3]
    name = sorted((*one.given, *one.family))
    if len(name) > 1 or one.company:
        yield f"n:{' '.join(name)}", one.organisation or (one.addresses[0][1] if one.addresses else "")
        if one.organisation and not one.company:
            yield f"o:{one.organisation}|{family}", initial
