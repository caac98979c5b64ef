"""Making what a Prefect server has equal to trueup.yaml. What is equal already is not touched: an update would drop its scheduled runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from prefect.client.schemas.actions import (
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    WorkPoolCreate,
    WorkPoolUpdate,
)
from prefect.workers.process import ProcessWorker

from trueup.engines.prefect import found, occurrences, schedules, wanted
from trueup.engines.prefect.compare import units, wanted_automations
from trueup.engines.prefect.graphs import flows
from trueup.engines.prefect.names import POOL, config_tag

Json: TypeAlias = dict[str, Any]
OnEvent: TypeAlias = Callable[[Json], None]

_STATES = {"missing": "created", "changed": "updated", "paused": "updated", "extra": "deleted", "ok": "same"}


def deploy(client: Any, config: str, on_event: OnEvent) -> list[Json]:
    """Creates, updates and deletes; returns [{"name", "kind", "state": "created|updated|deleted|same"}].

    Args:
        client: Prefect's client.
        config: the absolute path of trueup.yaml.
        on_event: told each: {"event": "deploy", "name", "kind", "state"}.
    """
    before = units(client, config)
    changed = [_told(one, on_event) for one in before if one["kind"] != "automation"]
    _pool(client, [one for one in before if one["kind"] == "work pool"])
    _deployments(client, config, _bad(before, "deployment"))
    _limits(client, config, _bad(before, "limit"))
    occurrences.correct(client, config)
    automatic = [one for one in units(client, config) if one["kind"] == "automation"]  # they name deployments by id
    _automations(client, config, _bad(automatic, "automation"))
    return [*changed, *(_told(one, on_event) for one in automatic)]


def _told(unit: Json, on_event: OnEvent) -> Json:
    result = {"name": unit["name"], "kind": unit["kind"], "state": _STATES[unit["state"]]}
    on_event({"event": "deploy", **result})
    return result


def _bad(all_units: Iterable[Json], kind: str) -> dict[str, str]:
    return {one["name"]: one["state"] for one in all_units if one["kind"] == kind and one["state"] != "ok"}


def _pool(client: Any, pools: list[Json]) -> None:
    if pools[0]["state"] == "missing":
        template = ProcessWorker.get_default_base_job_template()
        pool = WorkPoolCreate(name=POOL, type="process", description="Runs of trueup.", base_job_template=template)
        client.create_work_pool(pool)
    elif pools[0]["state"] == "paused":
        client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))


def _deployments(client: Any, config: str, bad: dict[str, str]) -> None:
    asked, made = wanted.deployments(config), flows(config)
    there = found.deployments(client, config_tag(config), asked)
    for name, state in bad.items():
        if state == "extra":
            client.delete_deployment(there[name].id)
            continue
        one = asked[name]
        client.create_deployment(
            flow_id=client.create_flow(made[name]),
            name=one["name"],
            entrypoint=one["entrypoint"],
            description=one["description"],
            tags=one["tags"],
            work_pool_name=one["pool"],
            parameters=one["parameters"],
            parameter_openapi_schema=one["schema"],
            enforce_parameter_schema=True,
            pull_steps=one["pull"],
            job_variables=one["variables"],
            schedules=[schedules.made(each) for each in one["schedules"]],
            concurrency_limit=one["limit"],
            concurrency_options=schedules.options(one),
            paused=one["paused"],
        )


def _limits(client: Any, config: str, bad: dict[str, str]) -> None:
    asked = wanted.limits(config)
    for name, state in bad.items():
        if state == "missing":
            client.create_global_concurrency_limit(
                GlobalConcurrencyLimitCreate(name=name, limit=asked[name], active=True)
            )
        else:
            client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(limit=asked[name], active=True))


def _automations(client: Any, config: str, bad: dict[str, str]) -> None:
    there = found.automations(client)
    ids = {name: one.id for name, one in found.deployments(client, config_tag(config), flows(config)).items()}
    asked = wanted_automations(config, ids)
    for name, state in bad.items():
        if state == "missing":
            client.create_automation(asked[name])
        elif state == "extra":
            client.delete_automation(there[name].id)
        else:
            client.update_automation(there[name].id, asked[name])
