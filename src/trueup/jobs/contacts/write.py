"""Lines in the form of another version: what an edit carries from a 4.0 card into a 3.0 card, and whole cards for a server that takes one only.

2.1 is read and never written. Each form is read back to the same normal form, so that a value that goes there and back has not changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from trueup.core.contentlines import Params
from trueup.jobs.contacts import properties as p
from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.card import Card, CardLine
from trueup.jobs.contacts.head import Head, head_of
from trueup.jobs.contacts.labelled import plainly

_MIME = {"JPEG": "image/jpeg", "JPG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp", "PGP": "application/pgp-keys",
         "X509": "application/pkix-cert", "MP3": "audio/mpeg", "BASIC": "audio/basic", "OGG": "audio/ogg", "WAVE": "audio/wav"}  # fmt: skip
_TYPES = {mime: name for name, mime in _MIME.items() if name != "JPG"}
_DATA_URI = re.compile(r"data:([^;,]*)((?:;[^;,]*)*?)(;base64)?,", re.IGNORECASE)
_DAY = re.compile(r"(\d{4}|-)-(\d{2})-(\d{2})(T.*)?", re.DOTALL)
_OMIT_YEAR = "X-APPLE-OMIT-YEAR"
_OMITTED = "1604"  # the year Apple puts where there is none, and says so with X-APPLE-OMIT-YEAR


def native_lines(card: Card, line: CardLine, place: int, groups: Mapping[str, Sequence[CardLine]]) -> tuple[str, ...]:
    """A field's lines to be carried over: the version they are written in, the line (of a comma list, with the one value), and what is
    attached to it by its group."""
    head = line.head
    version = _VERSION_LINES[card.version]
    if place < 0 and head.plain and not head.group:
        return (version, f"{head.text}:{line.value}")
    text = line.text if head.plain else carried(line, card.version, card.version)
    if place >= 0:
        start, value = apart(text)
        text = f"{start}:{v.items(value)[place].strip()}"
    if head.group and groups:
        more = groups.get(head.group, ())
        return (version, text, *(one.text for one in more if one is not line))
    return (version, text)


_VERSION_LINES = {one: f"VERSION:{one}" for one in ("2.1", "3.0", "4.0")}


def written_for(native: Sequence[str], version: str) -> list[str]:
    """A field's lines as a card of that version has them; see `native_lines`."""
    source = native[0].partition(":")[2]
    if source == version:
        return list(native[1:])
    lines = [line_of(text) for text in native[1:]]
    return [carried(line, source, version) for line in (plainly(lines) if version == "4.0" else lines)]


def line_of(text: str) -> CardLine:
    """A line from its text alone."""
    head, value = apart(text)
    return CardLine(head_of(head), text, value)


def apart(text: str) -> tuple[str, str]:
    """Head and value of an unfolded line."""
    if '"' not in text:
        head, _, value = text.partition(":")
        return head, value
    quoted = False
    for end, one in enumerate(text):
        if one == '"':
            quoted = not quoted
        elif one == ":" and not quoted:
            return text[:end], text[end + 1 :]
    head, _, value = text.partition(":")
    return head, value


def carried(line: CardLine, source: str, target: str) -> str:
    """One line of a card of version `source` as a card of version `target` has it; `target` is never 2.1."""
    head = line.head
    if source == target and head.plain:
        return line.text
    value = _modern_value(line) if source == "2.1" else _one_line(line.value)
    name = head.key
    types, keep = set(head.types), head.params
    said = "" if head.value in ("URL", "INLINE", "BINARY", "PHONE-NUMBER") else head.value
    encoding = ""
    if name in p.BINARY:
        value, types, said, encoding = _binary(head, name, value, target)
    elif name in p.DATES and said != "TEXT":
        value, keep, said = _date(head, value, keep, target)
    elif name == "GEO":
        value = _geo(value, target)
    elif name == "TEL" and target == "3.0" and said == "URI":
        value, said = (value[4:] if value[:4].lower() == "tel:" else value), ""
    elif name == "EMAIL" and target == "4.0":
        types.discard("internet")
    elif target == "3.0" and name in p.URIS and said == "URI" and name not in ("IMPP", "RELATED"):
        said = ""
    written = p.IN_3.get(name, name) if target == "3.0" else name
    if name != head.name:
        written = written if source != target else head.name
    group = f"{head.group}." if head.group else ""
    return (
        f"{group}{_spelt(head, written)}{_params(types, head.pref, said, encoding, keep, head.label, target)}:{value}"
    )


