"""What the ledger wants is kept the same as what the configuration and the calendars say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.core.agenda import Agenda, Reading, Subject
from trueup.core.collisions import Party
from trueup.core.ledger import Ledger, open_ledger
from trueup.model.occurrence import Event, Occurrence, OccurrenceState
from trueup.model.pipeline import ParamSpec, ParamType, PipelineSpec
from trueup.model.schedule import CalendarSource, CatchUp, Collide, ExceptSpec, ScheduleSpec

NOW = 1_800_000_000.0
HOUR = 3600.0
OPS = CalendarSource("work", "ops", refresh=10.0)
LEEWAY = 70.0


class Calendars:
    """Calendars whose events are set here."""

    def __init__(self) -> None:
        self.events: dict[str, list[Event]] = {}
        self.problem: dict[str, str] = {}
        self.kept: tuple[str, ...] = ()
        self.at = NOW

    def read(self, source: CalendarSource, first: float, last: float) -> Reading:
        name = str(source)
        if name in self.problem:
            return Reading(problem=self.problem[name])
        found = [one for one in self.events.get(name, []) if one.start <= last and one.end >= first]
        return Reading(found, self.at, refused=("refused",) if self.kept else (), kept=self.kept)


class World:
    """An agenda on a ledger, and what it told."""

    def __init__(self, ledger: Ledger) -> None:
        self.known = ledger.occurrences
        self.calendars = Calendars()
        self.told: list[dict[str, Any]] = []
        self.agenda = Agenda(self.known, self.calendars, self.told.append)

    def check(
        self, *subjects: Subject, now: float = NOW, running: tuple[tuple[str, Occurrence], ...] = ()
    ) -> list[str]:
        """Compares; returns what was told, as "state key"."""
        self.told.clear()
        self.calendars.at = now
        self.agenda.check(subjects, now, running)
        return [f"{one.get('state', 'calendar')} {one.get('key', one.get('problem'))}" for one in self.told]

    def wanted(self) -> dict[str, float]:
        return {one.key: one.at for one in self.known.wanted()}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_ledger(str(tmp_path / "ledger.db")) as ledger:
        yield World(ledger)


CLOSE = PipelineSpec("close", (), (ParamSpec("days", ParamType.INTEGER, False, 3),))


def by_calendar(name: str = "close", **more: Any) -> Subject:
    return Subject(
        name,
        ScheduleSpec(calendar=OPS, **more),
        (),
        CLOSE,
        Party(frozenset({"job/team"}), more.get("collide", Collide.QUEUE)),
    )


def event(key: str, at: float, length: float = HOUR, description: str = "") -> Event:
    return Event(key, at, at + length, title=f"title of {key}", description=description)


def test_an_event_that_is_moved_moves_its_run_and_one_that_is_deleted_takes_it_back(world: World) -> None:
    world.calendars.events["work/ops"] = [event("a", NOW + HOUR), event("b", NOW + 2 * HOUR, description="days: 5")]
    assert world.check(by_calendar()) == ["wanted a", "wanted b"]
    assert world.wanted() == {"a": NOW + HOUR, "b": NOW + 2 * HOUR}
    assert [one.params for one in world.known.wanted()] == [{"days": 3}, {"days": 5}]
    assert world.check(by_calendar(), now=NOW + 60) == []
    world.calendars.events["work/ops"] = [event("a", NOW + 3 * HOUR)]
    assert sorted(world.check(by_calendar(), now=NOW + 120)) == ["moved a", "withdrawn b"]
    assert world.wanted() == {"a": NOW + 3 * HOUR}


def test_an_event_that_ran_and_is_moved_does_not_run_again(world: World) -> None:
    world.calendars.events["work/ops"] = [event("a", NOW + 10)]
    world.check(by_calendar())
    assert world.known.fire("close", "a")
    world.calendars.events["work/ops"] = [event("a", NOW + HOUR)]
    assert world.check(by_calendar(), now=NOW + 60) == []
    assert world.wanted() == {}


def test_an_event_written_down_for_the_past_starts_nothing_and_one_moved_there_is_told(world: World) -> None:
    world.check(by_calendar())
    world.calendars.events["work/ops"] = [event("old", NOW - HOUR), event("b", NOW + HOUR)]
    assert world.check(by_calendar(), now=NOW + 60) == ["wanted b"]
    for past in (NOW - HOUR, NOW - 30):
        world.calendars.events["work/ops"] = [event("b", past)]
        assert world.check(by_calendar(), now=NOW + 120) == ["withdrawn b"]
        assert world.wanted() == {}
        world.calendars.events["work/ops"] = [event("b", NOW + HOUR)]  # a slip of the mouse
        assert world.check(by_calendar(), now=NOW + 120) == ["wanted b"]


def test_an_event_that_began_since_the_last_look_is_due(world: World) -> None:
    world.check(by_calendar())
    world.calendars.events["work/ops"] = [event("late", NOW + 30)]
    assert world.check(by_calendar(), now=NOW + 60) == ["wanted late"]
    assert world.wanted() == {"late": NOW + 30}
    world.calendars.events["work/ops"] = [event("now", NOW + HOUR - 60), event("before", NOW + HOUR - 75)]
    world.check(by_calendar(), now=NOW + HOUR)
    world.calendars.events["work/ops"] += [
        event("written now", NOW + HOUR - 60),
        event("written before", NOW + HOUR - 75),
    ]
    world.check(by_calendar(), now=NOW + HOUR + 1)
    assert set(world.wanted()) == {"now", "before", "written now"}


def test_what_began_before_anybody_looked_starts_nothing(world: World) -> None:
    world.calendars.events["work/ops"] = [event("a", NOW - 5), event("b", NOW + 5)]
    assert world.check(by_calendar()) == ["wanted b"]
    assert world.check(by_calendar(), now=NOW + 3) == []
    assert world.check(by_calendar(paused=True), now=NOW + 4) == ["withdrawn b"]
    assert world.check(by_calendar(paused=True), now=NOW + 6) == []
    assert world.check(by_calendar(), now=NOW + 7) == []  # what began in the pause is not made up for


def test_a_calendar_that_cannot_be_read_changes_nothing_and_is_told_once(world: World) -> None:
    world.calendars.events["work/ops"] = [event("a", NOW + HOUR)]
    world.check(by_calendar())
    world.calendars.problem["work/ops"] = "no route"
    assert world.check(by_calendar(), now=NOW + 60) == ["calendar no route"]
    assert world.check(by_calendar(), now=NOW + 120) == []
    assert world.wanted() == {"a": NOW + HOUR}
    del world.calendars.problem["work/ops"]
    world.calendars.events["work/ops"].append(event("meanwhile", NOW + 90, 1.0))
    assert world.check(by_calendar(), now=NOW + 180) == ["calendar ", "wanted meanwhile"]


def test_of_an_item_that_cannot_be_understood_what_is_wanted_stays(world: World) -> None:
    world.calendars.events["work/ops"] = [event("a#1", NOW + HOUR), event("ab", NOW + HOUR)]
    world.check(by_calendar())
    world.calendars.events["work/ops"] = []
    world.calendars.kept = ("a",)
    assert "withdrawn ab" in world.check(by_calendar(), now=NOW + 60)
    assert set(world.wanted()) == {"a#1"}


def test_parameters_that_do_not_fit_are_told_at_once_and_start_nothing_until_mended(world: World) -> None:
    world.calendars.events["work/ops"] = [event("a", NOW + HOUR, description="days: soon")]
    assert world.check(by_calendar()) == ["refused a"]
    assert world.check(by_calendar(), now=NOW + 60) == []
    world.calendars.events["work/ops"] = [event("a", NOW + HOUR, description="days: 9")]
    assert world.check(by_calendar(), now=NOW + 120) == ["wanted a"]
    world.calendars.events["work/ops"] = [event("a", NOW + HOUR, description="days: soon")]
    assert world.check(by_calendar(), now=NOW + 180) == ["withdrawn a"]
    assert world.check(by_calendar(), now=NOW + 2 * HOUR) == ["skipped a"]
    (row,) = world.known.history()
    assert row.state is OccurrenceState.SKIPPED
    assert "days" in row.note


def test_a_holiday_withdraws_what_falls_into_it_and_gives_it_back(world: World) -> None:
    subject = by_calendar(except_=(ExceptSpec(CalendarSource("feed")),))
    world.calendars.events["work/ops"] = [event("a", NOW + HOUR)]
    assert world.check(subject) == ["wanted a"]
    world.calendars.events["feed"] = [event("holiday", NOW, 10 * HOUR)]
    assert world.check(subject, now=NOW + 60) == ["withdrawn a"]
    world.calendars.events["feed"] = []
    assert world.check(subject, now=NOW + 120) == ["wanted a"]
    world.calendars.events["feed"] = [event("holiday", NOW, 10 * HOUR)]
    assert world.check(subject, now=NOW + HOUR + 60) == ["skipped a"]


def test_a_clock_keeps_the_next_ones_and_nothing_of_the_time_before_it_was_there(world: World) -> None:
    subject = Subject("team", ScheduleSpec(every=HOUR))
    world.check(subject)
    first = list(world.wanted().values())
    assert len(first) == 20
    assert all(NOW < one <= NOW + 86_400 for one in first)
    assert world.check(subject, now=NOW + 1.5 * HOUR) == []
    assert min(world.wanted().values()) == first[0]  # due, and not yet decided
    for row in world.known.wanted(until=NOW + 1.5 * HOUR):
        world.known.fire("team", row.key)
    assert len(world.check(subject, now=NOW + 1.5 * HOUR + 1)) == 1


@pytest.mark.parametrize(("policy", "number"), [(CatchUp.ONE, 1), (CatchUp.SKIP, 1), (CatchUp.ALL, 72)])
def test_after_days_away_there_is_as_much_as_is_made_up_for(world: World, policy: CatchUp, number: int) -> None:
    subject = Subject("team", ScheduleSpec(every=HOUR, start="2027-01-15T08:00:00+00:00", catch_up=policy))
    world.known.see({("team", subject.schedule.timing): NOW})  # type: ignore[union-attr]
    later = NOW + 72 * HOUR
    world.check(subject, now=later)
    due = [one for one in world.wanted().values() if one <= later]
    assert len(due) == number
    assert max(due) == later


def test_another_time_is_another_schedule_and_starts_nothing_for_the_past(world: World) -> None:
    before, after = ScheduleSpec(every=HOUR), ScheduleSpec(every=600.0)
    world.check(Subject("team", before))
    later = NOW + 5 * HOUR
    world.known.forget_sources({("team", after.timing)})
    world.check(Subject("team", after), now=later)
    assert world.wanted()
    assert min(world.wanted().values()) > later
    assert {one.source for one in world.known.wanted()} == {after.timing}


def test_a_paused_schedule_wants_nothing_and_makes_up_for_nothing(world: World) -> None:
    spec = ScheduleSpec(every=HOUR, catch_up=CatchUp.ALL)
    world.check(Subject("team", spec))
    world.check(Subject("team", replace(spec, paused=True)), now=NOW + 60)
    assert world.wanted() == {}
    world.check(Subject("team", replace(spec, paused=True)), now=NOW + 10 * HOUR)
    world.check(Subject("team", spec), now=NOW + 10 * HOUR + 60)
    assert min(world.wanted().values()) > NOW + 10 * HOUR + 60


def test_what_is_under_way_is_met(world: World) -> None:
    world.calendars.events["work/ops"] = [event("a", NOW + 100)]
    running = Occurrence("x", NOW - 10, nominal=NOW - 10, until=NOW + 500)
    other = Subject("other", ScheduleSpec(every=1e6), party=Party(frozenset({"job/team"})))
    world.check(by_calendar(collide=Collide.SHIFT), other, running=(("other", running),))
    assert world.wanted()["a"] == NOW + 500


def test_who_is_to_be_asked_is_known(world: World) -> None:
    world.calendars.events["work/ops"] = [event("a", NOW + 100), event("b", NOW + 200)]
    world.check(by_calendar(collide=Collide.ASK))
    assert world.agenda.asks == {("close", "b"): "close (“title of a”)"}
    world.calendars.events["work/ops"] = [event("b", NOW + 200)]
    world.check(by_calendar(collide=Collide.ASK), now=NOW + 1)
    assert world.agenda.asks == {}


def test_one_event_nobody_thought_of_does_not_keep_others_from_starting(world: World) -> None:
    class Strange(Calendars):
        def read(self, source: CalendarSource, first: float, last: float) -> Reading:
            raise ZeroDivisionError

    world.agenda = Agenda(world.known, Strange(), world.told.append)
    told = world.check(by_calendar(), Subject("team", ScheduleSpec(every=HOUR)))
    assert any("ZeroDivisionError" in one for one in told)
    assert {one.subject for one in world.known.wanted()} == {"team"}


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 400), max_size=6),  # minutes after NOW, by event
            st.integers(1, 30),  # minutes until the next look
            st.booleans(),  # whether the calendar can be read
        ),
        max_size=12,
    )
)
def test_whatever_people_do_each_event_runs_at_most_once_and_never_for_the_past(
    looks: list[tuple[dict[str, int], int, bool]],
) -> None:
    with TemporaryDirectory() as folder, open_ledger(f"{folder}/ledger.db") as ledger:
        world = World(ledger)
        now, seen, fired = NOW, NOW, []
        world.check(by_calendar())
        for events, minutes, readable in looks:
            now += minutes * 60
            world.calendars.events["work/ops"] = [event(key, NOW + at * 60, 1) for key, at in events.items()]
            world.calendars.problem = {} if readable else {"work/ops": "away"}
            world.check(by_calendar(), now=now)
            if readable:
                ahead = {key: NOW + at * 60 for key, at in events.items() if NOW + at * 60 > now and key not in fired}
                assert ahead == {key: at for key, at in world.wanted().items() if at > now}
            for row in world.known.wanted(until=now):
                assert row.at > seen - LEEWAY or not readable
                assert world.known.fire("close", row.key)
                fired.append(row.key)
            seen = now if readable else seen
        assert len(fired) == len(set(fired))
