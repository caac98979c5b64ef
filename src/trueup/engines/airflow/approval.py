"""A run that a guard has blocked waits for a person, shown by Airflow under "Required actions".

The task parks without a worker (deferred). It goes on by the screen's or the API's Approve and Reject, or because somebody said
`trueup apply RUN` elsewhere: a trigger looks at the ledger for that, which the operators of Airflow's standard provider have no place
for (since 3.3 they wait in a state that knows no triggers).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowRuntimeError, TaskDeferred
from airflow.sdk.execution_time.hitl import update_hitl_detail_response, upsert_hitl_detail
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from trueup.engines.airflow.base import GIVEN_UP
from trueup.engines.airflow.calling import call
from trueup.engines.base import Json

if TYPE_CHECKING:
    from airflow.sdk import Context

POLL_SECONDS = 5.0


class Approve(ApprovalOperator):
    """Asks a person whether a blocked run may go on.

    Approving allows the guards that fired; everything is read again first, and a plan that is stale by now is refused. Rejecting ends
    the run: nothing is changed.

    Args:
        config: the absolute path of trueup.yaml.
        run: the run.
        job: the job's name, for the headline.
        poll: seconds between two looks at the ledger.
    """

    template_fields: Sequence[str] = ("subject", "body", "config", "run")
    ui_color = "#fbe7c6"

    def __init__(self, *, config: str, run: str, job: str, poll: float = POLL_SECONDS, **more: Any) -> None:
        super().__init__(**{"subject": f"{job}: a guard has stopped this run", **more})
        self.config, self.run, self.poll = config, run, poll

    def execute(self, context: Context) -> Any:
        """Puts the question and waits."""
        standing: Json = call("waiting", self.config, self.run)
        if standing["next"] != "wait":
            return self.said_elsewhere(context, with_choice(standing))
        raise self.put(context)

    def put(self, context: Context) -> TaskDeferred:
        """Puts the question; returns what parks the task until there is an answer."""
        identity = context["ti"].id
        self.body = self.question()
        upsert_hitl_detail(
            identity,
            self.options,
            self.subject,
            self.body,
            self.defaults,
            self.multiple,
            self.serialized_params,
            self.assigned_users,
        )
        for notifier in self.notifiers:
            notifier(context)
        self.log.info("run %s waits for approval: here, or by: %s", self.run, self.elsewhere())
        word = WordInLedger(self.config, self.run, str(identity), self.poll)
        return TaskDeferred(trigger=word, method_name="execute_complete", timeout=self.response_timeout)

    def question(self) -> str:
        """The plan, with the guards that fired, in markdown."""
        return f"{call('plan_markdown', self.config, self.run)}\nElsewhere: `{self.elsewhere()}`"

    def elsewhere(self) -> str:
        """What says yes on the command line."""
        return f"trueup apply {self.run} --allow all"

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Carries the word out; see `calls.approve`, `calls.reject`."""
        if "next" in event:
            return self.said_elsewhere(context, event)
        who = (event.get("responded_by_user") or {}).get("name") or "a person"
        if event.get("chosen_options") == [self.REJECT]:
            self.refused(who)
        answer = super().execute_complete(context, event)  # skips what follows where it was rejected
        if event.get("chosen_options") == [self.APPROVE]:
            self.allowed(who)
            self.log.info("run %s: approved by %s", self.run, who)
        return {**answer, "responded_at": str(answer.get("responded_at", ""))}

    def allowed(self, who: str) -> None:
        """See `calls.approve`."""
        call("approve", self.config, self.run, ["all"], who)

    def refused(self, who: str) -> None:
        """See `calls.reject`."""
        call("reject", self.config, self.run, who)

    def said_elsewhere(self, context: Context, event: Json) -> Json:
        """Somebody spoke to the ledger."""
        self.log.info("run %s is %s by now: trueup was told elsewhere", self.run, event["state"])
        answer = {key: event[key] for key in ("chosen_options", "state")}
        if event["chosen_options"] == [self.REJECT]:
            context["ti"].xcom_push(key=GIVEN_UP, value=True)
            self.skip(context["ti"], context["task"].get_direct_relatives(upstream=False))
        return answer


def with_choice(standing: Json) -> Json:
    """How a run stands that waits no longer, with what would have been chosen here for the same."""
    given_up = standing["state"] == "superseded"
    return {**standing, "chosen_options": [ApprovalOperator.REJECT if given_up else ApprovalOperator.APPROVE]}


class WordInLedger(BaseTrigger):
    """Fires when a run no longer waits for a person, and closes the question. Runs in the triggerer, and uses no store.

    Args:
        config: the absolute path of trueup.yaml.
        run: the run.
        question: the id of the task instance that has put the question.
        poll: seconds between two looks.
    """

    def __init__(self, config: str, run: str, question: str, poll: float = POLL_SECONDS) -> None:
        super().__init__()
        self.config, self.run_id, self.question, self.poll = config, run, question, poll

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and what it is made of again."""
        given = {"config": self.config, "run": self.run_id, "question": self.question, "poll": self.poll}
        return f"{__name__}.{type(self).__qualname__}", given

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Looks until it does not wait any more; a ledger that is away for a while is asked again."""
        while (found := await asyncio.to_thread(self.look)) is None:
            await asyncio.sleep(self.poll)
        answer = with_choice(found)
        try:
            await sync_to_async(update_hitl_detail_response)(UUID(self.question), answer["chosen_options"], {})
        except AirflowRuntimeError as error:  # somebody has answered at the same moment
            self.log.info("%s", error)
        yield TriggerEvent(answer)

    def look(self) -> Json | None:
        """How the run stands; None: it still waits, or cannot be asked."""
        from trueup.engines import calls
        from trueup.model.errors import TrueupError

        try:
            found: Json = calls.waiting(self.config, self.run_id)
        except TrueupError as error:
            self.log.warning("%s", error)
            return None
        return None if found["next"] == "wait" else found
