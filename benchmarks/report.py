"""The results as Markdown, for docs/benchmarks.md and for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.measured import Comparison, Section, Side

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: written by `python -m benchmarks --write` -->", "<!-- end of results -->"
ORDER = (
    "calendars",
    "contacts",
    "push",
    "floor",
    "memory",
    "startup",
    "planning",
    "parsing",
    "profile",
    "tables",
    "engines",
    "overhead",
    "scale",
    "backups",
)

HEAD = (
    "work",
    "server",
    "events (MB)",
    "vdirsyncer, s",
    "trueup, s",
    "times faster",
    "target",
    "processor, s",
    "peak MB",
    "requests",
)


def render(sections: Iterable[Section]) -> str:
    """All sections, one after the other."""
    return "\n\n".join(_section(one) for one in sections) + "\n"


def write(sections: Sequence[Section]) -> None:
    """Keeps these sections beside the ones of earlier runs, and writes them all into the page."""
    kept = {one["name"]: Section.from_json(one) for one in json.loads(RESULTS.read_text())} if RESULTS.exists() else {}
    kept |= {one.name: one for one in sections}
    known = sorted(kept.values(), key=lambda one: ORDER.index(one.name))
    RESULTS.write_text(json.dumps([one.to_json() for one in known], indent=1, ensure_ascii=False) + "\n")
    page = PAGE.read_text()
    before, after = page[: page.index(BEGIN)], page[page.index(END) :]
    PAGE.write_text(f"{before}{BEGIN}\n\n{render(known)}\n{after}")


def _section(one: Section) -> str:
    parts = [f"## {one.title}", one.about] if one.about else [f"## {one.title}"]
    if one.comparisons:
        parts.append(_table(HEAD, [_compared(pair) for pair in one.comparisons]))
        failures = [
            f"- {pair.work}, {pair.server}: {_who_failed(pair)}" for pair in one.comparisons if _who_failed(pair)
        ]
        if failures:
            parts.append("\n".join(failures))
    if one.rows:
        parts.append(_table(one.head, one.rows))
    parts.append(f"Measured {one.measured}.")
    return "\n\n".join(parts)


def _compared(pair: Comparison) -> tuple[str, ...]:
    ratio = pair.ratio
    return (
        pair.work,
        pair.server,
        f"{pair.events:,} ({pair.size / 1e6:.1f})",
        _wall(pair.theirs),
        _wall(pair.ours),
        "" if ratio is None else f"**{ratio:.1f}**",
        "" if pair.target is None else f"{pair.target:g}",
        _both(pair, lambda one: f"{one.cpu:.2f}"),
        _both(pair, lambda one: f"{one.rss / 1e6:.0f}"),
        _both(pair, lambda one: "?" if one.requests is None else f"{one.requests:,}"),
    )


def _wall(one: Side) -> str:
    return "fails" if one.failed else f"{one.wall:.2f}"


def _both(pair: Comparison, shown: object) -> str:
    assert callable(shown)
    return " / ".join("–" if one.failed else shown(one) for one in (pair.theirs, pair.ours))


def _who_failed(pair: Comparison) -> str:
    told = [("vdirsyncer", pair.theirs.failed), ("trueup", pair.ours.failed)]
    return "; ".join(f"{name} fails: `{why}`" for name, why in told if why)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join('---' for _ in head)}|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)
