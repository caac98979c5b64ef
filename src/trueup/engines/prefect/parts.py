"""A wide map on several processes, and with them on several workers: a part of its items in this flow run, the others in flow runs of their own.

A flow run is one process, and calls `PROCESS` items at once at most. Where a step's `parallel` asks for more, its flow run starts as many further
ones, of the deployment `PIPELINE items`, for whichever worker of the pool is free. A part that no worker has begun when the first flow run is
through with its own is done there, so that nothing waits for a worker that does not come.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeAlias

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId, FlowRunFilterTags
from prefect.client.schemas.objects import StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_logger
from prefect.runtime import deployment
from prefect.states import Cancelled, Cancelling

from trueup.engines.prefect.names import DEPLOYMENT

Json: TypeAlias = dict[str, Any]

PROCESS = 16
"""Items that one process calls at once at most."""

PART = "trueup:part"
"""On flow runs that are a part of a map."""

EVERY = 2.0
"""Seconds between two looks at the parts."""

GIVEN_UP = 120.0
"""Seconds after which a part counts as ended that crashed: an automation starts it again long before."""

_ENDED = (StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED)


def flow_name(pipeline: str) -> str:
    """The flow that does parts of a pipeline's maps."""
    return f"{pipeline} items"


def wide(spec: Json) -> bool:
    """Whether a pipeline has a map that asks for more than one process."""
    return any(_is_wide(one) for one in spec["steps"].values())


def _is_wide(step: Json) -> bool:
    return bool(step["for_each"] and step["kind"] == "python" and step["parallel"] > PROCESS)


def parts_of(step: Json, items: int) -> int:
    """How many parts a map has; one, where this flow run was started without a work pool."""
    return -(-min(step["parallel"], items) // PROCESS) if deployment.id and _is_wide(step) else 1


def threads(step: Json, part: int, parts: int) -> int:
    """How many items a part does at once: `parallel` holds for all parts together."""
    each, more = divmod(step["parallel"], parts)
    return int(each + (part < more))


def indices(part: int, parts: int, items: int) -> range:
    """The items of a part."""
    return range(part, items, parts)


class Parts:
    """The parts of a map that other flow runs do.

    Args:
        pipeline, step: whose.
        run: the pipeline's run.
        parts: how many there are, the first one included, which this flow run does itself.
        ended: told from a thread when a part has ended; may be told of one that `take_over` has given away meanwhile.

    Attributes:
        left: the flow runs of the parts that have not ended, as far as the caller has heard; it takes them out.
        own: the parts that this flow run does from the beginning.
    """

    def __init__(self, pipeline: str, run: str, step: str, parts: int, ended: Callable[[int], None]) -> None:
        self.parts = parts
        self.left: dict[int, Any] = {}
        self._ended = ended
        self._closed = threading.Event()
        for part in range(1, parts):
            with suppress(ObjectNotFound):  # it was not deployed since the map became wide: this flow run does all
                self.left[part] = self._start(pipeline, run, step, part)
        self.own = [0, *(part for part in range(1, parts) if part not in self.left)]
        if self.left:
            threading.Thread(target=self._watch, name="trueup-parts", daemon=True).start()

    def _start(self, pipeline: str, run: str, step: str, part: int) -> Any:
        started = run_deployment(
            f"{flow_name(pipeline)}/{DEPLOYMENT}",
            parameters={"run": run, "step": step, "part": part + 1, "parts": self.parts},
            flow_run_name=f"{step}: part {part + 1} of {self.parts}",
            tags=[PART],
            timeout=0,
            idempotency_key=f"{run}/{step}/{part}/{self.parts}",  # a flow run that starts anew finds the one it has started
        )
        return started.id

    def take_over(self) -> Iterable[int]:
        """Those that nobody has begun: from now on they are the caller's."""
        with get_client(sync_client=True) as client:
            for part, one in list(self.left.items()):
                if client.read_flow_run(one).state_type is StateType.SCHEDULED:
                    client.set_flow_run_state(one, Cancelled(message="the first part has done it, too"), force=True)
                    self.left.pop(part, None)
                    yield part

    def close(self) -> None:
        """Looks no longer."""
        self._closed.set()

    def _watch(self) -> None:
        crashed: dict[int, float] = {}
        told: set[int] = set()
        while not self._closed.wait(EVERY):
            for part, one in list(self.left.items()):
                if part not in told and self._over(part, one, crashed):
                    told.add(part)
                    self._ended(part)

    def _over(self, part: int, flow_run: Any, crashed: dict[int, float]) -> bool:
        """Whether a part has ended; one that crashed is waited for, as it is started again."""
        try:
            state = _state(flow_run)
        except Exception as error:  # the server may be away for a while; the next look finds it again
            get_logger("trueup.parts").warning("could not look after part %s: %s", part + 1, error)
            return False
        if state is not StateType.CRASHED:
            crashed.pop(part, None)
            return state in _ENDED
        return time.monotonic() - crashed.setdefault(part, time.monotonic()) > GIVEN_UP


def cancel(client: Any, of: Any) -> None:
    """What a flow run has others do ends with it."""
    parts = FlowRunFilter(
        parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[of]), tags=FlowRunFilterTags(all_=[PART])
    )
    for one in client.read_flow_runs(flow_run_filter=parts, limit=200):
        if one.state_type not in (*_ENDED, StateType.CRASHED):
            client.set_flow_run_state(one.id, Cancelling(message="the flow run it is a part of was cancelled"))


def _state(one: Any) -> StateType:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(one).state_type