def plain_head(line: CardLine, version: str) -> str:
    """A line's head as it is written before a value in UTF-8."""
    return line.head.text if line.head.plain else apart(carried(line, version, version))[0]


def upgraded(card: Card, target: str) -> Card:
    """The whole card in another version; lines that read the same there keep their bytes."""
    new = Card([], target, card.end, card.bare, card.grouped)
    lines = plainly(card.lines) if card.grouped and target == "4.0" else card.lines
    for line in lines:
        name = line.head.name
        if name == "VERSION":
            new.lines.append(new.make(f"VERSION:{target}"))
        elif not name or name in ("BEGIN", "END"):
            new.lines.append(line)
        else:
            text = carried(line, card.version, target)
            new.lines.append(
                line
                if text == line.text and line.raw != text and line.head.plain and card.version != "2.1"
                else new.make(text)
            )
    if card.first("VERSION") is None:
        new.lines.insert(_after_begin(new), new.make(f"VERSION:{target}"))
    return new


def modern(card: Card) -> Card:
    """The card, one of version 2.1 in the form of 3.0."""
    return upgraded(card, "3.0") if card.version == "2.1" else card


def completed(card: Card) -> Card:
    """The card with the lines that its version demands and that programs leave out: FN (RFC 6350 section 6.2.1), and N in 3.0 (RFC 2426
    section 3.1.2)."""
    if card.first("VERSION") is None:
        card.lines.insert(_after_begin(card), card.make(f"VERSION:{card.version}"))
    if not card.value("FN"):
        card.lines = [line for line in card.lines if line.head.name != "FN"]
        card.lines.insert(_place(card), card.make(f"FN:{v.escape(display_name(card))}"))
    if card.version == "3.0" and card.first("N") is None:
        company = card.value("X-ABSHOWAS").upper() == "COMPANY" or (
            card.first("ORG") is not None and display_name(card) == organisation(card)
        )
        name = "" if company else v.escape(display_name(card))
        card.lines.insert(_place(card), card.make(f"N:{name};;;;" if name else "N:;;;;"))
    return card


def display_name(card: Card) -> str:
    """What people call the contact: its full name, else what can stand for one."""
    full = " ".join(v.text(card.value("FN")).split())
    if full:
        return full
    parts = [*v.structured(card.value("N")), *[""] * 5]
    family, given, middle, prefix, suffix = (one.replace("\\,", ",") for one in parts[:5])
    name = " ".join(one for one in (prefix, given, middle, family, suffix) if one)
    if name:
        return name
    others = (
        v.text(v.items(card.value("NICKNAME"))[0]),
        organisation(card),
        v.email(card.value("EMAIL")),
        v.text(card.value("TEL")),
    )
    return " ".join(next((one for one in others if one), "").split())


def organisation(card: Card) -> str:
    """The organisation's name, without its units."""
    return (v.structured(card.value("ORG")) or [""])[0].replace("\\,", ",")


def _after_begin(card: Card) -> int:
    return next(index for index, line in enumerate(card.lines) if line.head.name == "BEGIN") + 1


def _place(card: Card) -> int:
    found = next((index for index, line in enumerate(card.lines) if line.head.name == "VERSION"), None)
    return _after_begin(card) if found is None else found + 1


def _spelt(head: Head, name: str) -> str:
    """The name as the line spells it, where it is the same name."""
    own = head.text.partition(";")[0].rpartition(".")[2]
    return own if own.upper() == name else name


