"""What a Prefect server has of ours, as JSON that can be compared with what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings

from trueup.engines.prefect import schedules
from trueup.engines.prefect.names import DEPLOYMENT, TAG
from trueup.model.errors import Transient, UsageError

Json: TypeAlias = dict[str, Any]


@contextmanager
def server() -> Iterator[Any]:
    """The client of the server that Prefect's own settings name.

    Raises:
        UsageError: they name none: Prefect would start a passing server of its own, and forget everything with it.
        Transient: it does not answer.
    """
    url = api_url()
    if not url:
        hint = "start one with `prefect server start`, and name it: prefect config set PREFECT_API_URL=http://127.0.0.1:4200/api"
        raise UsageError("there is no Prefect server to work with", why="PREFECT_API_URL is not set", hint=hint)
    try:
        with get_client(sync_client=True) as client:
            yield client
    except (httpx.TransportError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "Failed to reach API" not in str(error):
            raise
        raise Transient(
            "Prefect's server does not answer", where=url, why=str(error), hint="is it running? prefect server start"
        ) from error


def api_url() -> str:
    """The server's address; "" where none is set."""
    return get_current_settings().api.url or ""


def deployments(client: Any, tag: str, names: Iterable[str]) -> dict[str, Any]:
    """The deployments that have a tag, or are one of these jobs' and pipelines', by the name of their flow."""
    filtered = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG, tag]))
    found: list[Any] = []
    while page := client.read_deployments(deployment_filter=filtered, limit=200, offset=len(found)):
        found += page
    there = {client.read_flow(one.flow_id).name: one for one in found}
    for name in names:
        if name not in there:
            with suppress(ObjectNotFound):
                there[name] = client.read_deployment_by_name(f"{name}/{DEPLOYMENT}")
    return there


def deployment(one: Any) -> Json:
    """A deployment in the form `wanted.deployments` gives."""
    options = one.concurrency_options
    limit = one.global_concurrency_limit
    return {
        "name": one.name,
        "entrypoint": one.entrypoint,
        "description": one.description or "",
        "tags": sorted(one.tags),
        "pool": one.work_pool_name,
        "parameters": one.parameters,
        "schema": one.parameter_openapi_schema,
        "pull": one.pull_steps,
        "variables": one.job_variables,
        "schedules": [schedules.shown(each) for each in one.schedules],
        "limit": limit.limit if limit else None,
        "collision": options.collision_strategy.value if options else None,
        "paused": one.paused,
    }


def automations(client: Any) -> dict[str, Any]:
    """The automations of ours, by name."""
    found: list[Any] = []
    while page := client.read_automations(limit=200, offset=len(found)):
        found += page
    return {one.name: one for one in found if one.name.startswith(f"{TAG}: ")}


def limits(client: Any) -> dict[str, Any]:
    """The global concurrency limits of ours, by name."""
    found: list[Any] = []
    while page := client.read_global_concurrency_limits(limit=200, offset=len(found)):
        found += page
    return {one.name: one for one in found if one.name.startswith(f"{TAG}-store-")}
