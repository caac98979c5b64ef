"""Edits made in a card, in place: the lines an edit is about are replaced, every other line keeps its bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trueup.jobs.contacts import properties as p
from trueup.jobs.contacts import values as v
from trueup.jobs.contacts.card import Card, CardLine, read_card
from trueup.jobs.contacts.head import head_of
from trueup.jobs.contacts.labelled import kept_form, plainly
from trueup.jobs.contacts.normal import Slot, attached, collect
from trueup.jobs.contacts.rewrite import revised, set_uid, uid_of
from trueup.jobs.contacts.write import apart, line_of, modern, plain_head, written_for
from trueup.model.fields import Edit, FieldKey


def patch(data: bytes, edits: Mapping[FieldKey, Edit], *, donor: bytes | None = None) -> bytes:
    """`data` with exactly these edits made; a card of version 2.1 becomes one of 3.0.

    Args:
        data: the body to change.
        edits: by field; the native lines of `Edit.after` are what is written, in the form of the card's own version. A card without a UID
            gets the one that it was known by.
        donor: the body the edits came from; REV is taken from there where it is later.

    Raises:
        ItemRefused: `data` or `donor` is no contact.
    """
    if not edits:
        return data
    card = modern(read_card(data))
    if not card.value("UID"):
        set_uid(card, uid_of(card))  # who it is may be what is edited: from now on it keeps its key
    _Patch(card).run(edits)
    if donor is not None:
        revised(card, read_card(donor))
    return card.to_bytes()


class _Patch:
    """One patch under way: changes are gathered first and made at once."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._groups = attached(card)
        self._slots = collect(card, self._groups)
        self._members: dict[str, list[CardLine]] = {}
        for line in card.lines:
            if line.head.group:
                self._members.setdefault(line.head.group, []).append(line)
        self._taken = set(self._members)
        self._instead: dict[int, list[CardLine]] = {}
        self._values: dict[int, list[str | None]] = {}
        self._lines: dict[int, CardLine] = {}
        self._added: list[list[CardLine]] = []  # a field's new lines stay together

    def run(self, edits: Mapping[FieldKey, Edit]) -> None:
        for key, edit in edits.items():
            places = self._slots.get(key, [])
            texts = [] if edit.after is None else written_for(edit.after.native, self._card.version)
            if key.name in p.COMMA_LISTS:
                self._change_values(places, texts)
            else:
                self._change_lines(places, texts)
        for number, values in self._values.items():
            self._instead[number] = self._written(self._lines[number], values)
        self._finish()

    def _change_lines(self, places: Sequence[Slot], texts: Sequence[str]) -> None:
        for slot in places:
            self._instead[id(slot.line)] = []
        gone = {id(slot.line) for slot in places}
        groups = dict.fromkeys(slot.line.head.group for slot in places if slot.line.head.group)
        dropped = [group for group in groups if self._alone(group, gone)]
        for group in dropped:
            for line in self._groups.get(group, ()):
                self._instead[id(line)] = []
        new = self._made(self._in_form(places, texts), dropped, [slot.line for slot in places])
        if places:
            self._instead[id(places[0].line)] = new
        elif new:
            self._added.append(new)

    def _in_form(self, places: Sequence[Slot], texts: Sequence[str]) -> Sequence[str]:
        """An anniversary goes by another name in every program, which shows no other: the card's own is kept."""
        if self._card.version != "3.0" or len(places) != 1 or not texts:
            return texts
        (old,) = (slot.line for slot in places)
        lines = plainly(line_of(text) for text in texts)
        if len(lines) != 1 or lines[0].head.key != "ANNIVERSARY":
            return texts
        return kept_form(old, self._groups.get(old.head.group, ()), lines[0]) or texts

    def _alone(self, group: str, gone: set[int]) -> bool:
        """Whether nothing but these lines, and what is attached to them, is in the group."""
        return all(id(line) in gone or line.head.name in p.ATTACHED for line in self._members[group])

    def _made(self, texts: Sequence[str], free: Sequence[str], old: Sequence[CardLine]) -> list[CardLine]:
        """New lines; each group of them gets a name that nothing else in the card has. A line that reads the same keeps its bytes."""
        names: dict[str, str] = {}
        same = {line.text: line for line in (*old, *(one for group in free for one in self._groups.get(group, ())))}
        kept = list(free)
        made = []
        for text in texts:
            group = head_of(apart(text)[0]).group
            if group:
                if group not in names:
                    names[group] = kept.pop(0) if kept else self._free(group)
                text = f"{names[group]}{text[len(group) :]}"
            made.append(same.pop(text) if text in same else self._card.make(text))
        return made

    def _free(self, wanted: str) -> str:
        """A name for a group that nothing in the card has."""
        name, number = wanted, 1
        while name in self._taken:
            name, number = f"item{number}", number + 1
        self._taken.add(name)
        return name

    def _change_values(self, places: Sequence[Slot], texts: Sequence[str]) -> None:
        for slot in places:
            values = self._of(slot.line)
            values[slot.place] = None
        for text in texts:
            line = self._card.make(text)
            same = next((one for one in self._card.lines if _alike(one, line)), None)
            if same is None and (same := next((one for (one, *_) in self._added if _alike(one, line)), None)) is None:
                self._added.append([line])
            else:
                self._of(same).append(line.value)

    def _of(self, line: CardLine) -> list[str | None]:
        self._lines[id(line)] = line
        return self._values.setdefault(id(line), list(v.items(line.value)))

    def _written(self, line: CardLine, values: Sequence[str | None]) -> list[CardLine]:
        kept = [value for value in values if value is not None and value.strip()]
        return [self._card.make(f"{plain_head(line, self._card.version)}:{','.join(kept)}")] if kept else []

    def _finish(self) -> None:
        behind: dict[int, list[CardLine]] = {}
        for added in self._added:
            behind.setdefault(id(self._anchor(added[0])), []).extend(added)
        lines: list[CardLine] = []
        for line in self._card.lines:
            lines += self._instead.get(id(line), [line])
            for new in behind.get(id(line), ()):
                lines += self._instead.get(id(new), [new])
        self._card.lines = lines

    def _anchor(self, new: CardLine) -> CardLine:
        """Behind what a new line goes: the last of its name with what is attached to it, else the last before the end."""
        lines = self._card.lines
        found: CardLine | None = None
        for line in lines:
            if (line.head.name == new.head.name and line.head.name not in p.ATTACHED) or (
                found is not None
                and line.head.group
                and line.head.group == found.head.group
                and line.head.name in p.ATTACHED
            ):
                found = line
        if found is not None:
            return found
        named = [line for line in lines if line.head.name and line.head.name != "END"]
        return named[-1]


def _alike(one: CardLine, other: CardLine) -> bool:
    return (
        one.head.name == other.head.name and one.head.params == other.head.params and one.head.types == other.head.types
    )
