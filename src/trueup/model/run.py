"""Runs: one execution of a job or pipeline, with phases and a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

ASKS = "asks"
"""The member of a run's report that says why a person was asked before it begins."""

KEY = "key:"
"""What stands before an orchestrator's own id, where that is the `parent` of a run."""


class Phase(StrEnum):
    """The phases of a job's run, in order."""

    READ = "read"
    PLAN = "plan"
    GUARD = "guard"
    APPLY = "apply"
    VERIFY = "verify"
    REPORT = "report"


class RunState(StrEnum):
    """How far a run has come.

    running: in some phase, or killed in it (then the next run of the job takes it up).
    planned: `trueup plan` made it; it waits for `apply`.
    awaiting_approval: a guard blocked it; `apply --allow` takes it up.
    superseded: a later plan took its place, or it went stale.
    """

    RUNNING = "running"
    PLANNED = "planned"
    AWAITING_APPROVAL = "awaiting_approval"
    DONE = "done"
    PARTIAL = "partial"
    CONFLICT = "conflict"
    FAILED = "failed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the ledger has it. Times are seconds since 1970; `ended` None: not ended.

    `kind` is "run", "undo" or "pipeline"; `subject` the job's or pipeline's name; `parent` what started it:
    a pipeline's run and step ("RUN/step[3]"), an orchestrator's run (`KEY` and its id), or "".
    """

    id: str
    kind: str
    subject: str
    state: RunState
    phase: str
    started: float
    ended: float | None = None
    parent: str = ""
    plan: dict[str, Any] | None = None
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def asks(self) -> str:
        """What it would meet, where it waits for a person's word before it begins (`collide: ask`); "": it does not."""
        begun = self.phase != "steps" if self.kind == "pipeline" else self.plan is not None
        waits = self.state is RunState.AWAITING_APPROVAL and not begun
        return str(self.report.get(ASKS, "")) if waits else ""
