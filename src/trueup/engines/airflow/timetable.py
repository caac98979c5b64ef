"""A timetable that starts a DAG exactly when trueup's own rules say: intervals from a fixed start, holidays, jitter, what was missed.

Airflow makes it again from its JSON in the scheduler (`serialize`, `deserialize`; the plugin registers it) and asks for the next run after
every run, and every time the DAG file is read. So what has moved in a calendar moves here, without a new version of the DAG.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

from trueup.core.schedules import expected
from trueup.engines.airflow.following import follows, listed
from trueup.engines.base import Json
from trueup.model.occurrence import Occurrence
from trueup.model.schedule import CatchUp, ScheduleSpec

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction
    from pendulum import DateTime

GRACE = 600.0
"""Seconds by which a run may be late without counting as missed: schedulers are restarted."""

DAY = 86_400.0
_WINDOWS = (2 * DAY, 40 * DAY, 400 * DAY, 1500 * DAY)


class TrueupTimetable(Timetable):
    """A schedule of trueup.yaml.

    Args:
        spec: the schedule as JSON (`ScheduleSpec.to_json`).
        config: the absolute path of trueup.yaml; subject: the job or pipeline.
    """

    def __init__(self, spec: Json, config: str = "", subject: str = "") -> None:
        self.spec = ScheduleSpec.from_json(spec)
        self.config, self.subject = config, subject
        self.description = self.summary

    def serialize(self) -> dict[str, Any]:
        """What `deserialize` takes."""
        return {"spec": self.spec.to_json(), "config": self.config, "subject": self.subject}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> TrueupTimetable:
        """From what `serialize` gave."""
        return cls(data["spec"], data["config"], data["subject"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrueupTimetable) and self.serialize() == other.serialize()

    def __hash__(self) -> int:
        return hash((self.spec.timing, self.subject))

    @property
    def summary(self) -> str:
        """What the screen shows."""
        spec = self.spec
        if spec.calendar is not None:
            return f"calendar {spec.calendar}"
        return f"{spec.cron} {spec.zone}" if spec.cron else f"every {spec.every:g} s"

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """A run that is started by hand is about its own moment."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The next run: one that was missed, where the schedule catches up, or the next one to come."""
        last = last_automated_data_interval.end.timestamp() if last_automated_data_interval else None
        earliest = restriction.earliest.timestamp() if restriction.earliest else None
        latest = restriction.latest.timestamp() if restriction.latest else None
        found = next_of(self.spec, last, earliest, time.time(), self.occurrences)
        if found is None or (latest is not None and found.nominal > latest):
            return None
        nominal = _moment(found.nominal)
        return DagRunInfo(run_after=_moment(found.at), data_interval=DataInterval.exact(nominal))

    def occurrences(self, after: float, before: float) -> list[Occurrence]:
        """Those that run, of a window; by their nominal time."""
        if follows(self.spec):
            return listed(self.config, self.subject, after, before)
        found = expected(self.spec, after, before)
        return sorted((one for one in found if not one.skipped), key=lambda one: one.nominal)


def next_of(
    spec: ScheduleSpec,
    last: float | None,
    earliest: float | None,
    now: float,
    occurrences: Callable[[float, float], list[Occurrence]],
) -> Occurrence | None:
    """The occurrence to run next.

    Args:
        spec: the schedule.
        last: the nominal time of the last one that was run; None: none was.
        earliest: when the schedule began; None: nobody knows, and nothing was missed.
        now: seconds since 1970, as all times here.
        occurrences: those of a window (after, before].
    """
    begun = max((one for one in (last, None if earliest is None else earliest - 1) if one is not None), default=None)
    if begun is None or (spec.catch_up is CatchUp.SKIP and begun < now - GRACE):
        begun = now - GRACE if spec.catch_up is CatchUp.SKIP and begun is not None else now
    if spec.catch_up is CatchUp.ONE and begun < now:
        for window in _WINDOWS:
            missed = [one for one in occurrences(max(begun, now - window), now) if one.at <= now]
            if missed:
                return missed[-1]
            if begun >= now - window:
                break
    for window in _WINDOWS:
        if found := occurrences(begun, max(begun, now) + window):
            return found[0]
    return None


def _moment(seconds: float) -> DateTime:
    return pendulum.instance(datetime.fromtimestamp(seconds, UTC))
