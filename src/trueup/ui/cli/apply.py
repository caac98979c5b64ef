"""`trueup apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from trueup.ui.cli.common import Common, confirm, exit_code, shared

if TYPE_CHECKING:
    from trueup.app import App

GUARDS = ("max_delete", "max_update", "empty", "changed_filter", "profile", "window", "all")

allow_option = click.option(
    "--allow",
    multiple=True,
    metavar="GUARD",
    type=click.Choice(GUARDS),
    help=f"A guard that you allow for this once ({', '.join(GUARDS)}); may be given several times.",
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


@click.command
@click.argument(
    "run", required=False, help="The plan's run, or the beginning of its id; default: the newest that waits."
)
@allow_option
@yes_option
@shared
def apply(common: Common, run: str | None, allow: tuple[str, ...], yes: bool) -> int:
    """Apply a plan: exactly what it says, or nothing where the world moved on since."""
    with common.working() as (app, progress, stop):
        record = app.record(run or app.waiting().id)
        if record["kind"] == "pipeline":
            from trueup.ui.cli.run import show_pipeline

            report = app.apply(record["id"], on_event=progress, stop=stop)
            progress.end()
            return show_pipeline(report, common)
        header = app.header(record["id"])
        if not yes and common.may_ask and not _agreed(app, header, common):
            print("Nothing was changed.")
            return 0
        report = app.apply(header["run"], allow=allow, on_event=progress, stop=stop)
        progress.end()
        return show_report(app, report, header["job"], common)


def _agreed(app: App, header: dict[str, Any], common: Common) -> bool:
    """Shows the plan to a person and asks; who calls without a terminal has decided already."""
    from trueup.ui.cli.plan import show_plan

    show_plan(app, header, common)
    return confirm("Apply this plan?")


def show_report(app: App, report: dict[str, Any], subject: str, common: Common) -> int:
    """Puts out how a run ended, and returns its exit code."""
    if common.for_programs:
        common.put({**report, "job": subject})
        return exit_code(report)
    if app.is_backup(subject):
        from trueup.ui.cli.render.backup import plan_lines, report_lines
    else:
        from trueup.ui.cli.render.text import plan_lines, report_lines

    if report["state"] == "awaiting_approval":
        header = app.header(report["run"])
        for line in plan_lines(header, app.changes(report["run"]), verbose=common.verbose):
            print(line)
    else:
        for line in report_lines({**report, "job": subject}, subject, quiet=common.quiet):
            print(line)
    return exit_code(report)
