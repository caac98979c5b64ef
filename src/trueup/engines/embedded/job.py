"""A job as a graph of phases, on this machine: read mapped over collections, plan, guard, apply in waves, verify mapped, report.

Nothing is kept here: where a run stands is in the ledger, and every phase may be called twice. So a run that was killed is
taken up by calling the phases from the one it was in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from trueup.core import job_runs
from trueup.core.job_runs import APPLYING, OVER, half_applied, lease_of, recorded, result_of
from trueup.core.job_work import JobWork, Phases
from trueup.core.work import Work
from trueup.engines.embedded.lease import hold
from trueup.engines.embedded.stop import Stop
from trueup.model.errors import StalePlan
from trueup.model.plan import Plan
from trueup.model.run import Phase, RunRecord, RunState

WORKERS = 16

_T = TypeVar("_T")
_R = TypeVar("_R")

Json: TypeAlias = dict[str, Any]
OnEvent: TypeAlias = Callable[[Json], None]
Approve: TypeAlias = Callable[[list[Json]], Sequence[str]]


class _JobRun:
    """One run of a job, from wherever it stands to its end."""

    def __init__(self, work: JobWork, run_id: str, stop: Stop, on_event: OnEvent, phases: Phases) -> None:
        self.work = work
        self.run_id = run_id
        self.stop = stop
        self.phases = phases
        work.check = self.check
        self._on_event = on_event
        self._voice = threading.Lock()

    def say(self, phase: Phase, state: str, **more: Any) -> None:
        event = {"event": "phase", "run": self.run_id, "job": self.work.spec.name, "phase": phase.value, "state": state}
        with self._voice:
            self._on_event({**event, **more})

    def check(self) -> None:
        """Raises where the run is to stop."""
        if self.stop.asked():
            raise self.stop.error(f"job {self.work.spec.name}", self.run_id)

    def step(self, phase: Phase, call: Callable[[], Json], **names: Any) -> Json:
        """One call of a phase, told before and after."""
        self.check()
        self.say(phase, "running", **names)
        result = call()
        self.say(phase, "done", **names, result=result)
        return result

    def mapped(self, phase: Phase, call: Callable[[str], Json]) -> list[Json]:
        """One call for each collection, in threads; the answers in the collections' order."""
        refs = [str(ref) for ref in self.work.spec.collections]

        def one(ref: str) -> Json:
            return self.step(phase, lambda: call(ref), collection=ref)

        return _in_threads(one, refs)

    def plan(self, allow: Sequence[str], approve: Approve | None) -> bool:
        """Reads, plans and guards; returns whether the plan may be applied."""
        phases, work, run_id = self.phases, self.work, self.run_id
        readings = self.mapped(Phase.READ, lambda ref: phases.read(work, run_id, ref))
        self.step(Phase.PLAN, lambda: phases.plan(work, run_id, readings))
        return self.guard(allow, approve)

    def guard(self, allow: Sequence[str], approve: Approve | None) -> bool:
        """Whether the plan may be applied, a person being asked where there is one."""
        phases, work, run_id = self.phases, self.work, self.run_id
        answer = self.step(Phase.GUARD, lambda: phases.guard(work, run_id, list(allow)))
        if answer["blocked"] and approve is not None:
            allowed = list(approve(answer["guards"]))
            if allowed:
                answer = self.step(Phase.GUARD, lambda: phases.guard(work, run_id, allowed))
        return not answer["blocked"]

    def apply(self) -> Json:
        """Sends what is not yet sent, reads back, reports."""
        phases, work, run_id = self.phases, self.work, self.run_id
        self.check()
        for wave in phases.start_apply(work, run_id)["waves"]:
            _in_threads(self.batches, self.by_collection(wave))
        verifications = self.mapped(Phase.VERIFY, lambda ref: phases.verify(work, run_id, ref))
        return self.step(Phase.REPORT, lambda: phases.report(work, run_id, verifications))

    def by_collection(self, wave: list[int]) -> list[list[int]]:
        """The batches of a wave, those of one collection together: they go one after another."""
        known = {one.batch: one.collection for one in self.work.ledger.journal.batches(self.run_id)}
        together: dict[str, list[int]] = {}
        for batch in wave:
            together.setdefault(known[batch], []).append(batch)
        return list(together.values())

    def batches(self, batches: list[int]) -> None:
        phases, work, run_id = self.phases, self.work, self.run_id
        for batch in batches:
            self.step(Phase.APPLY, lambda batch=batch: phases.apply_batch(work, run_id, batch), batch=batch)  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class _Settings:
    """What the caller of a run wants."""

    allow: Sequence[str]
    approve: Approve | None
    on_event: OnEvent
    phases: Phases


