"""How probable it is that two cards are one person's: evidence for and against, added up, with the reasons in words.

Each piece of evidence has a weight in natural log odds, as in Fellegi and Sunter's model (JASA 64, 1969): how much more often it is seen between
cards of one person than between cards of two. The sum becomes a probability. The weights were set by hand and checked on records with known
truth (docs/explanation/likeness.md). What a card does not say is no evidence.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import exp, log
from typing import NamedTuple, TypeAlias

from trueup.jobs.contacts.matching import names
from trueup.jobs.contacts.matching.features import Address, Features
from trueup.jobs.contacts.matching.words import ROLES

START = -3.5  # nothing is known yet: a pair that shares a block is more often two people than one
EMAIL, EMAIL_MORE, EMAIL_LOCAL, EMAIL_TYPO, EMAIL_OTHER = 5.2, 1.0, 1.2, 2.2, -0.4
PHONE, PHONE_MORE, PHONE_TYPO, PHONE_OTHER = 4.4, 0.8, 0.7, -0.3
ROLE = 0.8  # info@ … says which house, and not who
BORN, BORN_YEARLESS, BORN_TYPO, BORN_OTHER = 3.6, 2.0, 0.8, -3.5
ADDRESS, TOWN, ADDRESS_OTHER = 2.6, 0.3, -0.4
ORGANISATION, ORGANISATION_OTHER = 1.4, -0.4
NAME = ((0.0, -6.0), (0.6, -5.0), (0.7, -2.0), (0.8, 0.0), (0.86, 0.9), (0.93, 1.7), (0.98, 3.0), (1.0, 3.6))
NAME_RENAMED = 0.0  # the same first name, another family name: somebody else, or married
NAME_HALF = 0.6  # only a first or only a family name on one side
NAME_OTHER, NAME_OTHER_BORN = (
    -6.0,
    -3.2,
)  # other first names; with the same full birthday, which few people of one household share
GENERATION_OTHER = -3.5
FREE = 4  # as many cards may share an address or number before it says less
RARER = 1.5  # weight lost with each e-fold of cards that share it
GIVEN_DIFFERS, SAME_WORD = 0.6, 0.9
DIFFERENT_CAP, BORN_CAP = (
    0.5,
    0.9,
)  # the highest scores of two people with different first names: never linked, asked about at most
SWAPPED = 0.8

Shared: TypeAlias = Callable[[str], int]
"""How many cards have an address ("e:…") or number ("p:…")."""


class Judgement(NamedTuple):
    """What the comparison of two cards came to.

    Attributes:
        score: 0 to 1.
        identified: an address or number of their own is shared, or birthday and postal address are, and nothing says that they are two people.
        reasons: for people, the strongest first.
    """

    score: float
    identified: bool
    reasons: tuple[str, ...]


class _Evidence:
    """What was found so far."""

    def __init__(self) -> None:
        self.total = START
        self.reasons: list[tuple[float, str]] = []
        self.cap = 1.0
        self.own = False  # an address or number that nearly nobody else has is shared
        self.against = False
        self.differs = ""  # how the names are two people's

    def add(self, weight: float, reason: str = "") -> None:
        self.total += weight
        if reason:
            self.reasons.append((weight, reason))


def judge(one: Features, other: Features, shared: Shared, floor: float = 0.0) -> Judgement:
    """Compares two cards; the order of the two does not matter. What cannot reach the floor is not looked at further, and has no reasons."""
    one, other = sorted((one, other))  # sums of floats and reasons come in the same order
    found = _Evidence()
    named = _name(one, other, found)
    if found.cap < floor:
        return Judgement(found.cap, False, ())
    _emails(one, other, shared, found)
    _phones(one, other, shared, found)
    day = _born(one, other, found)
    place = _addresses(one, other, found)
    _organisations(one, other, found)
    if found.differs:
        found.add(NAME_OTHER_BORN if day else NAME_OTHER, found.differs)
        found.cap, found.against = BORN_CAP if day else DIFFERENT_CAP, True
    score = min(1.0 / (1.0 + exp(-found.total)), found.cap)
    identified = named and not found.against and (found.own or (day and place))
    return Judgement(
        score, identified, tuple(reason for _, reason in sorted(found.reasons, key=lambda each: -abs(each[0])))
    )


def _name(one: Features, other: Features, found: _Evidence) -> bool:
    """Adds what the names say; returns whether they can be one person's beyond doubt."""
    if one.company != other.company:
        found.cap, found.against = DIFFERENT_CAP, True
        return False
    if one.generation and other.generation and one.generation != other.generation:
        found.add(GENERATION_OTHER, f"{one.generation} and {other.generation}")
        found.against = True
    if not (one.given or one.family) or not (other.given or other.family):
        return False
    if one.given and one.family and other.given and other.family:
        return _full_names(one, other, found)
    mine, theirs = (*one.given, *one.family), (*other.given, *other.family)
    if (len(mine) > 1 and len(theirs) > 1) or one.company:
        return _alike(names.family_likeness(mine, theirs), found)
    like = max(names.given_likeness(mine, theirs), names.family_likeness(mine, theirs))
    if like >= SAME_WORD:
        found.add(NAME_HALF, "part of the name is the same")
    else:
        found.differs = "different names"
    return False


