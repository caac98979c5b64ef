"""Amounts and times as people read them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

_UNITS = ((86_400.0, "days"), (3600.0, "h"), (60.0, "min"))


def amount(size: float) -> str:
    """Bytes: "184 MB"; powers of ten, as disks are sold."""
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= limit:
            return f"{size / limit:.3g} {unit}"
    return f"{int(size)} bytes"


def lasting(seconds: float) -> str:
    """A duration: "3 days", "23 h", "4 min", "12 s", "under 1 s"."""
    for size, unit in _UNITS:
        if seconds >= size * (2 if unit == "days" else 1):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "under 1 s"


def ago(seconds: float) -> str:
    """A moment in the past: "23 h ago"; one in the future is told as such."""
    return f"{lasting(seconds)} ago" if seconds >= 0 else f"{lasting(-seconds)} in the future"


def clock(time: float, zone: str = "") -> str:
    """A time for people, with its zone: "2026-11-26 01:02 CET"; in the machine's own zone where none is named."""
    local = datetime.fromtimestamp(time).astimezone() if not zone else datetime.fromtimestamp(time, ZoneInfo(zone))
    return local.strftime("%Y-%m-%d %H:%M %Z")
