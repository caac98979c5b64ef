"""A job as a Prefect flow: read mapped over collections, plan, guard, apply mapped over the batches of each wave, verify mapped, report.

| trueup | Prefect |
|---|---|
| run | flow run; its id is the run's key, so that it finds the same run again however often it is started |
| phase, batch | task run, named `read work/team`, `apply batch 3 (work/team)` … |
| further round | the same tasks once more |
| awaiting approval | suspended, resumed with an answer |
| guard allowed beforehand | parameter `allow` |
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from prefect import Flow
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner

from trueup.engines.prefect.approval import Rejected
from trueup.engines.prefect.beginning import held_back
from trueup.engines.prefect.hooks import hooks
from trueup.engines.prefect.job_run import JobRun, begin, drive, finish, planned
from trueup.engines.prefect.logs import logged
from trueup.engines.prefect.patience import through_outages
from trueup.engines.prefect.starting import start
from trueup.engines.prefect.states import ended, rejected
from trueup.engines.prefect.stopping import stoppable

Json: TypeAlias = dict[str, Any]
Told: TypeAlias = Callable[[Json], None]

Allow = list[Literal["all", "max_delete", "max_update", "empty", "changed_filter", "profile", "window"]]
"""The guards, for the form of a run that is started by hand."""

WORKERS = 16
"""How many tasks of a flow run are under way at once in its process."""


def job_flow(
    config: str,
    job: str,
    *,
    key: str = "",
    parent: str = "",
    timeout: float | None = None,
    schedule: Json | None = None,
    told: Told = lambda report: None,
) -> Any:
    """The flow of a job, named after it.

    Args:
        config: the absolute path of trueup.yaml.
        job: the job's name.
        key: names the run; "": the flow run's id does.
        parent: the run and step of a pipeline that start it ("RUN/step[3]"), or "".
        timeout: seconds after which it stops before its next unit; None: never.
        schedule: of the job, as `calls.describe` has it.
        told: is told the report: Prefect hands no result of a flow run on that waits.
    """

    def run(allow: Allow = []) -> Any:  # noqa: B006  # Prefect shows the default in its form, and changes it never
        deadline = None if timeout is None else time.monotonic() + timeout
        with logged(), stoppable():
            start()
            if not parent and (over := held_back(config, job, schedule, {})) is not None:
                return over
            try:
                one = JobRun(config, job, key or str(flow_run.id), allow, parent, deadline)
                report = through_outages(lambda: drive(one))
            except Rejected as error:
                return rejected(error)
            told(report)
            return ended(report)

    return flow(run, config, job, f"{job} ({parent.partition('/')[2]})" if parent else job, f"Job {job} of trueup.")


def plan_flow(config: str, job: str, *, key: str) -> Any:
    """The flow that plans a job and leaves it at that: returns {"run", "job", "collections", "blocked", "guards", …}."""

    def run(allow: Allow = []) -> Json:  # noqa: B006
        with logged(), stoppable():
            one = JobRun(config, job, key, allow)
            begun = begin(one)
            header, answer = planned(one, begun)
            return {**header.result(), **answer.result(), "collections": begun["collections"], "key": key}

    return flow(run, config, f"plan {job}", f"plan {job}", f"Plans job {job} of trueup.")


def apply_flow(config: str, made: Json, *, told: Told = lambda report: None) -> Any:
    """The flow that carries out what `plan_flow` returned."""

    def run() -> Any:
        with logged(), stoppable():
            report = finish(JobRun(config, made["job"], made["key"]), {**made, "next": "apply"})
            told(report)
            return ended(report)

    return flow(
        run,
        config,
        f"apply {made['job']}",
        f"apply {made['job']}",
        f"Carries out a plan of job {made['job']} of trueup.",
    )


def flow(run: Callable[..., Any], config: str, name: str, shown: str, description: str) -> Any:
    """A flow of ours: no persisted results, because the ledger remembers, and tasks in threads."""
    run.__name__ = run.__qualname__ = name.replace("-", "_").replace(" ", "_")
    return Flow(
        run,
        name=name,
        flow_run_name=shown,
        description=description,
        task_runner=ThreadPoolTaskRunner(max_workers=WORKERS),
        persist_result=False,
        validate_parameters=True,
        **hooks(config),
    )
