"""One glance: key, title, start; and what is refused, with the reason."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from tests.unit.calendar.bodies import BERLIN, body, event, hostile, item, office
from trueup.jobs.calendar.filter import CalendarFilter
from trueup.jobs.calendar.kind import CalendarKind
from trueup.jobs.calendar.overlap import Booked, overlaps
from trueup.jobs.calendar.transform import CalendarTransform
from trueup.model.capabilities import Capabilities
from trueup.model.errors import ItemRefused
from trueup.model.items import Glance

KIND = CalendarKind()
NOW = 1_794_819_600.0  # Mon 16 Nov 2026 09:00 UTC


@pytest.mark.parametrize(
    ("data", "title", "starts"),
    [
        (item("SUMMARY:Tea\\, then\\ncake"), "Tea, then cake", "Mon 16 Nov 2026 09:00 UTC"),
        (
            item("SUMMARY:x", start="DTSTART;TZID=Europe/Berlin:20261116T090000"),
            "x",
            "Mon 16 Nov 2026 09:00 Europe/Berlin",
        ),
        (item(start="DTSTART;TZID=W. Europe Standard Time:20261116T090000"), "", "Mon 16 Nov 2026 09:00 Europe/Berlin"),
        (item("SUMMARY:x", start="DTSTART;VALUE=DATE:20261116"), "x", "Mon 16 Nov 2026"),
        (item("SUMMARY:x", start="DTSTART:20261116T090000"), "x", "Mon 16 Nov 2026 09:00"),
        (item("SUMMARY:x", "DUE:20261116T090000Z", start="", kind="VTODO"), "x", "due Mon 16 Nov 2026 09:00 UTC"),
        (item("SUMMARY:x", start="", kind="VJOURNAL"), "x", ""),
        (item("SUMMARY:lost", "RECURRENCE-ID:20261116T090000Z"), "lost", "Mon 16 Nov 2026 09:00 UTC"),
        (b"\xef\xbb\xbf" + item("SUMMARY:with a mark"), "with a mark", "Mon 16 Nov 2026 09:00 UTC"),
        (body(event("SUMMARY:x"), around="METHOD:PUBLISH\n"), "x", "Mon 16 Nov 2026 09:00 UTC"),
    ],
)
def test_key_title_and_start(data: bytes, title: str, starts: str) -> None:
    assert KIND.glance(data) == Glance("one@example.com", title, starts)


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "empty", "empty"),
        (b"<!DOCTYPE html><html><body>Log in</body></html>", "not-icalendar", "web page"),
        (b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ana\r\nEND:VCARD\r\n", "not-icalendar", "vCard"),
        (b'{"error": "no"}', "not-icalendar", "JSON"),
        (event("SUMMARY:x").encode(), "not-icalendar", "VCALENDAR around"),
        (b"PK\x03\x04", "not-icalendar", "BEGIN:VCALENDAR"),
        (item("SUMMARY:x")[:-20], "truncated", "never closed"),
        (item("SUMMARY:x").replace(b"UID:one@example.com\r\n", b""), "no-uid", "no UID"),
        (item("SUMMARY:x", uid=" "), "no-uid", "no UID"),
        (body(event("SUMMARY:A"), event(uid="two")), "two-uids", "2 items with different UIDs"),
        (body(event("SUMMARY:A"), event()), "two-masters", "no RECURRENCE-ID"),
        (body(event("SUMMARY:A"), event(kind="VTODO")), "mixed", "VEVENT and VTODO"),
        (body(event("SUMMARY:A"), around="METHOD:REQUEST\n"), "method", "METHOD:REQUEST"),
        (body(zone=BERLIN.format(name="X")), "no-component", "time zone"),
        (body(), "no-component", "empty"),
        (body("BEGIN:VFREEBUSY\nUID:a\nEND:VFREEBUSY\n"), "component", "free/busy"),
        (item("SUMMARY:a\x00b"), "nul", "NUL"),
        (item("SUMMARY:A", start=""), "time", "no DTSTART"),
        (item(start="DTSTART:"), "time", "no DTSTART"),
        (item(start="DTSTART:tomorrow"), "time", "'tomorrow'"),
        (item(start="DTSTART:20260230T090000Z"), "time", "20260230"),
        (item("RECURRENCE-ID:soon"), "time", "'soon'"),
        (item() + item(), "not-icalendar", "2 objects"),
    ],
)
def test_what_is_no_item_is_refused_with_the_reason(data: bytes, code: str, words: str) -> None:
    with pytest.raises(ItemRefused) as caught:
        KIND.glance(data)
    assert caught.value.code == code
    assert words in str(caught.value)


def test_a_refusal_names_the_event() -> None:
    with pytest.raises(ItemRefused, match="“Board meeting”"):
        KIND.glance(body(event("SUMMARY:Board meeting"), event(uid="two")))


def test_the_office_can_be_glanced_at() -> None:
    titles = [KIND.glance(path.read_bytes()).title for path in office()]
    assert len(titles) > 300
    assert "Produktrunde" in titles


@pytest.mark.parametrize("path", hostile(), ids=lambda path: path.stem)
def test_hostile_bodies_are_handled_or_refused_in_little_time(path: Path) -> None:
    data = path.read_bytes()
    work = (
        lambda: KIND.glance(data),
        lambda: [KIND.label(key) for key in KIND.fields(data)],
        lambda: KIND.meaning(data),
        lambda: KIND.modified(data),
        lambda: KIND.fields(KIND.with_uid(data, "new;uid")),
        lambda: KIND.fields(KIND.retitled(data, " (copy)")),
        lambda: KIND.storable(data, Capabilities(schedules=True), invite=False),
        lambda: KIND.may_change(data, None, Capabilities(schedules=True), invite=False),
        lambda: KIND.fields(CalendarTransform.from_options({"only": "busy"}).apply(data)),
        lambda: CalendarFilter.from_options({"window": {"past": 86400, "future": 63e6}}).verdict(data, NOW),
        lambda: CalendarFilter.from_options({"window": {"past": 86400}}).verdict(data, NOW),
        lambda: overlaps([Booked("a", "1", data)], NOW, NOW + 8e6),
    )
    began = time.process_time()
    for one in work:
        with contextlib.suppress(ItemRefused):
            one()
    assert time.process_time() - began < 10
