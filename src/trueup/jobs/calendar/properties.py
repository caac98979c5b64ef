"""What each property is: which servers rewrite, which are lists, which default says nothing (RFC 5545, 7986, 9073, 9074; what servers do)."""

from __future__ import annotations

WHEN = "WHEN"
WHEN_NAMES = frozenset({"DTSTART", "DTEND", "DURATION", "DUE", "RRULE", "EXRULE"})

# Bookkeeping that servers and programs rewrite without anybody's wish; UID and RECURRENCE-ID are the item's and the part's identity.
IGNORED = frozenset({
    "UID", "RECURRENCE-ID", "DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE", "PRODID", "VERSION",
    "X-MOZ-GENERATION", "X-MOZ-LASTACK", "X-MOZ-RECEIVED-SEQUENCE", "X-MOZ-RECEIVED-DTSTAMP", "X-MOZ-FAKED-MASTER",
    "X-LIC-ERROR", "X-RADICALE-NAME", "X-NC-SCOPE", "X-EVOLUTION-CALDAV-ETAG", "X-EVOLUTION-CALDAV-HREF",
    "X-MICROSOFT-CDO-OWNERAPPTID", "X-MICROSOFT-CDO-APPT-SEQUENCE", "X-MICROSOFT-CDO-OWNER-CRITICAL-CHANGE",
    "X-MICROSOFT-CDO-ATTENDEE-CRITICAL-CHANGE",
})  # fmt: skip

# Of the calendar around the item: what names or describes the whole calendar is none of the item's.
CALENDAR_IGNORED = IGNORED | {
    "CALSCALE", "METHOD", "NAME", "DESCRIPTION", "URL", "SOURCE", "REFRESH-INTERVAL", "COLOR", "IMAGE", "CATEGORIES",
    "X-PUBLISHED-TTL", "X-PRIMARY-CALENDAR", "X-OWNER", "X-CALSTART", "X-CALEND", "X-CLIPSTART", "X-CLIPEND",
    "X-MS-OLK-FORCEINSPECTOROPEN", "X-APPLE-CALENDAR-COLOR",
}  # fmt: skip
CALENDAR_IGNORED_PREFIXES = ("X-WR-",)
CALENDAR_PREFIX = "VCALENDAR."

COMMA_LISTS = frozenset({"CATEGORIES", "RESOURCES", "EXDATE", "RDATE"})
TIME_LISTS = frozenset({"EXDATE", "RDATE"})
LINE_LISTS = frozenset({
    "ATTENDEE", "ATTACH", "COMMENT", "CONTACT", "RELATED-TO", "REQUEST-STATUS", "IMAGE", "CONFERENCE",
    "STYLED-DESCRIPTION", "STRUCTURED-DATA", "LINK", "CONCEPT", "REFID",
})  # fmt: skip
SINGLES = frozenset({
    "SUMMARY", "DESCRIPTION", "LOCATION", "URL", "GEO", "STATUS", "TRANSP", "CLASS", "PRIORITY", "ORGANIZER", "COMPLETED",
    "PERCENT-COMPLETE", "COLOR", "BUSYTYPE", "ACKNOWLEDGED", "TRIGGER", "ACTION", "REPEAT", "DURATION",
})  # fmt: skip

TEXTS = frozenset({"SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "CONTACT", "URL", "CATEGORIES", "RESOURCES"})
"""Properties of which an empty one says the same as none."""

URIS = frozenset({"URL", "ATTACH", "IMAGE", "CONFERENCE", "ORGANIZER", "ATTENDEE", "TZURL", "SOURCE", "LINK"})
"""Values that are not TEXT, so that a backslash in them is a backslash."""

ADDRESSES = frozenset({"ATTENDEE", "ORGANIZER"})
WORDS = frozenset({"STATUS", "TRANSP", "CLASS", "ACTION", "BUSYTYPE"})
NUMBERS = frozenset({"PRIORITY", "PERCENT-COMPLETE", "REPEAT"})

DEFAULTS = {"TRANSP": "OPAQUE", "CLASS": "PUBLIC", "PRIORITY": "0"}

# Parameters that say what would hold without them, by their upper-case value.
PARAM_DEFAULTS = {
    "CUTYPE": "INDIVIDUAL", "ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "FALSE", "RELTYPE": "PARENT",
    "RELATED": "START", "SCHEDULE-AGENT": "SERVER", "ENCODING": "8BIT",
}  # fmt: skip
PARAM_WORDS = frozenset(PARAM_DEFAULTS) | {"VALUE", "DISPLAY", "FEATURE", "RANGE", "FMTTYPE", "SCHEDULE-FORCE-SEND"}
PARAMS_IGNORED = frozenset({"SCHEDULE-STATUS", "TZID"})
PARAMS_IGNORED_PREFIXES = ("X-VOBJ-", "X-LIC-")
VALUE_DEFAULTS = frozenset({"DATE-TIME", "DATE", "PERIOD", "TEXT", "DURATION", "CAL-ADDRESS", "RECUR", "INTEGER"})

# An alarm's own names, and how far a person put it off: none of it is what the alarm does.
ALARM_IGNORED = IGNORED | {
    "X-WR-ALARMUID",
    "X-MOZ-SNOOZE-TIME",
    "X-EVOLUTION-ALARM-UID",
    "X-EVOLUTION-CALDAV-ALARM-UID",
}
ALARM_NAMES = ("UID", "X-WR-ALARMUID", "X-EVOLUTION-ALARM-UID")
