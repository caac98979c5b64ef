"""What else `trueup engine status` tells of Temporal: who polls, what ran last."""

from __future__ import annotations

from typing import Any

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from trueup.engines.temporal.connection import web_address
from trueup.engines.temporal.screen import ATTRIBUTES
from trueup.engines.temporal.worker import knows_attributes

Json = dict[str, Any]

LAST = 10
"""So many runs are shown."""


async def surroundings(client: Client, queue: str) -> list[Json]:
    """Whether a worker polls, and whether the namespace knows the search attributes."""
    known = await knows_attributes(client)
    names = ", ".join(one.name for one in ATTRIBUTES)
    attributes = {"name": names, "kind": "search attributes", "state": "ok" if known else "missing"}
    polled = await pollers(client, queue)
    base = web_address(client)
    url = f"{base}/namespaces/{client.namespace}"
    worker = {"name": queue, "kind": "worker", "state": "ok" if polled else "missing", "wanted": "a worker that polls"}
    return [
        {**attributes, "wanted": names, "found": names if known else None, "url": url},
        {**worker, "found": polled, "url": f"{url}/task-queues/{queue}"},
    ]


async def pollers(client: Client, queue: str) -> list[str]:
    """The identities ("pid@host") of the workers that poll for workflows."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    answer = await client.workflow_service.describe_task_queue(request)
    return sorted({one.identity for one in answer.pollers})


async def last_runs(client: Client, queue: str) -> list[Json]:
    """The newest runs on the task queue."""
    base = web_address(client)
    return [
        {
            "name": one.workflow_type,
            "state": one.status.name.lower() if one.status else "unknown",
            "started": one.start_time.isoformat(),
            "url": f"{base}/namespaces/{client.namespace}/workflows/{one.id}/{one.run_id}/history",
        }
        async for one in client.list_workflows(f"TaskQueue = '{queue}'", limit=LAST)
    ]
