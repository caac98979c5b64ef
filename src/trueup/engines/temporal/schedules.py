"""Schedules of trueup.yaml as schedules of the server, and back: what is wanted, what there is, in one comparable form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleDescription,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
)

from trueup.core.schedules import occurrences
from trueup.engines.temporal.cron import calendars
from trueup.model import schedule as model
from trueup.model.schedule import CatchUp, Overlap

Json = dict[str, Any]

_YEAR = timedelta(days=366)
_AT_ONCE = timedelta(seconds=10)
"""The shortest catch-up window the server knows."""
_FROM = datetime(2027, 12, 31, tzinfo=UTC).timestamp()
"""Gaps are measured in a leap year that is always the same, so that a window does not change from day to day."""

_NEVER = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
"""Stands in an empty list of moments: a schedule without any times is refused by the server."""

_OVERLAP = {
    Overlap.SKIP: ScheduleOverlapPolicy.SKIP,
    Overlap.QUEUE: ScheduleOverlapPolicy.BUFFER_ALL,
    Overlap.CANCEL: ScheduleOverlapPolicy.CANCEL_OTHER,
    Overlap.ALLOW: ScheduleOverlapPolicy.ALLOW_ALL,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A schedule as trueup.yaml has it.

    Attributes:
        name: the job's or pipeline's name; kind: "job", "pipeline", or "follow" (trueup's own).
        spec: when it starts.
        queue: the task queue its workers poll.
        times: where the server cannot work out the times itself (a calendar drives it, holidays keep it from starting):
            the coming ones, in seconds since 1970. None: it can.
    """

    name: str
    kind: str
    spec: model.ScheduleSpec
    queue: str
    times: tuple[float, ...] | None = None

    @property
    def id(self) -> str:
        """The schedule's id, and the beginning of its workflows' ids."""
        return schedule_id(self.queue, self.name)

    def schedule(self) -> Schedule:
        """As the server takes it."""
        policy = SchedulePolicy(overlap=self._overlap(), catchup_window=self._window())
        note = "made from trueup.yaml by trueup engine temporal deploy"
        return Schedule(self._action(), self._when(), policy, ScheduleState(note=note, paused=self.spec.paused))

    def canonical(self) -> Json:
        """What counts in a comparison."""
        return canonical(self.schedule())

    def _action(self) -> ScheduleActionStartWorkflow:
        # What a listed moment stands for, its run asks when it begins.
        given = self.spec.params if self.kind == "pipeline" and self.times is None else {}
        return ScheduleActionStartWorkflow(self.name, dict(given), id=self.id, task_queue=self.queue)

    def _when(self) -> ScheduleSpec:
        spec, jitter = self.spec, timedelta(seconds=self.spec.jitter) or None
        if self.times is not None:  # jitter is in them already
            return ScheduleSpec(calendars=[_moment(at) for at in self.times or (_NEVER,)])
        if spec.every is not None:
            origin = datetime.fromisoformat(spec.start).timestamp() if spec.start else 0.0
            offset = timedelta(seconds=origin % spec.every)
            every = ScheduleIntervalSpec(every=timedelta(seconds=spec.every), offset=offset or None)
            return ScheduleSpec(intervals=[every], start_at=_start(spec), jitter=jitter)
        return ScheduleSpec(calendars=list(calendars(spec.cron)), time_zone_name=spec.zone, jitter=jitter)

    def _overlap(self) -> ScheduleOverlapPolicy:
        # The server takes what it has missed all at once: what may not overlap is lost, unless it may wait.
        if self.spec.catch_up is CatchUp.ALL and self.spec.overlap is Overlap.SKIP:
            return ScheduleOverlapPolicy.BUFFER_ALL
        return _OVERLAP[self.spec.overlap]

    def _window(self) -> timedelta:
        """How far back the server looks for what it has missed: with `one`, as far as the last of them can lie."""
        if self.spec.catch_up is CatchUp.SKIP:
            return _AT_ONCE
        if self.spec.catch_up is CatchUp.ALL or self.times is not None:
            return _YEAR
        return max(_AT_ONCE, min(_YEAR, longest_gap(self.spec)))


def schedule_id(queue: str, name: str) -> str:
    """The id of a name's schedule."""
    return f"{queue}/{name}"


def longest_gap(spec: model.ScheduleSpec) -> timedelta:
    """Between two of its starts."""
    if spec.every is not None:
        return timedelta(seconds=spec.every)
    times = [one.at for one in occurrences(spec, _FROM, _FROM + 31 * 86400)]
    if len(times) < 4:
        times = [one.at for one in occurrences(spec, _FROM, _FROM + 368 * 86400)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return timedelta(seconds=max(gaps)) if gaps else _YEAR


def canonical(one: Schedule) -> Json:
    """A schedule as JSON that is equal for equal schedules, whoever wrote them. Pausing is not part of it."""
    action, spec, policy = one.action, one.spec, one.policy
    assert isinstance(action, ScheduleActionStartWorkflow)
    return {
        "workflow": str(action.workflow),
        "queue": action.task_queue,
        "input": [_plain(item) for item in action.args],
        "calendars": sorted(json.dumps(_calendar(item)) for item in spec.calendars),
        "intervals": sorted([item.every.total_seconds(), _seconds(item.offset)] for item in spec.intervals),
        "zone": spec.time_zone_name or "UTC",
        "jitter": _seconds(spec.jitter),
        "overlap": policy.overlap.name.lower(),
        "window": _seconds(policy.catchup_window),
        "other": [*map(str, spec.cron_expressions), *map(str, spec.skip), *([str(spec.end_at)] if spec.end_at else [])],
    }


def found(description: ScheduleDescription) -> Json:
    """What the server has, in the same form."""
    return canonical(description.schedule)


def differences(wanted: Mapping[str, Any], has: Mapping[str, Any]) -> list[str]:
    """The names of what differs."""
    return [key for key in wanted if wanted[key] != has.get(key)]


def _start(spec: model.ScheduleSpec) -> datetime | None:
    return datetime.fromisoformat(spec.start) if spec.start else None


def _moment(at: float) -> ScheduleCalendarSpec:
    """One moment as a calendar, to the second."""
    from temporalio.client import ScheduleRange

    when = datetime.fromtimestamp(at, UTC)
    parts = (when.second, when.minute, when.hour, when.day, when.month, when.year)
    second, minute, hour, day, month, year = ((ScheduleRange(part),) for part in parts)
    return ScheduleCalendarSpec(second, minute, hour, day, month, year, comment=when.isoformat())


def _calendar(one: ScheduleCalendarSpec) -> list[Any]:
    names = ("second", "minute", "hour", "day_of_month", "month", "year", "day_of_week")
    return [
        sorted([part.start, max(part.start, part.end), part.step or 1] for part in getattr(one, name)) for name in names
    ]


def _plain(item: Any) -> Any:
    data = getattr(item, "data", None)
    return json.loads(data) if isinstance(data, bytes) else item


def _seconds(value: timedelta | None) -> float:
    return value.total_seconds() if value else 0.0
