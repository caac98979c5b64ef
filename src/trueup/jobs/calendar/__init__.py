"""What a calendar item means: identity, fields in normal form, patches in place, invitations, filters, transforms, double bookings."""

from trueup.jobs.calendar.advice import CalendarOverlaps
from trueup.jobs.calendar.filter import CalendarFilter
from trueup.jobs.calendar.kind import CalendarKind
from trueup.jobs.calendar.transform import CalendarTransform

__all__ = ["CalendarFilter", "CalendarKind", "CalendarOverlaps", "CalendarTransform"]
