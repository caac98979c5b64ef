"""Calendars of stores, followed: what changed is fetched, and what cannot be read or understood changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag

import pytest

from trueup.calendars import StoreCalendars, read_block
from trueup.connectors.vdir import CONNECTOR
from trueup.core.agenda import Reading
from trueup.model.errors import Transient
from trueup.model.ports import Store
from trueup.model.schedule import CalendarSource

NOW = 1_795_651_200.0  # 26 November 2026, midnight UTC
DAY = 86_400.0
OPS = CalendarSource("work", "ops", refresh=60.0)


class World:
    """A folder of calendars, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "ops"
        self.folder.mkdir(parents=True)
        self.now = NOW
        self.away = False
        self.news = Flag()
        self._store = CONNECTOR.open("work", {"path": folder})
        self.calendars = StoreCalendars(self.store, lambda: self.now, self.news.set)

    def store(self, name: str) -> Store:
        if self.away:
            raise Transient("no route to the server")
        return self._store

    def put(self, name: str, start: str, more: str = "") -> None:
        event = (
            f"BEGIN:VEVENT\nUID:{name}\nDTSTAMP:20260101T000000Z\nDTSTART:{start}\n{more}SUMMARY:{name}\nEND:VEVENT\n"
        )
        text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{event}END:VCALENDAR\n"
        (self.folder / f"{name}.ics").write_bytes(text.replace("\n", "\r\n").encode())

    def read(self, source: CalendarSource = OPS) -> Reading:
        return self.calendars.read(source, self.now, self.now + 7 * DAY)

    def names(self, source: CalendarSource = OPS) -> list[str]:
        return sorted(one.key for one in self.read(source).events)

    def later(self, seconds: float = 60.0) -> None:
        """Time for another look, which goes on in the background; waits for its news."""
        self.now += seconds
        self.news.clear()
        self.read()
        self.news.wait(10)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.calendars.close()


def test_what_changed_is_seen_when_it_is_time_for_a_look(world: World) -> None:
    world.put("a", "20261127T100000Z")
    world.put("b", "20261127T110000Z")
    assert world.names() == ["a", "b"]
    (world.folder / "a.ics").unlink()
    world.put("c", "20261127T120000Z")
    world.now += 59
    assert world.names() == ["a", "b"]
    world.later(1)
    assert world.names() == ["b", "c"]
    assert world.read().at == NOW + 60


def test_a_look_without_news_says_nothing(world: World) -> None:
    world.put("a", "20261127T100000Z")
    world.read()
    world.now += 60
    world.read()
    world.calendars.close()
    assert not world.news.is_set()


def test_only_what_fits_and_what_is_in_the_window(world: World) -> None:
    world.put("a", "20261127T100000Z", "CATEGORIES:x\n")
    world.put("b", "20261127T100000Z")
    world.put("far", "20271127T100000Z", "CATEGORIES:x\n")
    assert world.names(CalendarSource("work", "ops", ("X",))) == ["a"]
    assert world.names(CalendarSource("work", "ops", title="^b$")) == ["b"]
    series = "RRULE:FREQ=DAILY\n"
    world.put("s", "20261101T100000Z", series)
    world.later()
    # A day more on both sides: the schedule takes what is in its window.
    assert [key for key in world.names() if key.startswith("s#")][::8] == ["s#20261125T100000Z", "s#20261203T100000Z"]
    world.now += 30 * DAY
    assert any(key.startswith("s#202612") for key in world.names())


def test_a_calendar_that_is_away_at_first_has_a_problem_and_comes_back(world: World) -> None:
    world.put("a", "20261127T100000Z")
    world.away = True
    reading = world.read()
    assert (reading.at, reading.events) == (0.0, ())
    assert "no route" in reading.problem
    world.away = False
    world.later()
    assert world.names() == ["a"]
    assert world.read().problem == ""


def test_one_that_goes_away_keeps_its_events_and_says_so(world: World) -> None:
    world.put("a", "20261127T100000Z")
    world.read()
    (world.folder / "a.ics").unlink()
    world.folder.rmdir()
    world.later()
    reading = world.read()
    assert [one.key for one in reading.events] == ["a"]
    assert "cannot be read" in reading.problem
    assert reading.at == NOW


def test_one_that_is_not_there(world: World) -> None:
    assert "has no calendar 'other'" in world.read(CalendarSource("work", "other")).problem


def test_an_item_that_cannot_be_understood_is_named_and_the_others_count(world: World) -> None:
    world.put("a", "20261127T100000Z")
    world.put("bad", "20261127T100000Z", "RRULE:FREQ=SECONDLY\n")
    reading = world.read()
    assert [one.key for one in reading.events] == ["a"]
    assert "bad" in reading.refused[0]
    assert reading.kept == {"bad"}


def test_a_block_is_yaml_and_so_json() -> None:
    assert read_block("a: 1\nb: [x, y]") == {"a": 1, "b": ["x", "y"]}
    assert read_block('{"a": {"b": null}}') == {"a": {"b": None}}
    for bad in ("- a", "a: [", "a: !!python/object x", ""):
        with pytest.raises(ValueError, match=r"."):
            read_block(bad)
