"""From a vCard to a row: only what changed is written, and a cell that says the same keeps its text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.card import Card, CardLine
from trueup.jobs.contacts.mapping import cells as c
from trueup.jobs.contacts.mapping import types as t
from trueup.jobs.contacts.mapping.reading import full_name, name_parts, taken_apart
from trueup.jobs.contacts.mapping.spec import COMMA_LISTS, NAME_PARTS, Cell, Mapping, Slot, pattern_parts
from trueup.jobs.contacts.write import modern

_SIZE = {"N": 5, "ORG": 2, "ADR": 7}
NewRow = dict[str, str | None]


def row_of(
    card: Card, mapping: Mapping, before: c.Row | None, *, keep: Sequence[str] = (), blanks: bool = False
) -> NewRow:
    """The row that shows of a card what the table can hold.

    Args:
        card: what is wanted.
        mapping: what columns mean.
        before: the row as it is; None: it is new, and has only columns with a value.
        keep: columns that stay as they are: those of its key.
        blanks: the card is made of a row by the same mapping: its empty lines stand for blank cells.
    """
    row: NewRow = dict(before or {})
    writer = _Writer(modern(card), mapping, row, blanks=blanks)
    if before is None and mapping.uid and (uid := v.uid(card.value("UID"))):
        row[mapping.uid] = uid
    writer.texts()
    writer.organisation()
    for slots in mapping.lists.values():
        writer.lists(slots)
    writer.names()
    if before is not None:
        row.update({name: before[name] for name in keep if name in before})
    return row


class _Writer:
    """One row under way."""

    def __init__(self, card: Card, mapping: Mapping, row: NewRow, *, blanks: bool) -> None:
        self._card, self._mapping, self._row, self._blanks = card, mapping, row, blanks

    def names(self) -> None:
        """FN and the parts of N."""
        mapping, row = self._mapping, self._row
        full = v.text(self._card.value("FN"))
        parts = self._structured("N")
        for place, cell in mapping.parts.get("N", {}).items():
            self._put(cell, parts[place])
        whole = mapping.texts.get("FN")
        if whole is None:
            return
        if mapping.pattern and any(parts):
            if (name_parts(row, mapping) or []) != parts:
                self._put_name(whole, parts)
        elif mapping.pattern:
            if taken_apart(full, mapping.pattern) is None and full != v.text(v.escape(c.raw(row, whole))):
                self._put(whole, full)
        elif full != v.text(v.escape(full_name(row, mapping, name_parts(row, mapping)))) or not row:
            # A name that is only worked out from other columns is not written down.
            self._put(whole, full)

    def _put_name(self, cell: Cell, parts: Sequence[str]) -> None:
        pieces = pattern_parts(self._mapping.pattern)
        words = {word: parts[NAME_PARTS[word]] for word in pieces[1::2]}
        # Without one of the parts that the pattern names, or with another one, the cell would say something else.
        if all(words.values()) and sum(map(bool, parts)) == len(words):
            self._set(cell.columns[0], "".join(words.get(one, one) if at % 2 else one for at, one in enumerate(pieces)))

    def texts(self) -> None:
        """Properties with one value, and comma lists."""
        for name, cell in self._mapping.texts.items():
            if name in COMMA_LISTS:
                self._list(name, cell)
            elif name != "FN":
                line = next((one for one in self._card.lines if one.head.key == name and one.value.strip()), None)
                self._put_line(name, cell, line)

    def organisation(self) -> None:
        """The parts of ORG."""
        parts = self._structured("ORG")
        for place, cell in self._mapping.parts.get("ORG", {}).items():
            self._put(cell, parts[place])

    def lists(self, slots: Sequence[Slot]) -> None:
        """E-mails, numbers, addresses: each in the column of its type."""
        name = slots[0].name
        empty = "; ,\t" if name == "ADR" else None
        own_lines = [one for one in self._card.lines if one.head.key == name]
        lines = [one for one in own_lines if self._blanks or one.value.strip(empty)]
        lines.sort(key=lambda one: one.head.pref or 101)
        for slot, own in zip(slots, assigned(slots, lines, self._row, blanks=self._blanks), strict=True):
            if -1 in slot.cells:
                self._put_lines(slot, own)
            else:
                self._put_parts(slot, own[0] if own else None)
            if slot.type_column and own and t.words_of(self._row.get(slot.type_column) or "") != t.of(own[0].head):
                self._set(slot.type_column, t.shown(t.of(own[0].head)))

    # --- inside

    def _structured(self, name: str) -> list[str]:
        found = [c.plain(one) for one in v.structured(self._card.value(name))]
        return [*found, *[""] * _SIZE[name]][: max(_SIZE[name], len(found))]

    def _put(self, cell: Cell, text: str) -> None:
        """A plain text into a cell."""
        now = c.raw(self._row, cell)
        if v.text(v.escape(now)) == text:
            return
        if len(cell.columns) == 1:
            self._set(cell.columns[0], text)
            return
        pieces = [one for one in text.split(cell.separator) if one] if text else []
        if len(pieces) <= len(cell.columns) and cell.separator.join(pieces) == text:
            for place, column in enumerate(cell.columns):
                self._set(column, pieces[place] if place < len(pieces) else "")

    def _put_line(self, name: str, cell: Cell, line: CardLine | None) -> None:
        now = c.raw(self._row, cell)
        if line is None:
            if now:
                self._put(cell, "")
        elif not now or not c.same(name, now, line, cell):
            text = c.to_text(name, line, cell)
            if text is not None:
                self._put(cell, text)

    def _put_lines(self, slot: Slot, lines: Sequence[CardLine]) -> None:
        cell = slot.cells[-1]
        if not cell.separator or len(cell.columns) > 1:
            self._put_line(slot.name, cell, lines[0] if lines and lines[0].value.strip() else None)
            return
        held = c.split(c.raw(self._row, cell), cell.separator)
        wanted = {c.normal(slot.name, one): c.to_text(slot.name, one, cell) or "" for one in lines if one.value.strip()}
        self._put_several(cell, held, wanted, lambda text: c.normal(slot.name, c.BLANK_LINE(v.escape(text))))

    def _list(self, name: str, cell: Cell) -> None:
        lines = [one for one in self._card.lines if one.head.key == name]
        constant = self._mapping.constants.get(name, "")
        wanted = {
            text: text for one in lines for raw in v.items(one.value) if (text := v.text(raw)) and text != constant
        }
        held = [one for one in c.split(c.raw(self._row, cell), cell.separator) if one != constant]
        self._put_several(cell, held, wanted, lambda text: v.text(v.escape(text)))

    def _put_several(
        self, cell: Cell, held: Sequence[str], wanted: dict[str, str], normal: Callable[[str], str]
    ) -> None:
        """What is there and stays keeps its place and its text; what is new comes behind it."""
        kept = {normal(one): one for one in held}
        if kept.keys() == wanted.keys():
            return
        texts = [one for key, one in kept.items() if key in wanted]
        texts += [one for key, one in wanted.items() if key not in kept]
        self._set(cell.columns[0], c.joined(texts, cell.separator))

    def _put_parts(self, slot: Slot, line: CardLine | None) -> None:
        found = [] if line is None else v.structured(line.value)
        parts = [*[c.plain(one) for one in found], *[""] * _SIZE[slot.name]]
        for place, cell in slot.cells.items():
            self._put(cell, parts[place])

    def _set(self, column: str, text: str) -> None:
        if text:
            self._row[column] = text
        elif (self._row.get(column) or "").strip():
            self._row[column] = None


def assigned(
    slots: Sequence[Slot], lines: Sequence[CardLine], row: c.Row, *, blanks: bool = False
) -> list[list[CardLine]]:
    """Which lines stand in which slot.

    What is there already and fits stays; then what has just a column's types goes there; then what has them among others; what is left goes to
    columns that say no type; at last, what is there and fits nowhere any more stays where it is. What finds no place is not held.
    """
    taken: list[list[CardLine]] = [[] for _ in slots]
    left = list(lines)
    current = [_current(slot, row) for slot in slots]
    types = [slot.types if not slot.type_column else None for slot in slots]

    def room(at: int) -> bool:
        cell = slots[at].cells.get(-1)
        return not taken[at] or (cell is not None and bool(cell.separator) and len(cell.columns) == 1)

    def give(fits: Callable[[int, frozenset[str], CardLine], bool]) -> None:
        for line in list(left):
            said = t.of(line.head)
            at = next((one for one in range(len(slots)) if room(one) and fits(one, said, line)), None)
            if at is not None:
                taken[at].append(line)
                left.remove(line)

    def here(at: int, line: CardLine) -> bool:
        return _key(line) in current[at]

    give(lambda at, said, line: here(at, line) and (types[at] is None or t.fits(said, types[at] or frozenset())))
    give(lambda at, said, line: bool(types[at]) and said == types[at])
    if blanks:
        give(lambda at, said, line: types[at] == said)
    give(lambda at, said, line: bool(types[at]) and t.fits(said, types[at] or frozenset()))
    give(lambda at, said, line: not types[at] and (t.free(said) or slots[at].type_column != ""))
    give(lambda at, said, line: here(at, line))
    return taken


def _current(slot: Slot, row: c.Row) -> set[str]:
    """What a slot holds now, as it is compared."""
    if -1 not in slot.cells:
        parts = [c.raw(row, slot.cells[place]) if place in slot.cells else "" for place in range(_SIZE[slot.name])]
        return {_key_of(slot.name, ";".join(map(v.escape, parts)))} if any(parts) else set()
    cell = slot.cells[-1]
    text = c.raw(row, cell)
    texts = c.split(text, cell.separator) if cell.separator and len(cell.columns) == 1 else [text] if text else []
    return {_key_of(slot.name, c.to_value(slot.name, one, cell)[0]) for one in texts}


def _key(line: CardLine) -> str:
    return _key_of(line.head.key, line.value) if line.head.key == "ADR" else c.normal(line.head.key, line)


def _key_of(name: str, value: str) -> str:
    if name == "ADR":
        return " ".join(v.join_components(v.structured(value)).split())
    return c.normal(name, c.BLANK_LINE(value))
