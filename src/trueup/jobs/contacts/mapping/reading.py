"""From a row to a vCard 4.0: the same row gives the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from trueup.core.contentlines import fold
from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.mapping import cells as c
from trueup.jobs.contacts.mapping import types as t
from trueup.jobs.contacts.mapping.spec import COMMA_LISTS, NAME_PARTS, Mapping, Slot, pattern_parts
from trueup.jobs.contacts.storing import OF_A_TABLE

_SIZE = {"N": 5, "ORG": 1, "ADR": 7}
_MAKER = OF_A_TABLE.decode()


def card_of(row: c.Row, mapping: Mapping, uid: str, rev: str = "") -> bytes:
    """A row as a card.

    Args:
        row: its values.
        mapping: what they mean.
        uid: the key it gets where the mapping has no column for one, or that is blank.
        rev: when it was last changed, where no column says so.
    """
    lines = ["BEGIN:VCARD", "VERSION:4.0", _MAKER, f"UID:{v.escape((row.get(mapping.uid) or '').strip() or uid)}"]
    names = name_parts(row, mapping)
    lines.append(f"FN:{v.escape(full_name(row, mapping, names))}")
    if names is not None:
        lines.append(f"N:{';'.join(map(_component, names))}")
    lines += _others(row, mapping)
    stamp = _stamp(row.get(mapping.updated) or "") if mapping.updated else ""
    if stamp or rev:
        lines.append(f"REV:{stamp or rev}")
    lines.append("END:VCARD\r\n")
    text = "\r\n".join(lines)
    if len(max(lines, key=len)) > 70 or not text.isascii():
        return b"".join(fold(one.encode(), b"\r\n") for one in lines[:-1]) + b"END:VCARD\r\n"
    return text.encode()


def name_parts(row: c.Row, mapping: Mapping) -> list[str] | None:
    """Family, given, middle, prefix, suffix; None where the table has no parts, or a name that its pattern does not fit."""
    parts = [""] * 5
    if mapping.pattern:
        found = taken_apart(c.raw(row, mapping.texts["FN"]), mapping.pattern)
        if found is None:
            return None
        for word, value in found.items():
            parts[NAME_PARTS[word]] = value
        return parts
    held = mapping.parts.get("N")
    if held is None:
        return None
    for place, cell in held.items():
        parts[place] = c.raw(row, cell)
    return parts


def full_name(row: c.Row, mapping: Mapping, names: list[str] | None) -> str:
    """What people call the contact: its full name, else its parts, its organisation, its nickname, its first address or number."""
    cell = mapping.texts.get("FN")
    full = c.raw(row, cell) if cell is not None else ""
    if full and (not mapping.pattern or names is None):
        return full
    if names is not None:
        name = composed(names)
        if name:
            return name
    organisation = mapping.parts.get("ORG", {}).get(0)
    others = [organisation, mapping.texts.get("NICKNAME")]
    others += [slot.cells[-1] for name in ("EMAIL", "TEL") for slot in mapping.lists.get(name, ()) if -1 in slot.cells]
    return next((said for one in others if one is not None and (said := c.raw(row, one))), "")


def composed(names: Sequence[str]) -> str:
    """A full name of its parts: family, given, middle, prefix, suffix."""
    family, given, middle, prefix, suffix = names
    return " ".join(one for one in (prefix, given, middle, family, suffix) if one)


def _others(row: c.Row, mapping: Mapping) -> Iterator[str]:
    organisation = mapping.parts.get("ORG")
    if organisation is not None:
        said = [c.raw(row, organisation[place]) if place in organisation else "" for place in range(2)]
        if any(said) or not all(c.silent(row, cell) for cell in organisation.values()):
            yield f"ORG:{';'.join(map(_component, said if said[1] else said[:1]))}"
    for name in mapping.texts:
        if name != "FN":
            yield from _text(name, row, mapping)
    for slots in mapping.lists.values():
        for slot in slots:
            yield from _slot(row, slot)
    for name, value in mapping.constants.items():
        if name not in mapping.texts or name not in COMMA_LISTS:
            yield f"{name}:{v.escape(value)}"


def _text(name: str, row: c.Row, mapping: Mapping) -> Iterator[str]:
    cell = mapping.texts[name]
    text = c.raw(row, cell)
    if name in COMMA_LISTS:
        listed = c.split(text, cell.separator) if text else []
        listed += [one for one in [mapping.constants.get(name, "")] if one and one not in listed]
        if listed or not c.silent(row, cell):
            yield f"{name}:{','.join(map(v.escape, dict.fromkeys(listed)))}"
    elif text:
        value, params = c.to_value(name, text, cell)
        yield f"{name}{params}:{value}"
    elif not c.silent(row, cell):
        yield f"{name}:"


def _slot(row: c.Row, slot: Slot) -> Iterator[str]:
    types = slot.types
    if slot.type_column:
        types = t.words_of(row.get(slot.type_column) or "")
    head = slot.name + (f";TYPE={','.join(sorted(types))}" if types else "")
    if -1 not in slot.cells:
        parts = [c.raw(row, slot.cells[place]) if place in slot.cells else "" for place in range(_SIZE[slot.name])]
        if any(parts) or not all(c.silent(row, cell) for cell in slot.cells.values()):
            yield f"{head}:{';'.join(map(_component, parts))}"
        return
    cell = slot.cells[-1]
    text = c.raw(row, cell)
    texts = c.split(text, cell.separator) if cell.separator and len(cell.columns) == 1 else [text] if text else []
    for one in texts:
        yield f"{head}:{c.to_value(slot.name, one, cell)[0]}"
    if not texts and not c.silent(row, cell):
        yield f"{head}:"


def _component(value: str) -> str:
    return v.escape(value)


def taken_apart(text: str, pattern: str) -> dict[str, str] | None:
    """The parts of a name by its pattern; None where it does not fit."""
    pieces = pattern_parts(pattern)
    found = re.fullmatch(
        "".join(f"(?P<{one}>.+?)" if place % 2 else re.escape(one) for place, one in enumerate(pieces)), text, re.DOTALL
    )
    return None if found is None else {key: value.strip() for key, value in found.groupdict().items()}


def _stamp(text: str) -> str:
    """A moment as REV has it; "" where it is none."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return ""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
