"""Cron's five fields as Temporal's calendar: the form the server keeps, so that what it has can be compared with what is wanted."""

from __future__ import annotations

from temporalio.client import ScheduleCalendarSpec, ScheduleRange

from trueup.model.errors import ConfigError

_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6}
_MONTHS |= {"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_LIMITS = {"minute": (0, 59), "hour": (0, 23), "day_of_month": (1, 31), "month": (1, 12), "day_of_week": (0, 6)}


def calendars(cron: str) -> tuple[ScheduleCalendarSpec, ...]:
    """Five fields as Debian's cron reads them.

    Where both days are restricted, cron runs when either fits (crontab(5)), while Temporal wants both in one calendar to
    fit: then there are two calendars.

    Raises:
        ConfigError: it says what Temporal has no word for (`L`, `#`).
    """
    parts = cron.split()
    if len(parts) != 5:
        raise ConfigError(f"the schedule `{cron}` has not five fields")
    fields = {name: _field(name, text, cron) for name, text in zip(_LIMITS, parts, strict=True)}
    comment = " ".join(parts)
    if parts[2].startswith("*") or parts[4].startswith("*"):
        return (ScheduleCalendarSpec(**fields, comment=comment),)
    by_month = {key: value for key, value in fields.items() if key != "day_of_week"}
    by_week = {key: value for key, value in fields.items() if key != "day_of_month"}
    return (ScheduleCalendarSpec(**by_month, comment=comment), ScheduleCalendarSpec(**by_week, comment=comment))


def _field(name: str, text: str, cron: str) -> tuple[ScheduleRange, ...]:
    try:
        ranges = [one for part in text.split(",") for one in _ranges(name, part)]
    except ValueError:
        why = f"Temporal's calendars have no word for `{text}` ({name.replace('_', ' ')})"
        raise ConfigError(f"the schedule `{cron}` cannot be made on Temporal", why=why) from None
    return tuple(ranges)


def _ranges(name: str, part: str) -> list[ScheduleRange]:
    low, high = _LIMITS[name]
    span, _, every = part.partition("/")
    step = int(every) if every else 1
    if span == "*":
        return [ScheduleRange(low, high, step)]
    first, dash, last = span.partition("-")
    start = _number(name, first)
    end = _number(name, last) if dash else max(start, high) if every else start
    if name == "day_of_week":  # 7 is Sunday, as 0 is
        return [ScheduleRange(day) for day in sorted({number % 7 for number in range(start, end + 1, step)})]
    return [ScheduleRange(start, end, step if end > start else 1)]


def _number(name: str, text: str) -> int:
    names = _MONTHS if name == "month" else _DAYS if name == "day_of_week" else {}
    return names[text.casefold()] if text.casefold() in names else int(text)