def run_job(
    work: JobWork,
    *,
    allow: Sequence[str] = (),
    approve: Approve | None = None,
    on_event: OnEvent = lambda event: None,
    stop: Stop | None = None,
    parent: str = "",
    phases: Phases | None = None,
) -> Json:
    """Runs a job from reading to report.

    A run that was killed is taken up first. Another round follows, `job_runs.MAX_ROUNDS` in all, where a target moved on meanwhile.

    Args:
        work: the job.
        allow: names of guards that a person has allowed beforehand ("all": every one).
        approve: asked when a guard blocks, with the guards' findings; returns the names that are allowed. None: nobody
            is there to ask.
        on_event: told what happens: {"event": "phase", "run", "job", "phase", "state", "collection" or "batch", "result"}.
        stop: asks the run to stop before its next call.
        parent: the run and step that start it; the same again finds the run it started before.
        phases: the phases; None: those of the job's kind (others in tests).

    Returns:
        The report of the last round, with the counts of all; "state" is "awaiting_approval" where a guard blocked it.

    Raises:
        Locked: another process works on this job, or took it over.
        Cancelled: it was asked to stop; the next `run_job` goes on.
        TrueupError: it failed; the run says so.
    """
    settings = _Settings(allow, approve, on_event, phases or work.phases)
    with hold(work.ledger, lease_of(work.spec.name), stop) as held:
        known = job_runs.taken_up(work, parent)
        if known is not None and known.state in OVER:
            return result_of(known)
        try:
            return _rounds(work, known, parent, settings, held)
        except StalePlan:  # what waited for approval is too old by now
            return _rounds(work, None, parent, settings, held)


def plan_job(
    work: JobWork,
    *,
    allow: Sequence[str] = (),
    on_event: OnEvent = lambda event: None,
    stop: Stop | None = None,
    phases: Phases | None = None,
) -> Json:
    """Reads, plans and guards, and leaves the run as "planned" or "awaiting_approval" for `apply_run`.

    A run that was killed while it was applying is not planned over: it is the answer itself, its state still "running",
    and `apply_run` finishes it.

    Args, raises: as `run_job`.

    Returns:
        {"run", "state"}; the plan is in the ledger under that run.
    """
    with hold(work.ledger, lease_of(work.spec.name), stop) as held:
        known = job_runs.taken_up(work, "")
        if known is not None and known.phase in APPLYING:
            return result_of(known)
        looked = job_runs.begin_plan(work)
        run_id = known.id if known else _begin(work, phases or work.phases)
        work.ledger.journal.add_to_report(run_id, looked)
        run = _JobRun(work, run_id, held, on_event, phases or work.phases)
        with recorded(work, run_id):
            if run.plan(allow, None):
                work.ledger.journal.update(run_id, state=RunState.PLANNED)
        return result_of(work.ledger.journal.get(run_id))


