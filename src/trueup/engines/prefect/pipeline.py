"""A pipeline as a Prefect flow: its steps are tasks and sub-flows, what a step needs is what it waits for, `for_each` is `.map`.

| trueup | Prefect |
|---|---|
| run | flow run; its id is the run's key |
| step | task run of the step's name, with its retries and time-out; waits for the tasks of the steps it needs |
| step that a job or pipeline does | the task, and in it the job's or pipeline's own flow as a sub-flow |
| `for_each`, `parallel` | `map` on a runner with so many threads; `send[3]`. More than 16: further flow runs, see `parts` |
| `when` | the step's task runs, or ends as "Skipped" with the reason |
| `cache` | the task ends as "Cached" |
| parameters | parameters of the flow, with types |
| awaiting approval | suspended when nothing else can go on, resumed with an answer |

Which step may start is decided by the ledger (`calls.decide`), in this flow's own thread: what needs a failed step may still run.
"""

from __future__ import annotations

import queue
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from prefect import allow_failure
from prefect.client.schemas.objects import TaskRunResult
from prefect.runtime import flow_run

from trueup.engines import calls
from trueup.engines.prefect.approval import Rejected, Waiting, ask, can_suspend, settle
from trueup.engines.prefect.beginning import held_back
from trueup.engines.prefect.items import MappedItems, judged
from trueup.engines.prefect.job import Told, flow, job_flow
from trueup.engines.prefect.logs import explained, logged
from trueup.engines.prefect.marks import mark, mark_waiting, waited_for
from trueup.engines.prefect.pages import page_of_run
from trueup.engines.prefect.params import with_signature
from trueup.engines.prefect.parts import Parts, indices, parts_of, threads
from trueup.engines.prefect.patience import patiently, through_outages
from trueup.engines.prefect.starting import start
from trueup.engines.prefect.states import ended, rejected
from trueup.engines.prefect.steps import skip_task, step_task
from trueup.engines.prefect.stopping import stoppable
from trueup.model.errors import StalePlan, TrueupError

Json: TypeAlias = dict[str, Any]


def pipeline_flow(
    config: str, name: str, pipelines: Json, *, key: str = "", parent: str = "", told: Told = lambda report: None
) -> Any:
    """The flow of a pipeline, named after it.

    Args:
        config: the absolute path of trueup.yaml.
        name: the pipeline's name.
        pipelines: all pipelines as `calls.describe` has them.
        key: names the run; "": the flow run's id does.
        parent: the run and step of another pipeline that start it, or "".
        told: as of `job_flow`.
    """
    spec = pipelines[name]
    schedule = spec["schedule"]

    def run(params: Json) -> Any:
        with logged(), stoppable():
            start()
            if not parent and (over := held_back(config, name, schedule, params)) is not None:
                return over
            try:
                known_by = key or str(flow_run.id)
                report = through_outages(lambda: PipelineRun(config, name, pipelines, known_by, parent).drive(params))
                told(report)
                return ended(report)
            except Rejected as error:
                return rejected(error)

    shown = f"{name} ({parent.partition('/')[2]})" if parent else name
    signed = with_signature(run, name, spec["params"])
    return flow(signed, config, name, shown, spec.get("description") or f"Pipeline {name} of trueup.")


@dataclass(slots=True)
class _Map:
    """A step with `for_each` that is under way."""

    items: MappedItems
    parts: Parts
    left: set[int] = field(default_factory=set)


