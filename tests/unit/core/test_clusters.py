"""Clusters: every member fits every other, and who has two partners alike joins neither."""

from __future__ import annotations

from itertools import permutations

import pytest

from trueup.core.clusters import Clusters
from trueup.model.ports import Match

Scores = dict[tuple[int, int], float]


class Table:
    """A `MatchIndex` of scores that are written down; what is not is 0."""

    def __init__(self, scores: Scores) -> None:
        self.scores = {frozenset(pair): score for pair, score in scores.items()}

    def add(self, number: int, data: bytes, places: int = 0, settled: bool = False) -> None:
        raise NotImplementedError

    def matches(self) -> list[Match]:
        found = [self.compare(*sorted(pair)) for pair in self.scores]
        return sorted(found, key=lambda one: -one.score)

    def of(self, number: int) -> list[tuple[int, float]]:
        return [(next(iter(pair - {number})), score) for pair, score in self.scores.items() if number in pair]

    def compare(self, one: int, other: int) -> Match:
        score = self.scores.get(frozenset((one, other)), 0.0)
        return Match(one, other, score, score >= 0.9, ())

    def close(self) -> None: ...


def joined(scores: Scores, order: list[tuple[int, int]] | None = None) -> list[list[int]]:
    index = Table(scores)
    clusters = Clusters(index, 0.7)  # type: ignore[arg-type]
    for one in index.matches() if order is None else [index.compare(*pair) for pair in order]:
        if one.sure and clusters.fits(one.one, one.other) and clusters.coherent(one.one, one.other):
            clusters.join(one.one, one.other)
    return sorted(clusters.clusters())


def test_a_bridge_joins_nothing() -> None:
    assert joined({(1, 2): 0.99, (2, 3): 0.95, (1, 3): 0.1}) == [[1, 2]]
    assert joined({(1, 2): 0.99, (2, 3): 0.95, (1, 3): 0.8}) == [[1, 2, 3]]


def test_two_groups_join_where_all_are_alike() -> None:
    pairs = {(1, 2): 0.99, (3, 4): 0.98, (2, 3): 0.95}
    assert joined(pairs) == [[1, 2], [3, 4]]
    assert joined({**pairs, (1, 3): 0.8, (1, 4): 0.8, (2, 4): 0.8}) == [[1, 2, 3, 4]]


@pytest.mark.parametrize("order", list(permutations([(1, 2), (2, 3), (1, 3)])))
def test_the_order_of_the_pairs_does_not_matter(order: tuple[tuple[int, int], ...]) -> None:
    assert joined({(1, 2): 0.95, (2, 3): 0.95, (1, 3): 0.95}, list(order)) == [[1, 2, 3]]


def test_a_cluster_stands_once_in_each_place() -> None:
    clusters = Clusters(Table({}), 0.7)  # type: ignore[arg-type]
    for number, place in ((1, 0b01), (2, 0b10), (3, 0b01)):
        clusters.add(number, place)
    clusters.join(1, 2)
    assert not clusters.fits(2, 3)
    assert clusters.root(2) == clusters.root(1)


def test_what_is_settled_keeps_its_number_and_joins_nothing_settled() -> None:
    clusters = Clusters(Table({}), 0.7)  # type: ignore[arg-type]
    clusters.add(1, 0b001)
    clusters.add(5, 0b010, settled=True)
    clusters.add(6, 0b100, settled=True)
    assert not clusters.fits(5, 6)
    assert clusters.join(1, 5) == (5, 1)
    assert not clusters.fits(1, 6)


def test_who_has_two_partners_in_a_place_joins_neither() -> None:
    index = Table({(1, 2): 0.95, (1, 3): 0.94, (4, 5): 0.999, (4, 6): 0.8})
    clusters = Clusters(index, 0.7)  # type: ignore[arg-type]
    for number, place in ((1, 1), (2, 2), (3, 2), (4, 1), (5, 2), (6, 2)):
        clusters.add(number, place)
    assert clusters.rivals(index.compare(1, 2))
    assert not clusters.rivals(index.compare(4, 5))
    clusters.part(1, 3)
    assert not clusters.rivals(index.compare(1, 2))


def test_what_was_told_apart_stays_apart() -> None:
    clusters = Clusters(Table({}), 0.7)  # type: ignore[arg-type]
    clusters.part(1, 2)
    clusters.join(2, 3)
    assert not clusters.fits(1, 3)
    assert clusters.fits(1, 4)
