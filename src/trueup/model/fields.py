"""Fields: what a merge compares and carries over.

An item is a map from field keys to fields. A list (categories, exception dates, attendees, alarms) is as many fields
as it has members, so that
two people who each add one do not contradict each other. What belongs together (start, end and rule of a series) is
one field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class FieldKey(NamedTuple):
    """Names one field of an item.

    Attributes:
        part: which part of the item: "" for the main one (a series' master), else the part's identity
            (an override's RECURRENCE-ID in normal form).
        name: the property, upper case ("SUMMARY"), or a group ("WHEN"); "" stands for the presence of the part itself.
        member: which member of a list ("WORK" in CATEGORIES); "" for a single value.
    """

    part: str
    name: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field's value.

    Attributes:
        normal: what is compared; equal for equal meaning.
        native: the lines as this side wrote them (unfolded), to be carried over as they are.
        shown: the value for people.
    """

    normal: str
    native: tuple[str, ...] = ()
    shown: str = ""


FieldMap: TypeAlias = Mapping[FieldKey, Field]


@dataclass(frozen=True, slots=True)
class Edit:
    """One field's change. `before` None: it was not there; `after` None: it was removed."""

    key: FieldKey
    before: Field | None
    after: Field | None

    def same_result(self, other: Edit) -> bool:
        """Whether both leave the field with the same meaning."""
        if self.after is None or other.after is None:
            return self.after is other.after
        return self.after.normal == other.after.normal
