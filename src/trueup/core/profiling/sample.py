"""How many different values there are, and how many stand more than once, in bounded memory.

A bottom-k sample (Beyer et al., "On synopses for distinct-value estimation under multiset operations", SIGMOD 2007): of all values the k whose
hashes are smallest are kept, with how often each came. That is exact up to k different values; beyond, the k-th smallest hash says how dense
they lie, with a relative error of about 1/sqrt(k). A value that is kept at the end was never left out, so its count is exact, and samples of
parts make the sample of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

SIZE = 2048
"""k: 2.2 % of relative error; about 200 kB a field."""

_SPACE = 1 << 64


class Sample:
    """See the module's text."""

    __slots__ = ("_counts", "_limit")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._limit = _SPACE

    def add(self, values: Mapping[str, int]) -> None:
        """Values, and how often each came; each once a call."""
        counts, limit = self._counts, self._limit
        for value, count in values.items():
            hashed = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            key = int.from_bytes(hashed, "big")
            if key < limit:
                counts[key] = counts.get(key, 0) + count
        if len(counts) > 2 * SIZE:
            self._cut(SIZE)

    def merge(self, other: Sample) -> None:
        """Takes up the sample of another part."""
        self._limit = min(self._limit, other._limit)
        self._counts = {key: count for key, count in self._counts.items() if key < self._limit}
        for key, count in other._counts.items():
            if key < self._limit:
                self._counts[key] = self._counts.get(key, 0) + count
        self._cut(SIZE)

    def _cut(self, size: int) -> None:
        """Keeps the smallest; what is larger than the largest of them is never looked at again."""
        if len(self._counts) > size:
            kept = sorted(self._counts)[: size + 1]
            self._limit = kept.pop()
            self._counts = {key: self._counts[key] for key in kept}

    @property
    def exact(self) -> bool:
        """Whether nothing was left out."""
        self._cut(SIZE)
        return self._limit == _SPACE

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        if self.exact:
            return len(self._counts)
        return round(len(self._counts) * (_SPACE / self._limit))

    @property
    def repeated(self) -> float:
        """The share of the different values that stand more than once."""
        self._cut(SIZE)
        several = sum(1 for count in self._counts.values() if count > 1)
        return several / len(self._counts) if self._counts else 0.0
