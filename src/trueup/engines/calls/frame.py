"""The frame of a call about a job's run: whose turn it is, the run's lease, and stores that are not used without it.

A call may come twice, also at the same time, also long after the run was taken over. So every call takes its *turn* first, a short
lease on what it is about to do ("batch 3 of run …"): who comes second waits, and then finds in the ledger that it is done. Then it
takes the job's lease in the name of the run. All workers of a run are the same owner there; whoever else works on the job is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from trueup.app import App
from trueup.core import job_runs
from trueup.core.job_work import JobWork
from trueup.core.leasing import Kept, give_back, process_name, tidy, wait_for
from trueup.engines.calls.errors import retryable
from trueup.engines.calls.fenced import FencedStore
from trueup.engines.calls.opened import opened
from trueup.engines.calls.stopping import Stopped, asked_to_stop
from trueup.model.errors import Locked, UsageError
from trueup.model.ports import Store
from trueup.model.run import RunRecord, RunState

RUN_SECONDS = 600.0
"""How long a run keeps its job between two calls: an engine may take its time to start the next one."""

TURN_SECONDS = 30.0
"""How long a turn holds without renewal: so long waits the repeat of a call whose machine vanished."""

OPEN = (RunState.RUNNING, *job_runs.WAITING)
"""States of a run that is not over."""


@dataclass(slots=True)
class Call:
    """What a call works with.

    Attributes:
        app: the application.
        work: the job, on stores that refuse to be used when the lease is lost.
        record: the run as it was when the call's turn came.
        kept: the leases of the call.
        asked: whether the call is to stop.
    """

    app: App
    work: JobWork
    record: RunRecord
    kept: Kept
    owner: str = field(default_factory=process_name)
    asked: Callable[[], bool] = field(default_factory=asked_to_stop)

    @property
    def over(self) -> bool:
        """Whether the run has ended: the call has nothing to do but to say so."""
        return self.record.state not in OPEN

    def refresh(self) -> RunRecord:
        """The run as it is now."""
        self.record = self.app.ledger.journal.get(self.record.id)
        return self.record

    def check(self) -> None:
        """Raises Stopped where the worker is asked to stop, Locked where the leases of this call may be somebody else's by now."""
        if self.asked():
            why = "its worker was asked to stop"
            raise Stopped(f"run {self.record.id} stopped", why=why, hint="nothing is lost: the call is repeated")
        if not self.kept.valid:
            why = "this process did not renew its lease in time, and may not be the only one any more"
            raise Locked(
                f"run {self.record.id} stopped before its next step", why=why, hint="nothing is lost: repeat the call"
            )


def turn_of(run: str, unit: str) -> str:
    """The name of the lease on a unit of a run."""
    return f"turn/{run}/{unit}"


@contextmanager
def alone(app: App, unit: str) -> Iterator[Kept]:
    """One call at a time does this; yields the leases of the call."""
    name, owner, kept = f"turn/{unit}", process_name(), Kept(app.ledger)
    try:
        tidy(app.ledger)
        wait_for(app.ledger, name, owner, TURN_SECONDS)
        kept.add(name, owner, TURN_SECONDS)
        try:
            yield kept
        finally:
            kept.drop(name)
            give_back(app.ledger, name, owner)
    finally:
        kept.close()


@contextmanager
def job_call(config: str, run: str, unit: str) -> Iterator[Call]:
    """The frame of a call about a run.

    Args:
        config: the absolute path of trueup.yaml.
        run: the run's id.
        unit: what is done, as no other call of the run does it at the same time.

    Raises:
        NotFound: there is no such run, or the configuration has no such job.
        Locked: the run is not over, and somebody else works on its job.
    """
    with opened(config) as app:
        record = app.ledger.journal.get(run)
        work = app.work(record.subject)
        with alone(app, f"{run}/{unit}") as kept:
            call = Call(app, work, record, kept)
            fence(call)
            take_job(call)
            with job_runs.recorded(work, run, lambda error: _stays(call, error)):
                yield call


def _stays(call: Call, error: Exception) -> bool:
    """Whether the run stays as it is: it is not under way, or a repeat or another call may still bring it to its end."""
    return call.record.state is not RunState.RUNNING or retryable(error) or isinstance(error, UsageError)


def fence(call: Call) -> None:
    """Puts the call's check around every store it uses."""
    plain = call.work.store

    def store(name: str) -> Store:
        return FencedStore(plain(name), call.check)

    call.work.store = store
    call.work.check = call.check


def take_job(call: Call) -> None:
    """The job's lease in the name of the run, where the run is not over (looked at under the lease)."""
    if call.refresh().state is not RunState.RUNNING:
        return
    name, run = job_runs.lease_of(call.record.subject), call.record.id
    call.app.ledger.leases.acquire(name, run, RUN_SECONDS)
    if call.refresh().state is not RunState.RUNNING:  # whoever had the lease until now has ended it
        call.app.ledger.leases.release(name, run)
        return
    call.kept.add(name, run, RUN_SECONDS)


def give_job_back(call: Call) -> None:
    """The job is free for others."""
    name = job_runs.lease_of(call.record.subject)
    call.kept.drop(name)
    call.app.ledger.leases.release(name, call.record.id)
