"""The first act of a flow run of a deployment: what an earlier attempt left behind is put straight."""

from __future__ import annotations

from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.runtime import flow_run
from prefect.states import Cancelled, Crashed

from trueup.engines.prefect.approval import can_suspend
from trueup.engines.prefect.parts import PART
from trueup.model.errors import Permanent

MOST = 10
"""How often a flow run is started at most: what always kills its process must not do so for ever."""

_OPEN = (StateType.RUNNING, StateType.PENDING, StateType.PAUSED)


def start() -> None:
    """Puts straight what an earlier attempt at the present flow run left behind.

    Raises:
        Permanent: it has been started too often.
    """
    if not can_suspend():
        return  # a sub-flow, or run by hand: it has no earlier attempt
    if (flow_run.run_count or 0) > MOST:
        hint = "look at its log and its machine; then start it anew: nothing is lost, the ledger knows where it stood"
        raise Permanent(f"this flow run was started {MOST} times, and its process died each time", hint=hint)
    with get_client(sync_client=True) as client:
        _close_tasks(client)
        _close_subflows(client)


def _close_tasks(client: Any) -> None:
    """Tasks of a process that died stand as running for ever."""
    running = TaskRunFilterState(type=TaskRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING]))
    of_this = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id]))
    for one in client.read_task_runs(flow_run_filter=of_this, task_run_filter=TaskRunFilter(state=running), limit=200):
        client.set_task_run_state(one.id, Crashed(message="its process died"), force=True)


def _close_subflows(client: Any) -> None:
    """Sub-flows of an earlier attempt: others are started for what they did not end."""
    open_ones = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(_OPEN)))
    below = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run.id]), state=open_ones)
    for one in client.read_flow_runs(flow_run_filter=below, limit=200):
        if PART in one.tags:
            continue  # it has a process of its own, which may well live
        waited = one.state is not None and one.state.type is StateType.PAUSED
        state = (
            Cancelled(name="Superseded", message="it goes on as another sub-flow")
            if waited
            else Crashed(message="its process died")
        )
        client.set_flow_run_state(one.id, state, force=True)
