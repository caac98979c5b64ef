"""trueup in a DAG of your own: a whole job or pipeline as a task group, or a job's plan and what comes after it as a task each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup, conf
from airflow.sdk.exceptions import AirflowFailException

from trueup.engines.airflow.base import GREEN, TrueupOperator
from trueup.engines.airflow.calling import call, counted, key_of, page_of
from trueup.engines.airflow.job import DEFAULTS, Place, job_tasks
from trueup.engines.airflow.job_ends import BeginJob, left
from trueup.engines.airflow.pipeline import Graph, pipeline_tasks
from trueup.engines.airflow.pipeline_ends import BeginPipeline
from trueup.engines.base import Json

if TYPE_CHECKING:
    from airflow.sdk import Context


def run_job(
    job: str, config: str | Path, *, group_id: str = "", allow: Sequence[str] = (), green: Sequence[str] = GREEN
) -> TaskGroup:
    """A job as a task group, from reading to report.

    Args:
        job: its name in trueup.yaml.
        config: the absolute path of trueup.yaml.
        group_id: the group's id; "": the job's name.
        allow: names of guards that are allowed beforehand ("all": every one).
        green: states of the run that leave the group green.
    """
    from trueup.engines import calls

    described = calls.describe(str(config))["jobs"][job]
    name = group_id or job
    with TaskGroup(name, tooltip=f"job {job}", default_args=DEFAULTS) as group:
        job_tasks(
            _place(config, green).within(name),
            job,
            described,
            first=lambda **more: BeginJob(allow=tuple(allow), **more),
        )
    return group


def run_pipeline(
    pipeline: str,
    config: str | Path,
    *,
    group_id: str = "",
    params: dict[str, Any] | None = None,
    green: Sequence[str] = GREEN,
) -> TaskGroup:
    """A pipeline as a task group.

    Args:
        pipeline: its name in trueup.yaml.
        config, green: as `run_job`.
        group_id: the group's id; "": the pipeline's name.
        params: its parameters, also templates or outputs of other tasks.
    """
    from trueup.engines import calls

    name = group_id or pipeline
    graph = Graph(_place(config, green).within(name), calls.describe(str(config)), lambda name: name)
    with TaskGroup(name, tooltip=f"pipeline {pipeline}", default_args=DEFAULTS) as group:
        pipeline_tasks(graph, pipeline, first=lambda **more: BeginWith(given=params or {}, **more))
    return group


class BeginWith(BeginPipeline):
    """Begins a pipeline with parameters that the DAG gives it.

    Args:
        given: the parameters.
    """

    template_fields: Sequence[str] = ("config", "pipeline", "given")

    def __init__(self, *, given: Any, **more: Any) -> None:
        super().__init__(**more)
        self.given = given

    def execute(self, context: Context) -> Any:
        """See `calls.begin_pipeline`."""
        return self.begin(context, dict(self.given), "")


def plan(job: str, config: str | Path, *, allow: Sequence[str] = (), **more: Any) -> PlanJob:
    """A task that reads, plans and guards, and writes to no store; its output is for `apply` and for your own tasks.

    Args:
        job, config, allow: as `run_job`.
        more: further arguments of the operator; `task_id` is "plan_JOB" by default.

    Returns:
        The operator. Its output is {"run", "counts", "blocked", "guards"}.
    """
    return PlanJob(
        **{"task_id": f"plan_{job}", **DEFAULTS, "config": str(config), "job": job, "allow": tuple(allow), **more}
    )


def apply(planned: Any, config: str | Path, **more: Any) -> ApplyRun:
    """A task that carries out what `plan` planned: applies, verifies, reports; fails where a guard blocks it.

    Args:
        planned: the output of `plan` (`planned.output`).
        config: as `run_job`.
        more: further arguments of the operator; `task_id` is "apply" by default.

    Returns:
        The operator. Its output is {"run", "state", "counts"}.
    """
    return ApplyRun(**{"task_id": "apply", **DEFAULTS, "config": str(config), "planned": planned, **more})


class PlanJob(TrueupOperator):
    """See `plan`."""

    template_fields: Sequence[str] = ("config", "job", "allow")

    def __init__(self, *, job: str, allow: Sequence[str] = (), **more: Any) -> None:
        super().__init__(**more)
        self.job, self.allow = job, allow

    def execute(self, context: Context) -> Json:
        """Begins a run and brings it to where it may be applied."""
        begun = call("begin_job", self.config, self.job, key_of(context, self.task_id), tuple(self.allow))
        run = begun["run"]
        call("link", self.config, run, "airflow", page_of(context))
        if begun["next"] == "read":
            readings = [call("read", self.config, run, ref) for ref in begun["collections"]]
            call("plan", self.config, run, readings)
        answer = call("guard", self.config, run)
        self.log.info("%s", call("plan_markdown", self.config, run))
        counts = call("plan", self.config, run, [])["counts"]
        return {"run": run, "counts": counts, "blocked": answer["blocked"], "guards": answer["guards"]}


class ApplyRun(TrueupOperator):
    """See `apply`."""

    template_fields: Sequence[str] = ("config", "planned")

    def __init__(self, *, planned: Any, green: Sequence[str] = GREEN, **more: Any) -> None:
        super().__init__(**more)
        self.planned, self.green = planned, tuple(green)

    def execute(self, context: Context) -> Json:
        """See `calls.run_rest`."""
        report = call("run_rest", self.config, self.planned["run"])
        if report["state"] not in self.green:
            raise AirflowFailException(f"run {report['run']} is {counted(report)}{left(report)}")
        self.log.info("run %s is %s", report["run"], counted(report))
        return {key: report.get(key) for key in ("run", "state", "counts")}


def _place(config: str | Path, green: Sequence[str]) -> Place:
    return Place(str(config), limit=conf.getint("core", "max_map_length"), green=tuple(green))
