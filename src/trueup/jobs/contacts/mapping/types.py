"""TYPE words of lines and of columns: which line belongs into which column, and what a column of types says."""

from __future__ import annotations

from trueup.jobs.contacts import properties as p
from trueup.jobs.contacts.head import Head

_APART = frozenset({"fax", "pager", "bbs", "modem", "textphone", "video"})
"""What a number for talking is not."""
# How programs' exports write types in a column (Google's "* Work" marks the preferred one), and the words of RFC 6350 for them.
_WORDS = {
    "mobile": "cell",
    "handy": "cell",
    "mobil": "cell",
    "privat": "home",
    "private": "home",
    "arbeit": "work",
    "geschäftlich": "work",
    "business": "work",
    "telefax": "fax",
}
_SHOWN = {"cell": "Mobile"}


def words_of(text: str) -> frozenset[str]:
    """The TYPE words that a cell says ("* Work", "Home Fax"); what is no word that can be written is left out."""
    said = text.replace("*", " ").replace(",", " ").replace("/", " ").lower().split()
    words = (_WORDS.get(one, one) for one in said)
    return frozenset(one for one in words if one.isascii() and one.replace("-", "").isalnum())


def shown(types: frozenset[str]) -> str:
    """TYPE words as a cell says them."""
    return " ".join(_SHOWN.get(one, one.capitalize()) for one in sorted(types))


def of(head: Head) -> frozenset[str]:
    """The words of a line that tell it from others of its name."""
    types = frozenset(p.TYPE_WORDS.get(one, one) for one in head.types)
    return types - p.TYPE_DEFAULTS.get(head.key, frozenset()) - {"text"}


def fits(line: frozenset[str], column: frozenset[str]) -> bool:
    """Whether a line may stand in a column of these types: it has them all, and is nothing else than they say."""
    return column <= line and (line & _APART) <= column if column else True


def free(line: frozenset[str]) -> bool:
    """Whether a line may stand in a column that says no type."""
    return not line & _APART
