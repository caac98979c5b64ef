"""Values of time as iCalendar writes them: moments, durations, periods (RFC 5545 section 3.3), in a form that can be compared and shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from trueup.jobs.calendar.zones import UTC_ZONE, Zone, Zones
from trueup.model.errors import ItemRefused

_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?", re.ASCII)
_DURATION = re.compile(
    r"([+-])?P(?:(\d{1,6})W)?(?:(\d{1,7})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?",
    re.ASCII | re.IGNORECASE,
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Duration(NamedTuple):
    """A DURATION: nominal weeks and days, which may be an hour longer or shorter, and exact hours, minutes and seconds."""

    days: timedelta
    exact: timedelta

    @property
    def total(self) -> timedelta:
        """Its length where every day has 24 hours."""
        return self.days + self.exact


class Moment(NamedTuple):
    """A DATE or DATE-TIME.

    Attributes:
        local: what the clock in its zone shows, without zone; midnight for a date.
        day: it is a DATE.
        zone: None for a date and for a floating time.
    """

    local: datetime
    day: bool
    zone: Zone | None

    @property
    def instant(self) -> str:
        """Equal for the same instant whatever zone it was written in: "20261116T080000Z"; a date or a floating time as it stands."""
        if self.day:
            return _compact(self.local)[:8]
        if self.zone is None:
            return _compact(self.local)
        if self.zone.rules is None:
            return f"{_compact(self.local)}[{self.zone.id}]"
        return _compact(self.utc) + "Z"

    @property
    def normal(self) -> str:
        """What the clock shows, and the zone: "20261116T090000[Europe/Berlin]"."""
        if self.day or self.zone is None:
            return self.instant
        return f"{_compact(self.local)}[{self.zone.id}]"

    @property
    def utc(self) -> datetime:
        """The instant without a zone, in UTC; a date, a floating time and one of an unknown zone are taken as if they were in UTC."""
        if self.zone is None or self.zone.rules is None or self.zone.rules is UTC:
            return self.local
        try:
            return self.local.replace(tzinfo=self.zone.rules).astimezone(UTC).replace(tzinfo=None)
        except (OverflowError, ValueError):  # the first or last day there is
            return self.local

    @property
    def timestamp(self) -> float:
        """Seconds since 1970; see `utc` for what has no zone."""
        return self.utc.replace(tzinfo=UTC).timestamp()

    def shown(self) -> str:
        """For people: "Mon 16 Nov 2026 09:00 Europe/Berlin"."""
        if self.day:
            return show_day(self.local)
        return f"{show_day(self.local)} {self.local:%H:%M}{self.zone_shown()}"

    def zone_shown(self) -> str:
        """The zone behind a time, with a space before it; "" for a floating one."""
        return "" if self.zone is None else f" {self.zone.shown}"

    def plus(self, duration: Duration) -> Moment:
        """The moment that much later: days by the calendar, hours by the clock of the world (RFC 5545 section 3.3.6)."""
        days, rest = duration
        try:
            local = self.local + days
            if rest and self.zone is not None and self.zone.rules is not None:
                exact = local.replace(tzinfo=self.zone.rules).astimezone(UTC) + rest
                local = exact.astimezone(self.zone.rules).replace(tzinfo=None, fold=0)
            else:
                local += rest
        except (OverflowError, ValueError):
            local = datetime.max.replace(microsecond=0)
        return self._replace(local=local)

    def within(self, zone: Zone | None) -> Moment:
        """The same instant as the clock of another zone shows it."""
        if zone is None or zone.rules is None or self.zone is None or self.zone.rules is None:
            return self
        try:
            local = self.utc.replace(tzinfo=UTC).astimezone(zone.rules).replace(tzinfo=None, fold=0)
        except (OverflowError, ValueError):
            return self
        return Moment(local, False, zone)


def parse_moment(value: str, tzid: str, zones: Zones) -> Moment:
    """A DATE or DATE-TIME value.

    Args:
        value: as written.
        tzid: its TZID parameter, or "". With a `Z` behind the value it says nothing (RFC 5545 section 3.3.5).
        zones: the zones of the body.

    Raises:
        ItemRefused: it is neither (code "time").
    """
    match = _MOMENT.fullmatch(value.strip())
    if match is None:
        raise bad_time(value)
    year, month, day, hour, minute, second, zulu = match.groups()
    try:
        if hour is None:
            return Moment(datetime(int(year), int(month), int(day)), True, None)
        # 60 is a leap second (RFC 5545 section 3.3.12); no clock of ours shows it
        local = datetime(
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute),
            min(int(second), 59) if second == "60" else int(second),
        )
    except ValueError:
        raise bad_time(value) from None
    if zulu:
        return Moment(local, False, UTC_ZONE)
    return Moment(local, False, zones.named(tzid, local.year) if tzid else None)


def bad_time(value: str) -> ItemRefused:
    """The refusal of a value that is no time."""
    short = value if len(value) <= 40 else value[:40] + "…"
    return ItemRefused("a time cannot be read", code="time", why=f"{short!r} is neither a date nor a date with a time")


def parse_duration(value: str) -> Duration | None:
    """A DURATION value; None where it is none."""
    match = _DURATION.fullmatch(value.strip())
    if match is None or value.strip()[-1:].upper() in ("P", "T"):
        return None
    sign, *numbers = match.groups()
    weeks, days, hours, minutes, seconds = (int(number or 0) for number in numbers)
    nominal, exact = timedelta(weeks=weeks, days=days), timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return Duration(-nominal, -exact) if sign == "-" else Duration(nominal, exact)


def write_duration(duration: timedelta) -> str:
    """A duration in the one form it is compared in: "-PT15M", "P1DT2H"."""
    if not duration:
        return "PT0S"
    sign, duration = ("-", -duration) if duration < timedelta() else ("", duration)
    hours, rest = divmod(duration.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    clock = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if number)
    return f"{sign}P{f'{duration.days}D' if duration.days else ''}{'T' + clock if clock else ''}"


def show_duration(duration: timedelta) -> str:
    """For people, without a sign: "15 minutes", "1 day 2 hours"."""
    duration = abs(duration)
    hours, rest = divmod(duration.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = ((duration.days, "day"), (hours, "hour"), (minutes, "minute"), (seconds, "second"))
    return " ".join(f"{number} {unit}{'s' if number != 1 else ''}" for number, unit in parts if number) or "0 minutes"


def show_day(day: datetime) -> str:
    """A day as "Mon 16 Nov 2026", in English whatever the machine's language is."""
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month]} {day.year}"


def _compact(local: datetime) -> str:
    return f"{local.year:04d}{local.month:02d}{local.day:02d}T{local.hour:02d}{local.minute:02d}{local.second:02d}"
