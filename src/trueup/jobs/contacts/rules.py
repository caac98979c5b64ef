"""Whose value wins, and what an emptied field does: `truth` and `blanks`, by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trueup.jobs.contacts import properties as p
from trueup.jobs.contacts.card import read_card
from trueup.jobs.contacts.normal import Slots, attached, collect
from trueup.jobs.contacts.write import modern
from trueup.model.fields import Edit, FieldKey

WIPE = "wipe"


@dataclass(frozen=True)
class ContactsRules:
    """Implements `model.ports.FieldRules`.

    Attributes:
        truth: by property: the store whose value wins, or "newest"; "*" is for all others.
        blanks: by property: "keep" or "wipe"; "*" is for all others.
    """

    truth: Mapping[str, str]
    blanks: Mapping[str, str]

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> ContactsRules:
        """The rules of a job's `truth:` and `blanks:`; a group's word stands for each of its properties."""
        return cls(by_property(options.get("truth")), by_property(options.get("blanks")))

    def prefers(self, key: FieldKey) -> str:
        """See `FieldRules.prefers`."""
        return self.truth.get(key.name) or self.truth.get("*", "")

    def admitted(self, edits: Mapping[FieldKey, Edit], now: bytes) -> Mapping[FieldKey, Edit]:
        """See `FieldRules.admitted`: without what was emptied or lost instead of removed, unless blanks wipe.

        What is still there without a value was emptied: a list's member where an empty line of its property has its types, or none. A vendor's
        property that no program shows was lost by one that rewrote the card and does not know it: nobody could have removed it.
        """
        removed = [key for key, edit in edits.items() if edit.after is None and self._keeps(key.name)]
        if not removed:
            return edits
        card = modern(read_card(now))
        slots = collect(card, attached(card))
        there = {key.name for key in slots}
        replaced = _replaced(removed, edits)
        blank = {
            key
            for key in removed
            if _lost(key.name, there) or (key not in replaced and _emptied(key, edits[key], slots))
        }
        return {key: edit for key, edit in edits.items() if key not in blank}

    def _keeps(self, name: str) -> bool:
        return (self.blanks.get(name) or self.blanks.get("*", "")) != WIPE


def _lost(name: str, there: set[str]) -> bool:
    """Whether a vendor's property is gone altogether that no person could have taken out."""
    return name.startswith("X-") and name not in p.SEEN and name not in there


def _replaced(removed: Sequence[FieldKey], edits: Mapping[FieldKey, Edit]) -> set[FieldKey]:
    """Members of lists in whose place others stand: as many as were added beside them, those of the same types first."""
    found: set[FieldKey] = set()
    for name in {key.name for key in removed if key.member}:
        added = [edit.after for key, edit in edits.items() if key.name == name and edit.before is None and edit.after]
        gone = [key for key in removed if key.name == name]
        for alike in (True, False):
            for new in list(added):
                types = new.normal.rpartition(":")[0]
                old = next((one for one in gone if not alike or _types(edits[one]) == types), None)
                if old is not None:
                    found.add(old)
                    gone.remove(old)
                    added.remove(new)
    return found


def _types(edit: Edit) -> str:
    return "" if edit.before is None else edit.before.normal.rpartition(":")[0]


def _emptied(key: FieldKey, edit: Edit, slots: Slots) -> bool:
    """Whether a property that a side had is still written there, without a value."""
    empty = [slot for slot in slots.get(key, ()) if slot.normal is None]
    if not key.member:
        return bool(empty)
    said = "" if edit.before is None else edit.before.normal.rpartition(":")[0]
    empty += [slot for slot in slots.get(FieldKey(key.part, key.name), ()) if slot.normal is None]
    return any(slot.line.head.extra in ("", said) for slot in empty)


def by_property(given: object) -> dict[str, str]:
    """By property, what is given by property or by people's words; a property's own name beats its group's."""
    said = {str(key): str(value) for key, value in given.items()} if isinstance(given, Mapping) else {}
    groups = {name: value for word, value in said.items() for name in p.GROUPS.get(word, ())}
    return {**groups, **{name: value for name, value in said.items() if name not in p.GROUPS}}
