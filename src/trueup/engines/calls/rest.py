"""The call that does everything that is left of a run, in this process."""

from __future__ import annotations

import time
from typing import Any, TypeAlias

from trueup.core import job_runs
from trueup.engines.calls import approval, jobs, phases
from trueup.engines.calls.opened import opened
from trueup.engines.calls.stopping import Stopped, asked_to_stop
from trueup.model.run import RunState

Json: TypeAlias = dict[str, Any]


def run_rest(config: str, run: str) -> Json:
    """Goes on with a run from wherever it stands to its end, further rounds included, one call after another.

    For engines whose graph is fixed, so that it has no place for another round.

    Returns:
        As `end_job`; "state" is "awaiting_approval" where a guard blocks it.
    """
    standing = _standing(config, run)
    while standing["next"] in ("read", "apply"):
        run, collections = standing["run"], standing["collections"]
        if standing["next"] == "read":
            phases.plan(config, run, [phases.read(config, run, ref) for ref in collections])
            if approval.guard(config, run)["blocked"]:
                break
        for wave in phases.start_apply(config, run)["waves"]:
            for batch in wave:
                phases.apply_batch(config, run, batch["batch"])
        jobs.report(config, run, [phases.verify(config, run, ref) for ref in collections])
        standing = _next_round(config, run)
    return jobs.end_job(config, standing["run"])


def _next_round(config: str, run: str) -> Json:
    """The round that follows one that is over, when it is time for it."""
    with opened(config) as app:
        until = time.monotonic() + jobs.pause_after(app.ledger.journal.get(run))
    asked = asked_to_stop()
    while (left := until - time.monotonic()) > 0:
        if asked():
            raise Stopped(f"run {run} stopped before its next round", why="its worker was asked to stop")
        time.sleep(min(left, 0.5))
    return jobs.next_round(config, run)


def _standing(config: str, run: str) -> Json:
    with opened(config) as app:
        record = app.ledger.journal.get(run)
        if record.state in job_runs.OVER:
            return _next_round(config, run)
        then = "over"
        if record.state is RunState.RUNNING:
            then = "apply" if job_runs.half_applied(record) else "read"
        collections = [str(ref) for ref in app.work(record.subject).spec.collections]
        return {"run": run, "collections": collections, "next": then}
