"""Every job and pipeline of a configuration as a flow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from trueup.engines import calls
from trueup.engines.prefect.items import items_flow
from trueup.engines.prefect.job import job_flow
from trueup.engines.prefect.parts import flow_name, wide
from trueup.engines.prefect.pipeline import pipeline_flow
from trueup.model.errors import NotFound


def flows(config: str | Path) -> dict[str, Any]:
    """The flows of a configuration by the names of its jobs and pipelines, and those of wide maps; touches no network and no ledger.

    Args:
        config: trueup.yaml.
    """
    path = str(Path(config).resolve())
    found = calls.describe(path)
    jobs = {name: job_flow(path, name, schedule=one["schedule"]) for name, one in found["jobs"].items()}
    pipelines = {name: pipeline_flow(path, name, found["pipelines"]) for name in found["pipelines"]}
    wide_ones = {name: one for name, one in found["pipelines"].items() if wide(one)}
    parts = {flow_name(name): items_flow(path, name, one) for name, one in wide_ones.items()}
    return {**jobs, **pipelines, **parts}


def flow_of(config: str | Path, name: str, spelt: Callable[[str], str] = str) -> Any:
    """The flow of one job or pipeline.

    Args:
        config: trueup.yaml.
        name: its name.
        spelt: how names are spelt in `name`.

    Raises:
        NotFound: the configuration has none of that name.
    """
    path = str(Path(config).resolve())
    found = calls.describe(path)
    for one in (*found["pipelines"], *found["jobs"]):
        if spelt(one) == name:
            if one in found["pipelines"]:
                return pipeline_flow(path, one, found["pipelines"])
            return job_flow(path, one, schedule=found["jobs"][one]["schedule"])
    for one, spec in found["pipelines"].items():
        if spelt(flow_name(one)) == name and wide(spec):
            return items_flow(path, one, spec)
    known = ", ".join(sorted([*found["jobs"], *found["pipelines"]]))
    raise NotFound(f"there is no job or pipeline {name}", where=path, hint=f"it has: {known}")
