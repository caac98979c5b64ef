"""The calls about one run of a job: where it begins and ends.

begin_job -> read* -> plan -> guard -> start_apply -> apply_batch* -> verify* -> report -> next_round … -> end_job
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from trueup.app import App
from trueup.core import job_runs
from trueup.core.job_work import JobWork
from trueup.engines.calls.answers import small
from trueup.engines.calls.frame import RUN_SECONDS, Call, alone, job_call
from trueup.engines.calls.opened import opened
from trueup.model.errors import UsageError
from trueup.model.run import KEY, Phase, RunRecord, RunState

Json: TypeAlias = dict[str, Any]

PAUSES = (30.0, 60.0)
"""Seconds before the second and the third round where a store did not answer: a minute's cut of a network is sat out."""


def begin_job(config: str, job: str, key: str, allow: Sequence[str] = (), parent: str = "") -> Json:
    """Finds or starts the run of a job for an engine's run.

    The same key (or parent) always gives the same run, wherever it stands; one that failed, or whose plan was refused, is tried again
    by a new one. A run that was killed is taken up first, as the embedded engine does.

    Args:
        config: the absolute path of trueup.yaml.
        job: the job's name.
        key: the engine's own id of its run.
        allow: guards that are allowed beforehand ("all": every one).
        parent: the run and step of a pipeline that start it ("RUN/step[3]"); then it is what the run is known by.

    Returns:
        {"run", "job", "collections": ["work/team", …], "next": "read" | "apply" | "approve" | "over", "report": {…} or None}.

    Raises:
        Locked: somebody else works on the job.
        NotFound: there is no such job.
    """
    with opened(config) as app:
        return _begin(app, job, parent or KEY + key, allow)


def next_round(config: str, run: str) -> Json:
    """Starts a further round after one whose report says "again"; at most `core.job_runs.MAX_ROUNDS` in all.

    Returns:
        As `begin_job`; "next" is "over" where there is nothing left that another round may finish.
    """
    with opened(config) as app:
        record = app.ledger.journal.get(run)
        if record.state not in job_runs.OVER:
            if record.state in (RunState.FAILED, RunState.SUPERSEDED):
                return _answer(app.work(record.subject), record, "over")
            why = f"it is {record.state.value.replace('_', ' ')}"
            raise UsageError(f"run {run} has not ended", why=why, hint="report(…) ends it")
        return _begin(app, record.subject, started_for(record), record.report.get("allow", ()))


def end_job(config: str, run: str) -> Json:
    """Gives the job's lease back; a run that is not over stays as it is, for whoever takes it up.

    Returns:
        The report of all rounds together: {"run", "state", "counts", "left", "conflicts", …}.
    """
    with opened(config) as app:
        record = app.ledger.journal.get(run)
        work = app.work(record.subject)
        record = _last_round(work, record)
        app.ledger.leases.release(job_runs.lease_of(record.subject), record.id)
        with app.told(record.subject):
            pass
        if record.state not in job_runs.OVER:
            return small(job_runs.result_of(record))
        app.forget_old(record.subject)
        earlier = [app.ledger.journal.get(one) for one in record.report.get("before", ())]
        reports = [job_runs.result_of(one) for one in (*earlier, record)]
        if "rounds" in record.report:  # they were put together already
            return small(reports[-1])
        return small(job_runs.together(work, record.id, reports))


def _last_round(work: JobWork, run: RunRecord) -> RunRecord:
    """The last round of those that a run has begun: an engine may know the first one only."""
    newest = _known(work, started_for(run))
    return newest if newest is not None and run.id in newest.report.get("before", ()) else run


def report(config: str, run: str, verifications: Sequence[Json]) -> Json:
    """Ends this round.

    Args:
        config, run: as above.
        verifications: what `verify` said of each collection.

    Returns:
        Its report; "again" is True where another round may finish what this one could not, "pause" how many seconds later: a store that did
        not answer is given time to come back.
    """
    with job_call(config, run, "report") as call:
        result = call.record.report
        if not call.over:
            require(call, job_runs.APPLYING)
            result = call.work.phases.report(call.work, run, list(verifications))
        record = call.refresh()
        again = record.state in job_runs.OVER and _goes_on(record)
        more = {"again": again, "pause": pause_after(record)}
        return small({**result, "run": run, "state": record.state.value, **more})


def pause_after(record: RunRecord) -> float:
    """Seconds to wait before the round that follows a run."""
    if not record.report.get("away") or not _goes_on(record):
        return 0.0
    return PAUSES[min(len(record.report.get("before", ())), len(PAUSES) - 1)]


