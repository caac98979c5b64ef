"""What a Prefect server is to have for a configuration: a work pool, a deployment for each job and pipeline, limits, automations."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeAlias

from trueup.engines import calls
from trueup.engines.calls.opened import opened
from trueup.engines.prefect import schedules
from trueup.engines.prefect.automations import HEARTBEAT
from trueup.engines.prefect.graphs import flows
from trueup.engines.prefect.names import CONFIG_VARIABLE, DEPLOYMENT, POOL, TAG, config_tag, entrypoint_of, limit_of

Json: TypeAlias = dict[str, Any]


def deployments(config: str) -> dict[str, Json]:
    """Every deployment by the name of its job or pipeline, in the form `found.deployment` gives."""
    found, made = calls.describe(config), flows(config)
    return {name: _deployment(config, name, found, made[name]) for name in made}


def limits(config: str) -> dict[str, int]:
    """The places at each store that a job uses, by the limit's name."""
    found = calls.describe(config)
    stores = sorted({store for job in found["jobs"].values() for store in job["stores"]})
    with opened(config) as app:
        return {limit_of(store): app.config.stores[store].workers for store in stores}


def after_triggers(config: str) -> list[tuple[str, Json]]:
    """What starts after another run: (job or pipeline, trigger)."""
    found = calls.describe(config)
    subjects = {**found["jobs"], **found["pipelines"]}
    return [(name, one) for name, spec in subjects.items() for one in spec["triggers"] if "after" in one]


def _deployment(config: str, name: str, found: Json, flow: Any) -> Json:
    kind = "pipeline" if name in found["pipelines"] else "job" if name in found["jobs"] else "items"
    schedule = {**found["jobs"], **found["pipelines"]}.get(name, {}).get("schedule")
    stores = (
        _stores_below(name, found) if kind == "pipeline" else found["jobs"][name]["stores"] if kind == "job" else []
    )
    return {
        "name": DEPLOYMENT,
        "entrypoint": entrypoint_of(name),
        "description": flow.description or "",
        "tags": sorted([TAG, config_tag(config), kind, *(f"store:{one}" for one in stores)]),
        "pool": POOL,
        "parameters": {},
        "schema": flow.parameters.model_dump(),
        "pull": [{"prefect.deployments.steps.set_working_directory": {"directory": str(Path(config).parent)}}],
        "variables": {"working_dir": str(Path(config).parent), "env": _environment(config)},
        "schedules": schedules.of_deployment(schedule),
        **schedules.limit(kind, schedule),
        "paused": False,
    }


def _environment(config: str) -> dict[str, str]:
    """What a run's process needs; secrets are looked up there, and are never part of a deployment."""
    return {
        CONFIG_VARIABLE: config,
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT),
        "PREFECT_LOGGING_EXTRA_LOGGERS": "trueup",
        "PYTHONPATH": os.pathsep.join(
            part for part in (str(Path(config).parent), os.environ.get("PYTHONPATH", "")) if part
        ),
    }


def _stores_below(name: str, found: Json, seen: frozenset[str] = frozenset()) -> list[str]:
    stores: dict[str, None] = {}
    for step in found["pipelines"][name]["steps"].values():
        if step["kind"] == "job" and step["target"] in found["jobs"]:
            stores.update(dict.fromkeys(found["jobs"][step["target"]]["stores"]))
        elif step["kind"] == "pipeline" and step["target"] not in seen:
            stores.update(dict.fromkeys(_stores_below(step["target"], found, seen | {name})))
    return list(stores)
