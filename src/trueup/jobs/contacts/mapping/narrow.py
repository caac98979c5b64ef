"""What a table makes of a contact: what it keeps, where it puts it, and what its edits mean to a side that holds more."""

from __future__ import annotations

from collections.abc import Mapping as Given
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from trueup.core.rowkeys import href_of
from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.card import Card, read_card
from trueup.jobs.contacts.mapping.cells import plain
from trueup.jobs.contacts.mapping.reading import card_of, composed
from trueup.jobs.contacts.mapping.spec import ADDRESS_PARTS, NAME_PARTS, Mapping, pattern_parts
from trueup.jobs.contacts.mapping.writing import NewRow, row_of
from trueup.jobs.contacts.normal import fields_of
from trueup.jobs.contacts.write import display_name, modern
from trueup.model.errors import ItemRefused
from trueup.model.fields import Edit, Field, FieldKey, FieldMap

_NAMESPACE = UUID("0b9f2f0e-6f53-5f39-9d2e-3f6f1f3f9a11")
_SIZE = {"N": 5, "ORG": 2, "ADR": 7}


@dataclass(frozen=True)
class TableShape:
    """Implements `model.capabilities.Narrow` for one table.

    Attributes:
        mapping: what its columns mean.
        key: the columns that name a row; () where they are not known.
        what: what people call the table ("crm/customers").
    """

    mapping: Mapping
    key: tuple[str, ...]
    what: str

    def uid_of(self, href: str) -> str:
        """The key of a contact whose row has none: worked out from the table's name and the row's place, the same in every run."""
        return str(uuid5(_NAMESPACE, f"{self.what}\n{href}"))

    def card(self, row: Given[str, str | None], href: str) -> bytes:
        """A row as a contact."""
        return card_of(row, self.mapping, self.uid_of(href))

    def row(self, body: bytes, before: Given[str, str | None] | None) -> NewRow:
        """A contact as a row; see `writing.row_of`.

        Raises:
            ItemRefused: the body is no contact.
        """
        return row_of(read_card(body), self.mapping, before, keep=self.key)

    def kept(self, before: bytes | None, wanted: bytes) -> bytes:
        """See `Narrow.kept`.

        Raises:
            ItemRefused: it is new and has no value for a key column ("no-key").
        """
        card = read_card(wanted)
        if before is None:
            row = row_of(card, self.mapping, None)
            self._require_key(card, row)
            return self.card(row, self._href(row))
        old = read_card(before)
        held = row_of(old, self.mapping, None, blanks=True)
        row = row_of(card, self.mapping, held, keep=self.key)
        return before if row == held else card_of(row, self.mapping, v.uid(old.value("UID")), old.value("REV"))

    def place(self, body: bytes) -> str:
        """See `Narrow.place`."""
        return self._href(row_of(read_card(body), self.mapping, None))

    def widened(self, edits: Given[FieldKey, Edit], other: bytes) -> Given[FieldKey, Edit]:
        """See `Narrow.widened`: components of a name, an organisation or an address that the table has no column for, or leaves blank, are
        the other side's."""
        touched = [key for key in edits if key.name in _SIZE]
        if not touched:
            return edits
        result = {key: edit for key, edit in edits.items() if key.name not in _SIZE}
        theirs = fields_of(modern(read_card(other)))
        for key in touched:
            if key.name != "ADR":
                edit = self._filled(key, edits[key], theirs.get(key))
                if edit is not None:
                    result[key] = edit
        self._rename(result, theirs)
        return result | self._addresses({key: edits[key] for key in touched if key.name == "ADR"}, theirs)

    # --- inside

    def _href(self, row: Given[str, str | None]) -> str:
        return href_of(row, self.key)

    def _require_key(self, card: Card, row: Given[str, str | None]) -> None:
        if any((row.get(name) or "").strip() for name in self.key):
            return
        mapped = {column for column, _ in self.mapping.columns()}
        names = " and ".join(f"“{name}”" for name in self.key)
        missing = [name for name in self.key if name not in mapped]
        why = f"its key {names} has no value" if not missing else f"the mapping says nothing of its key {names}"
        title = display_name(card)
        raise ItemRefused(
            f"“{title[:80]}” cannot have a row in {self.what}"
            if title
            else f"a contact cannot have a row in {self.what}",
            code="no-key",
            why=why,
            hint="map the key: uid: COLUMN" if missing else "",
        )

    def _filled(self, key: FieldKey, edit: Edit, theirs: Field | None) -> Edit | None:
        """An edit of N or ORG with the other side's components where this one says nothing; None where nothing of it is left."""
        if theirs is None:
            return edit
        if edit.after is None:
            own = [""] * _SIZE[key.name]
        else:
            own = _components(edit.after)
        wide = _components(theirs)
        held = self._held(key.name)
        size = max(len(own), len(wide), _SIZE[key.name])
        own, wide = [*own, *[""] * size][:size], [*wide, *[""] * size][:size]
        before = [*(_components(edit.before) if edit.before is not None else []), *[""] * size][:size]
        merged = [
            mine if mine else ("" if place in held and before[place] and self._wipes(key.name, place) else other)
            for place, (mine, other) in enumerate(zip(own, wide, strict=True))
        ]
        if merged == wide:
            return None
        return Edit(key, edit.before, _field(key, merged, ""))

    def _rename(self, edits: dict[FieldKey, Edit], theirs: FieldMap) -> None:
        """A full name that is only worked out of its parts is worked out of the other side's parts as well."""
        full, parts = FieldKey("", "FN"), FieldKey("", "N")
        if "FN" in self.mapping.texts or full not in edits or parts not in edits or full not in theirs:
            return
        after, old = edits[parts].after, theirs.get(parts)
        if after is None or old is None:
            return
        was, now = (composed([*_plain(one), *[""] * 5][:5]) for one in (old, after))
        if theirs[full].normal == was:
            edits[full] = Edit(full, edits[full].before, _text_field(full, now))

    def _held(self, name: str) -> set[int]:
        if name == "N" and self.mapping.pattern:
            return {NAME_PARTS[word] for word in pattern_parts(self.mapping.pattern)[1::2]}
        return set(self.mapping.parts.get(name, {}))

    def _wipes(self, name: str, place: int) -> bool:
        cell = self.mapping.parts.get(name, {}).get(place)
        return cell is not None and bool(cell.wipes)

    def _addresses(self, edits: Given[FieldKey, Edit], theirs: FieldMap) -> dict[FieldKey, Edit]:
        """Edits of addresses as edits of those that the other side has in their place."""
        slots = self.mapping.lists.get("ADR", ())
        held = {place for slot in slots for place in slot.cells}
        if held == set(ADDRESS_PARTS.values()) or not edits:
            return dict(edits)
        wide = {key: _components(field) for key, field in theirs.items() if key.name == "ADR"}
        result: dict[FieldKey, Edit] = {}
        freed: list[tuple[FieldKey, list[str]]] = []
        for key, edit in edits.items():
            if edit.after is None and edit.before is not None:
                old = _components(edit.before)
                found = next((one for one, parts in wide.items() if _same_parts(old, parts, held)), None)
                if found is not None:
                    result[found] = Edit(found, theirs[found], None)
                    freed.append((found, wide[found]))
                else:
                    result[key] = edit
        for key, edit in edits.items():
            if edit.after is None:
                continue
            own = [*_components(edit.after), *[""] * 7][:7]
            if any(_same_parts(own, parts, held) for one, parts in wide.items() if one not in result):
                continue
            if freed:
                _, parts = freed.pop(0)
                merged = [own[place] if place in held else ([*parts, *[""] * 7])[place] for place in range(7)]
                field = _field(key, merged, edit.after.native[1].partition(":")[0].partition(";")[2])
                made = FieldKey("", "ADR", " ".join(v.join_components(_trimmed(merged)).split()))
                result[made] = Edit(made, None, field)
            else:
                result[key] = edit
        return result


