"""The items of a map as tasks of a flow run; and the flow that does a part of a map for another one (`parts`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from prefect.futures import wait
from prefect.task_runners import ThreadPoolTaskRunner

from trueup.engines import calls
from trueup.engines.prefect.job import flow
from trueup.engines.prefect.logs import explained, logged
from trueup.engines.prefect.parts import flow_name, indices, threads
from trueup.engines.prefect.patience import patiently, server_is_away, through_outages
from trueup.engines.prefect.states import DONE
from trueup.engines.prefect.steps import no_subflow, step_task
from trueup.engines.prefect.stopping import stoppable
from trueup.model.errors import TrueupError

Json: TypeAlias = dict[str, Any]


class MappedItems:
    """Items of one map, in this flow run.

    Args:
        task: of the step.
        config, run: the absolute path of trueup.yaml, the pipeline's run.
        threads: how many at once.
        labels: a short text for each item of the map.
        above: the tasks that the step needs: they have ended, and the graph shows it.

    Attributes:
        futures: of those that were submitted.
    """

    def __init__(
        self, task: Any, config: str, run: str, threads: int, labels: Sequence[str], above: set[Any] | None = None
    ) -> None:
        self.futures: list[Any] = []
        self._task, self._given, self._labels = task, {"config": config, "run": run}, labels
        self._above = {"index": above} if above else None
        self._runner = ThreadPoolTaskRunner(max_workers=threads)
        self._runner.__enter__()

    @property
    def count(self) -> int:
        """How many items the map has."""
        return len(self._labels)

    def submit(self, index: int) -> Any:
        """Submits one; returns its future."""
        given = {**self._given, "index": index, "label": f"[{index}] {self._labels[index]}".rstrip()}
        future = self._runner.submit(self._task, given, dependencies=self._above)
        self.futures.append(future)
        return future

    def close(self) -> None:
        """All have ended."""
        self._runner.__exit__(None, None, None)


def judged(config: str, run: str, step: str, index: int | None, future: Any) -> list[str]:
    """Records what a task failed with; returns the runs that wait for a person below it."""
    future.wait()
    if future.state.name == DONE:
        return []
    answer = future.state.result(raise_on_failure=False)
    if isinstance(answer, BaseException):
        if server_is_away(answer):
            raise answer  # no fault of the step: the flow waits, and asks the ledger where it stood
        shown = explained(answer) if isinstance(answer, TrueupError) else f"{type(answer).__name__}: {answer}"
        patiently(calls.end_step, config, run, step, index, "failed", error=shown)
    elif isinstance(answer, dict) and answer.get("state") == "awaiting_approval":
        return list(answer["asks"])
    return []


def items_flow(config: str, pipeline: str, spec: Json) -> Any:
    """The flow that does parts of a pipeline's wide maps; which part of which run, its parameters say.

    Args:
        config: the absolute path of trueup.yaml.
        pipeline, spec: the pipeline, as `calls.describe` has it.
    """

    def do(run: str, step: str, part: int, parts: int) -> Json:
        with logged(), stoppable():
            return through_outages(lambda: _do_part(config, run, step, spec["steps"][step], part - 1, parts))

    about = f"Parts of wide maps of pipeline {pipeline} of trueup: started by its own flow runs."
    return flow(do, config, flow_name(pipeline), "{step}: part {part} of {parts}", about)


def _do_part(config: str, run: str, step: str, spec: Json, part: int, parts: int) -> Json:
    verdict = patiently(calls.decide, config, run, step)
    if verdict["verdict"] != "run":
        return {"items": 0, "outcome": verdict["outcome"]}  # it has ended meanwhile
    mine = indices(part, parts, verdict["items"])
    items = MappedItems(step_task(step, spec, no_subflow), config, run, threads(spec, part, parts), verdict["labels"])
    try:
        futures = {index: items.submit(index) for index in mine}
        wait(list(futures.values()))
        for index, future in futures.items():
            judged(config, run, step, index, future)
    finally:
        items.close()
    return {"items": len(mine)}
