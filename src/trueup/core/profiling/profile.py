"""A profile of a collection: a `Column` for each field of its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trueup.core.profiling import FORMAT
from trueup.core.profiling.column import Column
from trueup.core.profiling.counting import Frequent

REASONS = 5
MOST_FIELDS = 200
"""Fields that are looked at; of a collection with more, the first ones that come."""


class Profile:
    """Takes records in, and says what they are like.

    Args:
        expects: the kind of value that a field should hold, by field (see `masks.KINDS`).
    """

    def __init__(self, expects: Mapping[str, str] | None = None) -> None:
        self._expects = expects or {}
        self._columns: dict[str, Column] = {}
        self.rows = 0
        self.unreadable = 0
        self._reasons = Frequent()
        self.left_out: set[str] = set()

    def add(self, record: Mapping[str, Sequence[str]]) -> None:
        """One record: the values of each field that it has; a field that is not named is absent."""
        self.rows += 1
        for name, values in record.items():
            column = self._columns.get(name) or self._new(name)
            if column is not None:
                column.add(values)

    def refuse(self, why: str) -> None:
        """A record that cannot be read."""
        self.unreadable += 1
        self._reasons.add({why: 1})

    def _new(self, name: str) -> Column | None:
        if len(self._columns) >= MOST_FIELDS:
            if len(self.left_out) < MOST_FIELDS:
                self.left_out.add(name)
            return None
        column = self._columns[name] = Column(self._expects.get(name, ""))
        return column

    def merge(self, other: Profile) -> None:
        """Takes up the profile of another part of the same collection."""
        self.rows += other.rows
        self.unreadable += other.unreadable
        self._reasons.merge(other._reasons)
        self.left_out |= other.left_out
        for name, theirs in other._columns.items():
            column = self._columns.get(name) or self._new(name)
            if column is not None:
                column.merge(theirs)

    def to_json(self) -> dict[str, Any]:
        """The profile as it is kept; fields in the order of the alphabet, so that equal records make an equal profile.

        Returns:
            {"format", "rows", "unreadable": records, "reasons": [[why, records]], the most frequent first, "left_out": names of fields beyond
            MOST_FIELDS, "fields": {name: see `Column.to_json`}}.
        """
        return {
            "format": FORMAT,
            "rows": self.rows,
            "unreadable": self.unreadable,
            "reasons": [list(one) for one in self._reasons.top(REASONS)],
            "left_out": sorted(self.left_out),
            "fields": {name: column.to_json(self.rows) for name, column in sorted(self._columns.items())},
        }
