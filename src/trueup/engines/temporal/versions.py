"""Worker versioning: which code a run goes on with after an upgrade of trueup.

The deployment's version is trueup's version and a digest of the workflow's own code. trueup.yaml is no part of it: the graph of
a run stands in its history. https://docs.temporal.io/worker-versioning
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from trueup import __version__
from trueup.model.errors import UsageError

PURE = ("desk", "job", "pipeline", "screen", "settings", "start", "units", "workflows")
"""The modules whose code decides what commands a workflow gives."""


@cache
def build_id() -> str:
    """ "0.1.0-3f2a9c01": changes when the workflow's code does."""
    folder = Path(__file__).parent
    digest = sha256(b"".join((folder / f"{name}.py").read_bytes() for name in PURE))
    return f"{__version__}-{digest.hexdigest()[:8]}"


async def make_current(client: Client, deployment: str) -> None:
    """New runs, and those under way, go to workers of this version from now on.

    Args:
        client: of the server.
        deployment: the name of the deployment: that of the task queue, since every trueup.yaml has one of its own.

    Raises:
        UsageError: the server is too old for it, or does not let this user.
    """
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=deployment,
        build_id=build_id(),
        identity=client.identity,
        ignore_missing_task_queues=True,
        allow_no_pollers=True,
    )
    try:
        await client.workflow_service.set_worker_deployment_current_version(request)
    except RPCError as error:
        if error.status is RPCStatusCode.FAILED_PRECONDITION:  # it is current already
            return
        if error.status in (RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED):
            hint = "go without: trueup engine temporal worker --versioned no"
            raise UsageError("this server has no worker versions for us", why=error.message, hint=hint) from error
        raise
