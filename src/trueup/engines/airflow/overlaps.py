"""What a run does while the last one is still under way (`schedule.overlap`).

| policy | here |
|---|---|
| queue | `max_active_runs=1`: Airflow keeps the next DAG run waiting |
| allow | Airflow's own limit of DAG runs |
| skip, cancel | the DAG run begins and looks for an earlier one: it skips itself, or has the other one stopped |

A job runs once at a time in any case, by its lease in the ledger; a task that meets another run of it is tried again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowSkipException

from trueup.engines.base import Json

if TYPE_CHECKING:
    from airflow.sdk import Context

ACTIVE = {"queue": 1, "skip": 16, "cancel": 16, "allow": 16}
"""`max_active_runs` by policy."""


def heed(context: Context, policy: str) -> None:
    """Looks for an earlier DAG run that is still under way. One that a person has started by hand runs in any case.

    Args:
        context: of the task that begins a DAG run.
        policy: "skip", "cancel", or what needs no look.

    Raises:
        AirflowSkipException: there is one, and this DAG run is to leave it alone.
    """
    if policy not in ("skip", "cancel") or context["dag_run"].run_type != "scheduled":
        return
    earlier = context["ti"].get_previous_dagrun(state="running")
    if earlier is None:
        return
    if policy == "skip":
        raise AirflowSkipException(
            f"{earlier.run_id} is still under way, and this DAG run leaves it alone (overlap: skip)"
        )
    stop(earlier.dag_id, earlier.run_id)


def stop(dag: str, run: str) -> Json:
    """Has Airflow stop a DAG run; its tasks are ended, and trueup's ledger has what they did."""
    from trueup.engines.airflow.rest import Api

    found: Json = Api.configured().patch_run(dag, run, "failed")
    return found
