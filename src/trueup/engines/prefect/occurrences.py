"""Scheduled runs made one by one, where Prefect's own schedules cannot say when: events of a calendar, holidays, jitter.

They are kept equal to what trueup.yaml and the calendars say: the keeper beside each worker compares again and again, `trueup engine
status` tells what differs, and `--fix` repairs it. Prefect keeps them while no worker is there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from trueup.engines import calls
from trueup.engines.calls.opened import opened
from trueup.engines.prefect import schedules
from trueup.engines.prefect.names import DEPLOYMENT, OCCURRENCE, config_tag

Json: TypeAlias = dict[str, Any]

AHEAD = 7 * 86_400.0
"""Seconds ahead that events of a calendar are scheduled: for so long the calendar may be away."""

MOST = 50
"""Runs of one job or pipeline that are scheduled ahead at most."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A run that is, or is to be, scheduled."""

    key: str
    at: datetime
    params: Json
    title: str = ""

    def shown(self) -> Json:
        """As a person compares it."""
        return {"at": self.at.isoformat(), **({"params": self.params} if self.params else {})}


def subjects(config: str) -> list[str]:
    """The jobs and pipelines whose runs are scheduled one by one."""
    found = calls.describe(config)
    every = {**found["jobs"], **found["pipelines"]}
    return [name for name, one in every.items() if one["schedule"] and not schedules.native(one["schedule"])]


def wanted(config: str, names: list[str]) -> tuple[dict[str, dict[str, Planned]], dict[str, str]]:
    """What is to be scheduled, by subject and key; and why nothing can be said of a subject (a calendar that is away)."""
    now = time.time()
    with opened(config) as app:
        found = app.upcoming(now, now + AHEAD, names)
    listed: dict[str, dict[str, Planned]] = {name: {} for name in names}
    for one in found["occurrences"]:
        ours = listed[one["subject"]]
        if not one["skipped"] and len(ours) < MOST and not found["schedules"][one["subject"]]["paused"]:
            at = datetime.fromtimestamp(one["at"], UTC).replace(microsecond=0)
            ours[one["key"]] = Planned(one["key"], at, dict(one["params"]), one["title"])
    return listed, dict(found["problems"])


def scheduled(client: Any, deployment: Any) -> dict[str, tuple[Any, Planned]]:
    """What is scheduled of a deployment and has not begun: the flow run's id, by the occurrence's key."""
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
    ours = FlowRunFilter(state=state, tags=FlowRunFilterTags(all_=[OCCURRENCE]))
    of = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    runs = client.read_flow_runs(flow_run_filter=ours, deployment_filter=of, limit=200)
    return {_key(one): (one.id, Planned(_key(one), one.expected_start_time, one.parameters)) for one in runs}


def differing(client: Any, config: str) -> Iterator[tuple[str, Any, list[Planned], list[tuple[Any, Planned]], str]]:
    """For each subject: its name, its deployment's id, what is missing, what is there and should not be, and what is not known.

    What is due already is left alone: it is about to begin, and `policies` decides.
    """
    names = subjects(config)
    if not names:
        return
    listed, problems = wanted(config, names)
    for name in names:
        try:
            deployment = client.read_deployment_by_name(f"{name}/{DEPLOYMENT}").id
        except ObjectNotFound:
            continue  # told as a missing deployment
        if name in problems:
            yield name, deployment, [], [], problems[name]
            continue
        there = scheduled(client, deployment)
        now = datetime.now(UTC)
        same = {key for key, (_, one) in there.items() if _same(listed[name].get(key), one)}
        missing = [one for key, one in listed[name].items() if key not in same]
        extra = [pair for key, pair in there.items() if key not in same and pair[1].at > now]
        yield name, deployment, missing, extra, ""


def correct(client: Any, config: str) -> list[str]:
    """Makes what is scheduled equal to what is wanted; returns what was done, in words."""
    done = []
    for name, deployment, missing, extra, _ in differing(client, config):
        for flow_run, one in extra:
            client.delete_flow_run(flow_run)
            done.append(f"{name} at {one.at:%Y-%m-%d %H:%M:%S} UTC: not any more")
        for one in missing:
            client.create_flow_run_from_deployment(
                deployment,
                state=Scheduled(scheduled_time=one.at),
                parameters=one.params,
                name=f"{name}: {one.title}" if one.title else None,
                tags=[OCCURRENCE, f"{OCCURRENCE}:{one.key}"],
                # A run of the same occurrence that has begun, or ended, is not made anew.
                idempotency_key=f"{config_tag(config)}:{name}:{one.key}",
            )
            done.append(f"{name} at {one.at:%Y-%m-%d %H:%M:%S} UTC: scheduled")
    return done


def _key(run: Any) -> str:
    return next(
        (one.removeprefix(f"{OCCURRENCE}:") for one in run.tags if one.startswith(f"{OCCURRENCE}:")), str(run.id)
    )


def _same(one: Planned | None, other: Planned) -> bool:
    return one is not None and abs((one.at - other.at).total_seconds()) < 1 and one.params == other.params
