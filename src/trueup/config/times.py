"""What a schedule is made of, as people write it: cron expressions, time zones, moments, paths of hooks."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

_NICKNAMES = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *"}
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def clock(value: object) -> object:
    """A time of day, with two digits for the hour.

    Raises:
        ValueError: with what is right.
    """
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise ValueError('must be a time of day, in quotes: "01:00"')
    return value.zfill(5)


def cron(value: object) -> object:
    """Five fields as Debian's cron has them, in one spelling.

    Raises:
        ValueError: with what is right.
    """
    if not isinstance(value, str):
        return value
    from cronsim import CronSim, CronSimError

    fields = value.split()
    if value.strip() in _NICKNAMES:
        raise ValueError(f'must have five fields: `{value.strip()}` is "{_NICKNAMES[value.strip()]}"')
    if len(fields) != 5:
        raise ValueError(
            f"must have five fields (minute, hour, day of month, month, day of week), and has {len(fields)}"
        )
    try:
        # From a leap year on, so that 29 February is found at once; one that never comes ends the iteration.
        next(CronSim(value, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(f"is no cron expression: {str(error).lower()}") from None
    except StopIteration:
        raise ValueError("never comes: no date fits all its fields") from None
    return " ".join(fields)


def zone(value: object) -> object:
    """The name of an IANA time zone.

    Raises:
        ValueError: with what is meant.
    """
    if not isinstance(value, str):
        return value
    try:
        ZoneInfo(value)
    except (OSError, ValueError):  # unknown (ZoneInfoNotFoundError is a KeyError), a folder, or no name at all
        raise ValueError(_no_zone(value)) from None
    except KeyError:
        raise ValueError(_no_zone(value)) from None
    return value


def _no_zone(value: str) -> str:
    known = sorted(available_timezones())
    cities = {one.rpartition("/")[2].lower(): one for one in known}
    close = cities.get(value.lower()) or next(iter(get_close_matches(value, known, n=1)), "")
    return f"must be a time zone as Europe/Berlin{f'; did you mean `{close}`?' if close else ''}"


def moment(value: object) -> object:
    """An ISO 8601 moment with its offset from UTC.

    Raises:
        ValueError: with what is right.
    """
    if not isinstance(value, str):
        return value
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise ValueError("must be a moment with its offset: 2026-11-26T06:00:00+01:00")
    return value


def hook(value: object) -> object:
    """The path of an HTTP trigger.

    Raises:
        ValueError: with what is right.
    """
    if isinstance(value, str) and not _PATH.fullmatch(value):
        raise ValueError(
            "must be a path as /hooks/crm: letters, digits, dot, dash, underscore and tilde between slashes"
        )
    return value
