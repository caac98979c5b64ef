"""Which snapshot a person means: the newest, the one of a time, or one by the beginning of its id. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from trueup.jobs.backup.words import clock
from trueup.model.errors import NotFound, UsageError
from trueup.model.repository import Snapshot

SHOWN = 10

_TIME = re.compile(r"\d{4}-\d\d-\d\d(?P<minute>[ T]\d\d:\d\d(?P<second>:\d\d(?P<exact>\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")


def meant(found: Sequence[Snapshot], usable: Sequence[Snapshot], source: str, at: str, zone: str) -> Snapshot:
    """The snapshot that is meant.

    Args:
        found: all of a source, the oldest first.
        usable: those of them that may be taken without being named: whole, good, and not of the future.
        source: whose.
        at: "" (the newest usable one); a time as `until` reads it: the newest usable one that is not younger; or the beginning of an id.
        zone: the time zone that times are in; "": the machine's own.

    Raises:
        NotFound: there is none; says which there are. UsageError: several ids begin like this.
    """
    if not at:
        if not usable:
            why = f"{len(found)} are there, and none of them is known to be whole" if found else ""
            raise NotFound(
                f"there is no good snapshot of {source}", why=why, hint="--list shows all; --at ID takes any"
            )
        return usable[-1]
    last = until(at, zone)
    if last is None:
        return _by_id(found, source, at, zone)
    before = [one for one in usable if one.time < last]
    if not before:
        first = f"the oldest good one is of {clock(usable[0].time, zone)}" if usable else "there is no good one"
        hint = "--list shows all; --at ID takes any"
        raise NotFound(f"there is no good snapshot of {source} of {at} or before", why=first, hint=hint)
    return before[-1]


def until(text: str, zone: str = "") -> float | None:
    """The end of the day, minute or second that a text names, in seconds since 1970.

    Args:
        text: "2026-11-26", "2026-11-26 01:00", "2026-11-26T01:00:30+01:00".
        zone: the one that it is in where it names none; "": the machine's own.

    Returns:
        None: it is no time (archives' ids begin as 20261126T…, and are no times).

    Raises:
        UsageError: it looks like one, and there is no such day or hour.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    if match["exact"]:
        span = timedelta(microseconds=1)
    elif match["second"]:
        span = timedelta(seconds=1)
    else:
        span = timedelta(minutes=1) if match["minute"] else timedelta(days=1)
    try:
        given = datetime.fromisoformat(text)
        own: tzinfo | None = given.tzinfo or (ZoneInfo(zone) if zone else None)
        wall = given.replace(tzinfo=None) + span  # on the wall: a day may have 23 or 25 hours
        return wall.replace(tzinfo=own, fold=1).timestamp()
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text} is no time", why=str(error), hint="as 2026-11-26, or 2026-11-26 01:00") from error


def _by_id(found: Sequence[Snapshot], source: str, at: str, zone: str) -> Snapshot:
    named = [one for one in found if one.id == at] or [one for one in found if one.id.startswith(at)]
    if len(named) == 1:
        return named[0]
    if not named:
        hint = "a time (2026-11-26, or 2026-11-26 01:00) or the beginning of an id; --list shows them"
        raise NotFound(f"there is no snapshot {at} of {source}", hint=hint)
    shown = "; ".join(f"{one.id} of {clock(one.time, zone)}" for one in named[-SHOWN:])
    more = f"; and {len(named) - SHOWN} older ones" if len(named) > SHOWN else ""
    what = f"{at} is the beginning of {len(named)} snapshots of {source}"
    raise UsageError(what, why=shown + more, hint="give more of the id, or a time (2026-11-26 01:00)")
