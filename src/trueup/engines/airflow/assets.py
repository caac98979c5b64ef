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


def collection_asset(ref: str) -> Asset:
    """The asset of a collection ("work/team")."""
    return Asset(name=f"trueup {ref}", uri=f"trueup://collection/{ref}", group="trueup")


def outcome_asset(subject: str, outcome: str) -> Asset:
    """The asset that is updated when a run of a job or pipeline ends in this state ("done")."""
    return Asset(name=f"trueup {subject} {outcome}", uri=f"trueup://ended/{subject}/{outcome}", group="trueup")


def end_alias(subject: str) -> AssetAlias:
    """Stands for whichever of a subject's outcome assets its run updates: that is known at the end only."""
    return AssetAlias(f"trueup {subject}", group="trueup")


def tell_end(context: Context, outlets: Sequence[Any], subject: str, run: str, state: str) -> None:
    """Updates the asset of how a run ended, where a task has the alias as its outlet."""
    if any(isinstance(one, AssetAlias) for one in outlets):
        event = context["outlet_events"][end_alias(subject)]
        event.add(outcome_asset(subject, state), extra={"run": run, "state": state})


def awaited(description: dict[str, Any]) -> dict[str, set[str]]:
    """For each job or pipeline the states that a trigger of another one waits for."""
    found: dict[str, set[str]] = {}
    for part in ("jobs", "pipelines"):
        for one in description.get(part, {}).values():
            for trigger in one.get("triggers") or ():
                if "after" in trigger:
                    found.setdefault(trigger["after"], set()).update(trigger.get("outcome", ["done"]))
    return found
