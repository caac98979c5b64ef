"""What a calendar item means: identity, fields in normal form, patches in place, invitations, filters, transforms, double bookings."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.jobs.calendar.advice import CalendarOverlaps
    from trueup.jobs.calendar.filter import CalendarFilter
    from trueup.jobs.calendar.kind import CalendarKind
    from trueup.jobs.calendar.transform import CalendarTransform

__all__ = ["CalendarFilter", "CalendarKind", "CalendarOverlaps", "CalendarTransform"]

_HOMES = {
    "CalendarFilter": "filter",
    "CalendarKind": "kind",
    "CalendarOverlaps": "advice",
    "CalendarTransform": "transform",
}


def __getattr__(name: str) -> object:
    """Imports what is asked for, when it is asked for: most jobs have no filter, no transform and no look at double bookings."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
