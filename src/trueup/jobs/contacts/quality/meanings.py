"""What values mean: phone numbers, countries, e-mail addresses, dates. Heavy tables are loaded when they are first needed."""

from __future__ import annotations

import re
from datetime import date
from functools import cache

# The addresses that people have: RFC 5321 section 4.1.2 without quoted strings and address literals; RFC 6531 letters.
_EMAIL = re.compile(
    r"(?=.{3,254}$)[^\s@\"(),:;<>\[\]\\.]+(?:\.[^\s@\"(),:;<>\[\]\\.]+)*@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]*"
)
_WORD = re.compile(r"[^\W\d_]+")
_PARTICLES = frozenset(
    {
        "von",
        "van",
        "de",
        "der",
        "den",
        "del",
        "della",
        "da",
        "di",
        "dos",
        "du",
        "la",
        "le",
        "zu",
        "of",
        "und",
        "and",
        "y",
    }
)
_ISO = re.compile(r"(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})")
_SHORT = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})")
_OLDEST = 1850


def is_email(value: str) -> bool:
    """Whether it is one address that mail can be sent to, by its form."""
    return len(value) < 255 and _EMAIL.fullmatch(value) is not None


def phone(value: str, region: str | None) -> str:
    """A number in E.164 with its extension (RFC 3966: `;ext=`), or "" where it is no number that can be dialled.

    Args:
        value: as it is written.
        region: ISO 3166 code of where a number without a country code is from; None: it has to have one.
    """
    if len(value) > 250:
        return ""
    import phonenumbers

    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{written};ext={number.extension}" if number.extension else written


@cache
def _countries() -> dict[str, str]:
    """ISO 3166 codes by code and by name in every language (Unicode CLDR, as phonenumbers has it), case folded."""
    from phonenumbers.geodata.locale import LOCALE_DATA

    found: dict[str, str] = {}
    for code, names in LOCALE_DATA.items():
        for name in names.values():
            if not name.startswith("*"):  # a reference to another language
                found.setdefault(name.casefold(), code)
    return {**found, **{code.casefold(): code for code in LOCALE_DATA}, **_USUAL}


_USUAL = {"uk": "GB", "u.k.": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "usa": "US", "u.s.a.": "US", "u.s.": "US",
          "brd": "DE", "holland": "NL", "the netherlands": "NL", "czech republic": "CZ", "turkey": "TR"}  # fmt: skip


def country(value: str) -> str:
    """The ISO 3166 code of a country, by its code or its name in any language; "" where it is none."""
    return _countries().get(" ".join(value.split()).casefold(), "") if len(value) < 100 else ""


def iso_date(value: str, order: str) -> str:
    """A day as "1980-03-09", or "" where it is none or could be two.

    Args:
        value: "09.03.1980", "1980/03/09", "3/9/1980" …
        order: "dmy" or "mdy" says what comes first where both are possible; "" leaves those alone. With dots the day comes first.
    """
    if (found := _ISO.fullmatch(value)) is not None:
        return _day(int(found[1]), int(found[2]), int(found[3]))
    if (found := _SHORT.fullmatch(value)) is None:
        return ""
    one, other, year = int(found[1]), int(found[3]), int(found[4])
    as_dmy, as_mdy = _day(year, other, one), _day(year, one, other)
    if found[2] == "." or not as_mdy or as_dmy == as_mdy:
        return as_dmy
    if not as_dmy:
        return as_mdy
    return {"dmy": as_dmy, "mdy": as_mdy}.get(order, "")


def _day(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat() if year >= _OLDEST else ""
    except ValueError:
        return ""


def titled(value: str) -> str:
    """A name that is written in capitals alone with its first letters as capitals: "ANNA VON BERG" is "Anna von Berg"; others, and short ones
    that may be initials, are themselves."""
    if not value.isupper() or len(_WORD.sub("", value)) == len(value) or len(value) < 4:
        return value
    first = True

    def word(found: re.Match[str]) -> str:
        nonlocal first
        low, lead = found[0].lower(), first
        first = False
        return low if low in _PARTICLES and not lead else found[0].capitalize()

    return _WORD.sub(word, value)
