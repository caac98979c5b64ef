"""What trueup writes, as Airflow's assets: a DAG of anybody's can be scheduled on them.

Every collection that a job writes to is one, updated when a run of the job has reported. So is every end of a job or pipeline that an
`after` trigger of trueup.yaml waits for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias

if TYPE_CHECKING:
    from airflow.sdk import Context


def collection_asset(ref: str, prefix: str = "") -> Asset:
    """The asset of a collection ("work/team"); `prefix`: of the DAGs of its configuration."""
    return Asset(name=f"trueup {prefix}{ref}", uri=f"trueup://collection/{prefix}{ref}", group="trueup")


def outcome_asset(dag: str, outcome: str) -> Asset:
    """The asset that is updated when a run of a job's or pipeline's DAG ends in this state ("done")."""
    return Asset(name=f"trueup {dag} {outcome}", uri=f"trueup://ended/{dag}/{outcome}", group="trueup")


def end_alias(dag: str) -> AssetAlias:
    """Stands for whichever of a DAG's outcome assets its run updates: that is known at the end only."""
    return AssetAlias(f"trueup {dag}", group="trueup")


def tell_end(context: Context, outlets: Sequence[Any], run: str, state: str) -> None:
    """Updates the asset of how a run ended, where a task has the alias as its outlet."""
    dag = context["dag_run"].dag_id
    if any(isinstance(one, AssetAlias) for one in outlets):
        context["outlet_events"][end_alias(dag)].add(outcome_asset(dag, state), extra={"run": run, "state": state})


def awaited(description: dict[str, Any]) -> dict[str, set[str]]:
    """For each job or pipeline the states that a trigger of another one waits for."""
    found: dict[str, set[str]] = {}
    for part in ("jobs", "pipelines"):
        for one in description.get(part, {}).values():
            for trigger in one.get("triggers") or ():
                if "after" in trigger:
                    found.setdefault(trigger["after"], set()).update(trigger.get("outcome", ["done"]))
    return found
