"""Which snapshots are kept and which may go. Pure: it decides, and removes nothing.

Slots are given out along each source's own time line, newest first: `daily: 7` are the last seven days that have a snapshot, so that a source
that was not backed up for a month loses nothing by it. Only *sound* snapshots (good, not suspicious, not dated in the future) take slots
and count as "the last good ones"; what is not sound never displaces what is. The clock is asked for one thing alone: what is in the future.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from trueup.model.errors import ConfigError

AHEAD = 300.0
"""Seconds by which the clock of another machine may be ahead without its snapshots counting as dated in the future."""

_HORIZON = 250_000_000_000.0  # the year 9892: what `datetime` can still put into any zone


@dataclass(frozen=True, slots=True)
class Policy:
    """How much is kept of each source.

    Attributes:
        last: so many of the newest.
        hourly, daily, weekly, monthly, yearly: the newest of so many hours, days, ISO weeks, months and years that have one.
        within: everything that is younger than so many seconds, counted back from the newest.
        keep_verified: so many of the newest that were verified are never removed; at least one.
        keep_good: so many of the newest good ones are never removed; at least one.

    Raises:
        ConfigError: a number below what it may be.
    """

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: float = 0.0
    keep_verified: int = 1
    keep_good: int = 3

    def __post_init__(self) -> None:
        for name in (*_SLOTS, "last", "within", "keep_verified", "keep_good"):
            least = 1 if name.startswith("keep_") else 0
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be at least {least}", where=f"retention.{name}")

    @property
    def empty(self) -> bool:
        """Whether it says nothing of what may go: then everything is kept."""
        return not (self.last or self.within or any(getattr(self, name) for name in _SLOTS))


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot as retention sees it.

    Attributes:
        id: its name in the repository.
        time: when its capture began, by the clock of then.
        source: whose it is.
        good: it is complete, and nothing wrong is known of it.
        verified: a restore drill proved it.
        suspicious: an anomaly was found in it that nobody has accepted yet.
        locked_until: it cannot be removed before (object lock); None: no lock.
    """

    id: str
    time: float
    source: str
    good: bool = True
    verified: bool = False
    suspicious: bool = False
    locked_until: float | None = None


@dataclass(frozen=True, slots=True)
class Retained:
    """What becomes of the snapshots.

    Attributes:
        keep: why each that is kept is kept, by id ("daily 2026-11-25", "newest verified").
        remove: ids of the others, oldest first.
        notes: sentences for the report.
    """

    keep: dict[str, tuple[str, ...]]
    remove: tuple[str, ...]
    notes: tuple[str, ...] = ()


def plan(snapshots: Iterable[Kept], policy: Policy, now: float, zone: str, frozen: str = "") -> Retained:
    """Decides what is kept.

    Args:
        snapshots: all of a job.
        policy: how much.
        now: the time. Where it is wrong, too much may be kept, and never too little of what is sound.
        zone: what a day is.
        frozen: why nothing may be removed at all; "": it may.
    """
    found = sorted(snapshots, key=lambda one: (one.time, one.id), reverse=True)
    keep: dict[str, tuple[str, ...]] = {}
    notes: list[str] = []
    for source in sorted({one.source for one in found}):
        own = [one for one in found if one.source == source]
        for one, reason in _reasons(own, policy, now, ZoneInfo(zone)):
            keep[one.id] = (*keep.get(one.id, ()), reason)
        notes += _notes(source, own, now)
    if frozen or policy.empty:
        reason = f"retention is frozen: {frozen}" if frozen else "no retention is configured"
        keep = {one.id: (reason, *keep.get(one.id, ())) for one in found}
    return Retained(keep, tuple(one.id for one in reversed(found) if one.id not in keep), tuple(notes))


def _reasons(own: Sequence[Kept], policy: Policy, now: float, zone: ZoneInfo) -> Iterator[tuple[Kept, str]]:
    """All reasons to keep one of these snapshots of a source, newest first."""
    present = [one for one in own if not _ahead(one, now)]
    sound = [one for one in present if one.good and not one.suspicious]
    yield from ((one, "dated in the future") for one in own if _ahead(one, now))
    yield from ((one, "suspicious, and not accepted yet") for one in own if one.suspicious)
    yield from ((one, f"locked until {_day(one.locked_until or 0.0, zone)}") for one in own if _locked(one, now))
    verified = [one for one in sound if one.verified][: policy.keep_verified]
    verified += [one for one in own if one.verified][: policy.keep_verified]
    yield from ((one, "newest verified") for one in dict.fromkeys(verified))
    yield from ((one, "newest good") for one in sound[: policy.keep_good])
    yield from ((one, "last") for one in sound[: policy.last])
    for name, slot in _SLOTS.items():
        yield from _slots(name, slot, sound, getattr(policy, name), zone)
    yield from ((one, "within") for one in sound if policy.within and sound[0].time - one.time <= policy.within)
    yield from _unsound(present, sound)


def _slots(
    name: str, slot: Callable[[datetime], str], sound: Sequence[Kept], count: int, zone: ZoneInfo
) -> Iterator[tuple[Kept, str]]:
    """The newest of each of the last `count` hours, days …"""
    taken: dict[str, Kept] = {}
    for one in sound:
        taken.setdefault(slot(_local(one.time, zone)), one)
    yield from ((one, f"{name} {key}") for key, one in list(taken.items())[:count])


def _unsound(present: Sequence[Kept], sound: Sequence[Kept]) -> Iterator[tuple[Kept, str]]:
    """What is not good is all there is of its time, until a sound one follows it."""
    since = (sound[0].time, sound[0].id) if sound else None
    for one in present:
        if not one.good and (since is None or (one.time, one.id) > since):
            yield one, "newer than the last good one" if since else "there is no good one"


def _notes(source: str, own: Sequence[Kept], now: float) -> Iterator[str]:
    future = [one for one in own if _ahead(one, now)]
    if future:
        latest = datetime.fromtimestamp(min(future[0].time, _HORIZON), UTC).strftime("%Y-%m-%d")
        yield (
            f"{len(future)} snapshot{'s' if len(future) > 1 else ''} of {source} dated in the future (up to {latest}):"
            " kept, and counted for nothing; the clock was or is wrong"
        )


def _ahead(one: Kept, now: float) -> bool:
    return one.time > now + AHEAD


def _locked(one: Kept, now: float) -> bool:
    return one.locked_until is not None and one.locked_until > now


def _local(time: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(min(max(time, 0.0), _HORIZON), zone)


def _day(time: float, zone: ZoneInfo) -> str:
    return _local(time, zone).strftime("%Y-%m-%d")


_SLOTS: dict[str, Callable[[datetime], str]] = {
    "hourly": lambda local: local.strftime("%Y-%m-%d %H%z"),  # with the offset: an hour may come twice
    "daily": lambda local: local.strftime("%Y-%m-%d"),
    "weekly": lambda local: local.strftime("%G-W%V"),
    "monthly": lambda local: local.strftime("%Y-%m"),
    "yearly": lambda local: local.strftime("%Y"),
}