def _full_names(one: Features, other: Features, found: _Evidence) -> bool:
    given, family = names.given_likeness(one.given, other.given), names.family_likeness(one.family, other.family)
    swapped = (
        min(names.word_likeness("".join(one.given), "".join(other.family)), names.word_likeness("".join(one.family), "".join(other.given)))
        - 0.02
    )  # fmt: skip
    if swapped > min(given, family) and swapped >= SWAPPED:
        return _alike(swapped, found)
    nick = bool({*one.nick} & {*other.given, *other.nick} or {*other.nick} & {*one.given})
    if given < GIVEN_DIFFERS and not nick:
        found.differs = f"different first names ({one.given[0].title()}, {other.given[0].title()})"
        return False
    if nick:
        given = max(given, names.ALIKE)
    if family < 0.7 and given >= SAME_WORD:
        found.add(NAME_RENAMED, "another family name")
        return False
    return _alike(0.45 * given + 0.55 * family if family < given else 0.55 * given + 0.45 * family, found)


def _alike(like: float, found: _Evidence) -> bool:
    weight = _interpolated(like)
    found.add(weight, "same name" if like > 0.999 else f"names alike {like:.2f}" if like >= 0.7 else "different names")
    return like >= 0.8


def _interpolated(like: float) -> float:
    for (low, below), (high, above) in pairwise(NAME):
        if like <= high:
            return below + (above - below) * max(0.0, like - low) / (high - low)
    return NAME[-1][1]


def _worth(weight: float, count: int) -> float:
    """What a shared address or number says that so many cards have."""
    return weight if count <= FREE else max(0.0, weight - RARER * log(count / FREE))


def _emails(one: Features, other: Features, shared: Shared, found: _Evidence) -> None:
    if not one.emails or not other.emails:
        return
    company = one.company and other.company
    same = sorted(
        ((_email_worth(each, shared(f"e:{each}"), company), each) for each in one.emails if each in other.emails),
        reverse=True,
    )
    for rank, (weight, each) in enumerate(same):
        count = shared(f"e:{each}")
        many = f", which {count:,} contacts have" if count > FREE else ""
        found.add(weight if rank == 0 else min(weight, EMAIL_MORE), f"same e-mail {each}{many}")
        found.own |= weight >= EMAIL / 2
    if same:
        return
    pairs = [(a.partition("@")[0], b.partition("@")[0], a, b) for a in one.emails for b in other.emails]
    if any(names.word_likeness(a, b) >= 0.95 and min(len(x), len(y)) > 5 and x not in ROLES for x, y, a, b in pairs):
        found.add(EMAIL_TYPO, "e-mails alike but for a letter")
    elif any(x == y and len(x) > 5 and x not in ROLES for x, y, _, _ in pairs):
        found.add(EMAIL_LOCAL, "e-mails alike before the @")
    else:
        found.add(EMAIL_OTHER, "different e-mails")


