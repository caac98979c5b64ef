"""Recurrence rules (RFC 5545 section 3.3.10) in one comparable form, and in words."""

from __future__ import annotations

from trueup.jobs.calendar.ruleparts import number, split_rule
from trueup.jobs.calendar.times import Moment, parse_moment, show_day
from trueup.jobs.calendar.zones import Zones
from trueup.model.errors import ItemRefused

_ORDER = (
    "FREQ", "UNTIL", "COUNT", "INTERVAL", "BYSECOND", "BYMINUTE", "BYHOUR", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO",
    "BYMONTH", "BYSETPOS", "WKST", "RSCALE", "SKIP",
)  # fmt: skip
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY_NAMES = dict(zip(_WEEKDAYS, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS = {
    "YEARLY": ("yearly", "years"), "MONTHLY": ("monthly", "months"), "WEEKLY": ("weekly", "weeks"), "DAILY": ("daily", "days"),
    "HOURLY": ("hourly", "hours"), "MINUTELY": ("every minute", "minutes"), "SECONDLY": ("every second", "seconds"),
}  # fmt: skip


def normal_rule(value: str, start: Moment | None, zones: Zones) -> str:
    """One form for rules that mean the same: parts in order, lists sorted, defaults and what the start implies left out.

    Args:
        value: the RRULE or EXRULE as written.
        start: the DTSTART it goes with.
        zones: the zones of the body.
    """
    parts = split_rule(value)
    if "FREQ" not in parts:
        return value.strip().upper()
    parts = {name: _normal_list(name, text) if name.startswith("BY") else text for name, text in parts.items()}
    for name in ("INTERVAL", "COUNT"):
        if parts.get(name, "").isdecimal():
            parts[name] = str(int(parts[name][:9]))
    if parts.get("INTERVAL") == "1":
        del parts["INTERVAL"]
    if not _week_start_matters(parts):
        parts.pop("WKST", None)
    if "UNTIL" in parts:
        parts["UNTIL"] = _normal_until(parts["UNTIL"], start, zones)
    _drop_implied(parts, start)
    known = {name: rank for rank, name in enumerate(_ORDER)}
    return ";".join(f"{name}={parts[name]}" for name in sorted(parts, key=lambda name: (known.get(name, 99), name)))


def show_rule(value: str, start: Moment | None, zones: Zones) -> str:
    """For people: "every 2 weeks on Mon, Wed until Thu 31 Dec 2026"; parts without good words are shown as they are."""
    parts = split_rule(value)
    one, many = _UNITS.get(parts.pop("FREQ", ""), ("", ""))
    if not one:
        return value
    interval = parts.pop("INTERVAL", "1")
    words = [one if interval == "1" else f"every {interval} {many}"]
    parts.pop("WKST", None)
    if days := parts.pop("BYDAY", ""):
        words.append("on " + ", ".join(_show_weekday(day) for day in days.split(",")))
    if days := parts.pop("BYMONTHDAY", ""):
        words.append("on day " + days.replace("-1", "last") if days == "-1" else "on day " + days)
    if months := parts.pop("BYMONTH", ""):
        words.append("in " + ", ".join(_show_month(month) for month in months.split(",")))
    if count := parts.pop("COUNT", ""):
        words.append(f"{count} times")
    if until := parts.pop("UNTIL", ""):
        words.append("until " + _show_until(until, start, zones))
    return " ".join(words + [f"{name}={text}" for name, text in parts.items()])


def until_of(text: str, start: Moment | None, zones: Zones) -> Moment | None:
    """The last moment of a rule; None where UNTIL cannot be read. A local time is one of the start's zone, as most programs take it."""
    try:
        until = parse_moment(text, "", zones)
    except ItemRefused:
        return None
    if start is None:
        return until
    if start.day and not until.day:
        return until._replace(local=until.local.replace(hour=0, minute=0, second=0), day=True, zone=None)
    if not start.day and not until.day and until.zone is None:
        return until._replace(zone=start.zone)
    return until


def _normal_until(text: str, start: Moment | None, zones: Zones) -> str:
    until = until_of(text, start, zones)
    return text if until is None else until.instant


def _show_until(text: str, start: Moment | None, zones: Zones) -> str:
    until = until_of(text, start, zones)
    if until is None:
        return text
    return show_day(until.local if until.day or start is None else until.within(start.zone).local)


def _normal_list(name: str, text: str) -> str:
    values = {value.strip().lstrip("+") for value in text.split(",")}
    if name == "BYDAY":
        return ",".join(
            sorted(
                values,
                key=lambda day: (number(day[:-2]), _WEEKDAYS.index(day[-2:]) if day[-2:] in _WEEKDAYS else 9, day),
            )
        )
    numbers = {str(number(value)) if number(value) else value for value in values}
    return ",".join(sorted(numbers, key=lambda value: (number(value), value)))


def _week_start_matters(parts: dict[str, str]) -> bool:
    """RFC 5545 section 3.3.10: WKST counts for weeks that are skipped, and for week numbers; Monday is the default."""
    if parts.get("WKST", "MO") == "MO":
        return False
    return "BYWEEKNO" in parts or (parts["FREQ"] == "WEEKLY" and "INTERVAL" in parts and "," in parts.get("BYDAY", ""))


def _drop_implied(parts: dict[str, str], start: Moment | None) -> None:
    """Leaves out what the start says already: `FREQ=WEEKLY` from a Monday and `FREQ=WEEKLY;BYDAY=MO` are the same."""
    if start is None or any(name in parts for name in ("BYSETPOS", "BYYEARDAY", "BYWEEKNO", "RSCALE")):
        return
    weekday, day, month = _WEEKDAYS[start.local.weekday()], str(start.local.day), str(start.local.month)
    has = {name: text for name, text in parts.items() if name.startswith("BY")}
    match parts["FREQ"]:
        case "WEEKLY" if has == {"BYDAY": weekday}:
            del parts["BYDAY"]
        case "MONTHLY" if has == {"BYMONTHDAY": day}:
            del parts["BYMONTHDAY"]
        case "YEARLY" if has in ({"BYMONTH": month, "BYMONTHDAY": day}, {"BYMONTH": month}):
            parts.pop("BYMONTHDAY", None)
            del parts["BYMONTH"]


def _show_weekday(day: str) -> str:
    name = _DAY_NAMES.get(day[-2:], day)
    nth = number(day[:-2].lstrip("+"))
    if nth == 0:
        return name
    if nth == -1:
        return f"the last {name}"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(abs(nth), "th")
    return f"the {abs(nth)}{ending} {'last ' if nth < 0 else ''}{name}"


def _show_month(month: str) -> str:
    nth = number(month)
    return _MONTHS[nth - 1] if 1 <= nth <= 12 else month
