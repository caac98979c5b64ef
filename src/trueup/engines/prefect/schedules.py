"""Schedules of trueup.yaml as Prefect's own.

| trueup | Prefect |
|---|---|
| `cron`, `zone` | cron schedule |
| `every`, `start` | interval schedule |
| `paused` | the schedule is not active |
| `params` | parameters of the schedule |
| `overlap: skip` | the deployment's concurrency limit 1, and a first look by the run itself (`policies` says why) |
| `overlap: queue` | the deployment's concurrency limit 1, `ENQUEUE` |
| `overlap: cancel` | no limit: the new run cancels the old one as its first act (`policies`) |
| `collide` | heeded by the run itself, as its first act (`beginning`) |
| `calendar`, `except`, `jitter` | what Prefect cannot say: the scheduled runs are made one by one (`occurrences`) |
| `catch_up` | Prefect runs all that is late; those that the policy does not want end as "Skipped" (`policies`) |
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.types._datetime import parse_datetime

Json: TypeAlias = dict[str, Any]

EPOCH = "1970-01-01T00:00:00+00:00"


_NO_LIMIT: Json = {"limit": None, "collision": None}


def native(schedule: Json) -> bool:
    """Whether Prefect's own scheduler can do all that a schedule says; else its runs are made one by one."""
    return not (schedule["calendar"] or schedule["except"] or schedule["jitter"])


def of_deployment(schedule: Json | None) -> list[Json]:
    """The schedules a deployment is to have, in the form `shown` gives."""
    if schedule is None or not native(schedule):
        return []
    common = {"active": not schedule["paused"], "parameters": dict(schedule["params"])}
    if schedule["cron"]:
        return [{"cron": schedule["cron"], "timezone": schedule["zone"], **common}]
    return [{"interval": float(schedule["every"]), "anchor": _moment(schedule["start"] or EPOCH), **common}]


def shown(one: Any) -> Json:
    """A schedule that a deployment has, as JSON that can be compared."""
    common = {"active": one.active, "parameters": dict(one.parameters or {})}
    schedule = one.schedule
    if isinstance(schedule, CronSchedule):
        return {"cron": schedule.cron, "timezone": schedule.timezone or "UTC", **common}
    if isinstance(schedule, IntervalSchedule):
        return {
            "interval": schedule.interval.total_seconds(),
            "anchor": _moment(schedule.anchor_date.isoformat()),
            **common,
        }
    return {**schedule.model_dump(mode="json"), **common}


def made(one: Json) -> Any:
    """What Prefect is given for it."""
    if "cron" in one:
        schedule: Any = CronSchedule(cron=one["cron"], timezone=one["timezone"], day_or=True)
    else:
        schedule = IntervalSchedule(
            interval=timedelta(seconds=one["interval"]), anchor_date=parse_datetime(one["anchor"]), timezone="UTC"
        )
    return DeploymentScheduleCreate(schedule=schedule, active=one["active"], parameters=one["parameters"])


def limit(kind: str, schedule: Json | None) -> Json:
    """How many runs of a deployment may be under way, and what becomes of one too many: {"limit", "collision"}.

    Two runs of one job wait for each other in any case.
    """
    overlap = schedule["overlap"] if schedule else "allow"
    if kind == "job" or overlap in ("skip", "queue"):
        return {"limit": 1, "collision": ConcurrencyLimitStrategy.ENQUEUE.value} if overlap != "cancel" else _NO_LIMIT
    return _NO_LIMIT


def options(wanted: Json) -> Any:
    """What Prefect is given for a limit's collisions."""
    return None if wanted["collision"] is None else ConcurrencyOptions(collision_strategy=wanted["collision"])


def _moment(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).isoformat()
