"""One attempt at one step or map item, in a worker's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from trueup.core.function_child import TimedOut, call_within
from trueup.core.functions import Context, StepFailed, call
from trueup.core.ledger import Ledger
from trueup.core.step_runs import OUTCOMES, key_of
from trueup.engines.embedded.lease import TTL
from trueup.engines.embedded.stop import Stop, Why
from trueup.model.errors import Cancelled
from trueup.model.pipeline import PipelineSpec, StepKind, StepOutcome, StepSpec
from trueup.model.run import RunState


class RunJob(Protocol):
    """Runs a job of the configuration; `trueup.engines.embedded.run_job` with the job's `Work` filled in."""

    def __call__(
        self, name: str, *, parent: str, stop: Stop, on_event: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any]:
        """Returns the job's report; its "state" is a `RunState`."""
        ...


@dataclass(frozen=True, slots=True)
class Host:
    """Where pipelines run.

    Attributes:
        ledger: the durable memory.
        pipelines: all pipelines of the configuration by name.
        run_job: runs a job.
        root: the folder the user's modules are looked for in first (where trueup.yaml is); None: installed ones only.
        on_event: told what happens, one event at a time; `say` is the way to it.
        lease_seconds: how long the lease on a pipeline holds without renewal.
        told: told by a pipeline's name that its run "began", or "ended" or waits for a person (in the transaction that says so).
    """

    ledger: Ledger
    pipelines: Mapping[str, PipelineSpec]
    run_job: RunJob
    root: Path | None = None
    on_event: Callable[[dict[str, Any]], None] = lambda event: None
    lease_seconds: float = TTL
    told: Callable[[str, str, str], None] = lambda pipeline, event, run: None
    _voice: threading.Lock = field(default_factory=threading.Lock)

    def say(self, event: dict[str, Any]) -> None:
        """Tells what happens; from any thread."""
        with self._voice:
            self.on_event(event)


@dataclass(slots=True)
class Unit:
    """A step, or one item of a map, on its way.

    Attributes:
        step: the step.
        index: the item's place in the map; None: not a map.
        arguments: what `with` gave.
        failures: how many attempts have failed.
        cache: the name of its result in the cache; "" for none.
    """

    step: StepSpec
    index: int | None
    arguments: dict[str, Any]
    failures: int = 0
    cache: str = ""

    @property
    def key(self) -> str:
        """Its name in the ledger: "send" or "send[3]"."""
        return key_of(self.step.name, self.index)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt gave. `outcome` None: it waits for a person's approval, and is taken up by another run."""

    outcome: StepOutcome | None
    output: Any


RunPipeline = Callable[[PipelineSpec, dict[str, Any], str, Stop], dict[str, Any]]
"""Runs a pipeline as a child of "RUN/step"; returns its result."""


def attempt(unit: Unit, host: Host, context: Context, stop: Stop, run_pipeline: RunPipeline) -> Answer:
    """Does it once.

    Args:
        unit: what.
        host: where.
        context: what a function may ask for; its `run` is the pipeline's run.
        stop: asks it to stop.
        run_pipeline: runs another pipeline.

    Raises:
        Cancelled: it was asked to stop, did, and is to be done again.
        Exception: it failed.
    """
    step = unit.step
    if step.kind is StepKind.PYTHON:
        if step.timeout is None:
            return Answer(StepOutcome.DONE, call(step.target, unit.arguments, context, host.root))
        return Answer(StepOutcome.DONE, call_within(step.timeout, step.target, unit.arguments, context, host.root))
    parent = f"{context.run}/{unit.key}"
    own = Stop(stop)
    try:
        with own.after(step.timeout):
            if step.kind is StepKind.JOB:
                result = host.run_job(step.target, parent=parent, stop=own, on_event=host.say)
                return Answer(OUTCOMES[RunState(result["state"])], result)
            result = run_pipeline(host.pipelines[step.target], unit.arguments, parent, own)
            if result["state"] == RunState.FAILED:
                raise StepFailed(f"pipeline {step.target} failed", why=result["error"])
            return Answer(OUTCOMES[RunState(result["state"])], result["output"])
    except Cancelled:
        if own.own is Why.TIMEOUT and not stop.asked():
            raise TimedOut(f"{step.kind} {step.target} did not end within {step.timeout:g} s") from None
        raise
