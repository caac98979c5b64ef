"""A part of a table: the rows whose columns have certain values. It stands behind the table's name, as in an address of the web:
`customers?region=north&region=south`, `customers?id=1000..1999`.

So that several jobs, each with its own part, may share a table. A row that is written belongs to its part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from trueup.connectors.tables.rows import Unfit
from trueup.model.errors import NotFound

_RANGE = ".."


@dataclass(frozen=True, slots=True)
class Condition:
    """What a column must hold: one of `values`, or something between two bounds, both included ("": without end)."""

    column: str
    values: tuple[str, ...] = ()
    bounds: tuple[str, str] | None = None

    def holds(self, value: str) -> bool:
        """Whether a value is what the condition asks for. Bounds that are numbers are compared with numbers."""
        if self.bounds is None:
            return value in self.values
        low, high = self.bounds
        try:
            number = float(value)
            return (not low or float(low) <= number) and (not high or number <= float(high))
        except ValueError:
            if any(one and _is_number(one) for one in self.bounds):
                return False
        return (not low or low <= value) and (not high or value <= high)


@dataclass(frozen=True, slots=True)
class Selection:
    """All of its conditions hold."""

    conditions: tuple[Condition, ...] = ()

    def holds(self, row: Mapping[str, str | None], names: Collection[str] | None = None) -> bool:
        """Whether a row belongs to the part; `names`: the columns that are looked at, all others are known to fit."""
        return all(
            one.holds(row.get(one.column) or "") for one in self.conditions if names is None or one.column in names
        )

    def filled(self, row: Mapping[str, str | None]) -> dict[str, str | None]:
        """A new row with the values that the part says.

        Raises:
            Unfit: it would belong to another part.
        """
        made = dict(row)
        for one in self.conditions:
            if not made.get(one.column) and len(one.values) == 1:
                made[one.column] = one.values[0]
        if not self.holds(made):
            wrong = next(one for one in self.conditions if not one.holds(made.get(one.column) or ""))
            raise Unfit(
                f"“{wrong.column}” is {made.get(wrong.column) or ''!r}: it belongs to another part of the table"
            )
        return made


def apart(name: str) -> tuple[str, Selection]:
    """A collection's name as the table's name and its part.

    Raises:
        NotFound: what stands behind the question mark is no condition.
    """
    table, mark, query = name.partition("?")
    if not mark:
        return table, Selection()
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise NotFound(f"{name!r} names no part of a table", hint="as: customers?region=north") from None
    return table, Selection(tuple(_conditions(pairs)))


def _conditions(pairs: list[tuple[str, str]]) -> Iterator[Condition]:
    for column in dict.fromkeys(column for column, _ in pairs):
        values = [value for name, value in pairs if name == column]
        if len(values) == 1 and _RANGE in values[0]:
            low, _, high = values[0].partition(_RANGE)
            yield Condition(column, bounds=(low, high))
        else:
            yield Condition(column, tuple(values))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
