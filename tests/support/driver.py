"""A run of a job by the plainest engine there can be: one phase after the other, in this thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trueup.core import phases
from trueup.core.work import Work
from trueup.model.change import Change
from trueup.model.run import RunState

MAX_ROUNDS = 3


def plan(work: Work, *, allow: Sequence[str] = ()) -> tuple[str, dict[str, Any]]:
    """Reads and plans; returns the run's id and what the guard says."""
    run = phases.begin(work)
    readings = [phases.read(work, run, str(ref)) for ref in work.spec.collections]
    phases.plan(work, run, readings)
    return run, phases.guard(work, run, list(allow))


def apply(work: Work, run: str) -> dict[str, Any]:
    """Applies a run that may be applied, verifies and reports."""
    for wave in phases.start_apply(work, run)["waves"]:
        for batch in wave:
            phases.apply_batch(work, run, batch)
    return phases.report(work, run, [phases.verify(work, run, str(ref)) for ref in work.spec.collections])


def once(work: Work, *, allow: Sequence[str] = ()) -> dict[str, Any]:
    """One round, or the answer of the guard that stopped it."""
    run, answer = plan(work, allow=allow)
    return {"run": run, "state": RunState.AWAITING_APPROVAL.value, **answer} if answer["blocked"] else apply(work, run)


def run(work: Work, *, allow: Sequence[str] = ()) -> dict[str, Any]:
    """Rounds until a further one can do no more; a run that was killed while it was applied is finished first."""
    killed = work.ledger.journal.latest(work.spec.name, (RunState.RUNNING,))
    if killed is not None and killed.phase in ("apply", "verify", "report"):
        apply(work, killed.id)
    for _ in range(MAX_ROUNDS):
        report = once(work, allow=allow)
        if not report.get("again"):
            break
    return report


def changes(work: Work, run_id: str) -> list[Change]:
    """What the plan of a run says."""
    return [row.change for row in work.ledger.journal.changes(run_id, after=0, limit=100_000)]
