"""When a schedule starts something, worked out from what it says and from the events that are handed in. Pure: no clock, no calendar.

Times are seconds since 1970. Cron follows Debian's cron over changes of the clock: what falls into the hour that is left out runs right
after it, what falls into the hour that comes twice runs once, and what repeats within the hour (`*/15`) follows the time that passes.
A time on the wall (whole days, floating events) that does not exist is taken with the offset before the gap, and one that comes twice
is the first (RFC 5545, section 3.3.5).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from cronsim import CronSim

from trueup.model.occurrence import Event, Occurrence
from trueup.model.schedule import CalendarSource, ExceptPolicy, ScheduleSpec

MAX_OCCURRENCES = 10_000
"""How many of a window are worked out at most: it is the window that is too long, and not the schedule."""

_EPOCH = datetime(1970, 1, 1)
_TWICE = 7200.0  # longer than any hour that comes twice


@dataclass(frozen=True, slots=True)
class Blackout:
    """A time at which nothing starts: [start, end), and what becomes of what falls into it."""

    start: float
    end: float
    title: str
    policy: ExceptPolicy = ExceptPolicy.SKIP


def occurrences(
    spec: ScheduleSpec,
    after: float,
    before: float,
    events: Sequence[Event] = (),
    exceptions: Sequence[Sequence[Event]] = (),
) -> list[Occurrence]:
    """The occurrences that run, by time; see `expected`."""
    return [one for one in expected(spec, after, before, events, exceptions) if not one.skipped]


def expected(
    spec: ScheduleSpec,
    after: float,
    before: float,
    events: Sequence[Event] = (),
    exceptions: Sequence[Sequence[Event]] = (),
) -> list[Occurrence]:
    """Every occurrence whose nominal time is after one moment and not after another, also what a holiday suppresses.

    Args:
        spec: the schedule. That it is paused does not matter here.
        after, before: seconds since 1970; `before` is part of the window.
        events: of the calendar that drives it, all that may be in the window; those that do not fit `spec.calendar` are left out.
        exceptions: for each of `spec.except_` the events of its calendar, those included that only reach into the window.

    Returns:
        By the time at which they start.
    """
    blackouts = blackouts_of(spec, exceptions)
    found = [_held(spec, one, blackouts) for one in _nominal(spec, after, before, events)]
    if spec.kind != "calendar":
        found = _gathered(spec, found)
    return sorted(found, key=lambda one: (one.at, one.nominal, one.key))


def latest(spec: ScheduleSpec, before: float) -> float | None:
    """The last nominal time of a cron expression or interval that is not after a moment; None: there was none."""
    if spec.every is not None:
        origin = _origin(spec)
        return None if before < origin else origin + math.floor((before - origin) / spec.every) * spec.every
    start = datetime.fromtimestamp(before + _TWICE, UTC).astimezone(ZoneInfo(spec.zone))
    for moment in CronSim(spec.cron, start, reverse=True):
        if moment.timestamp() <= before:
            return moment.timestamp()
    return None


def fits(source: CalendarSource, event: Event) -> bool:
    """Whether an event is one of those a configuration names."""
    if source.title and not re.search(source.title, event.title):
        return False
    wanted = {one.casefold() for one in source.categories}
    return not wanted or any(one.casefold() in wanted for one in event.categories)


def blackouts_of(spec: ScheduleSpec, exceptions: Sequence[Sequence[Event]]) -> list[Blackout]:
    """The times at which nothing starts, by their beginning."""
    found = [
        Blackout(*span(event, spec.zone), event.title, one.policy)
        for one, events in zip(spec.except_, exceptions, strict=bool(exceptions))
        for event in events
        if fits(one.calendar, event)
    ]
    return sorted(found, key=lambda one: (one.start, one.end))


def span(event: Event, zone: str) -> tuple[float, float]:
    """When an event takes place, in seconds since 1970."""
    if not event.local:
        return event.start, event.end
    return on_the_wall(event.start, zone), on_the_wall(event.end, zone)


def on_the_wall(clock: float, zone: str) -> float:
    """The moment at which the clock on the wall shows this."""
    return (_EPOCH + timedelta(seconds=clock)).replace(tzinfo=ZoneInfo(zone)).timestamp()


def delay(key: str, jitter: float) -> float:
    """From 0 to `jitter` seconds, spread evenly over keys and always the same for one."""
    if jitter <= 0:
        return 0.0
    drawn = int.from_bytes(sha256(key.encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64
    return drawn * jitter


# Nominal times --------------------------------------------------------------------------------------------------------


def _nominal(spec: ScheduleSpec, after: float, before: float, events: Sequence[Event]) -> Iterator[Occurrence]:
    if spec.calendar is not None:
        yield from _of_calendar(spec, spec.calendar, after, before, events)
        return
    times = _of_interval(spec, after, before) if spec.every is not None else _of_cron(spec, after, before)
    for at in times:
        yield Occurrence(f"{spec.timing}@{_stamp(at)}", at, dict(spec.params), at, at)


def _of_cron(spec: ScheduleSpec, after: float, before: float) -> Iterator[float]:
    # From before an hour that comes twice: where it begins tells which of the two is meant.
    start = datetime.fromtimestamp(max(0.0, after - _TWICE), UTC).astimezone(ZoneInfo(spec.zone))
    last, count = after, 0
    for moment in CronSim(spec.cron, start):
        at = moment.timestamp()
        if at > before or count == MAX_OCCURRENCES:
            return
        if at > last:  # two lines of a gap end at the same moment
            yield at
            last, count = at, count + 1


def _of_interval(spec: ScheduleSpec, after: float, before: float) -> Iterator[float]:
    assert spec.every is not None
    origin = _origin(spec)
    number = max(0, math.floor((after - origin) / spec.every) + 1)
    for index in range(number, number + MAX_OCCURRENCES):
        at = origin + index * spec.every
        if at > before:
            return
        if at > after:
            yield at


def _origin(spec: ScheduleSpec) -> float:
    return datetime.fromisoformat(spec.start).timestamp() if spec.start else 0.0


def _of_calendar(
    spec: ScheduleSpec, source: CalendarSource, after: float, before: float, events: Sequence[Event]
) -> Iterator[Occurrence]:
    for event in events:
        start, end = span(event, spec.zone)
        if after < start <= before and fits(source, event):
            yield Occurrence(event.key, start, dict(spec.params), start, max(start, end), event.title)


def _stamp(at: float) -> str:
    if at != int(at):
        return f"{at:.3f}"
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")


# Holidays and blackouts -----------------------------------------------------------------------------------------------


def _held(spec: ScheduleSpec, one: Occurrence, blackouts: Sequence[Blackout]) -> Occurrence:
    """The occurrence with its jitter, after the holidays and blackouts it falls into."""
    at = one.at
    notes: list[str] = []
    for blackout in blackouts:  # by their beginning: moved out of one, it may be in the next
        if blackout.start <= at < blackout.end:
            if blackout.policy is ExceptPolicy.SKIP:
                return replace(one, at=at, skipped=f"within “{blackout.title}”", note="; ".join(notes))
            at = blackout.end
            notes.append(f"moved to the end of “{blackout.title}”")
    at += delay(one.key, spec.jitter)
    return replace(one, at=at, until=one.until + at - one.nominal, note="; ".join(notes))


def _gathered(spec: ScheduleSpec, found: Sequence[Occurrence]) -> list[Occurrence]:
    """Of several that were moved to the same moment, the last one runs: they would all do the same."""
    last: dict[float, str] = {}
    moved = {one.key: one.at - delay(one.key, spec.jitter) for one in found if one.note and not one.skipped}
    for one in found:  # by their nominal time
        if one.key in moved:
            last[round(moved[one.key], 3)] = one.key
    return [
        replace(one, skipped="a later one was moved to the same time")
        if one.key in moved and last[round(moved[one.key], 3)] != one.key
        else one
        for one in found
    ]
