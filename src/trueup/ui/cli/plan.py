"""`trueup plan`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from trueup.model.errors import ExitCode
from trueup.ui.cli.common import Common, job_names, shared
from trueup.ui.cli.common import exit_code as run_exit

if TYPE_CHECKING:
    from trueup.app import App


@click.command
@click.argument("job", shell_complete=job_names, help="The job's name in trueup.yaml.")
@click.option(
    "--exit-code", is_flag=True, help="Exit with 2 where there is something to do, with 0 where there is nothing."
)
@shared
def plan(common: Common, job: str, exit_code: bool) -> int:
    """Show what a run of a job would do: every change with its reason, each field before and after. Writes to no store."""
    with common.working() as (app, progress, stop):
        header = app.plan(job, on_event=progress, stop=stop)
        progress.end()
        show_plan(app, header, common)
        readings = app.record(header["run"])["report"].get("readings", [])
    return plan_exit(header, readings, exit_code=exit_code)


def show_plan(app: App, header: dict[str, Any], common: Common) -> None:
    """Puts out a plan with its changes."""
    changes: Iterable[dict[str, Any]] = app.changes(header["run"])
    if common.json_lines:
        for change in changes:
            common.put({"change": change})
        common.put({"plan": header})
    elif common.json:
        from trueup.ui.cli.render.json import plan_document

        for piece in plan_document(header, changes):
            print(piece, end="")
    else:
        if app.is_backup(header["job"]):
            from trueup.ui.cli.render.backup import plan_lines
        else:
            from trueup.ui.cli.render.text import plan_lines

        for line in plan_lines(header, changes, verbose=common.verbose):
            print(line)


def plan_exit(header: dict[str, Any], readings: list[dict[str, Any]], *, exit_code: bool) -> int:
    """The exit code of a plan: blocked, incomplete, or (where asked) whether there is something to do."""
    state = "partial" if any(not one["read"] for one in header.get("based_on", ())) else header["state"]
    code = run_exit({"state": state, "readings": readings})
    writes = any(header.get("counts", {}).get(one) for one in ("create", "update", "delete"))
    return ExitCode.CHANGES if code == ExitCode.DONE and exit_code and (writes or header.get("creates")) else code
