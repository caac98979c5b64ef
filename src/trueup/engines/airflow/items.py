"""A job or pipeline for each item of a map: a DAG run of its own for each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.triggers.external_task import DagStateTrigger
from airflow.sdk import DagRunState
from airflow.sdk.exceptions import AirflowFailException

from trueup.engines.airflow.calling import EVENT, call
from trueup.engines.airflow.pipeline_ends import current
from trueup.engines.airflow.steps import StepOperator
from trueup.engines.base import Json

if TYPE_CHECKING:
    from airflow.sdk import Context

POLL_SECONDS = 5


def run_id_of(parent: str) -> str:
    """The id of the DAG run for "RUN/step[3]": always the same, and of letters that Airflow allows."""
    readable = re.sub(r"[^A-Za-z0-9_.~:+-]+", "-", parent).strip("-")
    return f"trueup__{readable[:180]}-{sha256(parent.encode()).hexdigest()[:8]}"


class StartItem(TriggerDagRunOperator):
    """Starts a DAG run for one item and waits for its end without a worker (deferred).

    Airflow repeating it finds the DAG run that it has started.

    Args:
        config, run, begun, step: as `StepOperator`.
        part: {"items": [3], "label"}.
    """

    template_fields: Sequence[str] = (*TriggerDagRunOperator.template_fields, "config", "run", "part")

    def __init__(self, *, config: str, run: str, begun: str, step: str, part: Any, **more: Any) -> None:
        super().__init__(
            wait_for_completion=True, deferrable=True, poke_interval=POLL_SECONDS, logical_date=None, **more
        )
        self.config, self.run, self.begun, self.step, self.part = config, run, begun, step, part

    def pre_execute(self, context: Context) -> None:
        """See `pipeline_ends.current`."""
        self.run = current(context, self.config, self.begun, self.run)

    def execute(self, context: Context) -> Any:
        """See `calls.start_step`."""
        index: int = self.part["items"][0]
        started: Json = call("start_step", self.config, self.run, self.step, index)
        if started["known"]:
            return None
        self.trigger_run_id = run_id_of(started["parent"])
        self.conf = {**started["params"], EVENT: {"parent": started["parent"]}}
        context["ti"].xcom_push(key="trigger_run_id", value=self.trigger_run_id)
        if context["ti"].get_dr_count(dag_id=self.trigger_dag_id, run_ids=[self.trigger_run_id]):
            self.wait()
        return super().execute(context)

    def wait(self) -> None:
        """Waits for the DAG run that is there already."""
        ends = [DagRunState.SUCCESS, DagRunState.FAILED]
        waiting = DagStateTrigger(
            dag_id=self.trigger_dag_id,
            states=ends,
            run_ids=[self.trigger_run_id],
            execution_dates=None,
            poll_interval=POLL_SECONDS,
        )
        self.defer(trigger=waiting, method_name="execute_complete")


class EndItem(StepOperator):
    """Records how the run of one item ended: what its own DAG run says, or that it never got to its end.

    Args:
        started: the DAG of its run.
        part: as `StartItem`.
    """

    template_fields: Sequence[str] = ("config", "run", "part")

    def __init__(self, *, started: str, part: Any, **more: Any) -> None:
        super().__init__(**more)
        self.started, self.part = started, part

    def execute(self, context: Context) -> Json:
        """See `calls.end_step`."""
        index: int = self.part["items"][0]
        dag_run = run_id_of(f"{self.run}/{self.step}[{index}]")
        found = context["ti"].xcom_pull(dag_id=self.started, task_ids="end", run_id=dag_run) or {}
        error = "" if found else f"DAG run {dag_run} of {self.started} did not end: see there"
        state = found.get("state", "failed")
        ended = call("end_step", self.config, self.run, self.step, index, state, None, error or found.get("error", ""))
        if ended["outcome"] == "failed":
            raise AirflowFailException(f"{self.step}[{index}] is {state}: {error or found.get('error', '')}")
        return {"outcome": ended["outcome"]}
