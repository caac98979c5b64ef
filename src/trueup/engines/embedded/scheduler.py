"""The loop over a pipeline's graph: what may start is started in threads, what ends is recorded, until nothing is under way.

The loop's own thread is the only one that decides and that writes to the ledger about steps. What it decides follows from
what the ledger holds, so that a run that was killed goes on as if nothing had happened.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from trueup.core.expressions import render
from trueup.core.functions import Context
from trueup.core.graph import Graph, StepResult, items_of, scope_of
from trueup.core.ledger.rows import StepRow
from trueup.core.step_runs import (
    WAITING,
    StepRuns,
    key_of,
    may_be_retried,
    pause_before,
    result_of_map,
    shown,
)
from trueup.engines.embedded.attempts import Answer, Host, RunPipeline, Unit, attempt
from trueup.engines.embedded.stop import Stop
from trueup.model.errors import Cancelled, LedgerError, TrueupError
from trueup.model.pipeline import StepOutcome, StepSpec

WORKERS = 32
"""How many attempts of one pipeline may be under way at once."""


@dataclass(slots=True)
class _Map:
    """A step with `for_each` that is under way."""

    step: StepSpec
    items: list[Any]
    results: dict[int, StepResult] = field(default_factory=dict)
    under_way: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    next: int = 0


class Scheduler:
    """Brings one run of a pipeline to its end.

    Args:
        graph: the pipeline.
        run: `id`, `pipeline`, `started`: what `${run.…}` is.
        params: the run's parameters.
        host: where it runs.
        stop: asks it to stop.
        run_pipeline: runs another pipeline.
        kept: step rows of an earlier run whose results count for this one, by key.
    """

    def __init__(
        self,
        graph: Graph,
        run: Mapping[str, str],
        params: Mapping[str, Any],
        host: Host,
        stop: Stop,
        run_pipeline: RunPipeline,
        kept: Mapping[str, StepRow],
    ) -> None:
        self.graph, self.run, self.params, self.host, self.stop = graph, run, params, host, stop
        self.results: dict[str, StepResult] = {}
        self.waiting: set[str] = set()
        self._scope = scope_of(params, run, {})
        self._run_pipeline = run_pipeline
        self._steps = StepRuns(host.ledger, graph, run["id"], kept)
        self._rows = {row.key: row for row in host.ledger.steps.all(run["id"])}
        self._maps: dict[str, _Map] = {}
        self._single: set[str] = set()
        self._attempts = 0
        self._later: list[tuple[float, int, Unit]] = []
        self._numbers = itertools.count()
        self._done: SimpleQueue[tuple[Unit, Future[Answer]] | None] = SimpleQueue()

    # -- the loop -------------------------------------------------------------------------------------------------------

    def drive(self) -> None:
        """Runs until every step has ended, or waits for approval, or it was asked to stop and nothing is under way."""
        pool = ThreadPoolExecutor(WORKERS, thread_name_prefix=f"trueup-{self.graph.spec.name}")
        with pool, self.stop.listening(lambda: self._done.put(None)):
            while True:
                if self.stop.asked():
                    self._later.clear()
                else:
                    self._decide(pool)
                if not self._attempts and not self._later:
                    return
                self._take_one(pool)

    def _decide(self, pool: ThreadPoolExecutor) -> None:
        """Starts or skips all that can be; what is over at once (skipped, cached, known) may make more ready."""
        ended = -1
        while ended < len(self.results):
            ended = len(self.results)
            for name in self.graph.ready(self.results, [*self._maps, *self._single, *self.waiting]):
                self._begin(self.graph.steps[name], pool)
            for one in tuple(self._maps.values()):
                self._feed(one, pool)

    def _take_one(self, pool: ThreadPoolExecutor) -> None:
        """Waits for the next attempt to end, or for a pause to be over."""
        while self._later and self._later[0][0] <= time.monotonic():
            self._submit(heapq.heappop(self._later)[2], pool)
        pause = max(0.0, self._later[0][0] - time.monotonic()) if self._later else None
        try:
            ended = self._done.get(timeout=pause)
        except Empty:
            return
        if ended is not None:
            self._attempts -= 1
            self._settle(*ended)

    # -- beginning ------------------------------------------------------------------------------------------------------

    def _begin(self, step: StepSpec, pool: ThreadPoolExecutor) -> None:
        known = self._known(step.name)
        if known is not None:
            self._end(step, known, again=True)
            return
        try:
            skipped = self.graph.verdict(step.name, self.results, self._scope)
            if skipped is not None:
                self._steps.record(step.name, skipped)
                self._end(step, skipped)
            elif step.for_each is None:
                self._single.add(step.name)
                self._launch(step, None, self._scope, pool)
            else:
                self._begin_map(step)
        except TrueupError as error:
            self._refuse(step, None, error)

    def _begin_map(self, step: StepSpec) -> None:
        one = _Map(step, items_of(step, self._scope))
        for index in range(len(one.items)):
            known = self._known(key_of(step.name, index))
            if known is not None:
                one.results[index] = known
        self._steps.begin_map(step, len(one.items))
        self._say(step, None, "running", of=len(one.items))
        self._maps[step.name] = one

    def _feed(self, one: _Map, pool: ThreadPoolExecutor) -> None:
        """Starts items of a map up to its limit; ends the map when all its items have ended."""
        while one.next < len(one.items) and len(one.under_way) < one.step.parallel and not self.stop.asked():
            index = one.next
            one.next += 1
            if index in one.results:
                continue
            one.under_way.add(index)
            scope = {**self._scope, "item": one.items[index], "index": index}
            try:
                self._launch(one.step, index, scope, pool)
            except TrueupError as error:
                self._refuse(one.step, index, error)
        if len(one.results) == len(one.items):
            self._end_map(one)
        elif one.waiting and len(one.results) + len(one.waiting) == len(one.items):
            self._wait(one.step, None)

    def _launch(self, step: StepSpec, index: int | None, scope: dict[str, Any], pool: ThreadPoolExecutor) -> None:
        """Starts a step or item, unless its result is in the cache.

        Raises:
            TrueupError: a template cannot be filled in.
        """
        unit = Unit(step, index, render(step.with_, scope))
        unit.cache = self._steps.cache_of(step, scope)
        found = self._steps.cached(step, unit.key, unit.cache)
        if found is not None:
            self._over(step, index, found[1], cached=found[0])
            return
        unit.failures, not_before = self._steps.failed_before(self._rows.get(unit.key))
        left = not_before - time.time() if unit.failures else 0.0
        if left > 0:
            heapq.heappush(self._later, (time.monotonic() + left, next(self._numbers), unit))
            return
        self._submit(unit, pool)

    def _submit(self, unit: Unit, pool: ThreadPoolExecutor) -> None:
        if not unit.failures:
            self._steps.begin(unit.key, unit.arguments)
        self._say(unit.step, unit.index, "running", attempt=unit.failures + 1)
        context = Context(
            self.params, self.run["id"], unit.key, unit.failures + 1, self._emitter(unit), self.stop.asked
        )
        self._attempts += 1
        future = pool.submit(attempt, unit, self.host, context, self.stop, self._run_pipeline)
        future.add_done_callback(lambda done: self._done.put((unit, done)))

    # -- ending ---------------------------------------------------------------------------------------------------------

    def _settle(self, unit: Unit, future: Future[Answer]) -> None:
        """Records how an attempt ended, and what is to happen next."""
        error = future.exception()
        if error is None:
            answer = future.result()
            if answer.outcome is None:
                self._await(unit, answer)
            else:
                self._finish(unit, StepResult(answer.outcome, answer.output))
        elif isinstance(error, Cancelled) and self.stop.asked():
            return  # stays "running": it goes on with the next run
        elif isinstance(error, LedgerError) or not isinstance(error, Exception):
            raise error
        elif unit.failures + 1 < unit.step.retry.attempts and may_be_retried(error):
            self._retry(unit, error)
        else:
            self._finish(unit, StepResult(StepOutcome.FAILED, error=shown(error)))

    def _retry(self, unit: Unit, error: Exception) -> None:
        unit.failures += 1
        pause = pause_before(unit.step.retry, unit.failures)
        self._steps.retry(unit.key, unit.arguments, unit.failures, pause, error)
        self._say(unit.step, unit.index, "retrying", error=shown(error), attempt=unit.failures, pause=pause)
        heapq.heappush(self._later, (time.monotonic() + pause, next(self._numbers), unit))

    def _finish(self, unit: Unit, result: StepResult) -> None:
        self._steps.finish(unit.key, result, unit.cache)
        self._over(unit.step, unit.index, result)

    def _refuse(self, step: StepSpec, index: int | None, error: TrueupError) -> None:
        """A step or item that fails before its first attempt."""
        if isinstance(error, LedgerError):
            raise error
        result = StepResult(StepOutcome.FAILED, error=shown(error))
        self._steps.record(key_of(step.name, index), result)
        self._over(step, index, result)

    def _over(self, step: StepSpec, index: int | None, result: StepResult, cached: str = "") -> None:
        if index is None:
            self._single.discard(step.name)
            self._end(step, result, cached=cached)
            return
        one = self._maps[step.name]
        one.under_way.discard(index)
        one.results[index] = result
        self._say(step, index, result.outcome.value, error=result.error, **({"cached": cached} if cached else {}))

    def _end_map(self, one: _Map) -> None:
        whole = result_of_map(one.results[index] for index in range(len(one.items)))
        self._steps.finish(one.step.name, whole)
        del self._maps[one.step.name]
        self._end(one.step, whole)

    def _end(self, step: StepSpec, result: StepResult, *, again: bool = False, cached: str = "") -> None:
        self.results[step.name] = result
        self._scope["steps"][step.name] = result.to_scope()
        more: dict[str, Any] = {"cached": cached} if cached else {}
        self._say(step, None, result.outcome.value, error=result.error, known=again, **more)

    def _await(self, unit: Unit, answer: Answer) -> None:
        self._steps.await_approval(unit.key, answer.output)
        if unit.index is None:
            self._single.discard(unit.step.name)
            self._wait(unit.step, answer)
        else:
            one = self._maps[unit.step.name]
            one.under_way.discard(unit.index)
            one.waiting.add(unit.index)

    def _wait(self, step: StepSpec, answer: Answer | None) -> None:
        self._maps.pop(step.name, None)
        self.waiting.add(step.name)
        self._say(step, None, WAITING, output=answer.output if answer else None)

    # -- the ledger and the listener ------------------------------------------------------------------------------------

    def _known(self, key: str) -> StepResult | None:
        """How a step or item ended, if it has, in this run or in the one it repeats."""
        return self._steps.known(key, self._rows.get(key))

    def _say(self, step: StepSpec, index: int | None, state: str, **more: Any) -> None:
        event = {"event": "step", "pipeline": self.graph.spec.name, "run": self.run["id"], "step": step.name}
        self.host.say({**event, "state": state, "index": index, **more})

    def _emitter(self, unit: Unit) -> Any:
        def emit(message: str, **data: Any) -> None:
            event = {"event": "message", "pipeline": self.graph.spec.name, "run": self.run["id"]}
            self.host.say({**event, "step": unit.step.name, "index": unit.index, "message": message, "data": data})

        return emit
