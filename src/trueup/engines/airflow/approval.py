"""A run that a guard has blocked waits for a person, shown by Airflow under "Required actions".

The task parks without a worker (deferred). It goes on by the screen's or the API's Approve and Reject, or because somebody said
`trueup apply RUN` elsewhere: a trigger looks at the ledger for that, which the operators of Airflow's standard provider have no place
for (since 3.3 they wait in a state that knows no triggers).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowRuntimeError, TaskDeferred
from airflow.sdk.execution_time.hitl import (
    get_hitl_detail_content_detail,
    update_hitl_detail_response,
    upsert_hitl_detail,
)
from airflow.triggers.base import BaseTrigger, TriggerEvent

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
        super().__init__(subject=f"{job}: a guard has stopped this run", **more)
        self.config, self.run, self.poll = config, run, poll

    def execute(self, context: Context) -> Any:
        """Puts the question and waits."""
        standing: Json = call("waiting", self.config, self.run)
        if standing["next"] == "apply":
            return None  # allowed before the question was put
        identity = context["ti"].id
        if context["ti"].try_number > 1 and (answer := answered(identity)) is not None:
            return self.execute_complete(context, answer)
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
        self.log.info("run %s waits for approval: here, or by: trueup apply %s --allow all", self.run, self.run)
        word = WordInLedger(config=self.config, run=self.run, poll=self.poll)
        raise TaskDeferred(trigger=word, method_name="execute_complete", timeout=self.response_timeout)

    def question(self) -> str:
        """The plan, with the guards that fired, in markdown."""
        return f"{call('plan_markdown', self.config, self.run)}\nElsewhere: `trueup apply {self.run} --allow all`"

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Carries the word out; see `calls.approve`, `calls.reject`."""
        if "next" in event:
            return self.said_elsewhere(context, event)
        who = (event.get("responded_by_user") or {}).get("name") or "a person"
        if event.get("chosen_options") == [self.REJECT]:
            call("reject", self.config, self.run, who)
        answer = super().execute_complete(context, event)  # skips what follows where it was rejected
        if event.get("chosen_options") == [self.APPROVE]:
            call("approve", self.config, self.run, ["all"], who)
            self.log.info("run %s: approved by %s", self.run, who)
        return {**answer, "responded_at": str(answer.get("responded_at", ""))}

    def said_elsewhere(self, context: Context, event: Json) -> Json:
        """Somebody spoke to the ledger: the question is closed here, too."""
        self.log.info("run %s is %s by now: trueup was told elsewhere", self.run, event["state"])
        given_up = event["state"] == "superseded"
        chosen = [self.REJECT if given_up else self.APPROVE]
        update_hitl_detail_response(context["ti"].id, chosen, {})
        answer = {"chosen_options": chosen, "state": event["state"], "responded_at": datetime.now(UTC).isoformat()}
        if given_up:
            context["ti"].xcom_push(key=GIVEN_UP, value=True)
            self.skip(context["ti"], context["task"].get_direct_relatives(upstream=False))
        return answer


def answered(identity: Any) -> dict[str, Any] | None:
    """The answer that a person has given to an earlier try of a task; None: none.

    Airflow repeats a task whose process died between the answer and what it is for, and would ask again.
    """
    try:
        found = get_hitl_detail_content_detail(identity)
    except AirflowRuntimeError:  # there was no question yet
        return None
    if not found.response_received:
        return None
    user = found.responded_by_user
    return {
        "chosen_options": list(found.chosen_options or ()),
        "params_input": found.params_input or {},
        "responded_at": found.responded_at,
        "responded_by_user": None if user is None else {"id": user.id, "name": user.name},
    }


class WordInLedger(BaseTrigger):
    """Fires when a run no longer waits for a person. Runs in the triggerer, and uses the ledger and nothing else.

    Args:
        config: the absolute path of trueup.yaml.
        run: the run.
        poll: seconds between two looks.
    """

    def __init__(self, config: str, run: str, poll: float = POLL_SECONDS) -> None:
        super().__init__()
        self.config, self.run_id, self.poll = config, run, poll

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and what it is made of again."""
        return f"{__name__}.{type(self).__qualname__}", {"config": self.config, "run": self.run_id, "poll": self.poll}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Looks until it does not wait any more; a ledger that is away for a while is asked again."""
        while (found := await asyncio.to_thread(self.look)) is None:
            await asyncio.sleep(self.poll)
        yield TriggerEvent(found)

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


__all__: Sequence[str] = ("Approve", "WordInLedger")