def plan_undo(
    work: Work,
    undone: str,
    *,
    on_event: OnEvent = lambda event: None,
    stop: Stop | None = None,
    phases: Phases | None = None,
) -> Json:
    """Plans to take back what a run changed, and leaves it as "planned" for `apply_run`.

    Args:
        undone: the run to take back.
        work, on_event, stop, phases: as `run_job`.

    Returns, raises: as `plan_job`.
    """
    from trueup.core.undo import plan_undo as plan_undo_of

    with hold(work.ledger, lease_of(work.spec.name), stop) as held:
        known = job_runs.taken_up(work, "")
        if known is not None and known.phase in APPLYING:
            return result_of(known)
        run_id = _begin(work, work.phases, kind="undo")
        run = _JobRun(work, run_id, held, on_event, phases or work.phases)
        with recorded(work, run_id):
            readings = run.mapped(Phase.READ, lambda ref: run.phases.read(work, run_id, ref))
            found = {one["collection"]: one for one in readings}
            run.step(Phase.PLAN, lambda: plan_undo_of(work, run_id, undone, found).to_json())
            work.ledger.journal.update(run_id, state=RunState.PLANNED)
        return result_of(work.ledger.journal.get(run_id))


def apply_run(
    work: JobWork,
    run_id: str,
    *,
    allow: Sequence[str] = (),
    approve: Approve | None = None,
    on_event: OnEvent = lambda event: None,
    stop: Stop | None = None,
    phases: Phases | None = None,
) -> Json:
    """Applies a run that is planned, awaits approval, or was killed while it was applied.

    Args:
        run_id: the run.
        work, allow, approve, on_event, stop, phases: as `run_job`.

    Returns:
        As `run_job`.

    Raises:
        NotFound: there is no such run of this job, or it is over.
        StalePlan: the world moved on since the plan was made; nothing was changed.
        TrueupError: as `run_job`.
    """
    settings = _Settings(allow, approve, on_event, phases or work.phases)
    with hold(work.ledger, lease_of(work.spec.name), stop) as held:
        known = job_runs.applicable(work, run_id)
        return _rounds(work, known, "", settings, held)


def _rounds(work: JobWork, known: RunRecord | None, parent: str, settings: _Settings, held: Stop) -> Json:
    """Rounds until nothing is left that another may finish, the first one being a known run or a new one."""
    reports: list[Json] = []
    while True:
        old = known is not None and half_applied(known) and settings.phases.ANOTHER_AFTER_KILL
        run_id = known.id if known else _begin(work, settings.phases, parent=parent)
        run = _JobRun(work, run_id, held, settings.on_event, settings.phases)
        with recorded(work, run_id):
            passed = _passed(run, known, settings)
            reports.append(run.apply() if passed else result_of(work.ledger.journal.get(run_id)))
        # What was half-way through its plan when it was killed knows nothing of what happened since.
        if not passed or not job_runs.another_round(reports[-1], len(reports), old=old):
            return job_runs.together(work, run_id, reports)
        known, parent = None, parent or run_id


def _passed(run: _JobRun, known: RunRecord | None, settings: _Settings) -> bool:
    """Brings a run to where it may be applied; returns False where a guard blocks it."""
    if known is None or known.plan is None or (known.state is RunState.RUNNING and known.phase not in APPLYING):
        return run.plan(settings.allow, settings.approve)
    if known.state is RunState.RUNNING:
        return True
    if not run.guard(settings.allow, settings.approve):
        return False
    readings = run.mapped(Phase.READ, lambda ref: run.phases.read(run.work, run.run_id, ref))
    run.phases.refuse_stale(run.work, Plan.from_json(known.plan), readings)
    return True


def _begin(work: JobWork, phases: Phases, kind: str = "run", parent: str = "") -> str:
    """A new run; plans of this job that still wait are superseded by it."""
    job_runs.supersede_waiting(work)
    return phases.begin(work, kind, parent)


def _in_threads(call: Callable[[_T], _R], values: Sequence[_T]) -> list[_R]:
    """The answers in order; the first error is raised when all calls have ended."""
    if len(values) <= 1:
        return [call(one) for one in values]
    with ThreadPoolExecutor(min(len(values), WORKERS), thread_name_prefix="trueup") as pool:
        futures = [pool.submit(call, one) for one in values]
    return [one.result() for one in futures]
