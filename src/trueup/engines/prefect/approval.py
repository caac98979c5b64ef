"""A run that a guard blocks waits in Prefect as a suspended flow run, and goes on by Prefect's own Resume, with an answer.

Suspended is a state and no process: https://docs.prefect.io/v3/develop/pause-resume. The form shows what fired and the plan. The flow
starts from its top when it is resumed; the ledger knows where it stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment, flow_run
from pydantic import Field

from trueup.engines import calls
from trueup.engines.calls.opened import opened
from trueup.engines.prefect.logs import run_logger
from trueup.engines.prefect.patience import patiently
from trueup.model.errors import Blocked

Json: TypeAlias = dict[str, Any]

PLAN_ROWS = 50


class Approval(RunInput):  # type: ignore[misc]  # mypy does not see Prefect: it is in an environment of its own
    """The form behind Resume."""

    allow: bool = Field(title="Carry out the plan all the same? (Off: the run ends, and nothing is changed.)")
    who: str = Field(default="", title="Your name, for the record")


class Rejected(Blocked):
    """A person said no: nothing was changed."""


class Waiting(Blocked):
    """A run waits for a person, and this flow run cannot be suspended: it is another's sub-flow, or has no deployment.

    Attributes:
        run, guards: the run, and what fired.
    """

    def __init__(self, job: str, run: str, guards: Sequence[Json]) -> None:
        fired = [one for one in guards if not one["allowed"]]
        why = "; ".join(f"{one['collection']}: {one['message']}" for one in fired)
        names = ",".join(sorted({one["guard"] for one in fired}))
        super().__init__(
            f"job {job} waits for your word", why=why, hint=f"to allow it: trueup apply {run} --allow {names}"
        )
        self.run, self.guards = run, list(guards)

    @classmethod
    def of(cls, config: str, run: str) -> Waiting | None:
        """A run that waits; None where it does not any more."""
        if calls.waiting(config, run)["next"] != "wait":
            return None
        with opened(config) as app:
            job = app.ledger.journal.get(run).subject
        return cls(job, run, calls.guard(config, run)["guards"])


def can_suspend() -> bool:
    """Whether Prefect can suspend the present flow run: one of a deployment, and no sub-flow."""
    return bool(deployment.id) and not flow_run.parent_flow_run_id


def ask(config: str, waiting: Waiting) -> Approval:
    """The answer of a person; suspends the flow run where there is none yet.

    Raises:
        prefect.exceptions.Pause: the flow run was suspended.
    """
    run_logger().warning("%s\n%s\nor Resume this flow run with your answer", waiting, waiting.hint)
    # One question for each run and attempt of the flow: an answer is kept under the key, and found again when the flow starts anew.
    key = f"approval-{waiting.run}-{flow_run.run_count}"
    described = patiently(calls.plan_markdown, config, waiting.run, PLAN_ROWS)
    form = Approval.with_initial_data(description=described)
    return suspend_flow_run(wait_for_input=form, key=key)  # type: ignore[no-any-return]


def settle(config: str, waiting: Waiting, answer: Approval) -> None:
    """Carries a person's word out.

    Raises:
        Rejected: it was no.
        StalePlan: the world moved on since the plan was made.
    """
    who = answer.who or "a person, in Prefect"
    if patiently(calls.waiting, config, waiting.run)["next"] != "wait":
        return  # decided elsewhere meanwhile
    if not answer.allow:
        patiently(calls.reject, config, waiting.run, who)
        raise Rejected(f"run {waiting.run} was rejected", why=f"by {who}", hint="nothing was changed")
    fired = [one["guard"] for one in waiting.guards]
    patiently(calls.approve, config, waiting.run, fired, who)
