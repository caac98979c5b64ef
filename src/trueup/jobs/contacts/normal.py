"""The fields of a contact in normal form, each with the lines it stands in.

`collect` finds for every field its holders; `fields` compares and shows them, `patch` writes to them, so that both can never disagree about what
a field is. A list is as many fields as it has members, named by the member's own value (the number, the address); its types, its label and
whether it is preferred are the field's value, so that HOME that became WORK is a change and not a removal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from trueup.jobs.contacts import properties as p
from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.card import Card, CardLine, read_card
from trueup.jobs.contacts.head import Head
from trueup.jobs.contacts.write import modern, native_lines
from trueup.model.fields import Field, FieldKey, FieldMap

_LONG = 2000  # a normal form or a key longer than this is kept as its digest
_LONG_KEY = 200


class Slot(NamedTuple):
    """One place a field stands in.

    Attributes:
        line: the line.
        place: which value of a comma list; -1: the whole line.
        normal: its meaning; None where it says nothing (an empty property, a default).
        shown: for people.
    """

    line: CardLine
    place: int
    normal: str | None
    shown: str


Slots: TypeAlias = dict[FieldKey, list[Slot]]


def fields(data: bytes) -> FieldMap:
    """Every field of a body that counts.

    Raises:
        ItemRefused: the body is no contact; see `card.read_card`.
    """
    return fields_of(modern(read_card(data)))


def fields_of(card: Card) -> FieldMap:
    """The fields of a card that was read."""
    groups = attached(card)
    result: dict[FieldKey, Field] = {}
    for key, slots in collect(card, groups).items():
        if len(slots) == 1:
            (slot,) = slots
            if slot.normal is not None:
                result[key] = Field(_short(slot.normal), native_lines(card, slot.line, slot.place, groups), slot.shown)
            continue
        said = {slot.normal: slot for slot in slots if slot.normal is not None}
        if said:
            native = [native_lines(card, slot.line, slot.place, groups) for slot in said.values()]
            lines = (native[0][0], *(text for one in native for text in one[1:]))
            result[key] = Field(
                _short("\n".join(sorted(said))), lines, " / ".join(dict.fromkeys(one.shown for one in said.values()))
            )
    return result


def _short(normal: str) -> str:
    return normal if len(normal) <= _LONG else f"digest:{v.short_digest(normal)}"


Groups: TypeAlias = dict[str, list[CardLine]]


def attached(card: Card) -> Groups:
    """The lines that say something of other lines of their group, by group in lower case."""
    if not card.grouped:
        return {}
    groups: Groups = {}
    for line in card.lines:
        if line.head.group and line.head.name in p.ATTACHED:
            groups.setdefault(line.head.group.lower(), []).append(line)
    return groups


def collect(card: Card, groups: Groups) -> Slots:
    """Every field with all its holders (also those that say nothing, so that a patch replaces them)."""
    slots: Slots = {}
    unknown: dict[str, list[CardLine]] = {}
    primary = (
        {line.head.group.lower() for line in card.lines if line.head.group and line.head.name not in p.ATTACHED}
        if groups
        else ()
    )
    for line in card.lines:
        name = line.head.name
        if not name or name in p.IGNORED:
            continue
        if name == p.LABEL and line.head.group.lower() in primary:
            continue
        name = p.CANONICAL.get(name, name)
        if name in p.COMMA_LISTS:
            _put_values(slots, name, line)
        elif (reader := _READERS.get(name)) is not None:
            member, value, shown = reader(line.head, line.value)
            normal = None if value is None else _said(line, name, value, groups)
            slots.setdefault(
                FieldKey("", name, member if len(member) <= _LONG_KEY else v.short_digest(member)), []
            ).append(Slot(line, -1, normal, shown))
        else:
            unknown.setdefault(name, []).append(line)
    _collect_unknown(slots, unknown, groups)
    return slots


def _collect_unknown(slots: Slots, unknown: dict[str, list[CardLine]], groups: Groups) -> None:
    """A property nobody defined is a single value if it stands there once, else a list."""
    for name, lines in unknown.items():
        for line in lines:
            value = v.text(line.value)
            normal = _said(line, name, value, groups) if value.strip("; ") else None
            member = "" if len(lines) == 1 else v.short_digest(normal or "")
            slots.setdefault(FieldKey("", name, member), []).append(Slot(line, -1, normal, v.shorten(value)))


def _put_values(slots: Slots, name: str, line: CardLine) -> None:
    for index, raw in enumerate(v.items(line.value)):
        value = v.text(raw)
        slots.setdefault(FieldKey("", name, value if len(value) <= _LONG_KEY else v.short_digest(value)), []).append(
            Slot(line, index, value or None, v.shorten(value))
        )


def _said(line: CardLine, name: str, value: str, groups: Groups) -> str:
    """A value with its types, its place in the order, its label and its other parameters before it."""
    extra = qualifiers(line.head, name)
    if line.head.group and groups:
        label = _label(line, groups)
        extra = f"{extra};label={label}" if label else extra
    return f"{extra}:{value}" if extra else value


def _label(line: CardLine, groups: Groups) -> str:
    found = groups.get(line.head.group.lower(), ())
    return next((v.apple_label(one.value) for one in found if one.head.name == p.LABEL and one.value.strip()), "")


def qualifiers(head: Head, name: str) -> str:
    """Types, preference and parameters in normal form, sorted, without those that say what holds without them."""
    if head.text == head.name:
        return ""
    cached = _QUALIFIERS.get((head.text, name))
    if cached is None:
        cached = _qualifiers(head, name)
        if len(_QUALIFIERS) < _MAX_QUALIFIERS:
            _QUALIFIERS[head.text, name] = cached
    return cached


_QUALIFIERS: dict[tuple[str, str], str] = {}
_MAX_QUALIFIERS = 4096


def _qualifiers(head: Head, name: str) -> str:
    types = {p.TYPE_WORDS.get(one, one) for one in head.types} - p.TYPE_DEFAULTS.get(name, frozenset())
    if name in p.BINARY:
        types &= {"home", "work"}  # a photo's TYPE is its format
    parts = [",".join(sorted(types))] if types else []
    if head.pref:
        parts.append(f"pref={head.pref}")
    if head.label:
        parts.append(f"text={v.text(head.label)}")
    kept = (f"{key}={','.join(sorted(said))}" for key, said in head.params if key not in p.PARAMS_IGNORED)
    return ";".join([*parts, *sorted(kept)])


# Readers: of head and value, the member's name, the value in normal form (None: it says nothing), and what is shown ------------------------------

_Read: TypeAlias = tuple[str, str | None, str]


def _read_text(head: Head, value: str) -> _Read:
    said = v.text(value)
    return "", said or None, v.shorten(said) if len(said) > 60 or "\n" in said else said


def _read_structured(head: Head, value: str) -> _Read:
    found = v.structured(value)
    return "", v.join_components(found) or None, ", ".join(one for one in found if one)


_PARTS = ("family", "given", "middle", "prefix", "suffix")


def _read_name(head: Head, value: str) -> _Read:
    found = v.structured(value)
    shown = ", ".join([f"{part}: {one}" for part, one in zip(_PARTS, found, strict=False) if one])
    return "", v.join_components(found) or None, shown


def _read_email(head: Head, value: str) -> _Read:
    address = v.email(value)
    return address, "" if address else None, _shown(head, address)


def _read_phone(head: Head, value: str) -> _Read:
    number = v.phone(value)
    said = v.text(value)
    return number, "" if number else None, _shown(head, said[4:] if said[:4].lower() == "tel:" else said)


def _read_address(head: Head, value: str) -> _Read:
    found = v.structured(value)
    key = v.join_components(found)
    return " ".join(key.split()), "" if key else None, _shown(head, v.shorten(", ".join(one for one in found if one)))


def _read_uri(head: Head, value: str) -> _Read:
    address = v.uri(value)
    return address, "" if address else None, _shown(head, v.shorten(v.text(value)))


def _shown(head: Head, said: str) -> str:
    """With its types, as people read them: "+49 30 1234 (work)"."""
    if not head.types and not head.pref:
        return said
    return _shown_with(frozenset(head.types), head.pref, said)


def _shown_with(types: frozenset[str], pref: int, said: str) -> str:
    words = [p.TYPE_WORDS.get(one, one) for one in sorted(types) if one not in ("voice", "internet")]
    words += ["preferred"] if pref else []
    return f"{said} ({', '.join(words)})" if words else said


def _read_date(head: Head, value: str) -> _Read:
    said = v.date(head, value)
    return "", said or None, v.show_date(said)


def _read_binary(head: Head, value: str) -> _Read:
    if not value.strip():
        return "", None, ""
    data = v.binary(head, value)
    if data is None:
        said = v.uri(value) if head.encoding != "B" else "".join(value.split())
        return "", said, v.shorten(said)
    if not data:
        return "", None, ""
    noun = {"PHOTO": "photo", "LOGO": "logo", "KEY": "key", "SOUND": "sound"}[head.name]
    kind = v.media_type(head, value, data)
    return (
        "",
        f"data:{v.short_digest(data)}-{len(data)}",
        f"{noun}, {v.show_size(len(data))}{f' {kind}' if kind else ''}",
    )


def _read_geo(head: Head, value: str) -> _Read:
    said = v.geo(value)
    return "", said.strip(";") or None, said


def _read_zone(head: Head, value: str) -> _Read:
    said = v.zone(value)
    return "", said or None, said


def _read_word(head: Head, value: str) -> _Read:
    said = v.text(value).lower()
    name = p.CANONICAL.get(head.name, head.name)
    return "", None if said in ("", p.DEFAULTS[name]) else said, said


_READERS: dict[str, Callable[[Head, str], _Read]] = {
    **dict.fromkeys(("FN", "NOTE", "TITLE", "ROLE"), _read_text),
    **dict.fromkeys(("ORG", "GENDER"), _read_structured),
    **dict.fromkeys(p.LINE_LISTS, _read_uri),
    **dict.fromkeys(p.DATES, _read_date),
    **dict.fromkeys(p.BINARY, _read_binary),
    **dict.fromkeys(p.DEFAULTS, _read_word),
    "N": _read_name,
    "EMAIL": _read_email,
    "TEL": _read_phone,
    "ADR": _read_address,
    "GEO": _read_geo,
    "TZ": _read_zone,
}
