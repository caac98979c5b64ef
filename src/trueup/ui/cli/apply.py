"""`trueup apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from trueup.ui.cli.common import Common, confirm, exit_code

if TYPE_CHECKING:
    from trueup.app import App

Allow = Annotated[list[str] | None, Parameter(name="--allow", negative="")]
Yes = Annotated[bool, Parameter(name=["--yes", "-y"], negative="")]


def apply(run: str | None = None, /, *, allow: Allow = None, yes: Yes = False, common: Common | None = None) -> int:
    """Apply a plan: exactly what it says, or nothing where the world moved on since.

    Parameters
    ----------
    run
        The plan's run, or the beginning of its id; default: the newest plan that waits.
    allow
        A guard that you allow for this one plan; may be given several times; "all" allows every one.
    yes
        Do not ask.
    """
    common = common or Common()
    with common.working() as (app, progress, stop):
        header = app.header(run or app.waiting().id)
        if not yes and not common.for_programs and not _agreed(app, header, common):
            print("Nothing was changed.")
            return 0
        report = app.apply(header["run"], allow=allow or (), on_event=progress, stop=stop)
        progress.end()
        return show_report(app, report, header["job"], common)


def _agreed(app: App, header: dict[str, Any], common: Common) -> bool:
    """Shows the plan to a person at a terminal and asks; a program that calls has decided already."""
    import sys

    if not sys.stdin.isatty():
        return True
    from trueup.ui.cli.plan import show_plan

    show_plan(app, header, common)
    return confirm("Apply this plan?")


def show_report(app: App, report: dict[str, Any], subject: str, common: Common) -> int:
    """Puts out how a run ended, and returns its exit code."""
    if common.for_programs:
        common.put({**report, "job": subject})
        return exit_code(report)
    from trueup.ui.cli.render.text import plan_lines, report_lines

    if report["state"] == "awaiting_approval":
        header = app.header(report["run"])
        for line in plan_lines(header, app.changes(report["run"]), verbose=common.verbose):
            print(line)
    else:
        for line in report_lines({**report, "job": subject}, subject, quiet=common.quiet):
            print(line)
    return exit_code(report)
