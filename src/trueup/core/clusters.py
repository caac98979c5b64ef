"""Clusters of items that are one: each member fits all others, and none came in by a chain of likenesses alone."""

from __future__ import annotations

from trueup.model.ports import Match, MatchIndex

NEAR = 10.0
"""A partner whose odds are within this factor of another's in the same place is its rival: either may be the right one."""


class Clusters:
    """Items by number, joined one pair after the other.

    Args:
        index: compares them.
        review: the score below which two items are taken to be different.
    """

    def __init__(self, index: MatchIndex, review: float) -> None:
        self._index, self._review = index, review
        self._places: dict[int, int] = {}
        self._settled: set[int] = set()
        self._root: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}
        self._parted: set[tuple[int, int]] = set()

    def add(self, number: int, places: int = 0, settled: bool = False) -> None:
        """Says more about an item; one of which nothing is said stands nowhere.

        Args:
            number: its number.
            places: bits that tell where it stands: a cluster stands once in each place.
            settled: it is what the others join; a cluster has one of these at most.
        """
        if places:
            self._places[number] = places
        if settled:
            self._settled.add(number)

    def root(self, number: int) -> int:
        """The number that stands for its cluster."""
        return self._root.get(number, number)

    def members(self, number: int) -> list[int]:
        """Its cluster."""
        return self._members.get(self.root(number), [number])

    def clusters(self) -> list[list[int]]:
        """All clusters of more than one, each in order."""
        return [sorted(one) for one in self._members.values()]

    def part(self, one: int, other: int) -> None:
        """A person said that these two are different."""
        self._parted |= {(one, other), (other, one)}

    def fits(self, one: int, other: int) -> bool:
        """Whether their clusters can become one: nowhere twice, and nobody said that two of them are different."""
        a, b = self.root(one), self.root(other)
        if a == b or self._places.get(a, 0) & self._places.get(b, 0):
            return False
        if a in self._settled and b in self._settled:
            return False
        return not self._parted or all((x, y) not in self._parted for x in self.members(a) for y in self.members(b))

    def coherent(self, one: int, other: int) -> bool:
        """Whether every member of the one cluster is like every member of the other."""
        return all(
            (x, y) == (one, other) or self._index.compare(x, y).score >= self._review
            for x in self.members(one)
            for y in self.members(other)
        )

    def rivals(self, match: Match) -> bool:
        """Whether one of the two has another partner, in the place of the first, that is about as probable."""
        return self._rival(match.one, match.other, match.score) or self._rival(match.other, match.one, match.score)

    def _rival(self, one: int, other: int, score: float) -> bool:
        place = self._places.get(other, 0)
        return any(
            partner != other
            and self.root(partner) != self.root(other)
            and self._places.get(partner, 0) & place
            and (one, partner) not in self._parted
            and _odds(score) < _odds(rival) * NEAR
            for partner, rival in self._index.of(one)
        )

    def join(self, one: int, other: int) -> tuple[int, int]:
        """Makes their clusters one; returns the number that stands for it, and the one that did for the other."""
        a, b = self.root(one), self.root(other)
        keep, drop = (b, a) if b in self._settled or (a not in self._settled and b < a) else (a, b)
        together = [*self.members(keep), *self.members(drop)]
        for number in together:
            self._root[number] = keep
        self._members.pop(drop, None)
        self._members[keep] = together
        if drop in self._places:
            self._places[keep] = self._places.get(keep, 0) | self._places[drop]
        if drop in self._settled:
            self._settled.add(keep)
        return keep, drop


def _odds(score: float) -> float:
    return score / max(1e-12, 1.0 - score)
