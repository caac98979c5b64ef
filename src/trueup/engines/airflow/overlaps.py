"""What a DAG run does while an earlier one is still under way (`schedule.overlap`).

| policy | here |
|---|---|
| skip | it skips itself |
| queue | it waits without a worker (deferred), and looks again |
| cancel | it has the other one stopped |
| allow | it begins |

Airflow's own `max_active_runs=1` would do for `queue`, but for this: a run that a guard has stopped is under way to Airflow until a person
has spoken, maybe for days. To trueup it is not; the next run takes its place, and asks again where there is need.

A job runs once at a time in any case, by its lease in the ledger.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

if TYPE_CHECKING:
    from airflow.sdk import Context

WAIT = timedelta(seconds=15)
"""How long a beginning waits, without a worker, before it looks again whether something else is still under way."""

APPROVE = "approve"
"""The name of the task in which a run waits for a person."""


def heed(context: Context, policy: str) -> None:
    """Looks for an earlier DAG run that is still under way. One that a person has started by hand begins in any case.

    Args:
        context: of the task that begins a DAG run.
        policy: see above; "": none.

    Raises:
        AirflowSkipException, TaskDeferred: there is one, and this DAG run is to leave it alone, or to wait.
    """
    if policy in ("", "allow") or context["dag_run"].run_type != "scheduled":
        return
    earlier = context["ti"].get_previous_dagrun(state="running")
    if earlier is None or waits_for_a_person(context, earlier.dag_id, earlier.run_id):
        return
    if policy == "skip":
        raise AirflowSkipException(
            f"{earlier.run_id} is still under way, and this DAG run leaves it alone (overlap: skip)"
        )
    if policy == "queue":
        raise wait()
    stop(earlier.dag_id, earlier.run_id)


def wait() -> TaskDeferred:
    """What a beginning raises to be called again, by `execute_again`, after a while."""
    return TaskDeferred(trigger=TimeDeltaTrigger(WAIT), method_name="execute_again")


def waits_for_a_person(context: Context, dag: str, run: str) -> bool:
    """Whether a DAG run has put a question that nobody has answered."""
    states = context["ti"].get_task_states(dag_id=dag, run_ids=[run]).get(run, {})
    return any(task.rpartition(".")[2] == APPROVE and state == "deferred" for task, state in states.items())


def stop(dag: str, run: str) -> None:
    """Has Airflow stop a DAG run; its tasks are ended, and trueup's ledger has what they did."""
    from trueup.engines.airflow.rest import Api

    Api.configured().patch_run(dag, run, "failed")
