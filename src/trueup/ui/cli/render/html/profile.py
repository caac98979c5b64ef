"""The page of a profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from trueup.ui.cli.render.html import charts
from trueup.ui.cli.render.html.page import document, table, text, tiles
from trueup.ui.cli.render.profile import percent

Json = Mapping[str, Any]

TOP, FORMS = 8, 6
_LENGTHS = 40


def page(result: Json) -> str:
    """A page about a store, or about what is kept of a job's loads; see `trueup.profiles`."""
    about = f"Profile of {result.get('store') or 'job ' + result['job']}"
    under = (
        f"run {result['run']}"
        if result.get("run")
        else "as it was read just now"
        if result.get("store")
        else "the newest that is kept"
    )
    parts = [part for one in result["collections"] for part in _collection(one)]
    return document(about, under, parts, "Made by trueup profile. Nothing in this page comes from outside.")


def _collection(one: Json) -> Iterator[str]:
    fields = one["fields"]
    yield f"<h2>{text(one['collection'])}</h2>"
    at = [(datetime.fromtimestamp(one["at"]).strftime("%Y-%m-%d %H:%M"), "read")] if one.get("at") else []
    odd = [(f"{one['unreadable']:,}", "cannot be read")] if one["unreadable"] else []
    yield tiles([(f"{one['rows']:,}", "records"), (f"{len(fields):,}", "fields"), *odd, *at])
    for reason, count in one["reasons"]:
        yield f'<p class="note">{count:,} × {text(reason)}</p>'
    loads = one.get("history", ())
    if len(loads) > 1:
        yield from _loads(loads)
    if not fields:
        yield '<p class="card faint">There is nothing to show.</p>'
        return
    yield _overview(fields)
    yield '<div class="grid">'
    for name, field in fields.items():
        yield _field(name, field)
    yield "</div>"
    if one["left_out"]:
        yield f'<p class="faint">Fields beyond the first {len(fields):,}: {text(", ".join(one["left_out"]))}</p>'


def _loads(loads: Sequence[Json]) -> Iterator[str]:
    named = [(datetime.fromtimestamp(one["at"]).strftime("%m-%d"), float(one["rows"])) for one in loads]
    drawn = charts.columns(
        named, f"records in the last {len(loads)} loads: {named[0][1]:,.0f} at first, {named[-1][1]:,.0f} at last"
    )
    rows = [
        (text(datetime.fromtimestamp(one["at"]).strftime("%Y-%m-%d %H:%M")), f"{one['rows']:,}", text(one["run"]))
        for one in reversed(loads[-8:])
    ]
    figures = table(("load", "records", "run"), rows, numbers=(1,))
    yield f'<section class="card"><h3>Volume</h3><div class="pair">{drawn}{figures}</div></section>'


def _overview(fields: Mapping[str, Json]) -> str:
    key = '<p class="faint"><span class="key main"></span>there<span class="key second"></span>blank<span class="key third"></span>absent</p>'
    head = ("field", "filled", "there", "blank", "absent", "different", "length", "reads as")
    rows = [_overview_row(name, field) for name, field in fields.items()]
    return f'<section class="card"><h3>Fields</h3>{key}{table(head, rows, numbers=(2, 3, 4, 5))}</section>'


def _overview_row(name: str, field: Json) -> Sequence[str]:
    rows = field["rows"] or 1
    rates = [field[one] / rows for one in ("present", "blank", "absent")]
    said = ", ".join(f"{percent(rate)} {word}" for rate, word in zip(rates, ("there", "blank", "absent"), strict=True))
    return (
        text(name),
        charts.shares(list(zip(("main", "second", "third"), rates, strict=True)), f"{name}: {said}"),
        *(percent(rate) for rate in rates),
        f"{'' if field['exact'] else '≈ '}{field['distinct']:,}",
        text(_span(field)),
        text(_kind(field)),
    )


def _span(field: Json) -> str:
    length = field["length"]
    if not field["values"]:
        return "–"
    return f"{length['min']:,}" if length["min"] == length["max"] else f"{length['min']:,} to {length['max']:,}"


def _kind(field: Json) -> str:
    if not field["values"] or field["kind"] == "text":
        return "text" if field["values"] else "–"
    return f"{field['kind']}, {percent(field['parsed'])}"


def _field(name: str, field: Json) -> str:
    return f'<section class="card"><h3>{text(name)}</h3>{"".join(_details(name, field))}</section>'


def _details(name: str, field: Json) -> Iterator[str]:
    values = field["values"]
    if not values:
        yield '<p class="faint">No value anywhere.</p>'
        return
    once = field["values"] - field["repeated"]
    yield f'<p class="faint">{values:,} values, {percent(once / values)} of them once only{text(_extremes(field))}</p>'
    top = [one for one in field["top"] if one[1] > 1][:TOP]
    if top:
        yield _ranked(f"most frequent values of {name}", "Most frequent", ("value", "times"), top, values)
    yield _ranked(f"forms of {name}", "Forms", ("form", "values"), field["masks"][:FORMS], values)
    yield _lengths(name, field["length"])


def _ranked(about: str, title: str, head: Sequence[str], ranked: Sequence[Sequence[Any]], values: int) -> str:
    drawn = charts.bars([(str(one), count, percent(count / values)) for one, count in ranked], about)
    rows = [(f"<code>{text(one)}</code>", f"{count:,}") for one, count in ranked]
    return f'<h4>{title}</h4><div class="pair">{drawn}{table(head, rows, numbers=(1,))}</div>'


def _lengths(name: str, length: Json) -> str:
    """The histogram, and its figures; neighbours put together where there are more than can be told apart."""
    groups = _grouped(length["histogram"])
    if len(groups) < 2:
        return f"<p>Every value has {length['min']:,} characters.</p>" if length["min"] == length["max"] else ""
    named = [(f"{low}" if low == high else f"{low:,}–{high:,}", float(count)) for low, high, count in groups]
    about = f"lengths of {name} in characters: {length['min']:,} to {length['max']:,}, {length['mean']:,.1f} on average"
    common = sorted(groups, key=lambda one: -one[2])[:5]
    rows = [
        (f"{low:,}" if low == high else f"{low:,} to {high:,}", f"{count:,}") for low, high, count in sorted(common)
    ]
    figures = table(("characters", "values"), rows, caption=f"{length['mean']:,.1f} on average", numbers=(1,))
    return f'<h4>Lengths</h4><div class="pair">{charts.columns(named, about)}{figures}</div>'


def _grouped(histogram: Sequence[Sequence[int]]) -> list[tuple[int, int, int]]:
    each = -(-len(histogram) // _LENGTHS) or 1
    parts = [histogram[at : at + each] for at in range(0, len(histogram), each)]
    return [(part[0][0], part[-1][1], sum(one[2] for one in part)) for part in parts]


def _extremes(field: Json) -> str:
    least, most = field["least"], field["most"]
    if least is not None:
        return f"; from {_plain(least)} to {_plain(most)}"
    return (
        f"; from “{field['first'][:40]}” to “{field['last'][:40]}” by the alphabet"
        if field["first"] is not None
        else ""
    )


def _plain(value: object) -> str:
    return f"{value:,g}" if isinstance(value, float) else str(value)
