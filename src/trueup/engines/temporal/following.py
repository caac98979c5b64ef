"""Schedules whose times the server cannot work out itself, since a calendar drives them or holidays keep them from starting:
a list of moments in the server's schedule, kept equal by a workflow of trueup's own.

A run that such a moment starts asks what the moment stands for: the event may have been moved or deleted a second ago.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from trueup.engines.calls.opened import opened
from trueup.model.schedule import ScheduleSpec

Json = dict[str, Any]

FOLLOW = "follow calendars"
"""The workflow that keeps the lists equal, and its activity's type."""

AHEAD = 30 * 86400.0
"""How far the lists reach, in seconds."""
BEHIND = 3600.0
"""What passed a moment ago stays listed: a server that was away takes it up."""
MOST = 200
"""Moments of one schedule."""


def follows(spec: ScheduleSpec) -> bool:
    """Whether the times of a schedule are listed."""
    return spec.calendar is not None or bool(spec.except_)


def refresh(specs: Iterable[ScheduleSpec]) -> float | None:
    """Seconds between two looks at the calendars; None where no schedule needs them."""
    sources = [
        source
        for spec in specs
        for source in ([spec.calendar] if spec.calendar else []) + [one.calendar for one in spec.except_]
    ]
    return min((one.refresh for one in sources), default=None)


def moments(config: str, name: str, now: float | None = None) -> tuple[float, ...]:
    """The moments at which a job or pipeline starts, in seconds since 1970. Reads calendars.

    Raises:
        StoreError: a calendar cannot be read.
    """
    at = time.time() if now is None else now
    return tuple(_moments(config, name, at - BEHIND, at + AHEAD))[:MOST]


def occurrence(config: str, name: str, scheduled: str) -> Json | None:
    """What a moment of the list stands for, by a new look at the calendars.

    Args:
        config: the absolute path of trueup.yaml.
        name: the job or pipeline.
        scheduled: the moment, ISO 8601.

    Returns:
        {"key", "title", "params", "note"}; None: nothing any more.
    """
    at = datetime.fromisoformat(scheduled).timestamp()
    found = _moments(config, name, at - BEHIND, at + BEHIND).get(round(at))
    return {key: found[key] for key in ("key", "title", "params", "note")} if found else None


def _moments(config: str, name: str, first: float, last: float) -> dict[int, Json]:
    """The occurrences by the second that each has to itself: the server starts one run for a moment, and two events may
    begin at the same one."""
    with opened(config) as app:
        found = app.upcoming(first, last, [name])
    if name in found["problems"]:
        _refuse(name, found["problems"][name])
    return slots([one for one in found["occurrences"] if not one["skipped"]])


def slots(occurrences: Sequence[Mapping[str, Any]]) -> dict[int, Json]:
    """Occurrences by second, those of one second after each other."""
    taken: dict[int, Json] = {}
    for one in sorted(occurrences, key=lambda one: (one["at"], one["key"])):
        second = round(one["at"])
        while second in taken:
            second += 1
        taken[second] = dict(one)
    return taken


def _refuse(name: str, why: object) -> None:
    from trueup.model.errors import Transient

    raise Transient(f"when {name} starts cannot be told", why=str(why), hint="trueup doctor")
