"""Fixes: what a rule may make of a value. Each gives the value itself where it has nothing to mend, or cannot be sure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from trueup.jobs.contacts.quality import meanings

Mend = Callable[[str], str]

FIXES: Mapping[str, str] = {
    "trim": "blanks at the ends and doubled blanks go",
    "lower": "in lower case",
    "title": "names in capitals alone with their first letters as capitals",
    "e164": "phone numbers as they are dialled from anywhere (+49301234)",
    "country": "countries by their ISO 3166 code",
    "date": "dates as 1980-03-09",
}
"""The fixes by name."""

WORDS: Mapping[str, str] = {"trim": "trimmed to", "lower": "in lower case:"}
"""What a fix did, for people; the others have "written as"."""


def mends(names: Sequence[str], region: str | None, order: str) -> list[tuple[str, Mend]]:
    """The fixes of a rule, in their order, each with its name."""
    known: dict[str, Mend] = {
        "trim": _trimmed,
        "lower": str.lower,
        "title": meanings.titled,
        "e164": partial(_or_itself, lambda value: meanings.phone(value, region)),
        "country": partial(_or_itself, meanings.country),
        "date": partial(_or_itself, lambda value: meanings.iso_date(value, order)),
    }
    return [(name, known[name]) for name in names]


def _trimmed(value: str) -> str:
    return "\n".join(" ".join(line.split()) for line in value.strip().split("\n"))


def _or_itself(mend: Mend, value: str) -> str:
    return mend(value) or value
