"""Every job and pipeline of a configuration as a flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

from trueup.engines import calls
from trueup.engines.prefect.job import job_flow
from trueup.engines.prefect.pipeline import pipeline_flow
from trueup.model.errors import NotFound

Json: TypeAlias = dict[str, Any]


def flows(config: str | Path) -> dict[str, Any]:
    """The flows of a configuration by the names of its jobs and pipelines; touches no network and no ledger.

    Args:
        config: trueup.yaml.
    """
    path = str(Path(config).resolve())
    found = calls.describe(path)
    jobs = {name: job_flow(path, name) for name in found["jobs"]}
    pipelines = {name: _pipeline(path, name, found) for name in found["pipelines"]}
    return {**jobs, **pipelines}


def flow_of(config: str | Path, name: str) -> Any:
    """The flow of one job or pipeline.

    Raises:
        NotFound: the configuration has none of that name.
    """
    path = str(Path(config).resolve())
    found = calls.describe(path)
    if name in found["pipelines"]:
        return _pipeline(path, name, found)
    if name in found["jobs"]:
        return job_flow(path, name)
    known = ", ".join(sorted([*found["jobs"], *found["pipelines"]]))
    raise NotFound(f"there is no job or pipeline {name}", where=path, hint=f"it has: {known}")


def _pipeline(path: str, name: str, found: Json) -> Any:
    return pipeline_flow(path, name, found["pipelines"][name], pipelines=found["pipelines"])