def started_for(record: RunRecord) -> str:
    """What a run is known by to who started it, or took it up: a key, or a pipeline's run and step."""
    return str(record.report.get("for") or record.parent or record.id)


def require(call: Call, phases: Sequence[str], hint: str = "") -> None:
    """Raises UsageError where the run does not stand in one of these phases."""
    if call.record.state is not RunState.RUNNING or call.record.phase not in phases:
        state = call.record.state.value.replace("_", " ")
        why = f"it is {state}, in phase {call.record.phase}"
        raise UsageError(
            f"run {call.record.id} is not ready for that", why=why, hint=hint or "call the phases in their order"
        )


# -- beginning ----------------------------------------------------------------------------------------------------------


def _begin(app: App, job: str, parent: str, allow: Sequence[str]) -> Json:
    work = app.work(job)
    with alone(app, f"job/{job}/begin"):
        known = _known(work, parent)
        if known is not None and known.state in job_runs.WAITING:
            return _answer(work, known, "approve")
        if known is not None and known.state is RunState.RUNNING:
            return _gone_on_with(work, known)
        if known is not None and known.state in job_runs.OVER and not _goes_on(known):
            return _answer(work, known, "over")
        return _started(work, known, parent, allow)


def _known(work: JobWork, parent: str) -> RunRecord | None:
    """The newest run that was started, or taken up, for this parent."""
    journal = work.ledger.journal
    taken = next((one for one in journal.history(work.spec.name, 30) if one.report.get("for") == parent), None)
    if taken is not None and taken.state is RunState.RUNNING:
        return taken
    return journal.latest(work.spec.name, parent=parent) or taken


def _gone_on_with(work: JobWork, run: RunRecord) -> Json:
    """A run of ours that is under way, or was left by its workers."""
    leases, name = work.ledger.leases, job_runs.lease_of(work.spec.name)
    holder = leases.holder(name)
    fresh = holder is not None and holder.owner == run.id and holder.expires > work.ledger.now()
    leases.acquire(name, run.id, RUN_SECONDS)
    now = work.ledger.journal.get(run.id)
    if now.state is not RunState.RUNNING:  # ended by who had the lease
        leases.release(name, run.id)
        return _answer(work, now, "approve" if now.state in job_runs.WAITING else "over")
    return _standing(work, now if fresh else _left_alone(work, now))


def _left_alone(work: JobWork, run: RunRecord) -> RunRecord:
    """A run that nobody has worked on for long: a plan that is not being carried out is made anew, and what was half-way through its
    plan is followed by another round."""
    journal = work.ledger.journal
    if job_runs.half_applied(run):
        journal.add_to_report(run.id, {"taken_up": work.phases.ANOTHER_AFTER_KILL})
    else:
        journal.update(run.id, phase=Phase.READ)
    return journal.get(run.id)


def _started(work: JobWork, known: RunRecord | None, parent: str, allow: Sequence[str]) -> Json:
    """A new run, or one that somebody was killed in."""
    ledger, name = work.ledger, job_runs.lease_of(work.spec.name)
    journal = ledger.journal
    before: list[str] = []
    if known is not None and known.state in job_runs.OVER:
        before = [*known.report.get("before", ()), known.id]
    found: RunRecord | None = None
    with ledger.transaction("calls.begin"):
        if known is not None:
            ledger.leases.release(name, known.id)
        ledger.leases.acquire(name, parent, RUN_SECONDS)
        found = job_runs.killed(work)
        if found is None:
            job_runs.supersede_waiting(work)
            run = work.phases.begin(work, "run", parent)
        else:
            run = _left_alone(work, found).id
        more = {"before": before, "allow": list(allow), **({"for": parent} if found else {})}
        journal.add_to_report(run, {key: one for key, one in more.items() if one})
        ledger.leases.release(name, parent)
        ledger.leases.acquire(name, run, RUN_SECONDS)
    return _standing(work, journal.get(run))


def _goes_on(run: RunRecord) -> bool:
    """Whether another round follows a run that is over."""
    rounds = len(run.report.get("before", ())) + 1
    old = bool(run.report.get("taken_up") or run.report.get("away"))
    return job_runs.another_round(run.report, rounds, old=old)


def _standing(work: JobWork, run: RunRecord) -> Json:
    return _answer(work, run, "apply" if job_runs.half_applied(run) else "read")


def _answer(work: JobWork, run: RunRecord, then: str) -> Json:
    report = small(job_runs.result_of(run)) if then == "over" else None
    collections = [str(ref) for ref in work.spec.collections]
    return {"run": run.id, "job": work.spec.name, "collections": collections, "next": then, "report": report}
