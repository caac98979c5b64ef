"""The runs of a job in the ledger: which one to go on with, when another round follows, and what rounds come to together.

Whatever engine drives a job, these rules are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from trueup.core.job_work import JobWork
from trueup.model.errors import Bug, Cancelled, LedgerError, Locked, NotFound, StalePlan, TrueupError
from trueup.model.run import Phase, RunRecord, RunState

Json: TypeAlias = dict[str, Any]

MAX_ROUNDS = 3
"""How often a run is followed by another because its targets moved on meanwhile, itself included."""

APPLYING = (Phase.APPLY.value, Phase.VERIFY.value, Phase.REPORT.value)
"""Phases in which a plan is being carried out: a run that was killed in one of them is finished, not planned anew."""

OVER = (RunState.DONE, RunState.PARTIAL, RunState.CONFLICT)
"""How a run ended whose report is the answer to whoever asks again; one that failed is tried again."""

WAITING = (RunState.PLANNED, RunState.AWAITING_APPROVAL)
"""States of a run whose plan waits for a person or for `apply`."""


ONLY_PLANNED = "only_planned"
"""A member of the report of a run that somebody has made to look at its plan: that it waits is nobody's alarm."""


def lease_of(job: str) -> str:
    """The name of the lease under which a job is worked on."""
    return f"job/{job}"


def half_applied(run: RunRecord) -> bool:
    """Whether a run was killed, or is at work, while its plan is carried out."""
    return run.state is RunState.RUNNING and run.phase in APPLYING


def killed(work: JobWork) -> RunRecord | None:
    """The job's run that never ended, for who holds the job's lease; an undo that has changed nothing yet is given up."""
    journal = work.ledger.journal
    found = journal.latest(work.spec.name, (RunState.RUNNING,))
    if found is not None and found.kind == "undo" and not half_applied(found):
        supersede(work, found)
        return None
    if found is not None and half_applied(found) and not work.phases.goes_on(work, found):
        supersede(work, found)
        return None
    return found


def taken_up(work: JobWork, parent: str) -> RunRecord | None:
    """The run to go on with: one that was killed, or the one that this parent has started before."""
    found = killed(work)
    return found if found is not None or not parent else started_by(work, parent)


def started_by(work: JobWork, parent: str) -> RunRecord | None:
    """The last run of the job that this parent has started; None where a later plan took its place."""
    last = work.ledger.journal.latest(work.spec.name, parent=parent)
    return last if last is not None and last.state is not RunState.SUPERSEDED else None


def supersede(work: JobWork, run: RunRecord) -> None:
    """Marks a run that will not be gone on with."""
    work.ledger.journal.update(run.id, state=RunState.SUPERSEDED, ended=work.clock())


def supersede_waiting(work: JobWork) -> None:
    """Before a new run: plans of this job that still wait are about a world that has moved on."""
    while (waiting := work.ledger.journal.latest(work.spec.name, WAITING)) is not None:
        supersede(work, waiting)


def begin_plan(work: JobWork) -> dict[str, bool]:
    """What is known of a run beforehand that is made to look at its plan. One that takes the place of a run which waits for a person's word
    waits for it as that did."""
    waiting = work.ledger.journal.latest(work.spec.name, (RunState.AWAITING_APPROVAL,))
    return {} if waiting is not None and not waiting.report.get(ONLY_PLANNED) else {ONLY_PLANNED: True}


def looked_at(run: RunRecord) -> bool:
    """Whether a run is only a plan that somebody looked at, and was never carried out."""
    return bool(run.report.get(ONLY_PLANNED)) and run.phase not in APPLYING


def applicable(work: JobWork, run_id: str) -> RunRecord:
    """A run that is planned, awaits approval, or was killed while it was applied.

    Raises:
        NotFound: there is no such run of this job, or it is over.
        StalePlan: another took its place.
    """
    known = work.ledger.journal.get(run_id)
    if known.subject == work.spec.name and (known.state in WAITING or half_applied(known)):
        return known
    hint = f"make a new plan: trueup plan {work.spec.name}"
    if known.subject == work.spec.name and known.state is RunState.SUPERSEDED:
        why = "a later plan or run took its place, or its collections changed"
        raise StalePlan(f"the plan of run {run_id} is stale", why=why, hint=hint)
    why = f"it is a run of {known.subject}" if known.subject != work.spec.name else f"it is {known.state.value}"
    raise NotFound(f"run {run_id} has nothing to apply", why=why.replace("_", " "), hint=hint)


def another_round(report: Json, rounds: int, *, old: bool = False) -> bool:
    """Whether another round follows one that was applied.

    Args:
        report: what it came to.
        rounds: how many there were, this one included.
        old: it was killed half-way through its plan and taken up: it knows nothing of what happened since.
    """
    return rounds < MAX_ROUNDS and bool(old or report.get("again"))


def result_of(run: RunRecord) -> Json:
    """A run's report, with what it says of the run itself."""
    return {**run.report, "run": run.id, "state": run.state.value}


def together(work: JobWork, run_id: str, reports: Sequence[Json]) -> Json:
    """The last report, with what all rounds did; kept with the last run."""
    if len(reports) == 1:
        return reports[0]
    counts: dict[str, int] = {}
    for report in reports:
        for action, number in report.get("counts", {}).items():
            counts[action] = counts.get(action, 0) + number
    result = {**reports[-1], "counts": counts, "rounds": [one["run"] for one in reports]}
    work.ledger.journal.update(run_id, report=result)
    return result


def _stays(error: Exception) -> bool:
    return isinstance(error, Cancelled | Locked | LedgerError)


@contextmanager
def recorded(work: JobWork, run_id: str, stays: Callable[[Exception], bool] = _stays) -> Iterator[None]:
    """Records how a run failed.

    Args:
        work, run_id: the run.
        stays: errors after which the run stays "running" and is taken up later: it was stopped, its ledger failed.
    """
    try:
        yield
    except Exception as error:
        if not stays(error):
            record_failure(work, run_id, error)
        raise


def record_failure(work: JobWork, run_id: str, error: Exception) -> None:
    """Ends a run with an error: as superseded where its plan is stale, else as failed."""
    state = RunState.SUPERSEDED if isinstance(error, StalePlan) else RunState.FAILED
    shown = error.to_json() if isinstance(error, TrueupError) else Bug(f"{type(error).__name__}: {error}").to_json()
    report = {**work.ledger.journal.get(run_id).report, "error": shown}
    with work.ledger.transaction("failed"):
        work.ledger.journal.update(run_id, state=state, report=report, ended=work.clock())
        work.ended("ended", {**report, "run": run_id})
