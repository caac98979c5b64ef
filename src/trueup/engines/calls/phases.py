"""The calls about one run of a job: its phases. Each may be repeated, also at the same time, also after the run is over."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from trueup.core import job_runs
from trueup.core.leasing import give_back, wait_for
from trueup.core.ledger.rows import BatchRow
from trueup.engines.calls.answers import header
from trueup.engines.calls.frame import TURN_SECONDS, Call, job_call, turn_of
from trueup.engines.calls.jobs import require
from trueup.engines.calls.slots import slot
from trueup.engines.calls.verified import all_verified, any_verified
from trueup.model.errors import StalePlan, StoreError, UsageError
from trueup.model.run import Phase, RunState

Json: TypeAlias = dict[str, Any]

_PLANNING = (Phase.READ.value, Phase.PLAN.value)
_PLANNED = (Phase.GUARD.value, *job_runs.APPLYING)


def read(config: str, run: str, ref: str) -> Json:
    """Brings the ledger up to date with one collection; see `core.reading.read`.

    Args:
        config, run: the absolute path of trueup.yaml, the run.
        ref: the collection ("work/team").
    """
    with job_call(config, run, f"read/{ref}") as call:
        _check_ref(call, ref)
        if call.record.state is not RunState.RUNNING or call.record.phase != Phase.READ:
            return _known_reading(call, ref)  # a plan was made of it: what is read now would be another world
        with slot(call, ref):
            return call.work.phases.read(call.work, run, ref)


def plan(config: str, run: str, readings: Sequence[Json]) -> Json:
    """Makes the plan.

    Args:
        config, run: as above.
        readings: what `read` said of each collection.

    Returns:
        The plan's header: {"run", "job", "created", "counts", "guards", "complete", "applyable", "errored", "creates", "diagnostics",
        "hash"}; the changes are in the ledger.
    """
    with job_call(config, run, "plan") as call:
        if call.record.state is RunState.RUNNING and call.record.phase in _PLANNING:
            _check_readings(call, readings)
            call.app.ledger.journal.update(run, phase=Phase.PLAN)
            _wait_for_readers(call)
            call.work.phases.plan(call.work, run, list(readings))
            call.app.ledger.journal.update(run, phase=Phase.GUARD)
        made = call.refresh().plan
        if made is None:
            raise StalePlan(f"run {run} has no plan", why=f"it is {call.record.state.value.replace('_', ' ')}")
        return header(made)


def start_apply(config: str, run: str) -> Json:
    """Before the first batch: makes sure that the plan is the one that was sealed and allowed.

    Returns:
        {"waves": [[{"batch", "wave", "collection", "changes", "title"}, …], …]}: what is left to send. Waves go one after another, the
        batches of a wave in any order and at the same time. "title" says what a batch does where its number and collection say too little
        ("back up crm, files"); else it is "".

    Raises:
        GuardBlocked: a guard fired that nobody has allowed.
    """
    with job_call(config, run, "start_apply") as call:
        if call.over:
            return {"waves": []}
        if call.record.state is RunState.RUNNING:
            require(call, _PLANNED, "plan(…) comes first")
            _refuse_other_configuration(call)
        elif call.record.asks:
            raise UsageError(f"run {run} has no plan yet", why=f"it has not begun: {call.record.asks}")
        begun = call.work.phases.start_apply(call.work, run)
        _wait_for_readers(call)
        _make_collections(call)
        known = {one.batch: one for one in call.app.ledger.journal.batches(run)}
        titles = begun.get("titles", {})
        waves = [[_batch(known[number], titles.get(number, "")) for number in wave] for wave in begun["waves"]]
        return {"waves": waves}


def apply_batch(config: str, run: str, batch: int) -> Json:
    """Sends one batch; see `core.executor.apply_batch`."""
    with job_call(config, run, f"batch/{batch}") as call:
        found = next((one for one in call.app.ledger.journal.batches(run) if one.batch == batch), None)
        if found is None:
            raise UsageError(f"run {run} has no batch {batch}", hint="start_apply(…) names them")
        if call.over or not found.open:
            return {"batch": batch, "collection": found.collection, "done": 0, "failed": 0, "stale": 0, "errors": []}
        require(call, job_runs.APPLYING, "start_apply(…) comes first")
        with slot(call, found.collection):
            return call.work.phases.apply_batch(call.work, run, batch)


def verify(config: str, run: str, ref: str) -> Json:
    """Reads back what the run wrote to one collection; see `core.verification.verify`. A repeat answers for all that was read back."""
    with job_call(config, run, f"verify/{ref}") as call:
        _check_ref(call, ref)
        if call.over:
            known = (one for one in call.record.report.get("verifications", ()) if one["collection"] == ref)
            nothing = {"collection": ref, "verified": 0, "failed": 0, "rewritten": 0, "lost": {}, "error": None}
            return next(known, nothing)
        require(call, job_runs.APPLYING, "start_apply(…) comes first")
        ledger = call.app.ledger
        again = any_verified(ledger, run, ref)
        with slot(call, ref):
            result = call.work.phases.verify(call.work, run, ref)
        return {**result, **all_verified(ledger, run, ref)} if again else result


def _batch(row: BatchRow, title: str) -> Json:
    shown = {"batch": row.batch, "wave": row.wave, "collection": row.collection, "changes": row.changes}
    return {**shown, "title": title}


def _check_ref(call: Call, ref: str) -> None:
    known = [str(one) for one in call.work.spec.collections]
    if ref not in known:
        raise UsageError(f"{ref} is no collection of job {call.work.spec.name}", hint=f"it has: {', '.join(known)}")


def _check_readings(call: Call, readings: Sequence[Json]) -> None:
    given = {one["collection"] for one in readings}
    for one in call.work.spec.collections:
        if str(one) not in given:
            raise UsageError(
                f"there is no reading of {one}", hint="read(…) each of the job's collections before plan(…)"
            )


def _known_reading(call: Call, ref: str) -> Json:
    for one in call.record.report.get("readings", ()):
        if one["collection"] == ref:
            return dict(one)
    why = f"it is {call.record.state.value.replace('_', ' ')}, in phase {call.record.phase}"
    raise StalePlan(f"run {call.record.id} does not read {ref} any more", why=why, hint="begin a new run")


def _wait_for_readers(call: Call) -> None:
    """A reading that is still under way, the repeat of one that is over, ends before what it says is used or its collection written.

    The phase has moved on by now: one that comes later finds that, and reads nothing.
    """
    ledger = call.app.ledger
    for ref in call.work.spec.collections:
        name = turn_of(call.record.id, f"read/{ref}")
        if ledger.leases.holder(name) is not None:
            wait_for(ledger, name, call.owner, TURN_SECONDS, call.check)
            give_back(ledger, name, call.owner)


def _refuse_other_configuration(call: Call) -> None:
    """A plan is carried out by the configuration it was made with; one that is half carried out is finished all the same."""
    made = call.record.plan or {}
    if call.record.phase not in job_runs.APPLYING and made.get("config") != call.work.spec.digest:
        why = "the job's configuration was changed since it was made"
        raise StalePlan("the plan is stale", why=why, hint=f"make a new one: trueup plan {call.work.spec.name}")


def _make_collections(call: Call) -> None:
    """Makes what is not there yet, once: batches are sent at the same time, and each would make it."""
    for ref in (call.record.plan or {}).get("creates", ()):
        with slot(call, ref), suppress(StoreError):  # each of its batches will say what is wrong
            call.work.collection(ref, create=True)
