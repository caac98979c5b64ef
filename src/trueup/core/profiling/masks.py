"""Format masks: what a value looks like, with letters and digits left out: "+99 999 9999", "Aa Aa", "a.a@a.a"."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 48
"""Characters of a value that its mask shows; what is longer ends with "…"."""

KINDS = ("integer", "decimal", "date", "email", "phone", "link", "text")
_CACHED = 20_000
_RUN = re.compile(r"a{2,}|A{2,}|o{2,}")
_PATTERNS = (
    ("integer", re.compile(r"-?9+")),
    ("decimal", re.compile(r"-?9+[.,]9+|-?9{1,3}(?:[.,]9{3})+(?:[.,]9+)?")),
    ("date", re.compile(r"(?:9999|-)-99-99(?:[AT ].*)?|--9999|99?[./]99?[./]99(?:99)?")),
    ("email", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")),
    ("phone", re.compile(r"\+?[9(][9 ()/.\-]{4,}(?:;a=9+)?")),
    ("link", re.compile(r"a+:\S+")),
)


class _Classes(dict[int, str]):
    """The sign that stands for a character, worked out once for each."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if category == "Nd":
            sign = "9"
        elif category == "Lu":
            sign = "A"
        elif category in ("Ll", "Lm"):
            sign = "a"
        elif category[0] in "LM":
            sign = "o"  # scripts without case
        elif category in ("Cc", "Cs", "Co", "Cn"):
            sign = "\N{REPLACEMENT CHARACTER}"
        else:
            sign = " " if char.isspace() else char
        self[code] = sign
        return sign


_CLASSES = _Classes({code: sign for signs, sign in (("az", "a"), ("AZ", "A"), ("09", "9"))
                     for code in range(ord(signs[0]), ord(signs[1]) + 1)})  # fmt: skip
_KNOWN: dict[str, tuple[str, str]] = {}


def mask(value: str) -> tuple[str, str]:
    """What a value looks like.

    Args:
        value: any text.

    Returns:
        Its mask: digits as "9" each, runs of lower-case letters as "a", of capitals as "A", of other letters as "o", control characters as
        "\N{REPLACEMENT CHARACTER}"; and its kind, one of KINDS.
    """
    classes = value[: LONGEST + 1].translate(_CLASSES)
    found = _KNOWN.get(classes)
    if found is None:
        found = _mask(classes)
        if len(_KNOWN) < _CACHED:
            _KNOWN[classes] = found
    return found


def _mask(classes: str) -> tuple[str, str]:
    whole = len(classes) <= LONGEST
    short = _RUN.sub(lambda run: run[0][0], classes[:LONGEST])
    if not whole:
        return f"{short}…", "link" if _PATTERNS[-1][1].match(short) else "text"
    return short, next((kind for kind, pattern in _PATTERNS if pattern.fullmatch(short)), "text")
