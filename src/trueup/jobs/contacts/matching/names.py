"""Names without what programs and people write differently, and how alike two are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from trueup.jobs.contacts.matching.nicknames import akin
from trueup.jobs.contacts.matching.words import GENERATIONS, PARTICLES, TITLES

# Cyrillic and Greek by the letters that passports have for them (ICAO 9303 part 3 section 6), shortened where they sound alike.
_LETTERS = str.maketrans({
    "ß": "ss", "æ": "a", "ä": "a", "ø": "o", "ö": "o", "œ": "o", "ü": "u", "å": "a", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h",
    **dict(zip("абвгґдезиіїйклмнопрстуфыэёαβγδεζηικλμνξοπρσςτυφω", "abvggdeziiiiklmnoprstufyeeavgdeziiklmnxoprsstufo", strict=True)),
    "є": "ie", "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": "", "ю": "iu", "я": "ia",
    "θ": "th", "χ": "ch", "ψ": "ps",
})  # fmt: skip
_DIGRAPHS = re.compile("ae|oe|ue")  # as ä, ö, ü are written where there are none
_WORDS = re.compile(r"[^\W_]+")
ALIKE = 0.95  # short forms of one name
INITIAL = 0.86
_PART = 0.82  # "Lena" in "Magdalena"
_LEFT_OUT = 0.015


@lru_cache(maxsize=65536)
def folded(text: str) -> str:
    """A text in lower case, in Latin letters without marks; umlauts and their spellings with two letters alike."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    if not text.isascii():
        text = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return _DIGRAPHS.sub(lambda match: match[0][0], text)


def words(text: str) -> list[str]:
    """The words of a text, folded."""
    return _WORDS.findall(folded(text.replace("'", "").replace("’", "")))


def tokens(text: str) -> tuple[str, ...]:
    """The words of a name, without titles, particles and generations, unless nothing else is in it."""
    found = words(text)
    kept = [one for one in found if one not in TITLES and one not in GENERATIONS and one not in PARTICLES]
    return tuple(kept or (one for one in found if one not in TITLES))


def generation(text: str) -> str:
    """ "junior", "senior", "ii" … where a name says it."""
    found = words(text)
    return next((GENERATIONS[one] for one in found[1:] if one in GENERATIONS), "")


def split(full: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """First and family names of a name in one text: what stands before a comma, else the last word, is the family's."""
    family, comma, given = full.partition(",")
    if comma and (found := tokens(given)):
        return found, tokens(family)
    found = tokens(full)
    return (found[:-1], found[-1:]) if len(found) > 1 else ((), found)


@lru_cache(maxsize=65536)
def sound(word: str) -> str:
    """A rough key of how a word sounds: its first letter and two consonants behind it, so that most typing errors keep it."""
    if not word or not word.isascii():
        return word[:2]
    key = "a" if word[0] in "aeiouyj" else word[0].translate(_SOUNDS) or word[0]
    for one in word[1:].translate(_SOUNDS):
        if one != key[-1]:
            key += one
    return key[:3]


_SOUNDS = str.maketrans({**dict.fromkeys("cqg", "k"), **dict.fromkeys("zx", "s"), **dict.fromkeys("vw", "f"), "b": "p", "d": "t",
                         **dict.fromkeys("aeiouyhj", None)})  # fmt: skip


@lru_cache(maxsize=262144)
def word_likeness(one: str, other: str) -> float:
    """How alike two words are written, 0 to 1."""
    if one == other:
        return 1.0
    from rapidfuzz.distance import OSA, JaroWinkler

    return (OSA.normalized_similarity(one, other) + JaroWinkler.normalized_similarity(one, other)) / 2


def _given_likeness(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if min(len(one), len(other)) == 1:
        return INITIAL if one[0] == other[0] else 0.0
    if akin(one, other):
        return ALIKE
    found = word_likeness(one, other)
    shorter, longer = sorted((one, other), key=len)
    return max(found, _PART) if len(shorter) > 2 and shorter in longer else found


def _best(mine: Sequence[str], theirs: Sequence[str], given: bool) -> float:
    """The likeness of two lists of names: each of the shorter with its best in the longer; what is left out costs a little."""
    few, many = sorted((mine, theirs), key=lambda one: (len(one), one))
    like = _given_likeness if given else word_likeness
    left, total = list(many), 0.0
    for word in few:
        found = [like(word, one) for one in left]
        best = max(found)
        total += best
        del left[found.index(best)]
    return total / len(few) - _LEFT_OUT * (len(many) - len(few))


def given_likeness(mine: Sequence[str], theirs: Sequence[str]) -> float:
    """How alike the first names are; both have some."""
    return _best(mine, theirs, True)


def family_likeness(mine: Sequence[str], theirs: Sequence[str]) -> float:
    """How alike the family names are; both have some. "Meyer Berg" and "Meyerberg" are one."""
    return max(_best(mine, theirs, False), word_likeness("".join(mine), "".join(theirs)))
