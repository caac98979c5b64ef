"""How old the newest good backup may become before it is overdue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.core import schedules
from trueup.jobs.backup.memory import sound
from trueup.jobs.backup.spec import BackupSpec
from trueup.model.schedule import ScheduleSpec

AHEAD = 86_400.0
"""A snapshot that is dated further ahead than this was made by a clock that was wrong."""

_SPANS = (7200.0, 3 * 86_400.0, 70 * 86_400.0, 3 * 366 * 86_400.0)
"""How far ahead the next occurrences are looked for, in seconds: near first, since a dense schedule has many."""


def allowed(backup: BackupSpec, schedule: ScheduleSpec | None, last: float) -> float | None:
    """How old a backup may become, in seconds: `max_age`, or two periods of the schedule.

    Two periods are the time from the occurrence that `last` belongs to, to the second one after it, so that a job of working days has its weekend.
    Holidays of the schedule are not looked at: they are in calendars, and nothing is asked here.

    Args:
        backup: the job.
        schedule: when it starts; a window has one, every day.
        last: when the newest good backup was taken; seconds since 1970.

    Returns:
        None: nothing says how often it should be taken: there is no schedule, or it is the events of a calendar.
    """
    if backup.max_age is not None:
        return backup.max_age
    if schedule is None or schedule.calendar is not None:
        return None
    before = schedules.latest(schedule, last)
    for span in _SPANS:
        found = schedules.expected(schedule, last, last + span)
        if len(found) > 1:
            first, second = sorted(one.nominal for one in found)[:2]
            return second - (before if before is not None else first - (second - first))
    return None


def ahead(time: float, now: float) -> bool:
    """Whether a snapshot says that it was taken in the future; a clock may be wrong by a zone, but not by more."""
    return time > now + AHEAD


def usable(fact: Mapping[str, Any]) -> bool:
    """Whether a snapshot of which this is known counts as good: it was taken whole, or it was proven and nothing else is known of it."""
    proven = fact.get("good") is None and bool(fact.get("verified")) and not fact.get("damaged")
    return sound(fact) or proven
