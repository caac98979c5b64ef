"""What a schedule's `catch_up` and `overlap` say, asked by a scheduled run as its first act: Prefect runs everything that is late.

Prefect's `CANCEL_NEW` is not used for `overlap: skip`: after a time without workers it would also cancel what is to be made up for, as
all that is late is taken at once. The deployment's limit lets runs wait for each other (`ENQUEUE`), and the one whose time came while
another was under way ends as "Skipped".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.runtime import flow_run
from prefect.states import Cancelling
from prefect.types._datetime import now

from trueup.engines.prefect.marks import RUN
from trueup.engines.prefect.names import OCCURRENCE

Json: TypeAlias = dict[str, Any]

GRACE = timedelta(seconds=60)
"""How late a run may start and still count as in time."""

_BUSY = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)


def why_not(schedule: Json | None) -> str:
    """Why the present flow run is not to run; "": it is. Older ones are cancelled where the schedule says so.

    Args:
        schedule: of its job or pipeline, as `calls.describe` has it.
    """
    if schedule is None:
        return ""
    with get_client(sync_client=True) as client:
        this = client.read_flow_run(flow_run.id)
        if this.labels.get(RUN) or not (this.auto_scheduled or OCCURRENCE in this.tags):
            return ""  # it has begun before, or a person started it
        others = [one for one in _runs(client, this) if one.id != this.id]
        if schedule["overlap"] == "skip" and any(_covered(one, this.expected_start_time) for one in others):
            return "its last run was still under way"
        late = missed(
            schedule, this.expected_start_time, [one.expected_start_time for one in others if _waits(one)], now("UTC")
        )
        if not late and schedule["overlap"] == "cancel":
            for one in others:
                if one.state_type in _BUSY:
                    client.set_flow_run_state(one.id, Cancelling(message="its next run takes its place"))
    return late


def missed(schedule: Json, at: datetime, due: list[datetime], moment: datetime) -> str:
    """Why a run that is late is not made up for; "": it is, or it is not late.

    Args:
        schedule: what says so.
        at: its time.
        due: the times of the others that wait.
        moment: now.
    """
    refresh = schedule["calendar"]["refresh"] if schedule["calendar"] else 0.0
    grace = GRACE + timedelta(seconds=refresh)
    if moment - at <= grace or schedule["catch_up"] == "all":
        return ""
    if schedule["catch_up"] == "skip":
        return "its time passed while nothing could start it"
    later = [one for one in due if at < one <= moment]
    if schedule["calendar"]:  # an event is not made up for by one that is in time
        later = [one for one in later if moment - one > grace]
    return "its time passed while nothing could start it, and a later one is made up for" if later else ""


def _runs(client: Any, this: Any) -> list[Any]:
    """The latest runs of the same deployment, and those that are scheduled."""
    deployment = DeploymentFilter(id=DeploymentFilterId(any_=[this.deployment_id]))
    # Those to come would be first: Prefect sorts what has not started by when it is to.
    begun = _in(one for one in StateType if one is not StateType.SCHEDULED)
    latest = client.read_flow_runs(
        deployment_filter=deployment, flow_run_filter=begun, sort=FlowRunSort.START_TIME_DESC, limit=20
    )
    waiting = _in((StateType.SCHEDULED, StateType.PENDING))
    due = client.read_flow_runs(
        deployment_filter=deployment, flow_run_filter=waiting, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=100
    )
    return list({one.id: one for one in (*latest, *due)}.values())


def _in(states: Iterable[StateType]) -> FlowRunFilter:
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))))


def _waits(one: Any) -> bool:
    return one.state_type in (StateType.SCHEDULED, StateType.PENDING) and not one.labels.get(RUN)


def _covered(one: Any, at: datetime) -> bool:
    """Whether a run was under way at a moment; one that was itself skipped was not."""
    if one.start_time is None or not one.labels.get(RUN) or one.start_time > at:
        return False
    return one.end_time is None or one.end_time > at
