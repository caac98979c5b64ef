"""The call that runs a step of kind python.

A map may have many short items, so that this call costs little: one look at the item's row, and two commits, of which only the last one
waits for the disk.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from trueup.core.function_child import call_within
from trueup.core.functions import Context, call
from trueup.core.graph import StepResult
from trueup.core.leasing import Kept
from trueup.core.step_runs import may_be_retried, shown
from trueup.engines.calls.errors import LastAttempt
from trueup.engines.calls.opened import opened
from trueup.engines.calls.step_frame import StepCall, call_of
from trueup.engines.calls.turns import Turn, turn
from trueup.model.errors import LedgerError, TrueupError, UsageError
from trueup.model.pipeline import StepKind, StepOutcome

Json: TypeAlias = dict[str, Any]
Found: TypeAlias = tuple[StepResult | None, int]
"""How a step or item has ended before, and how many attempts have failed."""


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
    with opened(config) as app:
        one = call_of(app, run, step, index)
        if one.step.kind is not StepKind.PYTHON:
            raise UsageError(f"step {step} is no function", why=f"it is a {one.step.kind}", hint="start_step(…)")
        work = _Work.of(one)
        with turn(app.ledger, run, f"step/{one.key}", work.begin) as taken:
            return work.do(taken)


@dataclass(slots=True)
class _Work:
    """The function of a step or item, to be called.

    Attributes:
        one: the step or item.
        arguments: what `with` gives.
        cache: the name of its result in the cache; "" for none.
        wrong: why the arguments cannot be told; None: they can.
    """

    one: StepCall
    arguments: dict[str, Any]
    cache: str = ""
    wrong: TrueupError | None = None

    @classmethod
    def of(cls, one: StepCall) -> _Work:
        """What is to be called, and with what.

        Raises:
            UsageError: there is no such item.
        """
        try:
            return cls(one, *one.arguments())
        except UsageError:
            raise
        except TrueupError as error:
            return cls(one, {}, wrong=error)

    def begin(self) -> Found:
        """Looks what is known; where nothing is in the way, records that it is worked on."""
        row = self.one.row()
        known, failures = self.one.runs.known(self.one.key, row), self.one.runs.failed_before(row)[0]
        if known is None and not self.wrong and not self.cache and not failures:
            self.one.runs.begin(self.one.key, self.arguments)
        return known, failures

    def do(self, taken: Turn[Found]) -> Json:
        """Calls it, unless it has ended or cannot be called; records how it ended."""
        one, (known, failures) = self.one, taken.found
        if known is not None:
            return _known(one.key, known)
        if self.wrong is not None:
            failed = StepResult(StepOutcome.FAILED, error=shown(self.wrong))
            taken.end(lambda ours: one.runs.record(one.key, failed))
            raise self.wrong
        if self.cache:
            found = one.runs.cached(one.step, one.key, self.cache)
            if found is not None:
                return {"outcome": found[1].outcome.value, "cached": True, "known": False}
            if not failures:
                one.runs.begin(one.key, self.arguments)
        return self._attempt(taken, failures)

    def _attempt(self, taken: Turn[Found], failures: int) -> Json:
        one = self.one
        try:
            result = StepResult(StepOutcome.DONE, _called(one, self.arguments, failures, taken.kept))
        except LedgerError:
            raise
        except Exception as error:
            told, record = self._failed(failures + 1, error)
            if (elsewhere := taken.end(lambda ours: self._recorded(ours, record))) is not None:
                return elsewhere
            raise told from error
        elsewhere = taken.end(lambda ours: self._recorded(ours, lambda: one.runs.finish(one.key, result, self.cache)))
        return elsewhere or {"outcome": StepOutcome.DONE.value, "cached": False, "known": False}

    def _recorded(self, ours: bool, record: Callable[[], None]) -> Json | None:
        """Records it, unless the turn was lost and somebody else has ended it since: returns what that came to."""
        known = None if ours else self.one.known()
        if known is not None:
            return _known(self.one.key, known)
        record()
        return None

    def _failed(self, failures: int, error: Exception) -> tuple[Exception, Callable[[], None]]:
        """The error for the engine, which says whether another attempt follows, and what records it."""
        one, again = self.one, may_be_retried(error)
        if again and failures < one.step.retry.attempts:
            return error, lambda: one.runs.retry(one.key, self.arguments, failures, 0.0, error)
        result = StepResult(StepOutcome.FAILED, error=shown(error))
        return LastAttempt.of(error) if again else error, lambda: one.runs.finish(one.key, result)


def _known(key: str, result: StepResult) -> Json:
    if result.outcome is StepOutcome.FAILED:
        raise LastAttempt(f"step {key} has failed", why=result.error)
    return {"outcome": result.outcome.value, "cached": False, "known": True}


def _called(one: StepCall, arguments: dict[str, Any], failures: int, kept: Kept) -> Any:
    emit = _emitter(one.step.name)
    context = Context(copy.deepcopy(one.run.params), one.run.id, one.key, failures + 1, emit, lambda: not kept.valid)
    root = one.app.config.root
    if one.step.timeout is None:
        return call(one.step.target, arguments, context, root)
    return call_within(one.step.timeout, one.step.target, arguments, context, root)


def _emitter(step: str) -> Callable[..., None]:
    logger = logging.getLogger(f"trueup.step.{step}")

    def emit(message: str, **data: Any) -> None:
        logger.info("%s%s", message, "".join(f" {key}={value}" for key, value in data.items()))

    return emit