class PipelineRun:
    """One run of a pipeline by one flow run.

    Args:
        config, name, pipelines: the absolute path of trueup.yaml, the pipeline's name, all pipelines as `calls.describe` has them.
        key: the flow run's id.
        parent: the run and step that start it, or "".
    """

    def __init__(self, config: str, name: str, pipelines: Json, key: str, parent: str) -> None:
        self.config, self.name, self.pipelines, self.key, self.parent = config, name, pipelines, key, parent
        self.spec = pipelines[name]
        self.run = ""
        self.futures: dict[str, list[Any]] = {}
        """What each step that has ended, or is under way, was submitted as: what waits for it, waits for these."""
        self.ended: set[str] = set()
        self.maps: dict[str, _Map] = {}
        self.waiting: dict[str, list[str]] = {}
        """The runs of jobs that wait for a person, by step."""
        self._done: queue.SimpleQueue[tuple[str, int | None, Any]] = queue.SimpleQueue()

    def drive(self, params: Json) -> Json:
        """Runs until every step has ended; returns the pipeline's report.

        Raises:
            prefect.exceptions.Pause: the flow run was suspended until a person says yes or no.
        """
        if can_suspend():
            self._settle(patiently(waited_for))
        while True:
            begun = patiently(calls.begin_pipeline, self.config, self.name, params, self.key, self.parent)
            self.run = begun["run"]
            patiently(calls.link, self.config, self.run, "prefect", page_of_run())
            patiently(mark, self.run)
            if not begun["over"]:
                try:
                    self._steps()
                finally:
                    for one in self.maps.values():
                        one.parts.close()
            report = patiently(calls.end_pipeline, self.config, self.run)
            if not self.waiting or not can_suspend():
                return {**report, "asks": [run for many in self.waiting.values() for run in many]}
            runs = [run for many in self.waiting.values() for run in many]
            patiently(mark_waiting, runs)
            self._settle(runs)
            self._forget_waiting()

    def _settle(self, runs: Sequence[str]) -> None:
        """Asks for what waits, one job after another."""
        for run in runs:
            waiting = patiently(Waiting.of, self.config, run)
            if waiting is not None:
                with suppress(StalePlan):  # the step plans anew, and asks anew
                    settle(self.config, waiting, ask(self.config, waiting))

    def _forget_waiting(self) -> None:
        """The steps that waited start anew."""
        for step in self.waiting:
            self.futures.pop(step, None)
        self.waiting.clear()

    # -- the graph ------------------------------------------------------------------------------------------------------

    def _steps(self) -> None:
        """Starts what may start, takes in what ends, until nothing is under way."""
        while True:
            while self._start_ready():
                pass
            if not self.maps and not self._single():
                return
            self._take(*self._done.get())

    def _single(self) -> list[str]:
        return [
            one for one in self.futures if one not in self.ended and one not in self.waiting and one not in self.maps
        ]

    def _start_ready(self) -> bool:
        """Starts every step whose needs have ended; returns whether one of them has ended at once."""
        before = len(self.ended)
        for name in self.spec["order"]:
            needs = self.spec["steps"][name]["needs"]
            if name not in self.ended and name not in self.futures and all(one in self.ended for one in needs):
                self._start(name)
        return len(self.ended) > before

    def _start(self, name: str) -> None:
        spec = self.spec["steps"][name]
        after = [allow_failure(future) for one in spec["needs"] for future in self.futures.get(one, ())]
        try:
            verdict = patiently(calls.decide, self.config, self.run, name)
        except TrueupError as error:
            self._failed_at_once(name, error)
            return
        if verdict["verdict"] == "run" and verdict["items"] is None:
            task = step_task(name, spec, self._subflow)
            future = task.submit(self.config, self.run, wait_for=after)
            self._follow(name, None, future)
            self.futures[name] = [future]
        elif verdict["verdict"] == "run":
            self._start_map(name, spec, verdict)
        else:
            if verdict["verdict"] == "skip":
                self.futures[name] = [skip_task(name).submit(verdict["reason"], wait_for=after)]
            self.ended.add(name)

    def _start_map(self, name: str, spec: Json, verdict: Json) -> None:
        count = verdict["items"]
        if not count:
            patiently(calls.end_map, self.config, self.run, name)
            self.ended.add(name)
            return
        # All that it needs has ended, so that no item waits: that it comes from there is told, as `map` does of its parameters.
        above = {TaskRunResult(id=one.task_run_id) for need in spec["needs"] for one in self.futures.get(need, ())}
        task = step_task(name, spec, self._subflow)
        number = parts_of(spec, count)
        items = MappedItems(task, self.config, self.run, threads(spec, 0, number), verdict["labels"], above)
        parts = Parts(self.name, self.run, name, number, lambda part: self._done.put((name, -part, None)))
        self.maps[name] = _Map(items, parts)
        self.futures[name] = items.futures
        for part in parts.own:
            self._do_items(name, indices(part, number, count))

    def _do_items(self, name: str, indices: Iterable[int]) -> None:
        """Submits items of a map in this flow run."""
        one = self.maps[name]
        for index in indices:
            one.left.add(index)
            self._follow(name, index, one.items.submit(index))

    def _follow(self, name: str, index: int | None, future: Any) -> None:
        future.add_done_callback(lambda done: self._done.put((name, index, done)))

    def _take(self, name: str, index: int | None, future: Any) -> None:
        """A task has ended: what it failed with is recorded, and what waits for it may start."""
        if future is not None:
            self._judge(name, index, future)
        if index is None:
            if name not in self.waiting:
                self.ended.add(name)
            return
        if name not in self.maps:
            return  # told of a part that was done here
        one = self.maps[name]
        one.left.discard(index)
        one.parts.left.pop(-index, None)
        if not one.left:
            for part in one.parts.take_over():
                self._do_items(name, indices(part, one.parts.parts, one.items.count))
        if one.left or one.parts.left:
            return
        one.items.close()
        one.parts.close()
        del self.maps[name]
        if name not in self.waiting:
            patiently(calls.end_map, self.config, self.run, name)
            self.ended.add(name)

    def _judge(self, name: str, index: int | None, future: Any) -> None:
        if asks := judged(self.config, self.run, name, index, future):
            self.waiting.setdefault(name, []).extend(asks)

    def _failed_at_once(self, name: str, error: TrueupError) -> None:
        patiently(calls.end_step, self.config, self.run, name, None, "failed", error=explained(error))
        self.ended.add(name)

    # -- what a step starts ---------------------------------------------------------------------------------------------

    def _subflow(self, kind: str, target: str, parent: str, timeout: float | None, params: Json) -> Json:
        reports: list[Json] = []
        if kind == "job":
            child = job_flow(self.config, target, parent=parent, timeout=timeout, told=reports.append)
        else:
            child = pipeline_flow(self.config, target, self.pipelines, parent=parent, told=reports.append)
        state = child(**params, return_state=True)
        if state.is_paused():
            return reports[-1]
        return state.result()  # type: ignore[no-any-return]
