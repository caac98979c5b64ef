"""The frame of a call about a pipeline's run: what the run goes by, and whose turn it is."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from trueup.app import App
from trueup.core import job_runs
from trueup.core.expressions import render
from trueup.core.graph import Graph, StepResult
from trueup.core.ledger.rows import StepRow
from trueup.core.pipeline_runs import KIND, PipelineRun
from trueup.core.step_runs import OUTCOMES, StepRuns, key_of, result_of, shown
from trueup.engines.calls import definitions
from trueup.engines.calls.answers import small
from trueup.engines.calls.frame import alone, turn_of
from trueup.engines.calls.inputs import Inputs, inputs_of
from trueup.engines.calls.opened import opened
from trueup.model.errors import LedgerError, TrueupError, UsageError
from trueup.model.pipeline import StepKind, StepOutcome, StepSpec
from trueup.model.run import RunState


@dataclass(slots=True)
class PipelineCall:
    """What a call about a pipeline's run works with."""

    app: App
    graph: Graph
    run: PipelineRun
    runs: StepRuns


@dataclass(slots=True)
class StepCall(PipelineCall):
    """What a call about a step works with.

    Attributes:
        inputs: what the step works on.
        index: the item's place in its map; None: not an item.
    """

    inputs: Inputs
    index: int | None

    @property
    def step(self) -> StepSpec:
        """The step."""
        return self.inputs.step

    @property
    def key(self) -> str:
        """Its name in the ledger."""
        return key_of(self.step.name, self.index)

    def row(self) -> StepRow | None:
        """What the ledger has of the step or item."""
        return self.app.ledger.steps.get(self.run.id, self.key)

    def known(self) -> StepResult | None:
        """How it ended, if it has."""
        return self.runs.known(self.key, self.row())

    def arguments(self) -> tuple[dict[str, Any], str]:
        """What `with` gives, and the name of its result in the cache ("" for none). The caller may change what it gets.

        Raises:
            TrueupError: a template cannot be filled in.
        """
        scope = self.inputs.scope_of(self.index)
        return copy.deepcopy(render(self.step.with_, scope)), self.runs.cache_of(self.step, scope)

    def arguments_or_end(self) -> tuple[dict[str, Any], str]:
        """As `arguments`; a step whose templates cannot be filled in has failed, and is recorded so."""
        try:
            return self.arguments()
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
        name = self.arguments_or_end()[1] if outcome is StepOutcome.DONE and self.step.cache is not None else ""
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
        known = definitions.of(app, run)
        with alone(app, turn_of(run, unit)[len("turn/") :]):
            yield PipelineCall(app, known.graph, known.run, StepRuns(app.ledger, known.graph, run, known.run.kept))


@contextmanager
def step_call(config: str, run: str, step: str, index: int | None, unit: str = "") -> Iterator[StepCall]:
    """The frame of a call about a step or item; see `pipeline_call`.

    Raises:
        UsageError: there is no such step, or something it needs has not ended.
    """
    with opened(config) as app:
        call = call_of(app, run, step, index)
        with alone(app, turn_of(run, unit or f"step/{call.key}")[len("turn/") :]):
            yield call


def call_of(app: App, run: str, step: str, index: int | None) -> StepCall:
    """What a call about a step or item works with, whose turn it may not be.

    Raises:
        NotFound, StalePlan, UsageError: as of `step_call`.
    """
    known = definitions.of(app, run)
    runs = StepRuns(app.ledger, known.graph, run, known.run.kept)
    return StepCall(app, known.graph, known.run, runs, inputs_of(app, known, step), index)
