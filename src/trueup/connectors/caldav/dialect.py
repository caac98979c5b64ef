"""How calendars differ from other WebDAV collections (RFC 4791)."""

from __future__ import annotations

from trueup.connectors.dav.dialect import Dialect
from trueup.connectors.dav.names import CALDAV

SCHEDULE_OUTBOX = f"{CALDAV}schedule-outbox-URL"
AUTO_SCHEDULE = "calendar-auto-schedule"

CALENDARS = Dialect(
    protocol="CalDAV",
    noun="calendar",
    feature="calendar-access",
    resource_type=f"{CALDAV}calendar",
    home=f"{CALDAV}calendar-home-set",
    well_known="/.well-known/caldav",
    multiget=f"{CALDAV}calendar-multiget",
    data=f"{CALDAV}calendar-data",
    media_type="text/calendar",
    suffix=".ics",
    components=f"{CALDAV}supported-calendar-component-set",
    component=f"{CALDAV}comp",
    formats="",
    max_size=f"{CALDAV}max-resource-size",
    make=f"{CALDAV}mkcalendar",
    # RFC 6638 section 3.2.4.1 has its own word for a UID that is in another calendar of the same user.
    uid_conflicts=frozenset({f"{CALDAV}no-uid-conflict", f"{CALDAV}unique-scheduling-object-resource"}),
    refusals={
        f"{CALDAV}supported-calendar-component": "this calendar does not take this kind of item (event, task, journal)",
        f"{CALDAV}supported-calendar-data": "the server does not take this format",
        f"{CALDAV}valid-calendar-data": "the server says that it is not valid iCalendar",
        f"{CALDAV}valid-calendar-object-resource": "the server says that it is not a valid calendar item",
        f"{CALDAV}max-resource-size": "it is larger than the server allows",
        f"{CALDAV}min-date-time": "it begins earlier than the server allows",
        f"{CALDAV}max-date-time": "it ends later than the server allows",
        f"{CALDAV}max-instances": "it recurs more often than the server allows",
        f"{CALDAV}max-attendees-per-instance": "it has more attendees than the server allows",
        f"{CALDAV}allowed-organizer-scheduling-object-change": "the server does not allow this change of a meeting",
        f"{CALDAV}allowed-attendee-scheduling-object-change": "only the organizer may change this about a meeting",
        f"{CALDAV}same-organizer-in-all-components": "its parts name different organizers",
    },
)
