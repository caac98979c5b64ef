"""Runs that wait for a person's word before they begin (`collide: ask`): they have a place in the ledger, and have done nothing yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from trueup.core.ledger import Ledger
from trueup.core.pipeline_runs import PipelineRuns
from trueup.model.occurrence import key_of
from trueup.model.run import ASKS, Phase, RunRecord, RunState


def ask_about_job(ledger: Ledger, job: str, parent: str, why: str) -> str:
    """Makes the run of a job that waits; returns its id.

    Args:
        ledger: the durable memory.
        job: the job; parent: what starts it.
        why: what it would meet.
    """
    with ledger.transaction("asked.job"):
        run = ledger.journal.start("run", job, parent).id
        ledger.journal.update(run, state=RunState.AWAITING_APPROVAL, phase=Phase.READ, report={ASKS: why})
    return run


def ask_about_pipeline(runs: PipelineRuns, params: Mapping[str, Any], why: str) -> str:
    """The same of a pipeline.

    Raises:
        UsageError: a parameter does not fit.
    """
    with runs.ledger.transaction("asked.pipeline"):
        run = runs.child(params)[0].id
        runs.ledger.journal.update(run, state=RunState.AWAITING_APPROVAL, report={ASKS: why})
    return run


def let_begin(ledger: Ledger, run: str, who: str) -> bool:
    """A person's yes: it may begin. False: it does not wait any more."""
    with ledger.transaction("asked.yes"):
        if not ledger.journal.get(run).asks:
            return False
        ledger.journal.add_to_report(run, {"approved_by": who})
        ledger.journal.update(run, state=RunState.RUNNING)
    return True


def let_go(ledger: Ledger, run: str, who: str) -> bool:
    """A person's no: it ends as superseded. False: it does not wait any more."""
    with ledger.transaction("asked.no"):
        if not ledger.journal.get(run).asks:
            return False
        ledger.journal.add_to_report(run, {"rejected_by": who})
        ledger.journal.update(run, state=RunState.SUPERSEDED, ended=ledger.now())
    return True


@contextmanager
def answered(ledger: Ledger, run: RunRecord) -> Iterator[None]:
    """Around the carrying out of a run that may be the answer to a question of `trueup serve`: the occurrence goes on with it, and ends with it.

    Where this is killed on the way, `serve` goes on with it as with any other that it has started.
    """
    key = key_of(run.parent)
    taken = bool(run.asks and key) and ledger.occurrences.take_up(run.subject, key)
    try:
        yield
    finally:
        now = ledger.journal.latest(run.subject, parent=run.parent) if taken else None
        if now is not None and now.asks:
            ledger.occurrences.put_back(run.subject, key)
        elif now is not None and now.state is not RunState.RUNNING:
            ledger.occurrences.end(run.subject, key, now.state.value, now.id)
