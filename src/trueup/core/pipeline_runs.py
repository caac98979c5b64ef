"""The runs of pipelines in the ledger: which one to go on with, with which parameters, and what of an earlier one still counts.

Whatever engine drives a pipeline, these rules are the same.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from trueup.core.graph import Graph
from trueup.core.ledger import Ledger
from trueup.core.ledger.rows import StepRow
from trueup.core.params import bind
from trueup.model.errors import NotFound, StalePlan
from trueup.model.pipeline import PipelineSpec, StepKind, StepOutcome
from trueup.model.run import KEY, RunRecord, RunState

KIND = "pipeline"


class Resume(StrEnum):
    """What to do about an earlier run.

    auto: go on with one that was killed or stopped; else a new run.
    anew: a new run; one that was killed or stopped is given up.
    failed: a new run that takes over what the last one, which ended badly, has done, and does the rest.
    """

    AUTO = "auto"
    ANEW = "anew"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """A run to drive.

    Attributes:
        id: its id.
        params: the value of every parameter.
        started: seconds since 1970.
        resumed: it was begun before.
        repeats: the run it repeats; "" for none.
        kept: step rows of the run it repeats whose results count for this one, by key.
    """

    id: str
    params: dict[str, Any]
    started: float
    resumed: bool = False
    repeats: str = ""
    kept: dict[str, StepRow] = field(default_factory=dict)

    def to_scope(self, pipeline: str) -> dict[str, str]:
        """What `${run}` is."""
        return {"id": self.id, "pipeline": pipeline, "started": datetime.fromtimestamp(self.started, UTC).isoformat()}


def definition_digest(spec: PipelineSpec, pipelines: Mapping[str, PipelineSpec]) -> str:
    """Changes when the pipeline, or one it starts, changes in anything that counts for a run."""
    found = sorted(reached(spec, pipelines).items())
    return sha256("".join(one.digest for _, one in found).encode()).hexdigest()[:32]


def reached(spec: PipelineSpec, pipelines: Mapping[str, PipelineSpec]) -> dict[str, PipelineSpec]:
    """The pipeline and all that it starts, directly or not, by name."""
    found, left = {spec.name: spec}, [spec]
    while left:
        for step in left.pop().steps:
            if step.kind is StepKind.PIPELINE and step.target not in found:
                found[step.target] = pipelines[step.target]
                left.append(pipelines[step.target])
    return found


class PipelineRuns:
    """The runs of one pipeline.

    Args:
        ledger: the durable memory.
        spec: the pipeline.
        digest: `definition_digest` of the pipeline.
        parent: the run and step that start it ("RUN/step"); "" for one that a person or timer starts.
        keep: the definitions that a new run goes on with whatever becomes of the configuration, by name; none: it refuses to go on with
            another one.
    """

    def __init__(
        self,
        ledger: Ledger,
        spec: PipelineSpec,
        digest: str,
        parent: str = "",
        keep: Mapping[str, PipelineSpec] | None = None,
    ) -> None:
        self.ledger, self.spec, self.digest, self.parent = ledger, spec, digest, parent
        self._keep = keep or {}

    def open(self, given: Mapping[str, Any], resume: Resume = Resume.AUTO, *, text: bool = False) -> PipelineRun:
        """The run to drive.

        Args:
            given: parameters; where none are given, a run that is gone on with keeps its own.
            resume: what to do about an earlier run.
            text: the parameters are texts from a command line.

        Raises:
            UsageError: a parameter does not fit.
            StalePlan: the earlier run has another definition or other parameters.
            NotFound: there is no run that ended badly.
        """
        if resume is Resume.FAILED:
            return self._repeat(given, text)
        earlier = self._latest((RunState.RUNNING,))
        if earlier is not None and earlier.plan is None:  # killed before it knew what to do
            self.give_up(earlier)
            earlier = None
        if earlier is not None and resume is Resume.AUTO:
            return self._go_on(earlier, given, text)
        params = bind(self.spec, given, text=text)
        if not self.parent:
            for state in (RunState.RUNNING, RunState.AWAITING_APPROVAL):
                while (old := self._latest((state,))) is not None:
                    self.give_up(old)
        return self._new(params)

    def reopen(self, run_id: str) -> PipelineRun:
        """A run that waits for approval, or was killed, by its id.

        Raises:
            NotFound: it is over, no run of this pipeline, or under way on an orchestrator.
            StalePlan: the pipeline was changed since.
        """
        run = self.ledger.journal.get(run_id)
        if run.kind != KIND or run.subject != self.spec.name:
            raise NotFound(
                f"run {run_id} is no run of pipeline {self.spec.name}", why=f"it is a {run.kind} of {run.subject}"
            )
        if run.state not in (RunState.RUNNING, RunState.AWAITING_APPROVAL) or run.plan is None:
            raise NotFound(f"run {run_id} has nothing to go on with", why=f"it is {run.state.value.replace('_', ' ')}")
        if run.parent.startswith(KEY) and not run.asks:
            if run.state is RunState.RUNNING:
                why, hint = "it may be at work on it", "start it again there; it goes on where it stopped"
            else:
                why = "it goes on by itself when the plan that it waits for is applied"
                hint = "apply the run of its job that waits: trueup history"
            raise NotFound(f"run {run_id} is an orchestrator's", why=why, hint=hint)
        return self._go_on(run, {}, False)

    def of(self, run: RunRecord) -> PipelineRun:
        """A run as it stands in the ledger, to be gone on with, or to be told of where it is over.

        Raises:
            StalePlan: the pipeline was changed since it began.
        """
        if run.ended is None:
            self._refuse_changed(run, {}, False)
        return self._resumed(run)

    def child(self, params: Mapping[str, Any], repeats: str = "") -> tuple[PipelineRun, RunRecord | None]:
        """The run of a pipeline that a step starts: the one this parent has started before, or a new one.

        Args:
            params: its parameters.
            repeats: the parent ("RUN/step") that did the same in the run which the whole run repeats; "" for none.

        Returns:
            The run to drive, and the record of one that is over and need not be driven.
        """
        bound = bind(self.spec, params)
        earlier = self._started_by(self.parent, bound)
        if earlier is None or earlier.plan is None:
            failed = self._started_by(repeats, bound) if repeats else None
            return self._new(bound, failed), None
        if earlier.state is RunState.FAILED:
            return self._new(bound, earlier), None
        return self._resumed(earlier), earlier if earlier.state in (RunState.DONE, RunState.PARTIAL) else None

    def _started_by(self, parent: str, params: dict[str, Any]) -> RunRecord | None:
        """The last run of this pipeline that a step has started, where it is still about the same."""
        run = self.ledger.journal.latest(self.spec.name, parent=parent, kind=KIND)
        same = run is not None and run.plan is not None and run.plan["params"] == params
        return run if run is not None and same and run.plan["definition"] == self.digest else None  # type: ignore[index]

    def give_up(self, run: RunRecord) -> None:
        """Marks a run that will not be gone on with."""
        self.ledger.journal.update(run.id, state=RunState.SUPERSEDED, ended=time.time())

    # -- inside ---------------------------------------------------------------------------------------------------------

    def _latest(self, states: tuple[RunState, ...]) -> RunRecord | None:
        return self.ledger.journal.latest(self.spec.name, states, parent=self.parent, kind=KIND)

    def _new(self, params: dict[str, Any], repeats: RunRecord | None = None) -> PipelineRun:
        plan: dict[str, Any] = {"definition": self.digest, "params": params}
        if repeats is not None:
            plan["repeats"] = repeats.id
        if self._keep:
            plan["pipelines"] = {name: spec.to_json() for name, spec in self._keep.items()}
        with self.ledger.transaction():
            run = self.ledger.journal.start(KIND, self.spec.name, self.parent)
            self.ledger.journal.update(run.id, phase="steps", plan=plan)
        return PipelineRun(run.id, params, run.started, False, plan.get("repeats", ""), self._kept(plan))

    def _go_on(self, run: RunRecord, given: Mapping[str, Any], text: bool) -> PipelineRun:
        assert run.plan is not None
        self._refuse_changed(run, given, text)
        self.ledger.journal.update(run.id, phase="steps", state=RunState.RUNNING)
        return self._resumed(run)

    def _resumed(self, run: RunRecord) -> PipelineRun:
        assert run.plan is not None
        repeats = run.plan.get("repeats", "")
        return PipelineRun(run.id, run.plan["params"], run.started, True, repeats, self._kept(run.plan))

    def _repeat(self, given: Mapping[str, Any], text: bool) -> PipelineRun:
        last = self._latest(())
        if last is None or last.plan is None or last.state not in (RunState.FAILED, RunState.PARTIAL):
            why = f"its last run is {last.state.value.replace('_', ' ')}" if last else "it has not run yet"
            hint = f"trueup run {self.spec.name}" + (" goes on with it" if last else "")
            raise NotFound(f"pipeline {self.spec.name} has no failed steps to repeat", why=why, hint=hint)
        self._refuse_changed(last, given, text)
        return self._new(dict(last.plan["params"]), last)

    def _refuse_changed(self, run: RunRecord, given: Mapping[str, Any], text: bool) -> None:
        assert run.plan is not None
        where = f"pipeline {self.spec.name}"
        hint = "start anew (--resume anew), or put back what was changed"
        if run.plan["definition"] != self.digest:
            raise StalePlan(
                f"run {run.id} cannot go on", where=where, why="the pipeline was changed since it began", hint=hint
            )
        if given and bind(self.spec, given, text=text) != run.plan["params"]:
            hint = "leave the parameters out to finish that run, or start anew (--resume anew)"
            raise StalePlan(f"run {run.id} cannot go on", where=where, why="it began with other parameters", hint=hint)

    def _kept(self, plan: Mapping[str, Any]) -> dict[str, StepRow]:
        """What still counts of the run that this one repeats: every step that ended well and is not below one that did
        not, and the done items of a map that did not."""
        if "repeats" not in plan:
            return {}
        rows = {row.key: row for row in self.ledger.steps.all(plan["repeats"])}
        graph = Graph(self.spec)
        bad = {name for name in graph.order if name not in rows or rows[name].state not in ("done", "skipped")}
        again = graph.below(bad)
        below = {name for name in again if again.intersection(graph.needs[name])}
        kept = {}
        for key, row in rows.items():
            name, _, item = key.partition("[")
            if row.state == StepOutcome.DONE and name not in (below if item else again):
                kept[key] = row
        return kept
