"""What people call a field."""

from __future__ import annotations

from trueup.jobs.calendar import properties as p
from trueup.jobs.calendar.item import RANGE
from trueup.jobs.calendar.normal import normal_trigger
from trueup.jobs.calendar.times import parse_moment
from trueup.jobs.calendar.zones import NO_ZONES
from trueup.model.errors import ItemRefused
from trueup.model.fields import FieldKey

_NAMES = {
    p.WHEN: "time", "SUMMARY": "title", "LOCATION": "location", "DESCRIPTION": "description", "STATUS": "status", "TRANSP": "busy or free",
    "CLASS": "privacy", "PRIORITY": "priority", "URL": "link", "GEO": "coordinates", "ORGANIZER": "organizer", "COLOR": "colour",
    "COMPLETED": "completed", "PERCENT-COMPLETE": "progress", "ATTACH": "attachment", "COMMENT": "comment", "CONTACT": "contact",
    "RELATED-TO": "related item", "REQUEST-STATUS": "request status", "IMAGE": "image", "CONFERENCE": "conference",
}  # fmt: skip
_LISTS = {"CATEGORIES": "category", "RESOURCES": "resource", "ATTENDEE": "attendee"}
_DATES = {"EXDATE": "left-out date", "RDATE": "extra date"}


def label(key: FieldKey) -> str:
    """The field's name for people: "title", "alarm 15 minutes before", "Mon 16 Nov 2026: location", "property X-FOO"."""
    name = _label(key)
    if not key.part:
        return name or "the whole item"
    part = _part(key.part)
    return f"{part}: {name}" if name else part


def _part(part: str) -> str:
    moment = _moment(part.removesuffix(RANGE))
    return f"{moment} and later" if part.endswith(RANGE) else moment


def _moment(instant: str) -> str:
    """An instant of a key: the day, with the hour where a day depends on where one is."""
    try:
        return parse_moment(instant, "", NO_ZONES).shown()
    except ItemRefused:
        return instant.partition("[")[0]


def _label(key: FieldKey) -> str:
    name, member = key.name, key.member
    if not name:
        return ""
    if name in _LISTS:
        return f"{_LISTS[name]} {member}"
    if name in _DATES:
        return f"{_DATES[name]} {'–'.join(_moment(one) for one in member.split('/'))}"
    if name == "ALARM":
        return _alarm(member)
    return _NAMES.get(name) or f"property {name.removeprefix(p.CALENDAR_PREFIX)}"


def _alarm(member: str) -> str:
    """An alarm by its identity: what it does and when, unless it has a name of its own that says nothing to people."""
    if member.startswith("uid:"):
        return "alarm"
    when = member.partition(" ")[2].partition(" #")[0]
    related, _, value = when.rpartition(":")
    return f"alarm {normal_trigger((('RELATED', ('END',)),) if 'RELATED=END' in related else (), value, NO_ZONES)[1]}"
