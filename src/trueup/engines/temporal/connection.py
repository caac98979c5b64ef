"""The way to the server, as every Temporal program finds it: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY,
TEMPORAL_TLS…, TEMPORAL_PROFILE, and the file temporal.toml (https://docs.temporal.io/develop/environment-configuration)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from trueup.engines.temporal.settings import TASK_QUEUE
from trueup.model.errors import ConfigError, Permanent, Transient

_T = TypeVar("_T")

UI = "TRUEUP_TEMPORAL_UI"
"""Environment variable: the address of the web screen."""
QUEUE = "TRUEUP_TEMPORAL_QUEUE"
"""Environment variable: the task queue; two files trueup.yaml on one namespace need two of them."""

_FOR_NOW = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.RESOURCE_EXHAUSTED)


async def connect() -> Client:
    """A client of the server that the environment names (localhost:7233, namespace "default", if nothing does).

    Raises:
        ConfigError: the environment or temporal.toml is wrong.
        Transient: it does not answer.
    """
    try:
        config = ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError) as error:
        raise ConfigError(
            "the way to the Temporal server is not clear", why=str(error), hint="see temporal.toml and TEMPORAL_…"
        ) from None
    config.setdefault("target_host", "localhost:7233")
    try:
        return await Client.connect(**config)
    except (RuntimeError, RPCError) as error:
        raise Transient(
            "the Temporal server does not answer",
            where=config["target_host"],
            why=str(error),
            hint="start it (temporal server start-dev), or say where it is: TEMPORAL_ADDRESS=host:port",
        ) from None


def task_queue() -> str:
    """The task queue of this trueup.yaml."""
    return os.environ.get(QUEUE) or TASK_QUEUE


def web_address(client: Client) -> str:
    """Where the web screen is: as the environment says, else where the development server and Temporal Cloud have it."""
    if given := os.environ.get(UI):
        return given.rstrip("/")
    host, _, port = client.service_client.config.target_host.rpartition(":")
    if host.endswith((".tmprl.cloud", ".temporal.io")):
        return "https://cloud.temporal.io"
    return f"http://{host}:{int(port) + 1000}" if port.isdecimal() else ""


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Runs to the end what talks to the server.

    Raises:
        Transient, Permanent: the server refused something, for now or as it was asked.
    """

    async def settled() -> _T:
        try:
            return await work
        except RPCError as error:
            kind = Transient if error.status in _FOR_NOW else Permanent
            why = f"{error.status.name.lower().replace('_', ' ')}: {error.message}"
            hint = "is TEMPORAL_NAMESPACE right, and may this user do that?"
            raise kind("the Temporal server refused", why=why, hint=hint) from error
        finally:
            # The SDK's own threads finish their last answer after we have it; ending the interpreter on top of them
            # aborts the process now and then (Python 3.11: "PyGILState_Release: thread state must be current").
            await asyncio.sleep(0.2)

    return asyncio.run(settled())
