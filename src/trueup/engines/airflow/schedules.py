"""Schedules and triggers of trueup.yaml as Airflow has them.

| trueup.yaml | Airflow |
|---|---|
| `cron`, `zone` | `CronTriggerTimetable` |
| `every`, `jitter`, `catch_up: skip` | `TrueupTimetable`, which asks trueup for the occurrences |
| `calendar`, `except`, `collide: shift` | the same, from the list that the DAG `trueup_calendars` keeps; see `following` |
| `collide` | see `starting` |
| `catch_up: all` | `catchup=True`; with `one` Airflow runs the last occurrence that was missed |
| `overlap` | see `overlaps` |
| `paused` | `is_paused_upon_creation`; afterwards the switch is Airflow's, and `trueup engine status` compares |
| `after` | an asset that the other DAG updates at its end |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow.sdk import AssetAny, AssetOrTimeSchedule, CronTriggerTimetable

from trueup.engines.airflow.assets import awaited, end_alias, outcome_asset
from trueup.engines.airflow.following import follows
from trueup.engines.airflow.pipeline import Graph
from trueup.engines.airflow.timetable import TrueupTimetable
from trueup.engines.base import Json
from trueup.model.schedule import ScheduleSpec


@dataclass(frozen=True, slots=True)
class Started:
    """How a DAG is started.

    Attributes:
        dag: arguments of the DAG.
        params: values of its parameters where the schedule starts it.
        overlap, collide: the policies that its first task heeds; "": no schedule starts it.
        outlets: what its last task updates.
        told: states that somebody waits for.
        follows: a calendar says when.
    """

    dag: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    overlap: str = ""
    collide: str = ""
    outlets: Sequence[Any] = ()
    told: frozenset[str] = frozenset()
    follows: bool = False


def scheduled(graph: Graph, name: str, described: Json) -> Started:
    """How a job or pipeline is started.

    Args:
        graph: what the DAG is made from.
        name, described: the job or pipeline, and what `calls.describe` says of it.
    """
    spec: Json | None = described["schedule"]
    waits = [
        outcome_asset(graph.dag_id(one["after"]), state)
        for one in described["triggers"]
        if "after" in one
        for state in one["outcome"]
    ]
    told = frozenset(awaited(graph.description).get(name, ()))
    outlets = [end_alias(graph.dag_id(name))] if told else []
    params = {key: value for one in described["triggers"] for key, value in one.get("params", {}).items()}
    if spec is None:
        when: Any = None if not waits else waits[0] if len(waits) == 1 else AssetAny(*waits)
        return Started({"schedule": when, "catchup": False}, params, outlets=outlets, told=told)
    timetable = timetable_of(spec, graph.place.config, name)
    if waits:
        timetable = AssetOrTimeSchedule(timetable=timetable, assets=AssetAny(*waits))
    arguments = {
        "schedule": timetable,
        "catchup": spec["catch_up"] == "all",
        "is_paused_upon_creation": bool(spec["paused"]),
    }
    calendar = follows(ScheduleSpec.from_json(spec))
    policies = {"overlap": spec["overlap"], "collide": spec["collide"]}
    return Started(arguments, {**params, **spec["params"]}, **policies, outlets=outlets, told=told, follows=calendar)


def timetable_of(spec: Json, config: str, name: str) -> Any:
    """Airflow's own timetable where it means the same, else ours."""
    plain = spec["cron"] and not spec["jitter"] and spec["catch_up"] != "skip"
    if plain and not follows(ScheduleSpec.from_json(spec)):
        return CronTriggerTimetable(spec["cron"], timezone=spec["zone"])
    return TrueupTimetable(spec, config=config, subject=name)
