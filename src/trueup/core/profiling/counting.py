"""The most frequent of many, in bounded memory: exact as long as there are few different ones, and never an order that the rest could upset
unsaid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

ROOM = 4_000
"""Different ones that are counted at once; the rarer half goes when there are more."""


class Frequent:
    """Counts by name; see the module's text.

    Attributes:
        missed: no name that is not counted any more came more often than this; 0: all counts are exact.
    """

    __slots__ = ("_counts", "missed")

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.missed = 0

    def add(self, counts: Mapping[str, int]) -> None:
        """Adds counts by name."""
        self._counts.update(counts)
        if len(self._counts) > ROOM:
            self._cut()

    def merge(self, other: Frequent) -> None:
        """Takes up the counts of another part."""
        self.missed += other.missed
        self.add(other._counts)

    def _cut(self) -> None:
        """Keeps those that came more often than so many did; no order is needed for that, and who came equally often goes together."""
        often = Counter(self._counts.values())
        kept = limit = 0
        for limit in sorted(often, reverse=True):
            kept += often[limit]
            if kept > ROOM // 2:
                break
        self.missed += limit
        self._counts = Counter({name: count for name, count in self._counts.items() if count > limit})

    def top(self, number: int) -> list[tuple[str, int]]:
        """The most frequent, with how often each came at least; those that one left out may have outnumbered are not in it."""
        sure = [one for one in self._counts.items() if one[1] > self.missed]
        return sorted(sure, key=lambda one: (-one[1], one[0]))[:number]

    def __len__(self) -> int:
        return len(self._counts)