def _components(field: Field) -> list[str]:
    """The components of a field as it is written, escapes of commas within them kept."""
    return v.structured(field.native[1].partition(":")[2])


def _plain(field: Field) -> list[str]:
    return [plain(one) for one in _components(field)]


def _text_field(key: FieldKey, text: str) -> Field:
    card = f"BEGIN:VCARD\r\nVERSION:4.0\r\n{key.name}:{v.escape(text)}\r\nEND:VCARD\r\n".encode()
    return fields_of(read_card(card))[key]


def _same_parts(own: Sequence[str], wide: Sequence[str], held: set[int]) -> bool:
    return all((own[place] if place < len(own) else "") == (wide[place] if place < len(wide) else "") for place in held)


def _trimmed(parts: Sequence[str]) -> list[str]:
    parts = list(parts)
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _field(key: FieldKey, parts: Sequence[str], params: str) -> Field:
    """A structured field of these components."""
    head = f"{key.name};{params}" if params else key.name
    value = ";".join(one.replace(";", "\\;").replace("\n", "\\n") for one in _trimmed(parts))
    card = f"BEGIN:VCARD\r\nVERSION:4.0\r\n{head}:{value}\r\nEND:VCARD\r\n".encode()
    found = fields_of(read_card(card))
    return next(iter(found.values()))
