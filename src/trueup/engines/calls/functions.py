"""The call that runs a step of kind python."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeAlias

from trueup.core.function_child import call_within
from trueup.core.functions import Context, call
from trueup.core.graph import StepResult
from trueup.core.step_runs import may_be_retried, shown
from trueup.engines.calls.errors import LastAttempt
from trueup.engines.calls.step_frame import StepCall, step_call
from trueup.model.errors import LedgerError, UsageError
from trueup.model.pipeline import StepKind, StepOutcome

Json: TypeAlias = dict[str, Any]


def run_function(config: str, run: str, step: str, index: int | None = None, attempt: int = 1) -> Json:
    """Calls the function of a step or item, and keeps its output in the ledger; a `timeout` is kept to by ending its process.

    What the function emits goes to the logger `trueup.step.NAME`.

    Args:
        config: the absolute path of trueup.yaml.
        run, step, index: the pipeline's run, the step, and the item's place in its map.
        attempt: which attempt this is to the engine, from 1. The step's own count of failures is in the ledger: the death of a worker is
            none.

    Returns:
        {"outcome", "cached", "known"}; "known": it had ended before.

    Raises:
        StepFailed: the function raised; `retryable` tells whether the step's `retry` leaves another attempt.
        ConfigError, UserError: there is no such function; it gave something that cannot be kept.
    """
    with step_call(config, run, step, index) as one:
        if one.step.kind is not StepKind.PYTHON:
            raise UsageError(f"step {step} is no function", why=f"it is a {one.step.kind}", hint="start_step(…)")
        known = one.known()
        if known is not None:
            if known.outcome is StepOutcome.FAILED:
                raise LastAttempt(f"step {one.key} has failed", why=known.error)
            return {"outcome": known.outcome.value, "cached": False, "known": True}
        arguments, cache = one.arguments()
        found = one.runs.cached(one.step, one.key, cache)
        if found is not None:
            return {"outcome": found[1].outcome.value, "cached": True, "known": False}
        failures = one.runs.failed_before(one.row)[0]
        if not failures:
            one.runs.begin(one.key, arguments)
        try:
            output = _called(one, arguments, failures)
        except LedgerError:
            raise
        except Exception as error:
            raise _failed(one, arguments, failures + 1, error) from error
        one.runs.finish(one.key, StepResult(StepOutcome.DONE, output), cache)
        return {"outcome": StepOutcome.DONE.value, "cached": False, "known": False}


def _called(one: StepCall, arguments: dict[str, Any], failures: int) -> Any:
    emit = _emitter(one.step.name)
    context = Context(one.run.params, one.run.id, one.key, failures + 1, emit, lambda: not one.kept.valid)
    root = one.app.config.root
    if one.step.timeout is None:
        return call(one.step.target, arguments, context, root)
    return call_within(one.step.timeout, one.step.target, arguments, context, root)


def _failed(one: StepCall, arguments: dict[str, Any], failures: int, error: Exception) -> Exception:
    """Records a failed attempt; returns the error for the engine, which says whether another one follows."""
    if not may_be_retried(error):
        one.runs.finish(one.key, StepResult(StepOutcome.FAILED, error=shown(error)))
        return error
    if failures < one.step.retry.attempts:
        one.runs.retry(one.key, arguments, failures, 0.0, error)
        return error
    one.runs.finish(one.key, StepResult(StepOutcome.FAILED, error=shown(error)))
    return LastAttempt.of(error)


def _emitter(step: str) -> Callable[..., None]:
    logger = logging.getLogger(f"trueup.step.{step}")

    def emit(message: str, **data: Any) -> None:
        logger.info("%s%s", message, "".join(f" {key}={value}" for key, value in data.items()))

    return emit
