"""The page of a full comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trueup.core.discrepancies import KINDS
from trueup.ui.cli.render.html import charts
from trueup.ui.cli.render.html.page import document, table, text, tiles

Json = Mapping[str, Any]


def page(result: Json) -> str:
    """A page about `core.auditing.audit`."""
    under = "all sides agree" if result["agrees"] else "not in agreement"
    foot = "Made by trueup verify. Nothing in this page comes from outside."
    return document(f"Comparison of job {result['job']}", under, _parts(result), foot)


def _parts(result: Json) -> Iterator[str]:
    counted = sum(result["counts"].values())
    figures = [(f"{one['items']:,}", f"items in {one['collection']}") for one in result["collections"]]
    yield tiles([*figures, (f"{counted:,}", "difference" if counted == 1 else "differences")])
    yield _sides(result)
    if counted:
        yield _kinds(result["counts"])
        yield '<section class="card"><h3>Every difference</h3>'
        yield table(("item", "where", "what", "cause", "cure"), (_row(one) for one in result["differences"]))
        if result["more"]:
            yield f'<p class="faint">… and {result["more"]:,} more</p>'
        yield "</section>"
    if result["apart"]:
        yield _apart(result)


def _sides(result: Json) -> str:
    rows = [
        (
            text(one["collection"]),
            charts.shares(_agreed(one), f"{one['same']:,} of {one['items']:,} items as agreed"),
            f"{one['items']:,}",
            f"{one['same']:,}",
            text(one["error"]["what"]) if one["error"] else "",
        )
        for one in result["collections"]
    ]
    head = ("side", "as agreed", "items", "as agreed", "trouble")
    return f'<section class="card"><h3>Sides</h3>{table(head, rows, numbers=(2, 3))}</section>'


def _agreed(one: Json) -> list[tuple[str, float]]:
    share = one["same"] / one["items"] if one["items"] else 0.0
    return [("main", share), ("second", 1 - share if one["items"] else 0.0)]


def _kinds(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    most = sum(counts.values())
    drawn = charts.bars([(kind, count, f"{count / most:.0%}") for kind, count in ranked], "differences by kind")
    rows = [(text(KINDS[kind]), f"{count:,}") for kind, count in ranked]
    figures = table(("what is the matter", "items"), rows, numbers=(1,))
    return f'<section class="card"><h3>By kind</h3><div class="pair">{drawn}{figures}</div></section>'


def _row(one: Json) -> tuple[str, ...]:
    starts = f'<br><span class="faint">{text(one["starts"])}</span>' if one["starts"] else ""
    return (
        f"{text(one['title'])}{starts}",
        text(one["collection"]),
        text(KINDS[one["kind"]]),
        f"{text(one['cause'])}{_fields(one)}",
        f"<code>{text(one['cure'])}</code>" if one["cure"] else "",
    )


def _fields(one: Json) -> str:
    if not one["fields"]:
        return ""
    shown = "".join(
        f"<li>{text(field['label'])}: {_value(field['before'])} → {_value(field['after'])}</li>"
        for field in one["fields"]
    )
    return f"<ul>{shown}</ul>"


def _value(value: str | None) -> str:
    return '<span class="faint">nothing</span>' if value is None else f"“{text(value)}”"


def _apart(result: Json) -> str:
    rows = [
        (text(one["label"]), text(one["collection"]), text(one["other"]), f"{one['items']:,}")
        for one in result["apart"]
    ]
    figures = table(
        ("field", "in", "other than in", "items"),
        rows,
        caption="By a rule of the job, or because a store cannot hold more; nothing waits.",
        numbers=(3,),
    )
    return f'<section class="card"><h3>Different on purpose</h3>{figures}</section>'