def _email_worth(address: str, count: int, company: bool) -> float:
    role = address.partition("@")[0] in ROLES and not company
    return _worth(ROLE if role else EMAIL, count)


def _phones(one: Features, other: Features, shared: Shared, found: _Evidence) -> None:
    from rapidfuzz.distance import OSA

    if not one.phones or not other.phones:
        return
    same = sorted(
        ((_worth(PHONE, shared(f"p:{each}")), each) for each in one.phones if each in other.phones), reverse=True
    )
    for rank, (weight, each) in enumerate(same):
        count = shared(f"p:{each}")
        many = f", which {count:,} contacts have" if count > FREE else ""
        found.add(weight if rank == 0 else min(weight, PHONE_MORE), f"same phone {each}{many}")
        found.own |= weight >= PHONE / 2
    if same:
        return
    if any(len(a) == len(b) and OSA.distance(a, b) == 1 for a in one.phones for b in other.phones):
        found.add(PHONE_TYPO, "phones alike but for a digit")
    else:
        found.add(PHONE_OTHER, "different phones")


def _born(one: Features, other: Features, found: _Evidence) -> bool:
    a, b = one.born, other.born
    if not a or not b:
        return False
    if a == b:
        found.add(BORN if a[0] != "-" else BORN_YEARLESS, "same birthday")
        return a[0] != "-"
    if a[-5:] == b[-5:] and "-" in (a[0], b[0]):
        found.add(BORN_YEARLESS, "same birthday, without the year")
    elif _mistyped(a, b):
        found.add(BORN_TYPO, "birthdays alike but for a digit")
    else:
        found.add(BORN_OTHER, "different birthdays")
        found.against = True
    return False


def _mistyped(a: str, b: str) -> bool:
    """One digit is another, or day and month stand in each other's place."""
    if len(a) != len(b):
        return False
    if sum(x != y for x, y in zip(a, b, strict=True)) == 1:
        return True
    return a[:-5] == b[:-5] and a[-5:-3] == b[-2:] and a[-2:] == b[-5:-3]


def _addresses(one: Features, other: Features, found: _Evidence) -> bool:
    if not one.addresses or not other.addresses:
        return False
    best = max(_address(a, b) for a in one.addresses for b in other.addresses)
    found.add(best, "same address" if best == ADDRESS else "different addresses" if best < 0 else "")
    return best == ADDRESS


def _address(a: Address, b: Address) -> float:
    near = bool((a[1] and a[1] == b[1]) or (a[2] and b[2] and names.word_likeness(a[2], b[2]) >= 0.85))
    if a[0] and b[0] and _same_street(a[0], b[0]):
        return ADDRESS if near or not (a[1] or a[2]) or not (b[1] or b[2]) else TOWN
    return TOWN if near and not (a[0] and b[0]) else 0.0 if near else ADDRESS_OTHER


def _same_street(a: str, b: str) -> bool:
    """Whether two streets with their numbers are one, whatever the order of the words; a number that one lacks is no other number."""
    mine, theirs = _numbers(a), _numbers(b)
    if mine != theirs and mine and theirs:
        return False
    return (
        max(names.word_likeness(a, b), names.word_likeness(*(" ".join(sorted(one.split())) for one in (a, b)))) >= 0.88
    )


def _numbers(street: str) -> list[str]:
    return sorted(one for one in street.split() if any(letter.isdigit() for letter in one))


def _organisations(one: Features, other: Features, found: _Evidence) -> None:
    a, b = one.organisation, other.organisation
    if not a or not b or one.company:
        return
    if a == b or names.word_likeness(a, b) >= 0.92:
        found.add(ORGANISATION, "same organisation")
    else:
        found.add(ORGANISATION_OTHER, "different organisations")
