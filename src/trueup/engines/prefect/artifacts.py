"""What a person reads in Prefect's screen: the plan and the report of a run, as artifacts with a history for each job."""

from __future__ import annotations

from typing import Any, TypeAlias

from prefect.artifacts import create_markdown_artifact

from trueup.engines import calls
from trueup.engines.calls.opened import opened
from trueup.engines.prefect.names import slug

Json: TypeAlias = dict[str, Any]

PLAN_ROWS = 200


def show_plan(config: str, header: Json) -> None:
    """The plan as a markdown table."""
    text = calls.plan_markdown(config, header["run"], PLAN_ROWS)
    said = f"plan of run {header['run']}: {counted(header.get('counts', {}))}"
    create_markdown_artifact(text, key=slug(f"plan-{header['job']}"), description=said)


def show_report(config: str, report: Json) -> None:
    """How a run ended: counts, what is left and why."""
    with opened(config) as app:
        job = app.ledger.journal.get(report["run"]).subject
    lines = [f"## Run {report['run']}: {str(report['state']).replace('_', ' ')}", "", counted(report.get("counts", {}))]
    if report.get("left"):
        lines += ["", "| left | collection | why |", "|---|---|---|"]
        lines += [
            f"| {_cell(one['title'])} | {_cell(one['collection'])} | {_cell(one['reason'])} |" for one in report["left"]
        ]
    if more := report.get("more", {}).get("left"):
        lines += ["", f"and {more} more: `trueup history {report['run']}`"]
    create_markdown_artifact("\n".join(lines), key=slug(f"report-{job}"), description=f"report of run {report['run']}")


def counted(counts: Json) -> str:
    """ "3 created, 1 updated" of a plan's or report's counts."""
    words = [f"{number} {action}" for action, number in sorted(counts.items()) if number]
    return ", ".join(words) or "nothing to do"


def _cell(text: object) -> str:
    return str(text or "").replace("|", "\\|").replace("\n", " ")
