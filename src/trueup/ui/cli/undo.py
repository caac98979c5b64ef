"""`trueup undo`."""

from __future__ import annotations

from trueup.ui.cli.apply import Yes, show_report
from trueup.ui.cli.common import Common, confirm


def undo(run: str, /, *, yes: Yes = False, common: Common | None = None) -> int:
    """Take back what a run changed, wherever the target still holds what the run wrote; says what it cannot.

    Undone items wait as conflicts until you say which side is right.

    Parameters
    ----------
    run
        The run's id, the beginning of it, or "last".
    yes
        Do not ask.
    """
    common = common or Common()
    with common.working() as (app, progress, stop):
        header = app.plan_undo(run, on_event=progress, stop=stop)
        progress.end()
        if not common.for_programs:
            from trueup.ui.cli.render.text import plan_lines

            for line in plan_lines(header, app.changes(header["run"]), verbose=common.verbose):
                print(line)
        if not header["applyable"]:
            if common.for_programs:
                common.put(header)
            return 0
        if not yes and not confirm("Undo this?"):
            print("Nothing was changed.")
            return 0
        report = app.apply(header["run"], on_event=progress, stop=stop)
        progress.end()
        return show_report(app, report, header["job"], common)
