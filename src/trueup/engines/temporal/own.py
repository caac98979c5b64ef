"""For a person's own workflows and workers: whole jobs and pipelines as child workflows, a job's phases as activities.

@workflow.defn
class Monday:
    @workflow.run
    async def run(self) -> dict:
        planned = await plan("team")
        if planned.counts.get("delete", 0) > 20:
            await workflow.execute_activity(ask_the_office, planned.run, ...)
        return await apply(planned)

Worker(client, task_queue="office", workflows=[Monday], activities=[ask_the_office, *activities("trueup.yaml")])
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from trueup.engines.temporal.desk import Desk
from trueup.engines.temporal.job import JobFlow, key_of_run
from trueup.engines.temporal.screen import Screen
from trueup.engines.temporal.settings import TASK_QUEUE, Settings
from trueup.engines.temporal.units import Json, restated


async def run_job(name: str, *, allow: Sequence[str] = (), task_queue: str = TASK_QUEUE, id: str = "") -> Json:
    """Runs a job as a child workflow of its own name; it waits there for approval where a guard blocks it.

    Args:
        name: the job.
        allow: guards that are allowed beforehand ("all": every one).
        task_queue: where a worker with `Trueup` polls: `trueup engine temporal worker`, or a person's own.
        id: the child's workflow id; "": this workflow's id and the name.

    Returns:
        The report; "state" says how it ended.

    Raises:
        ChildWorkflowError: it failed; its cause is an ApplicationError with the class of trueup's error as its type.
    """
    return await _child(name, {"allow": list(allow)} if allow else {}, task_queue, id)


async def run_pipeline(
    name: str, params: Mapping[str, Any] | None = None, *, task_queue: str = TASK_QUEUE, id: str = ""
) -> Json:
    """Runs a pipeline as a child workflow of its own name; see `run_job`.

    Args:
        params: values of its parameters.
    """
    return await _child(name, dict(params or {}), task_queue, id)


async def _child(name: str, given: Json, queue: str, id: str) -> Json:
    child_id = id or f"{workflow.info().workflow_id}/{name}"
    report: Json = await workflow.execute_child_workflow(
        name, given, id=child_id, task_queue=queue, parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL
    )
    return report


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, ready for `apply`; the changes themselves are in trueup's ledger.

    Attributes:
        job: the job; run: trueup's id of the run.
        counts: changes by action ("create": 3).
        blocked: a guard wants a person's word: `trueup apply RUN --allow …`, or `apply(planned, allow=[...], who=...)`.
        guards: what the guards found.
        settings: with which it was planned.
    """

    job: str
    run: str
    counts: dict[str, int]
    blocked: bool
    guards: list[Json]
    settings: Settings


async def plan(
    job: str, *, allow: Sequence[str] = (), task_queue: str = "", settings: Settings | None = None
) -> Planned:
    """Reads a job's collections and plans, as activities of this workflow; changes nothing. Called again within the same
    workflow for the same job, it gives the same plan.

    Args:
        job: the job.
        allow: guards that are allowed beforehand.
        task_queue: where the activities run; "": on the workflow's own queue, by `activities`.
        settings: time limits and retries.

    Raises:
        ActivityError: it failed; its cause is an ApplicationError with the class of trueup's error as its type.
    """
    flow = _flow(job, replace(settings or Settings(), queue=task_queue))
    await flow.begin(key_of_run(job), allow, "")
    answer = await flow.plan(allow)
    return Planned(job, flow.run, flow.header.get("counts", {}), answer["blocked"], answer["guards"], flow.settings)


async def apply(planned: Planned, *, allow: Sequence[str] = (), who: str = "a workflow") -> Json:
    """Applies a plan, reads back and reports; further rounds follow where a target moved on meanwhile.

    Args:
        planned: from `plan`.
        allow, who: guards that are allowed now, and in whose name.

    Returns:
        The report; "state" says how it ended.

    Raises:
        ApplicationError: GuardBlocked: nobody has allowed it; StalePlan: the world moved on since.
        ActivityError: as `plan`.
    """
    flow = _flow(planned.job, planned.settings)
    await flow.begin(key_of_run(planned.job), (), "")
    try:
        if planned.blocked and allow:
            await flow.call("approve", "approve", planned.run, list(allow), who)
        await flow.apply_all()
    except ActivityError as error:
        await flow.give_back()
        raise restated(error) from error
    report: Json = await flow.call("end", "end_job", flow.run)
    return report


def activities(config: str, *, ui: str = "") -> list[Callable[..., Any]]:
    """What a worker needs to carry out `plan` and `apply`, and the workflow `Trueup`.

    Args:
        config: the path of trueup.yaml.
        ui: the address of the Temporal web screen, for links from `trueup history`.

    Returns:
        One dynamic activity, which answers under every name that no other activity of the worker has.
    """
    from pathlib import Path

    from trueup.engines.temporal.activity import Activities, fatal_types

    return [Activities(str(Path(config).resolve()), Settings(fatal=fatal_types()), ui).call]


def _flow(job: str, settings: Settings) -> JobFlow:
    # A person's own workflow is theirs to continue as new; the server's own limit is 51,200 events, some 5,000 batches.
    settings = replace(settings, events=sys.maxsize)
    return JobFlow(job, settings, Desk(), Screen("job", job, settings, shown=False))
