"""Windows: the part of each day in which a backup may begin, and by when it must have ended. Pure: no clock of its own.

Times of the day are what the clock on the wall shows in the window's zone; what comes out is seconds since 1970. A time that does not exist
(the clock is put forward) is the next moment that does. A time that comes twice (it is put back) is the first for a start and the second
for an end: a window is rather too long than too short. A day that a zone leaves out (Samoa had no 30 December 2011) has no window.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from trueup.model.errors import ConfigError

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_DAY = 24 * 60  # minutes


@dataclass(frozen=True, slots=True)
class Window:
    """When a backup may run, every day.

    Attributes:
        start: "01:00".
        start_by: not started after this; None: may start until `end_by`.
        end_by: stopped at this; None: never. `start_by` and `end_by` may lie on the next day: each is the next such time after `start`.
        zone: an IANA time zone.
        where: what it is called in the configuration, for messages.

    Raises:
        ConfigError: a time or zone that is none, a window without length, or one that ends before it may start.
    """

    start: str
    start_by: str | None = None
    end_by: str | None = None
    zone: str = "UTC"
    where: str = field(default="window", compare=False, repr=False)

    def __post_init__(self) -> None:
        _require_zone(self.zone, self.where)
        _minutes(self.start, f"{self.where}.start")
        latest, end = (self._length(name) for name in ("start_by", "end_by"))
        if latest is not None and end is not None and latest > end:
            raise ConfigError(
                "the window ends before the last moment at which it may start",
                where=self.where,
                why=f"start {self.start}, start_by {self.start_by}, end_by {self.end_by}",
                hint="put end_by after start_by",
            )

    def _length(self, name: str) -> int | None:
        """Minutes on the wall from `start` to another of the times; None: it is not given."""
        value = getattr(self, name)
        if value is None:
            return None
        begin, end = _minutes(self.start, f"{self.where}.start"), _minutes(value, f"{self.where}.{name}")
        if begin == end:
            raise ConfigError(
                f"the window has no length: start and {name} are both {value}",
                where=f"{self.where}.{name}",
                hint=f"leave {name} out where any time will do",
            )
        return (end - begin) % _DAY


@dataclass(frozen=True, slots=True)
class Opening:
    """A window on one day, in seconds since 1970.

    Attributes:
        opened: its start.
        start_by: from here on it is too late to start; where none is configured: its end, or the next opening.
        end_by: from here on nothing may run; None: no limit.
    """

    opened: float
    start_by: float
    end_by: float | None


def of(window: Window, now: float) -> Opening:
    """The window that is open now, or the last one that was."""
    day = _date(now, window.zone) + timedelta(days=1)
    while True:
        found = _on(window, day)
        if found is not None and found.opened <= now:
            return found
        day -= timedelta(days=1)


def next(window: Window, now: float) -> Opening:
    """The first window that opens after now."""
    day = _date(now, window.zone) - timedelta(days=1)
    while True:
        found = _on(window, day)
        if found is not None and found.opened > now:
            return found
        day += timedelta(days=1)


def may_start(window: Window, now: float) -> bool:
    """Whether a run may begin now."""
    return now < of(window, now).start_by


def must_end(window: Window, now: float) -> float | None:
    """When a run that begins now must have ended.

    Returns:
        None: there is no limit, or a person started it outside of the window.
    """
    end = of(window, now).end_by
    return end if end is not None and now < end else None


def missed(window: Window, last_started: float | None, now: float) -> Opening | None:
    """The newest window that has passed without a start, where nothing was started since either.

    Args:
        window: which.
        last_started: when the last run began, in the order in which they were recorded; None: there was none, and every window counts as
            missed. A time after `now` was written by a wrong clock and says as much as None.
        now: the time.

    Returns:
        None: something was started in the newest window that it is too late for, or after it.
    """
    found = of(window, now)
    while now < found.start_by:  # still time for this one
        found = of(window, math.nextafter(found.opened, -math.inf))
    started = -math.inf if last_started is None or last_started > now else last_started
    return found if found.opened > started else None


def _on(window: Window, day: date) -> Opening | None:
    """The window of a day; None: the zone leaves the day out."""
    zone = ZoneInfo(window.zone)
    midnight = datetime(day.year, day.month, day.day)
    if _moment(midnight, zone) == _moment(midnight + timedelta(days=1), zone):
        return None
    begin = midnight + timedelta(minutes=_minutes(window.start, window.where))
    opened = _moment(begin, zone)

    def end_of(name: str) -> float | None:
        length = window._length(name)
        if length is None:
            return None
        end = _moment(begin + timedelta(minutes=length), zone, last=True)
        return end if end > opened else opened + length * 60.0  # all of it fell into a gap

    end_by, start_by = end_of("end_by"), end_of("start_by")
    if start_by is None:
        following = _moment(begin + timedelta(days=1), zone)
        start_by = following if end_by is None else end_by
    return Opening(opened, start_by if end_by is None else min(start_by, end_by), end_by)


def _moment(wall: datetime, zone: ZoneInfo, *, last: bool = False) -> float:
    """The moment at which the clock on the wall shows this; see the module's text. `last`: the second of two."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    if first <= second:
        return second if last else first
    # In a gap `fold` 0 has the offset of before it and `fold` 1 that of after (PEP 495): its end lies between the two.
    early, late = second, first
    offset = datetime.fromtimestamp(late, zone).utcoffset()
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (early, middle) if datetime.fromtimestamp(middle, zone).utcoffset() == offset else (middle, late)
    return late


def _date(now: float, zone: str) -> date:
    return datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone)).date()


def _minutes(text: object, where: str) -> int:
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ConfigError(f"{text!r} is no time of the day", where=where, hint='write it as "01:00", in quotes')
    return int(found[1]) * 60 + int(found[2])


def _require_zone(name: str, where: str) -> None:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError, TypeError):  # a folder, no name at all, unknown (ZoneInfoNotFoundError)
        raise ConfigError(f"{name!r} is no time zone", where=f"{where}.zone", hint="as Europe/Berlin") from None
