"""What an engine's screen shows of a run, and the way from trueup's history to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, TypeAlias

from trueup.engines.calls.opened import opened
from trueup.model.change import Action

Json: TypeAlias = dict[str, Any]

VALUE = 70
_FIELDS = 5
_MARKUP = "\\`*_[]<>|#!&"


def plan_markdown(config: str, run: str, limit: int = 200) -> str:
    """A run's plan as a markdown table: sign, title, time, place, reason, and what differs field by field.

    Args:
        config: the absolute path of trueup.yaml.
        run: the run's id.
        limit: how many changes; the rest is counted.
    """
    with opened(config) as app:
        header = app.header(run)
        changes = list(islice(app.changes(run), limit + 1))
    lines = list(_head(header))
    if changes:
        lines += ["|  | what | when | where | why |", "|---|---|---|---|---|"]
        lines += [_row(one) for one in changes[:limit]]
    else:
        lines.append("Nothing to do: all sides agree.")
    if len(changes) > limit:
        lines += ["", f"… and {sum(header.get('counts', {}).values()) - limit:,} more: `trueup history {run}`"]
    return "\n".join(lines) + "\n"


def link(config: str, run: str, engine: str, url: str) -> None:
    """Keeps with a run which engine made it, and the address of its page there; `trueup history` shows it.

    Args:
        config, run: as above.
        engine: "prefect", "temporal", "airflow".
        url: the page; "" where there is none.
    """
    with opened(config) as app:
        app.ledger.journal.add_to_report(run, {"engine": engine, "url": url})


def _head(header: Mapping[str, Any]) -> Iterator[str]:
    counts = header.get("counts", {})
    told = ", ".join(f"{Action(name).sign} {number:,} {name}" for name, number in counts.items() if number)
    yield f"**Plan for {_cell(header.get('job', ''))}**, run `{header['run']}`: {told or 'nothing'}"
    yield ""
    for one in header.get("guards", ()):
        allowed = f" (allowed by {_cell(one['allowed'])})" if one.get("allowed") else ""
        yield f"- **guard {one['guard']}**: {_cell(one['message'])}{allowed}"
    for one in header.get("diagnostics", ())[:20]:
        yield f"- {_cell(': '.join(part for part in (one['what'], one.get('why')) if part))}"
    if header.get("guards") or header.get("diagnostics"):
        yield ""


def _row(change: Mapping[str, Any]) -> str:
    reason = _cell(change.get("reason", ""))
    fields = change.get("fields", ())
    told = [f"{_cell(one['label'])}: {_value(one['before'])} → {_value(one['after'])}" for one in fields[:_FIELDS]]
    if len(fields) > _FIELDS:
        told.append(f"and {len(fields) - _FIELDS} more")
    sign = Action(change["action"]).sign
    cells = (f"`{sign}`", _cell(change.get("title", "")) or "(no title)", _cell(change.get("starts", "")))
    return "| " + " | ".join((*cells, _cell(change.get("collection", "")), "<br>".join([reason, *told]))) + " |"


def _value(value: str | None) -> str:
    return "(nothing)" if value is None else f"“{_cell(value)}”"


def _cell(text: object) -> str:
    """A text as it may stand in a table: an event's title is somebody else's, and must not become markup."""
    flat = " ".join(str(text).split())
    flat = flat if len(flat) <= VALUE else flat[: VALUE - 1] + "…"
    return "".join(f"&#{ord(one)};" if one in _MARKUP else one for one in flat)
