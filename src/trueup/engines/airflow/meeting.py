"""What a DAG run does that would meet a run of something else with the same job (`schedule.collide`).

| policy | here |
|---|---|
| queue, shift | it waits without a worker (deferred), and looks again |
| skip | it skips itself |
| ask | a task before its beginning, `start`, asks a person; see `starting` |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from trueup.engines.airflow.calling import call
from trueup.engines.airflow.overlaps import wait
from trueup.engines.base import Json

if TYPE_CHECKING:
    from airflow.sdk import Context


def meet(
    context: Context, config: str, name: str, key: str, params: Json, occurrence: Mapping[str, Any] | None = None
) -> Json:
    """Looks what is in the way of a DAG run that a schedule started. One that a person has started by hand begins in any case.

    Args:
        context: of the task that begins it.
        config: the absolute path of trueup.yaml.
        name: the job or pipeline; key: by which its run will be known; params: of the pipeline.
        occurrence: what a calendar says of the moment; None: none does.

    Returns:
        What `calls.due` answers where it may begin, or where a person is to be asked.

    Raises:
        AirflowSkipException, AirflowFailException, TaskDeferred: it is left out, has failed elsewhere, or has to wait.
    """
    run = context["dag_run"]
    moment = run.data_interval_start or run.logical_date
    if run.run_type != "scheduled" or moment is None:
        return {"verdict": "run"}
    found: Json = call("due", config, name, moment.timestamp(), key, params, (occurrence or {}).get("key", ""))
    if found["verdict"] == "skip":
        raise AirflowSkipException(f"{name} does not start: {found['note']}")
    if found["verdict"] == "failed":
        raise AirflowFailException(f"run {found['run']} was carried out elsewhere, and failed: {found['note']}")
    if found["verdict"] == "wait":
        raise wait()
    return found


def params_of(context: Context, names: Sequence[str], occurrence: Mapping[str, Any] | None) -> Json:
    """The parameters of a pipeline: the DAG run's, and what the event says that started it."""
    given = {name: context["params"][name] for name in names if context["params"].get(name) is not None}
    return {**given, **((occurrence or {}).get("params") or {})}
