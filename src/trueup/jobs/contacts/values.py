"""Values in normal form, and for people: equal where two programs mean the same, whichever version they write."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from hashlib import blake2b
from urllib.parse import unquote_to_bytes

from trueup.jobs.contacts.card import CardLine
from trueup.jobs.contacts.head import Head
from trueup.jobs.contacts.properties import LABEL

_ESCAPE = re.compile(r"\\([\\;,:nN])")
_COMPONENT = re.compile(r"\\.|;", re.DOTALL)
_ITEM = re.compile(r"\\.|,", re.DOTALL)
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ](.*))?", re.DOTALL)
_YEARLESS = re.compile(r"--(\d{2})-?(\d{2})(?:T(.*))?", re.DOTALL)
_MIDNIGHT = re.compile(r"00:?00(?::?00(?:\.0+)?)?(?:Z|[+-]00:?00)?")
_SEPARATORS = re.compile(r"[\s()./\-\u00a0\u2010-\u2015\u2007\u202f\u200e\u200f\u202a-\u202e]+")
_PLAIN_NUMBER = re.compile(r"[+0-9][0-9 ()./\-]*")
_UNDIALLED = str.maketrans("", "", " ()./-")
_EXTENSION = re.compile(r"(?:;ext=|\s*(?:ext\.?|extension|x)\s*)(\d+)$", re.IGNORECASE)
_DATA_URI = re.compile(r"data:([^;,]*)((?:;[^;,]*)*?)(;base64)?,", re.IGNORECASE)
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_MAGIC = ((b"\xff\xd8\xff", "JPEG"), (b"\x89PNG", "PNG"), (b"GIF8", "GIF"), (b"RIFF", "WebP"))
_SHOWN = 200


def unescape(value: str) -> str:
    """What a TEXT value says (RFC 6350 section 3.4); `\\:` as Apple writes it, too. An escape nobody defined is left as it is."""
    if "\\" not in value:
        return value
    return _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def escape(text: str) -> str:
    """A TEXT value as it is written."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def components(value: str) -> list[str]:
    """The raw components of a structured value; an escaped semicolon parts nothing."""
    return _parted(value, ";", _COMPONENT)


def items(value: str) -> list[str]:
    """The raw values of a comma list."""
    return _parted(value, ",", _ITEM)


def _parted(value: str, mark: str, pattern: re.Pattern[str]) -> list[str]:
    if "\\" not in value:
        return value.split(mark)
    values, start = [], 0
    for match in pattern.finditer(value):
        if match[0] == mark:
            values.append(value[start : match.start()])
            start = match.end()
    return [*values, value[start:]]


def text(value: str) -> str:
    """A text without what servers cut or add at its ends; line ends alike."""
    if "\\" in value:
        value = _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)
    said = value.strip()
    return said.replace("\r\n", "\n").replace("\r", "\n") if "\r" in said else said


def structured(value: str) -> list[str]:
    """The components of a structured value, without empty ones at the end. Values within one are parted by a comma; a comma of theirs
    is escaped, as it is written."""
    if "\\" not in value and "," not in value:
        found = [one.strip() for one in value.split(";")]
    else:
        found = [component(one) for one in components(value)]
    while found and not found[-1]:
        found.pop()
    return found


def component(value: str) -> str:
    """One component: blanks at the ends of its values and empty values left out."""
    if "," not in value and "\\" not in value:
        return value.strip()
    said = (text(one) for one in items(value))
    return ",".join(one.replace("\\", "\\\\").replace(",", "\\,") for one in said if one)


def join_components(found: list[str]) -> str:
    """Components in one text, each told from the next."""
    return ";".join([one.replace(";", "\\;") if ";" in one else one for one in found])


def phone(value: str) -> str:
    """A number as it is dialled: digits with the leading plus, `;ext=` behind; a region is not guessed. What is no number is itself.

    "(0)" behind a country code is not dialled from abroad (DIN 5008, ITU-T E.123), and is left out.
    """
    if _PLAIN_NUMBER.fullmatch(value):
        return (value.replace("(0)", "") if value[0] == "+" else value).translate(_UNDIALLED)
    number = text(value)
    if number[:4].lower() == "tel:":
        number = number[4:]
        number = number.partition(";phone-context=")[0]
    extension = _EXTENSION.search(number, max(0, len(number) - 40))
    tail = ""
    if extension is not None:
        number, tail = number[: extension.start()], f";ext={extension[1]}"
    if number.lstrip()[:1] == "+":
        number = number.replace("(0)", "")
    dialled = _SEPARATORS.sub("", number)
    return (dialled.upper() if any(one.isdigit() for one in dialled) else number.strip()) + tail


def email(value: str) -> str:
    """An address with its domain in lower case (RFC 5321 section 2.4 keeps the case of the part before it)."""
    address = text(value)
    if address[:7].lower() == "mailto:":
        address = address[7:]
    local, at, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}" if at else address


