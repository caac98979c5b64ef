"""The calls about a person's word: whether a run may go on, who lets it, and how it stands meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from trueup.core import job_runs
from trueup.core.pipeline_runs import KIND
from trueup.engines.calls.frame import RUN_SECONDS, Call, give_job_back, job_call
from trueup.engines.calls.jobs import require
from trueup.engines.calls.opened import opened
from trueup.engines.calls.slots import slot
from trueup.model.errors import NotFound, StalePlan
from trueup.model.plan import Plan
from trueup.model.run import Phase, RunState

Json: TypeAlias = dict[str, Any]


def guard(config: str, run: str, allow: Sequence[str] = ()) -> Json:
    """Whether the plan may be applied. A blocked run is left as "awaiting approval", and its job is free for others.

    Returns:
        {"blocked", "guards": [{"guard", "collection", "message", "allowed"}, …]}.
    """
    with job_call(config, run, "guard") as call:
        if call.record.state is not RunState.RUNNING or call.record.phase in job_runs.APPLYING:
            return _guards(call)
        require(call, (Phase.GUARD.value,), "plan(…) comes first")
        answer = call.work.phases.guard(call.work, run, [*allow, *call.record.report.get("allow", ())])
        if answer["blocked"]:
            give_job_back(call)
            with call.app.told(call.record.subject):
                pass
        return answer


def approve(config: str, run: str, allow: Sequence[str], who: str) -> Json:
    """A person lets a blocked run go on: everything is read again, and a plan that is stale by now is refused.

    Args:
        config, run: as above.
        allow: the guards that are allowed ("all": every one).
        who: the person, as the plan names them.

    Returns:
        As `guard`.

    Raises:
        StalePlan: the world moved on since the plan was made; the run ends as superseded.
    """
    with job_call(config, run, "approve") as call:
        if call.record.state not in job_runs.WAITING:
            return _guards(call)
        name = job_runs.lease_of(call.record.subject)
        call.app.ledger.leases.acquire(name, run, RUN_SECONDS)
        call.kept.add(name, run, RUN_SECONDS)
        try:
            if call.refresh().state in job_runs.WAITING:
                _refuse_stale(call)
                call.work.phases.guard(call.work, run, list(allow), who)
        except StalePlan as error:
            job_runs.record_failure(call.work, run, error)
            raise
        finally:
            if call.refresh().state is not RunState.RUNNING:
                give_job_back(call)
        return _guards(call)


def reject(config: str, run: str, who: str) -> Json:
    """A person says no: the run ends as superseded, and nothing was changed.

    Returns:
        {"run", "state"}.

    Raises:
        NotFound: it does not wait for anybody.
    """
    with job_call(config, run, "approve") as call:
        if call.record.state in job_runs.WAITING:
            call.app.ledger.journal.add_to_report(run, {"rejected_by": who})
            job_runs.supersede(call.work, call.record)
        elif call.record.state is not RunState.SUPERSEDED:
            why = f"it is {call.record.state.value}"
            raise NotFound(f"run {run} does not wait for approval", why=why)
        return {"run": run, "state": RunState.SUPERSEDED.value}


def waiting(config: str, run: str) -> Json:
    """How a run stands that waits for a person; cheap, to be polled.

    `trueup apply RUN` carries the plan out itself: then the answer is "wait" while it works, and "over" in the end.

    Returns:
        {"run", "state", "next": "wait" | "apply" | "over"}.
    """
    with opened(config) as app:
        record = app.ledger.journal.get(run)
        pipeline = record.kind == KIND
        lease = f"{KIND}/{record.subject}" if pipeline else job_runs.lease_of(record.subject)
        holder = app.ledger.leases.holder(lease)
        others = holder is not None and holder.owner != run and holder.expires > app.ledger.now()
        if record.state in job_runs.WAITING and (record.asks or not pipeline):
            goes_on = "wait"
        elif record.state in job_runs.WAITING:
            goes_on = "apply"  # what a step's job waits for is asked by the step
        elif record.state is RunState.RUNNING:
            goes_on = "wait" if others else "apply"
        else:
            goes_on = "over"
        return {"run": run, "state": record.state.value, "next": goes_on}


def _guards(call: Call) -> Json:
    made = call.refresh().plan
    found = made["guards"] if made else []
    return {"blocked": call.record.state in job_runs.WAITING, "guards": found}


def _refuse_stale(call: Call) -> None:
    made = call.record.plan
    assert made is not None
    readings = []
    for ref in map(str, call.work.spec.collections):
        with slot(call, ref):
            readings.append(call.work.phases.read(call.work, call.record.id, ref))
    call.work.phases.refuse_stale(call.work, Plan.from_json(made), readings)
