"""Phone numbers as all the world dials them (ITU-T E.164)."""

from __future__ import annotations

import re
from functools import lru_cache

from trueup.jobs.contacts import values as v

_INTERNATIONAL = re.compile(r"\+[1-9]\d{7,14}")
_DIGITS = re.compile(r"\D+")
_LEAST = 5  # digits; less is an extension or a short code, which many people have


def number(value: str, region: str) -> str:
    """A TEL value as "+49301234567"; digits alone where no country is known; "" where it is no number.

    Args:
        value: as the card has it.
        region: the country (ISO 3166, "DE") of numbers without a country code; "" for unknown.
    """
    dialled = v.phone(value).partition(";ext=")[0]
    return dialled if _INTERNATIONAL.fullmatch(dialled) else _parsed(dialled, region)


@lru_cache(maxsize=65536)
def _parsed(dialled: str, region: str) -> str:
    digits = _DIGITS.sub("", dialled)
    if len(digits) < _LEAST:
        return ""
    if region or dialled.startswith(("+", "00")):
        import phonenumbers

        text = f"+{digits[2:]}" if digits.startswith("00") else dialled
        try:
            found = phonenumbers.parse(text, region or None)
            if phonenumbers.is_possible_number(found):
                return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
        except phonenumbers.NumberParseException:
            pass
    return digits
