"""What engines know of a job, whatever its kind: its phases, and what they work with."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from trueup.core.ledger import Ledger
from trueup.model.job import JobSpec
from trueup.model.plan import Plan
from trueup.model.ports import Collection, Store
from trueup.model.run import RunRecord

Json: TypeAlias = dict[str, Any]


class Phases(Protocol):
    """The phases of a job: functions of small JSON that may be called twice. `trueup.core.phases` has those of a reconciling job.

    `work` is the kind's own `JobWork`.

    Attributes:
        ANOTHER_AFTER_KILL: whether a run that was killed half-way through its plan, and finished, is followed by another: it knows nothing of
            what happened since.
    """

    @property
    def ANOTHER_AFTER_KILL(self) -> bool: ...

    def goes_on(self, work: Any, run: RunRecord) -> bool:
        """Whether a run that was killed while its plan was carried out is finished; else a new one takes its place."""
        ...

    def begin(self, work: Any, kind: str = "run", parent: str = "") -> str:
        """Starts a run; returns its id."""
        ...

    def read(self, work: Any, run_id: str, ref: str) -> Json:
        """Reads one collection: {"collection", "read", "items", "error", …}."""
        ...

    def plan(self, work: Any, run_id: str, readings: list[Json]) -> Json:
        """Makes the plan."""
        ...

    def guard(self, work: Any, run_id: str, allow: list[str] | None = None, who: str = "") -> Json:
        """Whether the plan may be applied: {"blocked", "guards"}."""
        ...

    def refuse_stale(self, work: Any, plan: Plan, readings: Sequence[Json]) -> None:
        """Raises StalePlan where the world moved on since the plan was made."""
        ...

    def start_apply(self, work: Any, run_id: str) -> Json:
        """What is left to send: {"waves"}, and "titles" of batches by number where a kind has words of its own for what they do."""
        ...

    def apply_batch(self, work: Any, run_id: str, batch: int) -> Json:
        """Sends one batch: {"batch", "collection", "done", "failed", "stale", "errors"}."""
        ...

    def verify(self, work: Any, run_id: str, ref: str) -> Json:
        """Reads back one collection."""
        ...

    def report(self, work: Any, run_id: str, verifications: list[Json] | None = None) -> Json:
        """Ends the run: {"state", "again", …}."""
        ...


@dataclass(kw_only=True)
class JobWork:
    """A job of any kind, ready for its phases.

    Attributes:
        spec: the job.
        ledger: the durable memory.
        store: gives a store by its name; opens it at the first call.
        clock: seconds since 1970.
        on_event: told what happens, as small JSON objects.
        check: returns where the work may go on, and raises where it is to stop; set by the engine.
        ended: told that a run "began" to be carried out, or "ended" or waits for a person (in the transaction that says so in the ledger),
            with what is known of it: {"run"}, or its report.
    """

    spec: JobSpec
    ledger: Ledger
    store: Callable[[str], Store]
    clock: Callable[[], float] = time.time
    on_event: Callable[[Json], None] = lambda event: None
    check: Callable[[], None] = lambda: None
    ended: Callable[[str, Json], None] = lambda event, report: None

    @property
    def phases(self) -> Phases:
        """The phases of its kind."""
        raise NotImplementedError

    def collection(self, ref: str, *, create: bool = False) -> Collection | None:
        """The collection of that name; None where there is none, or where the kind has no collections that one could open."""
        return None
