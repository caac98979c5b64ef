"""`trueup history`."""

from __future__ import annotations

from trueup.ui.cli.common import Common


def history(run: str | None = None, /, *, job: str | None = None, limit: int = 20, common: Common | None = None) -> int:
    """Show past runs, newest first, or one of them with its changes.

    Parameters
    ----------
    run
        A run's id, the beginning of it, or "last".
    job
        Only the runs of this job or pipeline.
    limit
        How many.
    """
    common = common or Common()
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
        if record["report"].get("state"):
            for line in report_lines({**record["report"], "job": record["subject"]}, record["subject"]):
                print(line)
        for change in together(app.changes(run)):
            if change["action"] != "link" or common.verbose:
                for line in change_lines({**change, "reason": f"{change.get('reason', '')} ({change['state']})"}):
                    print(line)
        return 0
