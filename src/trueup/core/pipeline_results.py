"""What a pipeline's run comes to, from how its steps ended. The same for every engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from trueup.core.graph import Graph, StepResult, outcome_of
from trueup.core.pipeline_runs import PipelineRun
from trueup.model.errors import ExitCode
from trueup.model.pipeline import StepOutcome
from trueup.model.run import RunState

EXIT_CODES = {
    RunState.DONE: ExitCode.DONE,
    RunState.PARTIAL: ExitCode.PARTIAL,
    RunState.FAILED: ExitCode.FAILED,
    RunState.AWAITING_APPROVAL: ExitCode.BLOCKED,
}


def state_of(results: Mapping[str, StepResult], waiting: Collection[str]) -> RunState:
    """The state of a run whose steps ended like this, some of them perhaps waiting for approval."""
    return RunState.AWAITING_APPROVAL if waiting else RunState(outcome_of(results.values()).value)


def result_of_run(
    graph: Graph, run: PipelineRun, state: RunState, results: Mapping[str, StepResult], waiting: Collection[str] = ()
) -> dict[str, Any]:
    """The result of a run.

    Returns:
        {"run", "pipeline", "state", "exit_code", "resumed", "steps": {name: {"outcome", "error"}}, "output": {name: output}, "error": of
        the first step that failed}. The outcome of a step that has not ended is "waiting" (its job waits for approval) or "pending".
    """
    spec = graph.spec
    pending = {one.name: "waiting" if one.name in waiting else "pending" for one in spec.steps}
    failed = (f"step {name}: {results[name].error}" for name in graph.order if _failed(results.get(name)))
    return {
        "run": run.id,
        "pipeline": spec.name,
        "state": state.value,
        "exit_code": int(EXIT_CODES[state]),
        "resumed": run.resumed,
        "steps": {
            name: {"outcome": results[name].outcome.value, "error": results[name].error}
            if name in results
            else {"outcome": other, "error": ""}
            for name, other in pending.items()
        },
        "output": {name: results[name].output for name in pending if name in results},
        "error": next(failed, ""),
    }


def _failed(result: StepResult | None) -> bool:
    return result is not None and result.outcome is StepOutcome.FAILED
