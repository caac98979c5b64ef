"""What is under way by the ledger, whichever engine drives it: looked at before a scheduled run begins (`schedule.collide`).

A job is under way while its lease is held. A pipeline's run stands as running from its beginning to its end, and stays so where its engine
was ended; so it counts only while there is a sign of life: a lease of its own, or something of it that began or ended a short while ago.
"""

from __future__ import annotations

from collections.abc import Mapping

from trueup.core.collisions import Party
from trueup.core.job_runs import lease_of
from trueup.core.ledger import Ledger
from trueup.core.pipeline_runs import KIND
from trueup.model.errors import NotFound
from trueup.model.run import RunRecord

SILENCE = 600.0
"""Seconds after which a pipeline's run counts no longer of which nothing was heard: as long as a run keeps its job between two calls."""


def in_the_way(ledger: Ledger, name: str, parties: Mapping[str, Party], before: float) -> str:
    """Which other job or pipeline is under way that uses a job of this one; "" for none. Earlier runs of its own do not count.

    Args:
        ledger: the durable memory.
        name: the job or pipeline that is to begin.
        parties: what every job and pipeline uses.
        before: only what began before this moment, in seconds since 1970: of two that begin together only one waits.
    """
    uses = parties[name].uses
    jobs = sorted(one.removeprefix("job/") for one in uses if one.startswith("job/"))
    return next((found for job in jobs if (found := _at_job(ledger, name, job, before))), "") or next(
        (
            run.subject
            for run in ledger.journal.under_way(KIND, before)
            if run.subject in parties
            and uses & parties[run.subject].uses
            and _outermost(ledger, run).subject != name
            and _lives(ledger, run)
        ),
        "",
    )


def _at_job(ledger: Ledger, name: str, job: str, before: float) -> str:
    """Who works on a job, apart from earlier runs of `name`."""
    holder = ledger.leases.held(lease_of(job)).get(lease_of(job))
    if holder is None or holder.since >= before:
        return ""
    try:
        subject = _outermost(ledger, ledger.journal.get(holder.owner)).subject
    except NotFound:  # a process, by hand
        subject = job
    return "" if subject == name else subject


def _outermost(ledger: Ledger, run: RunRecord) -> RunRecord:
    """The run that started a run, through all pipelines; itself where none did."""
    while "/" in run.parent and ":" not in run.parent:
        try:
            run = ledger.journal.get(run.parent.partition("/")[0])
        except NotFound:
            return run
    return run


def _lives(ledger: Ledger, run: RunRecord) -> bool:
    """Whether there is a sign of life of a pipeline's run."""
    if ledger.leases.held(f"turn/{run.id}/") or f"{KIND}/{run.subject}" in ledger.leases.held(f"{KIND}/{run.subject}"):
        return True
    return max(run.started, ledger.steps.touched(run.id) or 0.0) > ledger.now() - SILENCE
