"""Profiles for people, rendered from the same JSON that programs get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from trueup.ui.cli.render.terminal import cut, safe, style, width

Json = Mapping[str, Any]

SHOWN = 3
LONG = 24
_HEAD = ("field", "there", "blank", "absent", "different", "length", "reads as", "most frequent", "forms")


def lines(result: Json, *, verbose: bool = False) -> Iterator[str]:
    """A profile, collection by collection: a line a field."""
    for one in result["collections"]:
        yield from _collection(one, verbose)
    if not result["collections"]:
        yield f"{safe(result['store'])} holds nothing"


def _collection(one: Json, verbose: bool) -> Iterator[str]:
    at = f"  {datetime.fromtimestamp(one['at']).strftime('%Y-%m-%d %H:%M')}" if one.get("at") else ""
    yield style(safe(one["collection"]), "bold") + f"  {_count(one['rows'], 'record')}{at}"
    if one["unreadable"]:
        yield style("  ! ", "yellow") + f"{_count(one['unreadable'], 'record')} cannot be read"
        for reason, count in one["reasons"]:
            yield f"      {count:,} × {cut(safe(reason), 100)}"
    rows = [_HEAD, *(_row(name, field, verbose) for name, field in one["fields"].items())]
    yield from _table(rows)
    if one["left_out"]:
        yield f"  … and fields beyond the first {len(one['fields'])}: {cut(safe(', '.join(one['left_out'])), 100)}"
    loads = one.get("history", ())
    if len(loads) > 1:
        yield "  loads before: " + ", ".join(f"{load['rows']:,}" for load in loads[-10:]) + " records"


def _row(name: str, field: Json, verbose: bool) -> tuple[str, ...]:
    rows = field["rows"] or 1
    length = field["length"]
    span = f"{length['min']}" if length["min"] == length["max"] else f"{length['min']}–{length['max']}"
    shown = SHOWN * 3 if verbose else SHOWN
    kind = (
        field["kind"]
        if field["kind"] == "text" or not field["values"]
        else f"{field['kind']} {percent(field['parsed'])}"
    )
    return (
        cut(safe(name), LONG),
        percent(field["present"] / rows),
        percent(field["blank"] / rows),
        percent(field["absent"] / rows),
        f"{'' if field['exact'] else '~'}{field['distinct']:,}",
        span if field["values"] else "",
        kind if field["values"] else "",
        _most(field["top"], shown, field["values"], verbose),
        ", ".join(cut(safe(form), LONG) for form, _ in field["masks"][:shown]),
    )


def _most(top: Sequence[Sequence[Any]], shown: int, values: int, verbose: bool) -> str:
    often = [one for one in top if one[1] > 1 or verbose][:shown]
    return ", ".join(f"{cut(safe(value), LONG)} {percent(count / values)}" for value, count in often)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = (
            " " * (widths[at] - width(cell)) + cell if 1 <= at <= 4 else cell + " " * (widths[at] - width(cell))
            for at, cell in enumerate(row)
        )
        text = "  " + "  ".join(cells).rstrip()
        yield style(text, "dim") if number == 0 else text


def percent(share: float) -> str:
    """A share from 0 to 1 for people; never "0%" or "100%" of what is not quite."""
    if 0 < share < 0.01:
        return "<1%"
    return ">99%" if 0.99 < share < 1 else f"{share:.0%}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
