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
from trueup.jobs.contacts.labelled import meant
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
            normal = slot.normal
            if normal is not None:
                result[key] = Field(
                    normal if len(normal) <= _LONG else _short(normal),
                    native_lines(card, slot.line, slot.place, groups),
                    slot.shown,
                )
            continue
        said = {slot.normal: slot for slot in slots if slot.normal is not None}
        if said:
            native = [native_lines(card, slot.line, slot.place, groups) for slot in said.values()]
            lines = (native[0][0], *dict.fromkeys(text for one in native for text in one[1:]))
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
            groups.setdefault(line.head.group, []).append(line)
    return groups


def collect(card: Card, groups: Groups) -> Slots:
    """Every field with all its holders (also those that say nothing, so that a patch replaces them)."""
    slots: Slots = {}
    unknown: dict[str, list[CardLine]] = {}
    for line in card.lines:
        head = line.head
        name = head.key
        if name in p.LABELLED and (other := meant(line, _label_of(head, groups))):
            head, name = other, other.key
        reader = _READERS.get(name)
        if reader is not None:
            member, value, shown = reader(head, line.value)
            if value is not None and (extra := f"{head.extra}{_label(head, groups)}" if groups else head.extra):
                value = f"{extra}:{value}"
            key = FieldKey("", name, member if len(member) <= _LONG_KEY else v.short_digest(member))
            if key in slots:
                slots[key].append(Slot(line, -1, value, shown))
            else:
                slots[key] = [Slot(line, -1, value, shown)]
        elif name in p.COMMA_LISTS:
            _put_values(slots, name, line)
        elif name and name not in p.IGNORED:
            unknown.setdefault(name, []).append(line)
    if unknown:
        _collect_unknown(slots, unknown, groups)
    return slots


def _collect_unknown(slots: Slots, unknown: dict[str, list[CardLine]], groups: Groups) -> None:
    """A property nobody defined is a single value if it says something once, else a list."""
    for name, lines in unknown.items():
        found = [_unknown(line, groups) for line in lines]
        single = len({slot.normal for slot in found} - {None}) < 2
        for slot in found:
            member = "" if single or slot.normal is None else v.short_digest(slot.normal)
            slots.setdefault(FieldKey("", name, member), []).append(slot)


def _unknown(line: CardLine, groups: Groups) -> Slot:
    said = v.text(line.value)
    return Slot(line, -1, _said(line.head, said, groups) if said.strip("; ") else None, v.shorten(said))


def _put_values(slots: Slots, name: str, line: CardLine) -> None:
    for index, raw in enumerate(v.items(line.value)):
        value = v.text(raw)
        slots.setdefault(FieldKey("", name, value if len(value) <= _LONG_KEY else v.short_digest(value)), []).append(
            Slot(line, index, value or None, v.shorten(value))
        )


def _said(head: Head, value: str, groups: Groups) -> str:
    """A value behind its types, its place in the order, its label and its other parameters."""
    extra = f"{head.extra}{_label(head, groups)}"
    return f"{extra}:{value}" if extra else value


def _label(head: Head, groups: Groups) -> str:
    label = _label_of(head, groups)
    return f";label={label}" if label else ""


def _label_of(head: Head, groups: Groups) -> str:
    if not head.group:
        return ""
    return next((said for one in groups.get(head.group, ()) if (said := v.apple_label(one))), "")


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
    return address, "" if address else None, address + head.suffix


def _read_phone(head: Head, value: str) -> _Read:
    number = v.phone(value)
    said = v.text(value)
    return number, "" if number else None, (said[4:] if said[:4].lower() == "tel:" else said) + head.suffix


def _read_address(head: Head, value: str) -> _Read:
    found = v.structured(value)
    key = v.join_components(found)
    return " ".join(key.split()), "" if key else None, v.shorten(", ".join([one for one in found if one])) + head.suffix


def _read_uri(head: Head, value: str) -> _Read:
    address = v.uri(value)
    return address, "" if address else None, v.shorten(v.text(value)) + head.suffix


def _read_date(head: Head, value: str) -> _Read:
    said = v.date(head, value)
    return "", said or None, v.show_date(said)


def _read_labelled_date(head: Head, value: str) -> _Read:
    said = v.date(head, value)
    return said, "" if said else None, v.show_date(said)


def _read_related(head: Head, value: str) -> _Read:
    said = v.text(value)
    return said, "" if said else None, v.shorten(said) + head.suffix


def _read_binary(head: Head, value: str) -> _Read:
    if not value.strip():
        return "", None, ""
    data = v.binary(head, value)
    if data is None:
        said = v.uri(value) if (encoded := v.encoded(head, value)) is None else encoded
        return "", said, v.shorten(said)
    if not data:
        return "", None, ""
    noun = head.name.lower()
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
    return "", None if said in ("", p.DEFAULTS[head.key]) else said, said


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
    "X-ABDATE": _read_labelled_date,
    "X-ABRELATEDNAMES": _read_related,
    "GEO": _read_geo,
    "TZ": _read_zone,
}