def _modern_value(line: CardLine) -> str:
    """A value of 2.1, where only semicolons are escaped and a comma parts nothing (versit, section 2.1.2), with the escapes of 3.0."""
    name, value = line.head.name, line.value
    if name in p.BINARY and line.head.encoding == "B":
        return value
    if name in p.URIS or name in p.BINARY:
        return value.replace("\n", "")
    if name in p.STRUCTURED or name.startswith("X-"):
        return ";".join(v.escape(v.unescape(one)) for one in v.components(value))
    if name in p.COMMA_LISTS:
        return ",".join(v.escape(v.unescape(one).strip()) for part in v.components(value) for one in v.items(part))
    return v.escape(v.unescape(value))


def _binary(head: Head, name: str, value: str, target: str) -> tuple[str, set[str], str, str]:
    """Value, types, VALUE and ENCODING of a photo, logo, key or sound."""
    places = {one for one in head.types if one in ("home", "work")}
    match = _DATA_URI.match(value.strip()[:200])
    if head.encoding == "B":
        if target == "3.0":
            return value, set(head.types), "", "b"
        data = v.binary(head, value) or b""
        word = next((one.upper() for one in sorted(head.types - places)), "") or v.media_type(head, value, data[:16])
        mime = _MIME.get(
            word.upper(), f"{'image' if name in ('PHOTO', 'LOGO') else 'application'}/{word.lower() or 'octet-stream'}"
        )
        return f"data:{mime};base64,{value}", places, "", ""
    if match is not None and match[3] is not None and target == "3.0":
        word = _TYPES.get(match[1].lower(), match[1].rpartition("/")[2].upper())
        types = places if word in ("", "OCTET-STREAM") else places | {word}
        return "".join(value.strip()[match.end() :].replace("\\", "").split()), types, "", "b"
    link = re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", value) is not None
    said = "uri" if link and target == "3.0" else "" if link else head.value
    return value, set(head.types), said, ""


def _one_line(value: str) -> str:
    """What quoted-printable or a charset made of several lines, with the escapes of 3.0."""
    return value.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def _date(head: Head, value: str, keep: Params, target: str) -> tuple[str, Params, str]:
    """Value, parameters and VALUE of a date."""
    keep = tuple((key, said) for key, said in keep if key != _OMIT_YEAR)
    match = _DAY.fullmatch(v.date(head, value))
    if match is None:
        return value, keep, head.value
    year, month, day, time = match[1], match[2], match[3], match[4] or ""
    if target == "4.0":
        return f"{'--' if year == '-' else year}{month}{day}{time}", keep, ""
    if year == "-":
        return f"{_OMITTED}-{month}-{day}", (*keep, (_OMIT_YEAR, (_OMITTED,))), ""
    return f"{year}-{month}-{day}{time}", keep, ""


def _geo(value: str, target: str) -> str:
    said = v.text(value)
    said = said[4:] if said[:4].lower() == "geo:" else said
    latitude, mark, longitude = said.replace(";", ",").partition(",")
    if not mark:
        return value
    return f"geo:{latitude},{longitude}" if target == "4.0" else f"{latitude};{longitude}"


def _params(
    types: Iterable[str],
    pref: int,
    said: str,
    encoding: str,
    others: Iterable[tuple[str, tuple[str, ...]]],
    label: str,
    target: str,
) -> str:
    words = sorted(types)
    if pref == 1 and target == "3.0":
        words.append("PREF")
    params: list[tuple[str, tuple[str, ...]]] = [("TYPE", tuple(words))] if words else []
    if pref and (target == "4.0" or pref > 1):
        params.append(("PREF", (str(pref),)))
    if said:
        params.append(("VALUE", (said.lower(),)))
    if encoding:
        params.append(("ENCODING", (encoding,)))
    params += others
    if label:
        params.append(("LABEL", (label,)))
    return "".join(_param(key, values) for key, values in params)


def _param(key: str, values: Sequence[str]) -> str:
    return f";{key}={','.join(_quoted(one) for one in values)}"


def _quoted(value: str) -> str:
    """A parameter's value (RFC 6868 section 3.1): quoted where it has to be."""
    value = value.replace("^", "^^").replace("\r\n", "\n").replace("\n", "^n").replace('"', "^'")
    return f'"{value}"' if any(one in value for one in ":;,") else value
