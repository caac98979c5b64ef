"""Jobs and pipelines in a flow of one's own: `run_job`, `run_pipeline`, or `plan` and `apply` with something of yours in between.

Each is a sub-flow of the flow it is called in, named after what it does. A flow that is run again (a retry, a crash) finds the same runs
of trueup again, and goes on with them: the n-th call for a job within a flow run is the same run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from prefect.runtime import flow_run

from trueup.engines import calls
from trueup.engines.prefect.job import apply_flow, job_flow, plan_flow
from trueup.engines.prefect.pipeline import pipeline_flow

Json: TypeAlias = dict[str, Any]

_calls: Counter[tuple[str, str]] = Counter()


def run_job(config: str | Path, job: str, *, allow: Sequence[str] = (), timeout: float | None = None) -> Json:
    """Runs a job as a sub-flow.

    Args:
        config: trueup.yaml.
        job: the job's name.
        allow: guards that are allowed beforehand ("all": every one).
        timeout: seconds after which it stops before its next unit.

    Returns:
        The report; "state" is done, partial or conflict, or awaiting_approval where a guard blocked it: nothing was changed then, and
        `trueup apply RUN` carries the plan out.

    Raises:
        TrueupError: it failed.
    """
    reports: list[Json] = []
    flow = job_flow(_path(config), job, key=_key(job), timeout=timeout, told=reports.append)
    return _result(flow(allow=list(allow), return_state=True), reports)


def run_pipeline(config: str | Path, pipeline: str, **params: Any) -> Json:
    """Runs a pipeline as a sub-flow.

    Args:
        config: trueup.yaml.
        pipeline: its name.
        params: its parameters.

    Returns, raises:
        As `run_job`; "steps" says how each step ended.
    """
    path, reports = _path(config), list[Json]()
    pipelines = calls.describe(path)["pipelines"]
    flow = pipeline_flow(path, pipeline, pipelines, key=_key(pipeline), told=reports.append)
    return _result(flow(**params, return_state=True), reports)


def plan(config: str | Path, job: str, *, allow: Sequence[str] = ()) -> Json:
    """Reads a job's collections and plans, as a sub-flow; nothing is written.

    Args:
        config, job, allow: as `run_job`.

    Returns:
        {"run", "job", "collections", "counts", "blocked", "guards", …}, for `apply`.
    """
    return plan_flow(_path(config), job, key=_key(job))(allow=list(allow))  # type: ignore[no-any-return]


def apply(config: str | Path, made: Json) -> Json:
    """Carries out what `plan` made, verifies and reports, as a sub-flow.

    Args:
        config: as above.
        made: what `plan` returned.

    Returns, raises:
        As `run_job`.
    """
    reports: list[Json] = []
    return _result(apply_flow(_path(config), made, told=reports.append)(return_state=True), reports)


def _path(config: str | Path) -> str:
    return str(Path(config).resolve())


def _key(name: str) -> str:
    """Names the n-th call for a job or pipeline within the present flow run."""
    run = flow_run.id
    if not run:
        return str(uuid4())
    _calls[run, name] += 1
    return f"{run}/{name}/{_calls[run, name]}"


def _result(state: Any, reports: list[Json]) -> Json:
    return reports[-1] if state.is_paused() else state.result()
