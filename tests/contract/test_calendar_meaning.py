"""What real servers make of the example office is no difference, but for what they are known to lose."""

from __future__ import annotations

import pytest

from tests.support.servers import Cyrus, DavServer, MakeCalendar, Radicale, Xandikos
from tests.unit.calendar.bodies import office
from trueup.core.merge import diff
from trueup.jobs.calendar.kind import CalendarKind

KIND = CalendarKind()

# Both take a day for 24 hours, which moves the end of an event across a change of the clock. vobject, which Radicale writes
# with, cuts a URI behind its first comma; icalendar, which Xandikos writes with, makes one resource of two.
BOTH = {"duration-24-hours": {"WHEN"}}
RADICALE = {
    "alarm-proximity": {"ALARM"},
    "conference": {"CONFERENCE"},
    "structured-location": {"X-APPLE-STRUCTURED-LOCATION"},
}
# Cyrus wants events to last, parts categories at escaped commas, and drops what it does not know.
CYRUS = {
    "no-end": {"refused"},
    "zero-duration": {"refused"},
    "structured-location": {"refused"},  # for a property without a value
    "categories-in-lines": {"CATEGORIES"},
    "unknown-properties": {"STYLED-DESCRIPTION", "FOO-BAR"},
}
XANDIKOS = {"contact-and-comments": {"RESOURCES"}}


def stored_differently(server: DavServer, calendar: str) -> dict[str, set[str]]:
    """The fields that differ after the server stored them, by example."""
    dav = server.dav()
    result: dict[str, set[str]] = {}
    taken: set[str] = set()
    for path in office():
        data = path.read_bytes()
        uid = KIND.glance(data).uid
        if uid in taken or (b"BEGIN:VJOURNAL" in data and not isinstance(server, Radicale)):  # the others take none
            continue
        taken.add(uid)
        href = f"{calendar}{len(taken)}.ics"
        if dav.put(href, data.decode()).expect(201, 204, 403).status == 403:
            result[path.stem] = {"refused"}
            continue
        body = dav.get(href).body
        held = body.encode() if isinstance(body, str) else body
        changed = diff(KIND.fields(data), KIND.fields(held))
        assert KIND.same(data, held) is not bool(changed)
        if changed:
            result[path.stem] = {key.name for key in changed}
    return result


@pytest.mark.slow
def test_radicale(radicale: Radicale, calendar_url: MakeCalendar) -> None:
    assert stored_differently(radicale, calendar_url(radicale)) == BOTH | RADICALE


@pytest.mark.slow
def test_xandikos(xandikos: Xandikos, calendar_url: MakeCalendar) -> None:
    assert stored_differently(xandikos, calendar_url(xandikos)) == BOTH | XANDIKOS


@pytest.mark.slow
def test_cyrus(cyrus: Cyrus, calendar_url: MakeCalendar) -> None:
    assert stored_differently(cyrus, calendar_url(cyrus)) == CYRUS
