"""`trueup history`."""

from __future__ import annotations

import click

from trueup.ui.cli.common import Common, run_names, shared


@click.command
@click.argument("run", required=False, help='A run\'s id, the beginning of it, or "last".')
@click.option("--job", shell_complete=run_names, metavar="NAME", help="Only the runs of this job or pipeline.")
@click.option("--limit", type=click.IntRange(1), metavar="NUMBER", default=20, show_default=True, help="How many.")
@shared
def history(common: Common, run: str | None, job: str | None, limit: int) -> int:
    """Show past runs, newest first, or one of them with its changes."""
    with common.load() as app:
        if run is not None:
            return _one(app.record(run)["id"], common)
        runs = app.history(job, limit)
        if common.for_programs:
            common.put({"runs": runs})
            return 0
        from trueup.ui.cli.render.text import history_lines

        for line in history_lines(runs) if runs else ("no runs yet",):
            print(line)
        return 0


def _one(run: str, common: Common) -> int:
    with common.load() as app:
        record = app.record(run)
        if common.for_programs:
            common.put({**record, "changes": list(app.changes(run))})
            return 0
        from trueup.ui.cli.render.text import change_lines, history_lines, report_lines, together

        for line in history_lines([record]):
            print(line)
        if app.is_backup(record["subject"]):
            from trueup.ui.cli.render import backup

            for line in backup.report_lines(
                {**record["report"], "run": run, "state": record["state"]}, record["subject"]
            ):
                print(line)
            return 0
        if record["report"].get("state"):
            for line in report_lines({**record["report"], "job": record["subject"]}, record["subject"]):
                print(line)
        for change in together(app.changes(run)):
            if change["action"] != "link" or common.verbose:
                for line in change_lines({**change, "reason": f"{change.get('reason', '')} ({change['state']})"}):
                    print(line)
        return 0
