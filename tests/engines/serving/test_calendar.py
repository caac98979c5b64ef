"""Pipelines that a calendar on a real server drives."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.engines.serving.office import Office, office
from tests.support.servers import Dav, PostgreSQL, Radicale
from trueup.app import App
from trueup.model.occurrence import OccurrenceRecord

pytestmark = pytest.mark.slow

CLOSE = """
  close:
    params: {what: {}, seconds: {type: number, default: 0.0}}
    steps: {a: {python: "steps:note", with: {what: "${params.what}", seconds: "${params.seconds}"}}}
    schedule:
      calendar: {store: work, name: CALENDAR, categories: closing, refresh: 1s}
      zone: Europe/Berlin
"""


class Calendar:
    """A calendar on the server, written to without trueup."""

    def __init__(self, dav: Dav, url: str) -> None:
        self.dav, self.url = dav, url
        self.name = url.rstrip("/").rsplit("/", 1)[-1]

    def put(self, name: str, *events: str, category: str = "closing") -> None:
        parts = "".join(
            f"BEGIN:VEVENT\r\nUID:{name}\r\nDTSTAMP:{stamp(datetime.now(UTC))}\r\nCATEGORIES:{category}\r\n{one}\r\nEND:VEVENT\r\n"
            for one in events
        )
        body = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//people//EN\r\n{parts}END:VCALENDAR\r\n"
        self.dav.put(f"{self.url}{name}.ics", body).expect(200, 201, 204)

    def delete(self, name: str) -> None:
        self.dav.delete(f"{self.url}{name}.ics").expect(200, 204)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")


def soon(seconds: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)


def single(start: datetime, description: str, minutes: int = 5) -> str:
    end = start + timedelta(minutes=minutes)
    return f"SUMMARY:Close\r\nDTSTART:{stamp(start)}\r\nDTEND:{stamp(end)}\r\nDESCRIPTION:{description}"


@pytest.fixture
def calendar(radicale: Radicale, calendar_url: Callable[[Radicale], str]) -> Calendar:
    return Calendar(radicale.dav(), calendar_url(radicale))


def stores(radicale: Radicale, more: str = "") -> str:
    return f'  work: {{connector: caldav, url: "{radicale.url}", username: {radicale.login}, password: any}}\n{more}'


def wanted(place: Office) -> list[tuple[str, str]]:
    """(key, what) of what is to come, as `trueup schedule` says."""
    found = place.trueup("schedule", "close")["occurrences"]
    return [(one["key"], one["params"].get("what", "")) for one in found]


def test_an_event_starts_it_with_its_parameters_and_where_it_is_moved_to(
    tmp_path: Path, radicale: Radicale, calendar: Calendar
) -> None:
    calendar.put("first", single(soon(12), "For Ana.\\nwhat: first\\nseconds: 0.1"))
    calendar.put("gone", single(soon(3600), "what: gone"))
    calendar.put("moved", single(soon(7200), "what: moved"))
    calendar.put("other", single(soon(12), "what: other"), category="party")
    with office(tmp_path, CLOSE.replace("CALENDAR", calendar.name), stores(radicale)) as place:
        serve = place.serve()
        serve.wait(event="occurrence", state="wanted", subject="close", key="moved")
        calendar.delete("gone")
        calendar.put("moved", single(soon(10), "what: moved"))
        serve.wait(event="occurrence", state="withdrawn", key="gone")
        serve.wait(event="occurrence", state="moved", key="moved")
        serve.wait(event="run", state="ended", key="first", outcome="done")
        serve.wait(event="run", state="ended", key="moved", outcome="done")
        calendar.put("moved", single(soon(4), "what: moved again"))  # it ran: moving it is not another one
        calendar.put("late", single(soon(-4), "what: late"))  # and this one began before it was written down
        serve.wait(event="run", state="ended", key="late", outcome="done")
        time.sleep(6)
        assert serve.stop() == 0
        assert sorted(place.notes("end")) == ["end first", "end late", "end moved"]


def test_a_series_counts_with_its_exceptions(tmp_path: Path, radicale: Radicale, calendar: Calendar) -> None:
    start = soon(0) - timedelta(days=1, hours=-2)  # yesterday; today's instance is in two hours
    today = start + timedelta(days=1)
    tomorrow, third, fourth = (start + timedelta(days=number) for number in (2, 3, 4))
    master = single(start, "what: series") + f"\r\nRRULE:FREQ=DAILY;COUNT=5\r\nEXDATE:{stamp(tomorrow)}"
    early = single(soon(10), "what: early") + f"\r\nRECURRENCE-ID:{stamp(today)}"
    off = single(third, "what: off") + f"\r\nRECURRENCE-ID:{stamp(third)}\r\nSTATUS:CANCELLED"
    calendar.put("daily", master, early, off)
    with office(tmp_path, CLOSE.replace("CALENDAR", calendar.name), stores(radicale)) as place:
        assert wanted(place) == [(f"daily#{stamp(today)}", "early"), (f"daily#{stamp(fourth)}", "series")]
        serve = place.serve()
        serve.wait(event="run", state="ended", key=f"daily#{stamp(today)}", outcome="done")
        assert serve.stop() == 0
        assert place.notes("end") == ["end early"]


def test_parameters_that_do_not_fit_are_told_at_once_and_start_nothing(
    tmp_path: Path, radicale: Radicale, calendar: Calendar
) -> None:
    calendar.put("bad", single(soon(8), "what: x\\nseconds: soon"))
    calendar.put("slip", single(soon(3600), "whatt: x"))
    with office(tmp_path, CLOSE.replace("CALENDAR", calendar.name), stores(radicale)) as place:
        serve = place.serve()
        (refused,) = serve.wait(event="occurrence", state="refused", key="bad")
        assert "seconds" in refused["note"]
        assert "did you mean `what`?" in serve.wait(event="occurrence", state="refused", key="slip")[0]["note"]
        serve.wait(event="occurrence", state="skipped", key="bad")
        calendar.put("slip", single(soon(4), "what: mended"))
        serve.wait(event="run", state="ended", key="slip", outcome="done")
        assert place.notes("end") == ["end mended"]


def test_what_was_missed_of_a_calendar(tmp_path: Path, radicale: Radicale, calendar: Calendar) -> None:
    for number in range(3):
        calendar.put(f"e{number}", single(soon(1800 + 300 * number), f"what: e{number}", minutes=1))
    pipelines = CLOSE.replace("CALENDAR", calendar.name) + "      catch_up: all\n"
    with office(tmp_path, pipelines, stores(radicale)) as place:
        serve = place.serve()
        serve.wait(event="occurrence", state="wanted", key="e2")
        serve.process.kill()
        later = place.serve_later(3 * 3600.0)
        later.wait(event="run", state="ended", subject="close", outcome="done", count=3)
        assert later.stop() == 0
        assert place.notes("end") == ["end e0", "end e1", "end e2"]


def test_a_calendar_that_is_away_changes_nothing(tmp_path: Path) -> None:
    with Radicale() as server:
        calendar = Calendar(server.dav(), server.make_calendar("ops"))
        calendar.put("e", single(soon(3600), "what: e"))
        with office(tmp_path, CLOSE.replace("CALENDAR", calendar.name), stores(server)) as place:
            serve = place.serve()
            serve.wait(event="occurrence", state="wanted", key="e")
            server.stop()
            (trouble,) = serve.wait(event="calendar", subject="close")
            assert "cannot be read" in trouble["problem"]
            serve.stop()
            later = place.serve_later(3600.0)  # it is not there at the start either: the ledger knows
            later.wait(event="run", state="ended", key="e", outcome="done")
            assert not later.told(state="withdrawn")
            server.start()
            later.wait(event="calendar", subject="close", problem="")


def test_a_person_is_asked_where_two_would_meet(tmp_path: Path, radicale: Radicale, calendar: Calendar) -> None:
    calendar.put("long", single(soon(8), "what: long\\nseconds: 1"))
    calendar.put("second", single(soon(9), "what: second"))
    pipelines = CLOSE.replace("CALENDAR", calendar.name) + "      collide: ask\n      overlap: queue\n"
    with office(tmp_path, pipelines, stores(radicale)) as place:
        assert [one["asks"] for one in place.trueup("schedule", "close")["occurrences"]] == ["", "close (“Close”)"]
        serve = place.serve()
        (asked,) = serve.wait(event="occurrence", state="asked", key="second")
        serve.wait(event="run", state="ended", key="long", outcome="done")
        waiting = [run for run, state in place.runs("close") if state == "awaiting_approval"]
        assert len(waiting) == 1
        assert waiting[0] in asked["note"]
        assert place.notes("end") == ["end long"]
        assert occurrence(place, "close", "second").state == "asked"
        place.trueup("apply", waiting[0])
        assert place.notes("end") == ["end long", "end second"]
        answered = occurrence(place, "close", "second")
        assert (answered.state, answered.outcome, answered.run) == ("fired", "done", waiting[0])


def occurrence(place: Office, subject: str, key: str) -> OccurrenceRecord:
    """What the ledger has of an occurrence."""
    with App.load(place.folder / "trueup.yaml") as app:
        found = app.ledger.occurrences.get(subject, key)
    assert found is not None
    return found


def test_events_that_overlap_are_moved_behind_each_other(
    tmp_path: Path, radicale: Radicale, calendar: Calendar
) -> None:
    first = soon(3600)
    calendar.put("a", single(first, "what: a", minutes=30))
    calendar.put("b", single(first + timedelta(minutes=10), "what: b", minutes=30))
    calendar.put("c", single(first + timedelta(minutes=70), "what: c"))
    pipelines = CLOSE.replace("CALENDAR", calendar.name) + "      collide: shift\n"
    with office(tmp_path, pipelines, stores(radicale)) as place:
        found = place.trueup("schedule", "close")["occurrences"]
        starts = [(one["key"], (one["at"] - first.timestamp()) / 60) for one in found]
        assert starts == [("a", 0), ("b", 30), ("c", 70)]
        assert found[1]["note"] == "moved to the end of close (“Close”)"


def test_on_postgresql_while_the_ledger_is_restarted(tmp_path: Path) -> None:
    if not PostgreSQL.available():
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    pipelines = """
  tick:
    steps: {a: {python: "steps:note", with: {what: tick}}}
    schedule: {every: 2s, overlap: queue, catch_up: all}
"""
    with PostgreSQL() as database:
        ledger = f"ledger: {database.make_database()}\n"
        with office(tmp_path, pipelines, ledger=ledger) as place:
            one, two = place.serve(), place.serve()
            place.wait_for(lambda: one.told(state="leading") or two.told(state="leading"))
            leader, other = (one, two) if one.told(state="leading") else (two, one)
            leader.wait(event="run", state="ended", subject="tick", outcome="done", count=2)
            database.stop()
            place.wait_for(lambda: leader.told(state="trouble") or other.told(state="trouble"))
            database.start()
            before = len(place.notes("end"))
            place.wait_for(lambda: len(place.notes("end")) >= before + 3)
            for serve in (one, two):
                assert serve.stop() == 0
            started = [
                each["key"]
                for serve in (one, two)
                for each in serve.told(event="run", state="started")
                if not each.get("resumed")
            ]
            assert len(started) == len(set(started))
            states = dict(place.runs("tick"))
            assert (
                len(place.notes("begin")) - len(states) <= 1
            )  # one may have been cut off by the restart, and begun again
