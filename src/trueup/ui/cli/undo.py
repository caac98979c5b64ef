"""`trueup undo`."""

from __future__ import annotations

import click

from trueup.model.errors import UsageError
from trueup.ui.cli.apply import show_report, yes_option
from trueup.ui.cli.common import Common, confirm, shared


@click.command
@click.argument("run", help='The run\'s id, the beginning of it, or "last".')
@yes_option
@shared
def undo(common: Common, run: str, yes: bool) -> int:
    """Take back what a run changed, wherever the target still holds what the run wrote; says what it cannot.

    Undone items wait as conflicts until you say which side is right.
    """
    with common.working() as (app, progress, stop):
        header = app.plan_undo(run, on_event=progress, stop=stop)
        progress.end()
        if not common.for_programs:
            from trueup.ui.cli.render.text import plan_lines

            shown = {
                **header,
                "state": "undoing",
            }  # what to type next is not the question: it is done or asked for here
            for line in plan_lines(shown, app.changes(header["run"]), verbose=common.verbose):
                print(line)
        if not header["applyable"]:
            if common.for_programs:
                common.put(header)
            return 0
        if not yes and not _agreed(common, header["run"]):
            print("Nothing was changed.")
            return 0
        report = app.apply(header["run"], on_event=progress, stop=stop)
        progress.end()
        return show_report(app, report, header["job"], common)


def _agreed(common: Common, plan: str) -> bool:
    if not common.may_ask:
        hint = f"trueup undo RUN --yes; or look at the plan and do it: trueup apply {plan}"
        raise UsageError("nothing was undone: there is nobody to ask", hint=hint)
    return confirm("Undo this?")
