"""The frame of a call about a pipeline's run: the run as the ledger has it, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from trueup.app import App
from trueup.core import job_runs
from trueup.core.expressions import render
from trueup.core.graph import Graph, StepResult, items_of, scope_of
from trueup.core.leasing import Kept
from trueup.core.ledger.rows import StepRow
from trueup.core.pipeline_runs import KIND, PipelineRun
from trueup.core.step_runs import OUTCOMES, StepRuns, key_of, result_of, shown
from trueup.engines.calls import definitions
from trueup.engines.calls.answers import small
from trueup.engines.calls.frame import alone, turn_of
from trueup.engines.calls.opened import opened
from trueup.model.errors import LedgerError, NotFound, TrueupError, UsageError
from trueup.model.pipeline import StepKind, StepOutcome, StepSpec
from trueup.model.run import RunRecord, RunState


@dataclass(slots=True)
class PipelineCall:
    """What a call about a pipeline's run works with."""

    app: App
    graph: Graph
    record: RunRecord
    run: PipelineRun
    runs: StepRuns
    kept: Kept


@dataclass(slots=True)
class StepCall(PipelineCall):
    """What a call about a step works with.

    Attributes:
        step: the step; index: the item's place in its map; None: not an item.
        needed: how each step it needs ended.
        row: what the ledger has of the step or item.
    """

    step: StepSpec
    index: int | None
    needed: Mapping[str, StepResult]
    row: StepRow | None

    @property
    def key(self) -> str:
        """Its name in the ledger."""
        return key_of(self.step.name, self.index)

    def known(self) -> StepResult | None:
        """How it ended, if it has."""
        return self.runs.known(self.key, self.row)

    def scope(self) -> dict[str, Any]:
        """What its templates may refer to."""
        scope = scope_of(self.run.params, self.run.to_scope(self.graph.spec.name), self.needed)
        if self.index is None:
            return scope
        items = items_of(self.step, scope)
        if not 0 <= self.index < len(items):
            raise UsageError(f"step {self.step.name} has no item {self.index}", why=f"it has {len(items)}")
        return {**scope, "item": items[self.index], "index": self.index}

    def arguments(self) -> tuple[dict[str, Any], str]:
        """What `with` gives, and the name of its result in the cache ("" for none).

        Raises:
            TrueupError: a template cannot be filled in; the step has failed, and is recorded so.
        """
        try:
            scope = self.scope()
            return render(self.step.with_, scope), self.runs.cache_of(self.step, scope)
        except LedgerError:
            raise
        except TrueupError as error:
            self.runs.record(self.key, StepResult(StepOutcome.FAILED, error=shown(error)))
            raise

    def ended(self, state: str, output: Any, error: str) -> StepResult | None:
        """Records its end; None: it waits for approval."""
        outcome = _outcome(state)
        if output is None and state != RunState.FAILED and self.step.kind is not StepKind.PYTHON:
            output = self._output()
        if outcome is None:
            self.runs.await_approval(self.key, output)
            return None
        if outcome is StepOutcome.FAILED:
            result = StepResult(
                outcome, error=error or f"{self.step.kind} {self.step.target}: {state.replace('_', ' ')}"
            )
        else:
            result = StepResult(outcome, output)
        name = self.arguments()[1] if outcome is StepOutcome.DONE and self.step.cache is not None else ""
        self.runs.finish(self.key, result, name)
        return result

    def _output(self) -> Any:
        """What the run that this step started gave, as the ledger has it."""
        parent = f"{self.run.id}/{self.key}"
        kind = KIND if self.step.kind is StepKind.PIPELINE else None
        found = self.app.ledger.journal.latest(self.step.target, parent=parent, kind=kind)
        if found is None:
            return None
        if self.step.kind is StepKind.JOB:
            return small(job_runs.result_of(found))
        rows = {row.key: row for row in self.app.ledger.steps.all(found.id)}
        spec = definitions.of_run(self.app, found)[self.step.target]
        return {
            one.name: result_of(rows[one.name]).output
            for one in spec.steps
            if one.name in rows and rows[one.name].ended
        }


def _outcome(state: str) -> StepOutcome | None:
    if state in {one.value for one in StepOutcome}:
        return StepOutcome(state)
    try:
        return OUTCOMES.get(RunState(state), StepOutcome.FAILED)
    except ValueError:
        known = ", ".join([*(one.value for one in StepOutcome), RunState.AWAITING_APPROVAL.value])
        raise UsageError(f"a step cannot end as {state!r}", hint=f"one of {known}") from None


@contextmanager
def pipeline_call(config: str, run: str, unit: str) -> Iterator[PipelineCall]:
    """The frame of a call about a pipeline's run.

    Args:
        config: the absolute path of trueup.yaml.
        run: the run's id.
        unit: what is done, as no other call of the run does it at the same time.

    Raises:
        NotFound: there is no such run, or the configuration has no such pipeline.
        StalePlan: the pipeline was changed since the run began.
    """
    with opened(config) as app:
        record = app.ledger.journal.get(run)
        if record.kind != KIND:
            raise NotFound(f"run {run} is no run of a pipeline", why=f"it is a {record.kind} of {record.subject}")
        with alone(app, turn_of(run, unit)[len("turn/") :]) as kept:
            record = app.ledger.journal.get(run)
            runs = definitions.runs_of(app, record.subject, definitions.of_run(app, record), record.parent)
            found, graph = runs.of(record), Graph(runs.spec)
            yield PipelineCall(app, graph, record, found, StepRuns(app.ledger, graph, run, found.kept), kept)


@contextmanager
def step_call(config: str, run: str, step: str, index: int | None, unit: str = "") -> Iterator[StepCall]:
    """The frame of a call about a step or item; see `pipeline_call`.

    Raises:
        UsageError: there is no such step, or something it needs has not ended.
    """
    with pipeline_call(config, run, unit or f"step/{key_of(step, index)}") as call:
        if step not in call.graph.steps:
            raise UsageError(
                f"pipeline {call.graph.spec.name} has no step {step}", hint=f"it has: {', '.join(call.graph.order)}"
            )
        needed = {}
        for name in call.graph.needs[step]:
            result = call.runs.known(name, call.app.ledger.steps.get(run, name))
            if result is None:
                raise UsageError(f"step {step} cannot be looked at yet", why=f"{name}, which it needs, has not ended")
            needed[name] = result
        row = call.app.ledger.steps.get(run, key_of(step, index))
        given = (call.app, call.graph, call.record, call.run, call.runs, call.kept)
        yield StepCall(*given, call.graph.steps[step], index, needed, row)
