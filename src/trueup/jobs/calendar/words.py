"""The words a transform understands for what an event has, and the properties behind each."""

from __future__ import annotations

from trueup.model.errors import ConfigError

PARTS: dict[str, frozenset[str]] = {
    "title": frozenset({"SUMMARY"}),
    "attendees": frozenset({"ATTENDEE", "ORGANIZER", "REQUEST-STATUS", "PARTICIPANT"}),
    "organizer": frozenset({"ORGANIZER"}),
    "alarms": frozenset({"VALARM", "X-APPLE-DEFAULT-ALARM", "X-MOZ-LASTACK", "X-MOZ-SNOOZE-TIME"}),
    "description": frozenset({"DESCRIPTION", "STYLED-DESCRIPTION", "X-ALT-DESC", "STRUCTURED-DATA"}),
    "location": frozenset({"LOCATION", "GEO", "VLOCATION", "X-APPLE-STRUCTURED-LOCATION", "X-MICROSOFT-LOCATIONS"}),
    "attachments": frozenset({"ATTACH", "IMAGE"}),
    "categories": frozenset({"CATEGORIES"}),
    "comments": frozenset({"COMMENT"}),
    "contacts": frozenset({"CONTACT"}),
    "conference": frozenset(
        {"CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MS-OLK-CONFTYPE", "X-MICROSOFT-SKYPETEAMSMEETINGURL"}
    ),
    "link": frozenset({"URL", "LINK"}),
    "priority": frozenset({"PRIORITY"}),
    "privacy": frozenset({"CLASS"}),
    "colour": frozenset({"COLOR"}),
    "resources": frozenset({"RESOURCES", "VRESOURCE"}),
    "related": frozenset({"RELATED-TO", "REFID", "CONCEPT"}),
    "vendor": frozenset(),  # everything whose name begins with X-
}
_ALSO = {"attachment": "attachments", "alarm": "alarms", "attendee": "attendees", "url": "link", "color": "colour", "comment": "comments",
         "reminders": "alarms", "notes": "description", "place": "location", "class": "privacy", "summary": "title"}  # fmt: skip


def properties_of(words: list[str], where: str) -> tuple[frozenset[str], bool]:
    """The properties behind these words, and whether vendor properties (X-…) are meant too.

    Args:
        words: as configured; a property's own name ("X-FOO", "GEO") in capitals is taken as it is.
        where: the setting they come from, for the error.

    Raises:
        ConfigError: a word nobody knows.
    """
    found: set[str] = set()
    vendor = False
    for word in words:
        known = PARTS.get(_ALSO.get(word.lower(), word.lower()))
        if known is not None:
            found |= known
            vendor |= word.lower() == "vendor"
        elif word.isupper():
            found.add(word)
        else:
            raise ConfigError(
                f"`{word}` is nothing an event has",
                where=where,
                hint=f"known are: {', '.join(sorted(PARTS))}; or a property's name in capitals",
            )
    return frozenset(found), vendor
