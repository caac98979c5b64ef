"""`trueup engine temporal deploy | status | worker`: schedules, search attributes and workers kept equal to trueup.yaml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError

from trueup.engines.temporal import deployment, status
from trueup.engines.temporal.connection import connect, run, task_queue, web_address
from trueup.engines.temporal.screen import ATTRIBUTES
from trueup.engines.temporal.worker import Options, knows_attributes, work
from trueup.model.errors import Transient

Json = dict[str, Any]
OnEvent = Callable[[Json], None]

NAME = "temporal"


def _silent(event: Json) -> None:
    pass


class Temporal:
    """See `trueup.engines.base.Engine`."""

    name = NAME

    def deploy(self, config: str, *, on_event: OnEvent = _silent) -> Json:
        """Registers the search attributes and makes the server's schedules equal to trueup.yaml; what was changed by hand
        is put back, what trueup.yaml does not have any more is deleted."""
        return run(self._deploy(config, on_event))

    async def _deploy(self, config: str, on_event: OnEvent) -> Json:
        client = await connect()
        changed = [await register_attributes(client)]
        changed += await deployment.make_equal(client, deployment.wanted(config, task_queue()), task_queue())
        for one in changed:
            on_event({"event": "deploy", **one})
        return {"engine": NAME, "changed": changed, "url": schedules_url(client)}

    def status(self, config: str) -> Json:
        """Compares trueup.yaml with the server; a server that does not answer is part of the answer."""
        return run(self._status(config))

    async def _status(self, config: str) -> Json:
        try:
            client = await connect()
        except Transient as error:
            return {"engine": NAME, "reachable": False, "url": "", "units": [], "runs": [], "error": error.to_json()}
        queue = task_queue()
        units = [
            *await deployment.compare(client, deployment.wanted(config, queue), queue),
            *await status.surroundings(client, queue),
        ]
        runs = await status.last_runs(client, queue)
        return {"engine": NAME, "reachable": True, "url": schedules_url(client), "units": units, "runs": runs}

    def fix(self, config: str, status: Json) -> Json:
        """Puts back what `status` found to differ; a schedule that was paused by hand goes on."""
        return self.deploy(config)

    def worker(self, config: str, **options: Any) -> None:
        """Carries workflows and activities until SIGINT or SIGTERM; see `worker.Options` for what it may be told."""
        run(work(config, Options.from_texts(options)))


ENGINE = Temporal()


async def register_attributes(client: Client) -> Json:
    """Makes trueup's search attributes known to the namespace."""
    unit = {"name": ", ".join(one.name for one in ATTRIBUTES), "kind": "search attributes"}
    if await knows_attributes(client):
        return {**unit, "state": "same"}
    types = {one.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for one in ATTRIBUTES}
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=types)
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        raise Transient(
            "the search attributes could not be registered",
            where=f"namespace {client.namespace}",
            why=error.message,
            hint="an administrator can: temporal operator search-attribute create --type Keyword --name "
            + " --name ".join(types),
        ) from None
    return {**unit, "state": "created"}


def schedules_url(client: Client) -> str:
    """The page of the server's schedules."""
    base = web_address(client)
    return f"{base}/namespaces/{client.namespace}/schedules" if base else ""