def uri(value: str) -> str:
    """An address of the web or any other: scheme and host in lower case, no slash alone behind the host; UUIDs without their prefix."""
    said = text(value).replace("\\:", ":")  # an escaped colon that was escaped once more (vobject, in Radicale)
    if said[:9].lower() == "urn:uuid:":
        return said[9:].lower()
    scheme, colon, rest = said.partition("://")
    if not colon:
        scheme, colon, rest = said.partition(":")
        return f"{scheme.lower()}:{rest}" if colon and scheme.isalnum() else said
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}://{host.lower()}{slash + path if path else ''}"


def uid(value: str) -> str:
    """A key as it is compared: programs that write 4.0 put `urn:uuid:` before it (RFC 6350 section 6.7.6)."""
    said = text(value)
    return said[9:] if said[:9].lower() == "urn:uuid:" else said


def date(head: Head, value: str) -> str:
    """A date: "1980-01-01", "--01-01" without a year, with "T…" only where a time is said; anything else as it is written."""
    said = text(value)
    full = _DATE.fullmatch(said)
    if full is not None:
        time = full[4] or ""
        day = f"{full[1]}-{full[2]}-{full[3]}"
        omitted = next((values[0] for key, values in head.params if key == "X-APPLE-OMIT-YEAR" and values), "")
        if omitted == full[1]:
            day = f"--{full[2]}-{full[3]}"
        return day if not time or _MIDNIGHT.fullmatch(time) else f"{day}T{time.replace(':', '')}"
    yearless = _YEARLESS.fullmatch(said)
    if yearless is not None:
        return f"--{yearless[1]}-{yearless[2]}"
    return said


def show_date(normal: str) -> str:
    """For people: "1 January 1980", "1 January"."""
    match = re.fullmatch(r"(\d{4}|-)-(\d{2})-(\d{2})(.*)", normal, re.DOTALL)
    if match is None or not 1 <= int(match[2]) <= 12:
        return shorten(normal)
    year = "" if match[1] == "-" else f" {match[1]}"
    return f"{int(match[3])} {_MONTHS[int(match[2]) - 1]}{year}"


def binary(head: Head, value: str) -> bytes | None:
    """The decoded bytes of a photo, logo, key or sound; None where it is a link, a text, or broken."""
    said = encoded(head, value)
    if said is not None:
        try:
            return b64decode(said)
        except (Base64Error, ValueError):
            return None
    match = _DATA_URI.match(value.lstrip()[:200])
    return None if match is None else unquote_to_bytes(value.lstrip()[match.end() :])


def encoded(head: Head, value: str) -> str | None:
    """What a photo, logo, key or sound says in base64, as it is written but for blanks; None where it is not in base64."""
    if head.encoding == "B":
        return "".join(value.split())
    match = _DATA_URI.match(value.lstrip()[:200])
    if match is None or match[3] is None:
        return None
    return "".join(value.lstrip()[match.end() :].replace("\\", "").split())


def media_type(head: Head, value: str, data: bytes) -> str:
    """What a photo or sound is ("JPEG"): by its first bytes, else by what the line says."""
    for start, name in _MAGIC:
        if data.startswith(start):
            return name
    match = _DATA_URI.match(value.lstrip()[:200])
    if match is not None and "/" in match[1]:
        return match[1].rpartition("/")[2].upper()
    return next((one.upper() for one in sorted(head.types) if one not in ("home", "work")), "")


def geo(value: str) -> str:
    """Coordinates: "52.516300;13.377700" for 3.0's `52.5163;13.3777` and 4.0's `geo:52.5163,13.3777` (RFC 5870)."""
    said = text(value)
    said = said[4:] if said[:4].lower() == "geo:" else said
    numbers = said.partition(";u=")[0].replace(",", ";").split(";")
    try:
        return ";".join(f"{float(one):.6f}" for one in numbers)
    except ValueError:
        return said


def zone(value: str) -> str:
    """A time zone: offsets without their colon."""
    said = text(value)
    return said.replace(":", "") if re.fullmatch(r"[+-]\d{2}:\d{2}", said) else said


def apple_label(line: CardLine) -> str:
    """What Apple's X-ABLabel says: `_$!<HomePage>!$_` is "homepage"; "" for another line."""
    said = text(line.value) if line.head.name == LABEL else ""
    if said.startswith("_$!<") and said.endswith(">!$_"):
        said = said[4:-4].lower()
    return said


def shorten(said: str) -> str:
    """On one line, at most 200 characters."""
    said = " ".join(said[: 4 * _SHOWN].split())
    return said if len(said) <= _SHOWN else said[:_SHOWN] + "…"


def short_digest(said: str | bytes) -> str:
    """16 hexadecimal characters that stand for something long."""
    return blake2b(said.encode("utf-8", "replace") if isinstance(said, str) else said, digest_size=8).hexdigest()


def show_size(size: int) -> str:
    """For people: "48 kB"."""
    return (
        f"{size} bytes"
        if size < 1000
        else f"{size / 1000:.0f} kB"
        if size < 1_000_000
        else f"{size / 1_000_000:.1f} MB"
    )
