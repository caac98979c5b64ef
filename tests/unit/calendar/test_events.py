"""Events for schedules: named once and for all, whatever is moved."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trueup.jobs.calendar.events import events
from trueup.model.errors import ItemRefused
from trueup.model.occurrence import Event

HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test\r\n"
SERIES = "DTSTART;TZID=Europe/Berlin:20261123T090000\nDTEND;TZID=Europe/Berlin:20261123T100000\nRRULE:FREQ=DAILY;COUNT=5\nSUMMARY:Close"


def body(*parts: str, uid: str = "u") -> bytes:
    made = [
        f"BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20260101T000000Z\n{part}\nEND:VEVENT\n".replace("\n", "\r\n")
        for part in parts
    ]
    return (HEAD + "".join(made) + "END:VCALENDAR\r\n").encode()


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def found(*parts: str, first: str = "2026-11-01", last: str = "2026-12-31") -> list[Event]:
    return events(body(*parts), at(first), at(last))


def starts(listed: list[Event]) -> dict[str, str]:
    return {one.key: datetime.fromtimestamp(one.start, UTC).strftime("%d %H:%M") for one in listed}


def test_a_single_event() -> None:
    (one,) = found(
        "DTSTART;TZID=America/New_York:20261126T090000\nDURATION:PT90M\nSUMMARY:Close\\, now\nDESCRIPTION:a: 1\\nb: 2\nCATEGORIES:x,y\nCATEGORIES:z"
    )
    assert one == Event(
        "u", at("2026-11-26T14:00"), at("2026-11-26T15:30"), False, "Close, now", "a: 1\nb: 2", ("x", "y", "z")
    )


def test_a_moved_event_keeps_its_key() -> None:
    assert starts(found("DTSTART:20261126T090000Z")) == {"u": "26 09:00"}
    assert starts(found("DTSTART:20261127T110000Z")) == {"u": "27 11:00"}


def test_an_all_day_event_is_local() -> None:
    (one,) = found("DTSTART;VALUE=DATE:20261126\nDTEND;VALUE=DATE:20261128")
    assert (one.local, one.start, one.end) == (True, at("2026-11-26"), at("2026-11-28"))


def test_a_series() -> None:
    assert starts(found(SERIES)) == {f"u#202611{day}T080000Z": f"{day} 08:00" for day in range(23, 28)}


def test_exceptions_of_a_series() -> None:
    moved = (
        "RECURRENCE-ID;TZID=Europe/Berlin:20261125T090000\nDTSTART;TZID=Europe/Berlin:20261125T110000\nDURATION:PT1H"
    )
    off = (
        "RECURRENCE-ID;TZID=Europe/Berlin:20261126T090000\nDTSTART;TZID=Europe/Berlin:20261126T090000\nSTATUS:CANCELLED"
    )
    listed = found(SERIES + "\nEXDATE;TZID=Europe/Berlin:20261124T090000", moved, off)
    assert starts(listed) == {
        "u#20261123T080000Z": "23 08:00",
        "u#20261125T080000Z": "25 10:00",
        "u#20261127T080000Z": "27 08:00",
    }


@pytest.mark.parametrize("first", ["2026-11-01", "2026-11-26"])
def test_this_and_all_that_follow_keep_their_places(first: str) -> None:
    later = "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261125T090000\nDTSTART;TZID=Europe/Berlin:20261125T103000\nDURATION:PT1H"
    listed = starts(found(SERIES, later, first=first))
    assert {key: one for key, one in listed.items() if key >= "u#20261126"} == {
        "u#20261126T080000Z": "26 09:30",
        "u#20261127T080000Z": "27 09:30",
    }


def test_over_a_change_of_the_clock() -> None:
    series = "DTSTART;TZID=America/New_York:20261030T090000\nRRULE:FREQ=DAILY;COUNT=4"
    assert starts(found(series, first="2026-10-01")) == {
        "u#20261030T130000Z": "30 13:00",
        "u#20261031T130000Z": "31 13:00",
        "u#20261101T140000Z": "01 14:00",
        "u#20261102T140000Z": "02 14:00",
    }


def test_cancelled_events_and_tasks_start_nothing() -> None:
    assert found("DTSTART:20261126T090000Z\nSTATUS:CANCELLED") == []
    task = body("DTSTART:20261126T090000Z").replace(b"VEVENT", b"VTODO")
    assert events(task, at("2026-11-01"), at("2026-12-31")) == []


def test_only_what_is_in_the_window() -> None:
    assert starts(found(SERIES, first="2026-11-25", last="2026-11-27")) == {
        "u#20261125T080000Z": "25 08:00",
        "u#20261126T080000Z": "26 08:00",
    }
    day = "DTSTART;VALUE=DATE:20261126"
    assert len(found(day, first="2026-11-27T10:00", last="2026-11-28")) == 1  # it may still be that day somewhere
    assert found(day, first="2026-11-28T10:00", last="2026-11-29") == []


def test_an_instance_somebody_was_sent_alone() -> None:
    alone = "RECURRENCE-ID:20261126T090000Z\nDTSTART:20261126T110000Z"
    assert starts(found(alone)) == {"u#20261126T090000Z": "26 11:00"}


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(ItemRefused):
        events(b"<html>", 0, 1)
    with pytest.raises(ItemRefused, match="cannot be handled"):
        found("DTSTART:20261126T090000Z\nRRULE:FREQ=SECONDLY")
