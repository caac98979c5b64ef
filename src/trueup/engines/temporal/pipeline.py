"""A pipeline as a workflow: the graph is walked as it stood when the run began. Pure.

Steps of Python are activities under their own names, `for_each` is as many of them side by side as `parallel` says, jobs
and pipelines are child workflows. What a step needs to know of others is worked out where the ledger is ("decide"), so
that a pipeline means the same on every engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    is_cancelled_exception,
)

from trueup.engines.temporal.desk import Desk
from trueup.engines.temporal.job import ContinueSoon, is_long
from trueup.engines.temporal.screen import Screen
from trueup.engines.temporal.settings import Settings
from trueup.engines.temporal.units import Json, all_of, call, note, told, type_of

ENVIRONMENT = ("LedgerError", "StalePlan", "NotInitialised", "ConfigError")
"""Errors that are not a step's: the run itself cannot go on."""


class PipelineFlow:
    """One run of a pipeline.

    Args:
        name: the pipeline.
        graph: {"order", "steps"} as `trueup.engines.calls.describe` gives them.
        settings, desk, screen: as in a job.
        state: what an earlier history of the same run has left: {"ended": {step: outcome}, "next": {step: index}}.
    """

    def __init__(
        self, name: str, graph: Json, settings: Settings, desk: Desk, screen: Screen, state: Mapping[str, Any]
    ) -> None:
        self.name, self.graph, self.settings, self.desk, self.screen = name, graph, settings, desk, screen
        self.steps: dict[str, Json] = graph["steps"]
        self.run = ""
        self.ended: dict[str, str] = dict(state.get("ended", {}))
        self.next: dict[str, int] = dict(state.get("next", {}))

    def state(self) -> Json:
        """What goes with a run that continues as new."""
        return {"ended": self.ended, "next": self.next}

    async def drive(self, key: str, params: Mapping[str, Any], parent: str) -> Json:
        """Runs it to its end.

        Args:
            key: names this run for ever.
            params: values of its parameters.
            parent: as in a job.

        Returns:
            {"run", "pipeline", "state", "exit_code", "steps", "error"}.

        Raises:
            ContinueSoon: the history is long; `state` is what the next one needs.
            ApplicationError: it failed; the result is in the details.
        """
        begun = await call(self.settings, "begin", "begin_pipeline", self.name, dict(params), key, parent)
        self.run = begun["run"]
        self.screen.enter("running", run=self.run)
        for name in self.graph["order"]:
            self.screen.unit(name, self.ended.get(name, "pending"))
        if not begun["over"]:
            try:
                await self._walk()
            except (asyncio.CancelledError, FailureError):
                await self._give_up()
                raise
            if len(self.ended) < len(self.steps):
                raise ContinueSoon
        result: Json = await call(self.settings, "end", "end_pipeline", self.run)
        if result["state"] == "failed":
            raise ApplicationError(
                result["error"] or "a step failed", result, type="PipelineFailed", non_retryable=True
            )
        return result

    async def _give_up(self) -> None:
        """Ends trueup's run of a workflow that was stopped or cannot go on: another workflow is another run."""
        try:
            await note(self.settings, "end", "end_pipeline", self.run)
        except ActivityError as error:
            workflow.logger.warning("the run could not be ended", extra={"error": type_of(error)})

    async def _walk(self) -> None:
        """Starts what may start, until nothing is under way; where the history gets long, nothing new is started."""
        under_way: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                if not is_long(self.settings):
                    await self.desk.gate()
                    for name in self._ready(under_way):
                        under_way[name] = asyncio.ensure_future(self._step(name))
                if not under_way:
                    return
                await workflow.wait(list(under_way.values()), return_when=asyncio.FIRST_COMPLETED)
                for name in [one for one, task in under_way.items() if task.done()]:
                    under_way.pop(name).result()
        except BaseException:
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), return_exceptions=True)
            raise

    def _ready(self, under_way: Mapping[str, object]) -> list[str]:
        """The steps whose needs have all ended."""
        return [
            name
            for name in self.graph["order"]
            if name not in self.ended and name not in under_way and self.ended.keys() >= set(self.steps[name]["needs"])
        ]

    async def _step(self, name: str) -> None:
        """One step to its end; a map whose history gets long stops between two items, and is taken up there."""
        verdict = await note(self.settings, f"decide {name}", "decide", self.run, name)
        if verdict["verdict"] != "run":
            self._end(name, verdict["outcome"], verdict.get("reason", ""))
            return
        if verdict.get("items") is None:
            self.screen.unit(name, "running")
            self._end(name, *await self._unit(name, None, ""))
        elif await self._map(name, verdict["items"], verdict.get("labels") or []):
            self._end(name, (await note(self.settings, f"end {name}", "end_map", self.run, name))["outcome"])

    def _end(self, name: str, outcome: str, why: str = "") -> None:
        self.ended[name] = outcome
        self.next.pop(name, None)
        self.screen.unit(name, outcome, note=why)

    async def _map(self, name: str, items: int, labels: list[str]) -> bool:
        """All items, `parallel` at a time; False: the history got long before the last one was begun."""
        self.next.setdefault(name, 0)
        self.screen.unit(name, "running", done=self.next[name], of=items)

        async def line() -> None:
            while self.next[name] < items and not is_long(self.settings):
                index = self.next[name]
                self.next[name] = index + 1
                await self._unit(name, index, labels[index] if index < len(labels) else "")
                self.screen.step(name)

        await all_of(line() for _ in range(min(items, int(self.steps[name]["parallel"]))))
        return self.next[name] >= items

    async def _unit(self, name: str, index: int | None, label: str) -> tuple[str, str]:
        """A step, or one item of a map: how it ended, and why if it failed."""
        await self.desk.gate()
        step = self.steps[name]
        if step["kind"] == "python":
            return await self._function(name, step, index, label)
        return await self._child(name, step, index)

    async def _function(self, name: str, step: Json, index: int | None, label: str) -> tuple[str, str]:
        try:
            answer = await call(
                *(self.settings, name, "run_function", self.run, name, index),
                id=_key(name, index),
                summary=f"{_key(name, index)} {label}".strip() if index is not None else step.get("description", ""),
                retry=self.settings.retry_step(step.get("retry") or {}),
            )
        except ActivityError as error:
            return await self._failed(name, index, error)
        return answer["outcome"], ""

    async def _child(self, name: str, step: Json, index: int | None) -> tuple[str, str]:
        """A job or pipeline as a child workflow of its own name."""
        started = await note(self.settings, f"start {_key(name, index)}", "start_step", self.run, name, index)
        if started.get("known"):
            return started["outcome"], ""
        child = workflow.execute_child_workflow(
            started["target"],
            args=[started.get("params") or {}, {"parent": started["parent"]}],
            id=f"{workflow.info().workflow_id}/{_key(name, index)}",
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            retry_policy=self.settings.retry_child(step.get("retry") or {}),
            static_summary=step.get("description") or None,
        )
        try:
            result = await asyncio.wait_for(child, step.get("timeout"))
        except (ChildWorkflowError, asyncio.TimeoutError) as error:  # noqa: UP041
            return await self._failed(name, index, error)
        # What it gave stays in the ledger; the run that this step started is known there.
        ended = await note(
            self.settings, f"end {_key(name, index)}", "end_step", *self._at(name, index), result["state"]
        )
        return ended["outcome"], ""

    async def _failed(self, name: str, index: int | None, error: BaseException) -> tuple[str, str]:
        """Records a step that failed for good."""
        if is_cancelled_exception(error) or type_of(error) in ENVIRONMENT:
            raise error
        why = told(error)
        workflow.logger.error("step %s failed: %s", _key(name, index), why)
        ended = await note(
            self.settings, f"end {_key(name, index)}", "end_step", *self._at(name, index), "failed", None, why
        )
        return ended["outcome"], why

    def _at(self, name: str, index: int | None) -> tuple[Any, ...]:
        return self.run, name, index


def _key(name: str, index: int | None) -> str:
    return name if index is None else f"{name}[{index}]"
