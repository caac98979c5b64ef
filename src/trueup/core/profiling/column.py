"""What is known of one field's values: rates, lengths, extremes, masks, the most frequent, how many different ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from trueup.core.profiling.counting import Frequent
from trueup.core.profiling.masks import mask
from trueup.core.profiling.sample import Sample

PENDING, PENDING_CHARS = 4_000, 1_000_000
SHOWN = 100
"""Characters of a value that are kept; a longer one goes on with "…" and its length."""

TOP, MASKS = 30, 60
MOSTLY = 0.5

_EXACT_LENGTHS = 64
_NUMBERS = ("integer", "decimal")


class Column:
    """One field of a profile; values are taken in with `add` and condensed a few thousand at a time.

    Args:
        expects: the kind of value it should hold (see `masks.KINDS`); "" where that is to be found out.
    """

    def __init__(self, expects: str = "") -> None:
        self.expects = expects
        self.present = 0
        self.blank = 0
        self.values = 0
        self._pending: list[str] = []
        self._chars = 0
        self._total = 0
        self._lengths: Counter[int] = Counter()
        self._shortest: int | None = None
        self._longest = 0
        self._first: str | None = None
        self._last: str | None = None
        self._kinds: Counter[str] = Counter()
        self._typed: dict[str, tuple[Any, Any]] = {}
        self._masks, self._top, self._sample = Frequent(), Frequent(), Sample()

    def add(self, values: Sequence[str]) -> None:
        """The values that one record has of the field; blank ones count as none."""
        said = [one for one in values if one and not one.isspace()]
        if not said:
            self.blank += 1
            return
        self.present += 1
        self._pending += said
        for one in said:
            self._chars += len(one)
        if len(self._pending) >= PENDING or self._chars >= PENDING_CHARS:
            self._condense()

    def merge(self, other: Column) -> None:
        """Takes up the same field of another part."""
        self._condense()
        other._condense()
        self.present += other.present
        self.blank += other.blank
        self.values += other.values
        self._total += other._total
        self._lengths.update(other._lengths)
        self._longest = max(self._longest, other._longest)
        self._shortest = _least(self._shortest, other._shortest)
        self._first, self._last = _least(self._first, other._first), _most(self._last, other._last)
        self._kinds.update(other._kinds)
        for kind, (least, most) in other._typed.items():
            self._span(kind, least, most)
        self._masks.merge(other._masks)
        self._top.merge(other._top)
        self._sample.merge(other._sample)

    def to_json(self, rows: int) -> dict[str, Any]:
        """What a profile keeps of it.

        Args:
            rows: how many records there are.

        Returns:
            {"rows", "present", "blank", "absent": records; "values", "distinct", "exact": whether that is counted and not estimated, "repeated":
            values that stand more than once; "length": {"min", "max", "mean", "histogram": [[from, to, values]]}; "first", "last": in the order of
            the letters; "kind", "parsed": the share of values that read as that; "least", "most": of numbers and dates; "top", "masks":
            [[text, values]], the most frequent first; "shapes": how many masks there are}.
        """
        self._condense()
        kind, parsed = self._kind()
        least, most = self._typed.get(kind, (None, None))
        distinct = min(self._sample.distinct, self.values)
        repeated = min(self.values, self.values - round(distinct * (1 - self._sample.repeated)))
        return {
            "rows": rows,
            "present": self.present,
            "blank": self.blank,
            "absent": rows - self.present - self.blank,
            "values": self.values,
            "distinct": distinct,
            "exact": self._sample.exact,
            "repeated": max(0, repeated),
            "length": {
                "min": self._shortest or 0,
                "max": self._longest,
                "mean": round(self._total / self.values, 2) if self.values else 0.0,
                "histogram": [[*_bounds(one), count] for one, count in sorted(self._lengths.items())],
            },
            "first": self._first,
            "last": self._last,
            "kind": kind,
            "parsed": parsed,
            "least": least,
            "most": most,
            "top": [list(one) for one in self._top.top(TOP)],
            "masks": [list(one) for one in self._masks.top(MASKS)],
            "shapes": len(self._masks),
        }

    def _kind(self) -> tuple[str, float]:
        """What most values are, or what they should be; and the share of them that are."""
        if not self.values:
            return self.expects or "text", 0.0
        kind = self.expects
        if not kind:
            kind, count = min(self._kinds.items(), key=lambda one: (-one[1], one[0]))
            kind = kind if count >= MOSTLY * self.values else "text"
        if kind == "text":
            return kind, 1.0
        return kind, round(self._kinds[kind] / self.values, 6)

    def _condense(self) -> None:
        """Works the values off that came since the last time, each different one once."""
        pending, self._pending, self._chars = self._pending, [], 0
        if not pending:
            return
        counts = Counter(pending)
        self._measure(Counter(map(len, pending)))
        self._sample.add(counts)
        masks: dict[str, int] = {}
        kinds: dict[str, int] = {}
        for value, count in counts.items():
            form, kind = mask(value)
            masks[form] = masks.get(form, 0) + count
            if kind != "text":
                kind = self._read(value, kind)
            kinds[kind] = kinds.get(kind, 0) + count
        self._masks.add(masks)
        self._kinds.update(kinds)
        if self._longest > SHOWN:
            counts = Counter(_shown(value) for value in pending)
        self._first, self._last = _least(self._first, min(counts)), _most(self._last, max(counts))
        self._top.add(counts)

    def _measure(self, lengths: Counter[int]) -> None:
        """Takes up how many values there are of each length."""
        self.values += lengths.total()
        self._longest = max(self._longest, *lengths)
        self._shortest = _least(self._shortest, min(lengths))
        for length, count in lengths.items():
            self._total += length * count
            self._lengths[_bucket(length)] += count

    def _read(self, value: str, kind: str) -> str:
        """What a value is, where its form says more than that it is a text; takes its extremes up."""
        if kind == "integer" and self.expects in ("phone", "date"):
            kind = _meant(self.expects, len(value))
        if kind == "date":
            self._span(kind, value[:10], value[:10])
        elif kind in _NUMBERS and len(value) < 20 and (number := _number(value)) is not None:
            self._span(kind, number, number)
        return kind

    def _span(self, kind: str, least: Any, most: Any) -> None:
        held = self._typed.get(kind)
        self._typed[kind] = (least, most) if held is None else (min(held[0], least), max(held[1], most))


def _meant(expects: str, length: int) -> str:
    """What a whole number is where phones or dates are expected: a number to dial, or a day as vCard 4.0 writes it."""
    if expects == "phone":
        return "phone" if length >= 3 else "integer"
    return "date" if length == 8 else "integer"


def _shown(value: str) -> str:
    return value if len(value) <= SHOWN else f"{value[:SHOWN]}… ({len(value):,} characters)"


def _number(value: str) -> float | None:
    try:
        return float(value.replace(",", "."))
    except ValueError:
        return None  # 1,234.56


def _least(one: Any, other: Any) -> Any:
    return min(each for each in (one, other) if each is not None) if (one, other) != (None, None) else None


def _most(one: Any, other: Any) -> Any:
    return max(each for each in (one, other) if each is not None) if (one, other) != (None, None) else None


def _bucket(length: int) -> int:
    """The length itself where it is short, else the power of two above it: half as many letters more or less tell nothing there."""
    return length if length <= _EXACT_LENGTHS else 1 << (length - 1).bit_length()


def _bounds(bucket: int) -> tuple[int, int]:
    return (bucket, bucket) if bucket <= _EXACT_LENGTHS else (bucket // 2 + 1, bucket)
