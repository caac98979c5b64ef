"""A workflow of a person's own, in a module of its own as the SDK's sandbox wants it: it is loaded anew for every run."""

from __future__ import annotations

from typing import Any

from temporalio import workflow

from trueup.engines.temporal import run_job, run_pipeline


@workflow.defn
class Weekly:
    """Whole jobs and pipelines as children, on trueup's own workers."""

    @workflow.run
    async def run(self, queue: str) -> list[Any]:
        team = await run_job("team", task_queue=queue)
        return [team["state"], (await run_pipeline("nightly", {"n": 3}, task_queue=queue))["state"]]
