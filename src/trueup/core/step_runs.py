"""What became of the steps of a pipeline's run, as the ledger has it, and what follows from it. The same for every engine.

An engine decides when and where a step runs; whether it runs, on which items, with which arguments, whether its result is known
already, and what its end means is decided here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping
from typing import Any

from trueup.core.expressions import render
from trueup.core.functions import StepFailed
from trueup.core.graph import Graph, StepResult, outcome_of_map
from trueup.core.ledger import Ledger
from trueup.core.ledger.database import storable
from trueup.core.ledger.rows import StepRow
from trueup.core.step_cache import StepCache, cache_name
from trueup.model.errors import Blocked, Bug, LedgerError, Locked, LoginRefused, TrueupError, UserError
from trueup.model.pipeline import Backoff, RetrySpec, StepOutcome, StepSpec
from trueup.model.run import RunState

WAITING = "waiting"
"""A step's state in the ledger where its job waits for a person's approval."""

OUTCOMES = {
    RunState.DONE: StepOutcome.DONE,
    RunState.PARTIAL: StepOutcome.PARTIAL,
    RunState.CONFLICT: StepOutcome.PARTIAL,
    RunState.FAILED: StepOutcome.FAILED,
    RunState.AWAITING_APPROVAL: None,
}
"""What the end of a job's or pipeline's run is to the step that started it; None: it has not ended."""

_ENDED = {one.value for one in StepOutcome}


def key_of(step: str, index: int | None) -> str:
    """The name of a step or map item in the ledger: "send" or "send[3]"."""
    return step if index is None else f"{step}[{index}]"


def result_of(row: StepRow) -> StepResult:
    """The result that a row of an ended step holds."""
    outcome = StepOutcome(row.state)
    if outcome is not StepOutcome.SKIPPED:
        return StepResult(outcome, row.output, row.error)
    cause = StepOutcome(row.output["cause"]) if isinstance(row.output, dict) else None
    return StepResult(outcome, None, row.error, cause)


def result_of_map(results: Iterable[StepResult]) -> StepResult:
    """What the items of a map come to, given in their order."""
    results = list(results)
    bad = [(index, result) for index, result in enumerate(results) if result.error]
    error = f"{len(bad)} of {len(results)} failed; [{bad[0][0]}]: {bad[0][1].error}" if bad else ""
    outcome = outcome_of_map(result.outcome for result in results)
    return StepResult(outcome, [result.output for result in results], error)


def may_be_retried(error: Exception) -> bool:
    """Whether trying again can help: not with a mistake in the configuration, a refused login, or an open approval."""
    if isinstance(error, Locked | StepFailed):
        return True
    return not isinstance(error, UserError | Blocked | LoginRefused | LedgerError | Bug)


def pause_before(retry: RetrySpec, failures: int) -> float:
    """Seconds to wait after so many failed attempts.

    Exponential with full jitter: evenly from 0 to min(cap, base * 2^(failures-1)), so that many that failed together do
    not come back together (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
    """
    if retry.backoff is Backoff.FIXED:
        return retry.base
    return random.uniform(0, min(retry.cap, retry.base * 2.0 ** min(failures - 1, 60)))


def shown(error: BaseException) -> str:
    """The error as it is kept with the step: what, why, what to do, and the user's part of the traceback."""
    if not isinstance(error, TrueupError):
        return storable(f"{type(error).__name__}: {error}")
    lines = [str(error), getattr(error, "trace", ""), error.hint]
    return storable("\n".join(line for line in lines if line))


class StepRuns:
    """The steps of one run of a pipeline.

    Args:
        ledger: the durable memory.
        graph: the pipeline.
        run: the run's id.
        kept: step rows of an earlier run whose results count for this one, by key.
    """

    def __init__(self, ledger: Ledger, graph: Graph, run: str, kept: Mapping[str, StepRow]) -> None:
        self.ledger, self.graph, self.run = ledger, graph, run
        self._kept = kept
        self._cache = StepCache(ledger, graph.spec.name)

    def known(self, key: str, row: StepRow | None) -> StepResult | None:
        """How a step or item ended, if it has, in this run or in the one it repeats.

        Args:
            key: its name in the ledger.
            row: what the ledger has of it.
        """
        if row is None or row.state not in _ENDED:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self.ledger.steps.start(self.run, key, {"kept": kept.run})
            self.ledger.steps.finish(self.run, key, kept.state, kept.output, kept.error)
            row = kept
        return result_of(row)

    def cache_of(self, step: StepSpec, scope: Mapping[str, Any]) -> str:
        """The name of the step's result in the cache; "" where it is not cached.

        Raises:
            TrueupError: the template of its key cannot be filled in.
        """
        return cache_name(step, render(step.cache.key, scope)) if step.cache is not None else ""

    def cached(self, step: StepSpec, key: str, name: str) -> tuple[str, StepResult] | None:
        """A result from the cache, recorded as this step's: the run that gave it and the result; None: there is none."""
        if step.cache is None:
            return None
        found = self._cache.get(name, step.cache.seconds, time.time())
        if found is None:
            return None
        result = StepResult(StepOutcome.DONE, found[1])
        self.ledger.steps.start(self.run, key, {"cached": found[0]})
        self.record(key, result, started=True)
        return found[0], result

    def begin_map(self, step: StepSpec, count: int) -> None:
        """Records that a map of so many items is under way."""
        self.ledger.steps.start(self.run, step.name, {"items": count})

    def begin(self, key: str, arguments: Mapping[str, Any]) -> None:
        """Records that a step or item is worked on for the first time."""
        self.ledger.steps.start(self.run, key, {"with": arguments})

    def failed_before(self, row: StepRow | None) -> tuple[int, float]:
        """How many attempts have failed, and when the next one may begin (seconds since 1970)."""
        entry = row.input if row is not None and isinstance(row.input, dict) else {}
        return int(entry.get("failures", 0)), float(entry.get("not_before", 0))

    def retry(self, key: str, arguments: Mapping[str, Any], failures: int, pause: float, error: Exception) -> None:
        """Records a failed attempt before the pause: the death of the process is no failure, and forgets none."""
        entry = {"with": arguments, "failures": failures, "not_before": time.time() + pause, "error": shown(error)}
        self.ledger.steps.start(self.run, key, entry)

    def finish(self, key: str, result: StepResult, cache: str = "") -> None:
        """Records how a step or item ended that was begun; `cache`: where its result is kept, "" for nowhere."""
        self.record(key, result, started=True)
        if cache and result.outcome is StepOutcome.DONE:
            self._cache.put(cache, self.run, result.output)

    def await_approval(self, key: str, output: Any) -> None:
        """Records that a step's job waits for a person."""
        self.ledger.steps.finish(self.run, key, WAITING, output)

    def record(self, key: str, result: StepResult, *, started: bool = False) -> None:
        """Records how a step or item ended; `started`: it was begun, else it ends before its first attempt."""
        steps = self.ledger.steps
        output = {"cause": result.cause.value} if result.cause else result.output
        if started:
            steps.finish(self.run, key, result.outcome.value, output, result.error)
            return
        with self.ledger.transaction():
            steps.start(self.run, key, {})
            steps.finish(self.run, key, result.outcome.value, output, result.error)
