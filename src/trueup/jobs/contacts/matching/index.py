"""Features and blocks of any number of cards in a temporary file, and the pairs that may be one person, in bounded memory."""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, groupby
from typing import NamedTuple

from trueup.jobs.contacts.matching.features import Features, features_of
from trueup.jobs.contacts.matching.keys import keys
from trueup.jobs.contacts.matching.score import FREE, Judgement, judge
from trueup.model.ports import Match

LARGEST = 60
"""How many cards of a block are compared with each other; a larger one is parted by the second key, and what is larger still is left out."""
CACHED = 50_000
_PAGE = 2000
_SCHEMA = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE; PRAGMA cache_size = -32768;
CREATE TABLE card (id INTEGER PRIMARY KEY, places INTEGER, settled INTEGER, data BLOB);
CREATE TABLE block (key INTEGER, second INTEGER, card INTEGER);
CREATE TABLE pair (one INTEGER, other INTEGER, score REAL, sure INTEGER)
"""


class _Card(NamedTuple):
    features: Features
    places: int
    settled: bool
    keys: dict[int, int]  # each with its second key


class CardIndex:
    """Implements `model.ports.MatchIndex`.

    Args:
        region: of phone numbers; see `phones.number`.
        link, review: the two thresholds.
    """

    def __init__(self, region: str, link: float, review: float) -> None:
        self._region, self._link, self._review = region, link, review
        self._db = sqlite3.connect("", isolation_level=None)  # a temporary file that goes with the connection
        self._db.executescript(_SCHEMA)
        self._cards: list[tuple[int, int, int, bytes]] = []
        self._blocks: list[tuple[int, int, int]] = []
        self._common: dict[int, int] = {}
        self._crowded: set[tuple[int, int]] = set()
        self._paired = False
        self._load = lru_cache(CACHED)(self._read)

    def __enter__(self) -> CardIndex:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the file back."""
        self._db.close()

    def add(self, number: int, data: bytes, places: int = 0, settled: bool = False) -> None:
        """See `MatchIndex.add`."""
        self.add_features(number, features_of(data, self._region), places, settled)

    def add_features(self, number: int, features: Features | None, places: int = 0, settled: bool = False) -> None:
        """Adds a card by its features; None stands for no one, and is like nobody."""
        if features is None:
            return
        found = {hash(key): hash(second) for key, second in keys(features)}
        self._cards.append((number, places, int(settled), marshal.dumps((tuple(features), found))))
        self._blocks += [(key, second, number) for key, second in found.items()]
        if len(self._cards) >= _PAGE:
            self._flush()

    def _flush(self) -> None:
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO card VALUES (?, ?, ?, ?)", self._cards)
        self._db.executemany("INSERT INTO block VALUES (?, ?, ?)", self._blocks)
        self._db.execute("COMMIT")
        self._cards, self._blocks = [], []

    def matches(self) -> Iterator[Match]:
        """See `MatchIndex.matches`."""
        self._pair()
        for one, other, _, _ in self._db.execute(
            "SELECT one, other, score, sure FROM pair ORDER BY score DESC, one, other"
        ):
            yield self.compare(one, other)

    def of(self, number: int) -> list[tuple[int, float]]:
        """See `MatchIndex.of`."""
        self._pair()
        found = self._db.execute(
            "SELECT other, score FROM pair WHERE one = ? UNION ALL SELECT one, score FROM pair WHERE other = ?",
            (number, number),
        )
        return list(found)

    def compare(self, one: int, other: int) -> Match:
        """See `MatchIndex.compare`."""
        if self._cards:
            self._flush()
        found = self._judged(self._load(one), self._load(other))
        return Match(one, other, found.score, found.identified and found.score >= self._link, found.reasons)

    def places(self, number: int) -> int:
        """Where the item stands, as it was added."""
        return self._load(number).places

    def _pair(self) -> None:
        """Compares what shares a block, once."""
        if self._paired:
            return
        self._flush()
        self._db.execute("CREATE INDEX block_key ON block (key, second, card)")
        self._common = dict(self._db.execute(f"SELECT key, count(*) FROM block GROUP BY key HAVING count(*) > {FREE}"))
        # What many have is little to remember: the numbers of switchboards, the birthdays of a million people.
        self._crowded = set(
            self._db.execute(f"SELECT key, second FROM block GROUP BY key, second HAVING count(*) > {LARGEST}")
        )
        page: list[tuple[int, int, float, int]] = []
        self._db.execute("BEGIN")
        for one, other, found in self._compared():
            page.append((one, other, found.score, int(found.identified and found.score >= self._link)))
            if len(page) >= _PAGE:
                self._db.executemany("INSERT INTO pair VALUES (?, ?, ?, ?)", page)
                page = []
        self._db.executemany("INSERT INTO pair VALUES (?, ?, ?, ?)", page)
        self._db.execute("COMMIT")
        self._db.execute("DROP TABLE block")
        self._db.execute("CREATE INDEX pair_one ON pair (one)")
        self._db.execute("CREATE INDEX pair_other ON pair (other)")
        self._paired = True

    def _compared(self) -> Iterator[tuple[int, int, Judgement]]:
        for key, members in self._groups():
            cards = [(number, self._load(number)) for number in members]
            if all(card.settled for _, card in cards):
                continue
            for (one, a), (other, b) in combinations(cards, 2):
                if a.places & b.places or (a.settled and b.settled) or self._meeting(a, b) != key:
                    continue
                found = self._judged(a, b, self._review)
                if found.score >= self._review:
                    yield min(one, other), max(one, other), found  # in the same order in every process

    def _meeting(self, a: _Card, b: _Card) -> int:
        """Of the blocks that bring two cards together, the one in which they are compared."""
        return min(
            key
            for key in a.keys.keys() & b.keys.keys()
            if self._common.get(key, 0) <= LARGEST
            or (a.keys[key] == b.keys[key] and (key, a.keys[key]) not in self._crowded)
        )

    def _groups(self) -> Iterator[tuple[int, Sequence[int]]]:
        """The blocks with more than one card, by key; large ones in parts."""
        rows = self._db.execute(
            "SELECT key, second, card FROM block WHERE key IN (SELECT key FROM block GROUP BY key HAVING count(*) > 1) ORDER BY key, second, card"
        )
        for key, found in groupby(rows, key=lambda row: row[0]):
            if self._common.get(key, 0) <= LARGEST:
                yield key, [row[2] for row in found]
                continue
            for _, part in groupby(found, key=lambda row: row[1]):
                members = [row[2] for row in part]
                if 1 < len(members) <= LARGEST:
                    yield key, members

    def _judged(self, a: _Card, b: _Card, floor: float = 0.0) -> Judgement:
        common = self._common
        return judge(a.features, b.features, lambda name: common.get(hash(name), 2), floor)

    def _read(self, number: int) -> _Card:
        row = self._db.execute("SELECT places, settled, data FROM card WHERE id = ?", (number,)).fetchone()
        features, found = marshal.loads(row[2])
        return _Card(Features(*features), row[0], bool(row[1]), found)
