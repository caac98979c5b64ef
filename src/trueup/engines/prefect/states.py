"""How a run of ours ends, in Prefect's states: the type says whether it is well, the name is our own word for it."""

from __future__ import annotations

from typing import Any, TypeAlias

from prefect.client.schemas.objects import State, StateType
from prefect.states import Cancelled, Completed, Failed

from trueup.engines.prefect.artifacts import counted
from trueup.model.errors import TrueupError
from trueup.model.run import RunState

Json: TypeAlias = dict[str, Any]

DONE = "Completed"
"""What Prefect itself calls what ended well."""

AWAITING = "AwaitingApproval"
REJECTED = "Rejected"
SKIPPED = "Skipped"
CACHED = "Cached"
"""What Prefect itself calls a result that was there already."""


def ended(report: Json) -> State[Any]:
    """The state of a job's or pipeline's flow run, with the report as its result.

    done: Completed. partial, conflict: Completed as "Partial", "Conflict": it ran, and something is left. failed: Failed.
    awaiting approval: Paused as "AwaitingApproval" (where the flow run could not be suspended). superseded: Cancelled as "Superseded".
    """
    state = RunState(report["state"])
    message = _message(report)
    if state is RunState.DONE:
        return Completed(message=message, data=report)
    if state in (RunState.PARTIAL, RunState.CONFLICT):
        return Completed(name=state.value.capitalize(), message=message, data=report)
    if state in (RunState.AWAITING_APPROVAL, RunState.PLANNED):
        return State(type=StateType.PAUSED, name=AWAITING, message=message, data=report)
    if state is RunState.SUPERSEDED:
        return Cancelled(name="Superseded", message=message, data=report)
    return Failed(message=message, data=RunFailed(message, report))


class RunFailed(TrueupError):
    """A job's or pipeline's run has failed.

    Attributes:
        report: of the run.
    """

    def __init__(self, what: str, report: Json) -> None:
        super().__init__(what, hint=f"trueup history {report['run']}")
        self.report = report


def waits(report: Json) -> State[Any]:
    """The state of a step whose job or pipeline waits for a person."""
    return Completed(name=AWAITING, message=_message(report), data=report)


def rejected(error: TrueupError) -> State[Any]:
    """The state of a flow run whose plan a person refused."""
    return Cancelled(name=REJECTED, message=str(error))


def let_go(reason: str) -> State[Any]:
    """The state of a scheduled flow run that a policy of its schedule keeps from running."""
    return Cancelled(name=SKIPPED, message=reason)


def skipped(reason: str) -> State[Any]:
    """The state of a step that did not run."""
    return Completed(name=SKIPPED, message=reason, data={"outcome": "skipped", "reason": reason})


def cached(answer: Json) -> State[Any]:
    """The state of a step whose result was known."""
    return Completed(name=CACHED, message="the same was done before", data=answer)


def _message(report: Json) -> str:
    error = report.get("error")
    if isinstance(error, dict):
        return ": ".join(part for part in (error.get("where"), error.get("what"), error.get("why")) if part)
    parts = [str(error)] if error else [counted(report["counts"])] if "counts" in report else []
    left = len(report.get("left", ())) + int(report.get("more", {}).get("left", 0))
    return ", ".join([*parts, f"{left} left"] if left else parts)
