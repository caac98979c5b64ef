"""Automations: what happens when a run crashes or falls silent, and what starts when another run has ended.

Prefect leaves a flow run RUNNING for ever whose process died, and restarts none that crashed. Both are supplied by its own documented
means (https://docs.prefect.io/v3/advanced/detect-zombie-flows): runs send heartbeats, an automation marks those as crashed that stopped,
and another puts crashed ones back into the schedule. The same flow run goes on from where the ledger says.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeAlias

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from trueup.engines.prefect.names import DEPLOYMENT, TAG

Json: TypeAlias = dict[str, Any]

HEARTBEAT = 30
"""Seconds between two signs of life of a run; Prefect takes nothing shorter."""

SILENCE = timedelta(seconds=3 * HEARTBEAT)

REPORTED_TWICE = timedelta(seconds=10)
"""Between a crash and the next start; the shortest time that Prefect can wait for what does not happen."""

SILENT = f"{TAG}: a run that fell silent has crashed"
CRASHED = f"{TAG}: a crashed run goes on"

_TAGGED = {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}
_OURS = {"prefect.resource.role": "deployment", "prefect.resource.name": DEPLOYMENT}
_ENDS = (
    "Completed",
    "Partial",
    "Conflict",
    "Failed",
    "Cancelled",
    "Superseded",
    "Rejected",
    "Crashed",
    "Suspended",
    "AwaitingApproval",
)
_NAMES = {
    "done": "Completed",
    "partial": "Partial",
    "conflict": "Conflict",
    "failed": "Failed",
    "superseded": "Superseded",
}


def silent() -> Any:
    """Marks a run as crashed that has sent no heartbeat for a while, and has not ended."""
    return AutomationCore(
        enabled=True,  # said, because an update sends only what is
        name=SILENT,
        description="Its process died, or its machine. Made by trueup.",
        tags=[TAG],
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat", *(f"prefect.flow-run.{one}" for one in _ENDS)},
            match={"prefect.resource.id": ["prefect.flow-run.*"]},
            match_related=_TAGGED,  # a heartbeat does not say its deployment's name
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        actions=[
            ChangeFlowRunState(state=StateType.CRASHED, message=f"no sign of life for {SILENCE.total_seconds():g} s")
        ],
    )


def crashed() -> Any:
    """Puts a crashed run back into the schedule: the same flow run, which takes up what it was doing.

    Not at once: a worker reports a crash twice, seconds apart, and the second report would mark the run that has just been started.
    """
    return AutomationCore(
        enabled=True,  # said, because an update sends only what is
        name=CRASHED,
        description="The ledger knows where it stood: nothing is lost or done twice. Made by trueup.",
        tags=[TAG],
        trigger=EventTrigger(
            after={"prefect.flow-run.Crashed"},
            expect={
                f"prefect.flow-run.{one}" for one in ("Scheduled", "AwaitingRetry", "Pending", "Running", "Completed")
            },
            match={"prefect.resource.id": ["prefect.flow-run.*"]},
            match_related=_OURS,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=REPORTED_TWICE,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.SCHEDULED, name="AwaitingRetry", message="it goes on where the ledger says"
            )
        ],
    )


def after(name: str, trigger: Json, deployment: Any, tag: str) -> Any:
    """Starts a deployment when a run of another job or pipeline has ended.

    Args:
        name: the job or pipeline to start.
        trigger: {"after", "outcome", "params"}.
        deployment: the id of its deployment.
        tag: of the configuration.
    """
    return AutomationCore(
        enabled=True,  # said, because an update sends only what is
        name=after_name(name, trigger),
        description=f"Starts {name} when {trigger['after']} ends as {', '.join(trigger['outcome'])}. Made by trueup.",
        tags=[TAG, tag],
        trigger=EventTrigger(
            expect={f"prefect.flow-run.{_NAMES[one]}" for one in trigger["outcome"] if one in _NAMES},
            match={"prefect.resource.id": ["prefect.flow-run.*"]},
            match_related={"prefect.resource.role": "flow", "prefect.resource.name": trigger["after"]},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[RunDeployment(source="selected", deployment_id=deployment, parameters=dict(trigger["params"]))],
    )


def after_name(name: str, trigger: Json) -> str:
    """The name of such an automation."""
    return f"{TAG}: {name} after {trigger['after']} ({', '.join(trigger['outcome'])})"


def shown(one: Any) -> Json:
    """An automation as JSON that can be compared."""
    value = one.model_dump(mode="json", include={"name", "description", "enabled", "tags", "trigger", "actions"})
    value["trigger"] = {
        key: sorted(part) if isinstance(part, list) else part for key, part in value["trigger"].items() if key != "id"
    }
    return dict(value)
