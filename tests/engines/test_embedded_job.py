"""The embedded engine runs jobs: the real phases, on a real ledger, over stores in memory whose other users edit behind our back."""

from __future__ import annotations

import sqlite3
import types
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.engines.test_embedded_model import Bomb, Crash
from tests.support.memory import MemoryCollection, MemoryStore
from tests.support.plainkind import PlainKind, changed, item
from trueup.core import phases
from trueup.core.ledger import Ledger, open_ledger
from trueup.core.work import Work
from trueup.engines.embedded import Stop, apply_run, plan_job, plan_undo, run_job
from trueup.model.errors import Cancelled, Locked, NotFound, StalePlan
from trueup.model.job import CollectionRef, JobSpec
from trueup.model.run import RunState


class Office:
    """A job over three collections, and what its other users do."""

    def __init__(self, root: Path, items: int = 8) -> None:
        self.path = str(root / "ledger.db")
        self.stores = {name: MemoryStore(name, "team") for name in ("work", "home", "laptop")}
        self.spec = JobSpec("team", "plain", tuple(CollectionRef(name, "team") for name in self.stores), digest="d1")
        self.events: list[dict[str, Any]] = []
        self.ledger: Ledger = open_ledger(self.path)
        for number in range(items):
            self.at("work").put(f"{number}.ics", item(f"u{number}", title=f"Event {number}", when="Mon"))

    def at(self, store: str) -> MemoryCollection:
        return self.stores[store].open_collections["team"]

    @property
    def work(self) -> Work:
        return Work(spec=self.spec, ledger=self.ledger, store=self.stores.__getitem__, kind=PlainKind())

    def run(self, **more: Any) -> dict[str, Any]:
        return run_job(self.work, on_event=self.events.append, **more)

    def titles(self, store: str) -> dict[str, str]:
        """Title by uid."""
        kind = PlainKind()
        return {glance.uid: glance.title for glance in map(kind.glance, self.at(store).items.values())}

    def agree(self) -> bool:
        return self.titles("work") == self.titles("home") == self.titles("laptop")

    def told(self, phase: str, state: str = "done") -> list[dict[str, Any]]:
        return [one for one in self.events if one.get("phase") == phase and one.get("state") == state]

    def latest(self) -> Any:
        return self.ledger.journal.latest("team")

    def freed(self) -> None:
        """In a test the killed process lives on; its lease would hold."""
        self.ledger.close()
        self.ledger = open_ledger(self.path)
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            database.execute("DELETE FROM lease")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.ledger.close()


def test_one_run_makes_all_sides_equal_and_the_next_has_nothing_to_do(office: Office) -> None:
    first = office.run()
    assert first["state"] == "done"
    assert first["counts"] == {"create": 16}
    assert office.agree()
    assert len(office.titles("home")) == 8
    phases_told = list(dict.fromkeys(one["phase"] for one in office.events if one["event"] == "phase"))
    assert phases_told == ["read", "plan", "guard", "apply", "verify", "report"]
    assert {one["collection"] for one in office.told("read", "running")} == {"home/team", "laptop/team", "work/team"}
    assert len(office.told("verify")) == 3
    second = office.run()
    assert second["counts"] == {}
    assert second["run"] != first["run"]
    assert office.latest().state is RunState.DONE


def test_a_plan_waits_and_is_applied_as_it_is(office: Office) -> None:
    made = plan_job(office.work)
    assert made["state"] == "planned"
    assert not office.titles("home")
    report = apply_run(office.work, made["run"])
    assert (report["run"], report["state"]) == (made["run"], "done")
    assert office.agree()
    with pytest.raises(NotFound, match="nothing to apply"):
        apply_run(office.work, made["run"])


def test_a_stale_plan_is_refused(office: Office) -> None:
    made = plan_job(office.work)
    office.at("work").put("0.ics", item("u0", title="Moved on", when="Tue"))
    with pytest.raises(StalePlan, match="Moved on"):
        apply_run(office.work, made["run"])
    assert not office.titles("home")
    assert office.ledger.journal.get(made["run"]).state is RunState.SUPERSEDED


def test_a_plan_is_superseded_by_the_next(office: Office) -> None:
    first = plan_job(office.work)
    second = plan_job(office.work)
    assert first["run"] != second["run"]
    assert office.ledger.journal.get(first["run"]).state is RunState.SUPERSEDED
    office.run()
    assert office.ledger.journal.get(second["run"]).state is RunState.SUPERSEDED


def test_a_guard_stops_the_run_until_a_person_allows_it(office: Office) -> None:
    office.run()
    for href in list(office.at("work").items):
        office.at("work").remove(href)
    blocked = office.run()
    assert blocked["state"] == "awaiting_approval"
    assert len(office.titles("home")) == 8
    still = apply_run(office.work, blocked["run"])
    assert still["state"] == "awaiting_approval"
    report = apply_run(office.work, blocked["run"], allow=["all"])
    assert (report["run"], report["state"]) == (blocked["run"], "done")
    assert not office.titles("home")


def test_a_person_who_is_there_is_asked(office: Office) -> None:
    office.run()
    for href in list(office.at("work").items):
        office.at("work").remove(href)
    asked: list[Any] = []

    def no(guards: list[dict[str, Any]]) -> list[str]:
        asked.extend(guards)
        return []

    assert office.run(approve=no)["state"] == "awaiting_approval"
    assert asked
    assert asked[0]["message"]
    assert office.run(approve=lambda guards: [one["guard"] for one in guards])["state"] == "done"
    assert not office.titles("home")


def meddling(office: Office, meddle: Callable[[], None], times: int) -> Any:
    """The real phases, with another user who edits just before a batch is sent."""
    left = [times]

    def apply_batch(work: Work, run_id: str, batch: int) -> dict[str, Any]:
        if left[0]:
            left[0] -= 1
            meddle()
        return phases.apply_batch(work, run_id, batch)

    return types.SimpleNamespace(**{**vars(phases), "apply_batch": apply_batch})


def edit_home(office: Office, number: list[int]) -> None:
    collection = office.at("home")
    (href, body), *_ = collection.items.items()
    number[0] += 1
    collection.put(href, changed(body, title=f"Edited {number[0]}"))


def test_another_round_follows_where_a_target_moved_on(office: Office) -> None:
    office.run()
    href, body = next(iter(office.at("work").items.items()))
    office.at("work").put(href, changed(body, when="Fri"))
    number = [0]
    meddled = meddling(office, lambda: edit_home(office, number), 1)
    report = office.run(phases=meddled)
    assert len(report["rounds"]) == 2
    assert report["state"] == "done"
    assert office.agree()
    assert office.titles("work")["u0"] == "Edited 1"
    second, first = office.ledger.journal.history("team", 2)
    assert second.parent == first.id
    assert second.report["rounds"] == [first.id, second.id]
    assert office.run()["counts"] == {}


def test_no_more_than_three_rounds(office: Office) -> None:
    office.run()
    number = [0]
    href, body = next(iter(office.at("work").items.items()))
    office.at("work").put(href, changed(body, when="Fri"))
    report = office.run(phases=meddling(office, lambda: edit_home(office, number), 99))
    assert len(report["rounds"]) == 3
    assert report["state"] == "partial"
    assert office.run()["state"] == "done"
    assert office.agree()


def test_killed_at_any_write_the_next_run_makes_it_right(tmp_path: Path) -> None:
    kills = 0
    while True:
        root = tmp_path / str(kills)
        root.mkdir()
        office = Office(root, items=4)
        office.at("home").put("h.ics", item("u1", title="Event 1", when="Mon"))
        office.ledger.on_write = Bomb(kills)
        try:
            office.run()
        except Crash:
            office.freed()
        else:
            office.ledger.close()
            break
        report = office.run()
        assert report["state"] == "done", (kills, report)
        assert office.agree(), kills
        assert len(office.titles("laptop")) == 4
        assert len(office.at("home").items) == 4, "nothing doubled"
        again = office.run()
        assert again["counts"] == {}, kills
        office.ledger.close()
        kills += 1
    assert kills > 30


def test_planning_over_a_run_that_is_half_applied_shows_that_run(office: Office) -> None:
    def dies(work: Work, run_id: str, batch: int) -> dict[str, Any]:
        raise Crash("before the first batch")

    with pytest.raises(Crash):
        office.run(phases=types.SimpleNamespace(**{**vars(phases), "apply_batch": dies}))
    half = office.latest()
    made = plan_job(office.work)
    assert (made["run"], made["state"]) == (half.id, "running")
    assert apply_run(office.work, half.id)["state"] == "done"
    assert office.agree()


def test_stopping_ends_before_the_next_batch_and_the_next_run_goes_on(office: Office) -> None:
    stop = Stop()

    def stops(work: Work, run_id: str, batch: int) -> dict[str, Any]:
        stop.ask()
        return phases.apply_batch(work, run_id, batch)

    with pytest.raises(Cancelled) as caught:
        office.run(stop=stop, phases=types.SimpleNamespace(**{**vars(phases), "apply_batch": stops}))
    assert caught.value.exit_code == 130
    assert office.latest().state is RunState.RUNNING
    assert office.run()["state"] == "done"
    assert office.agree()


def test_the_same_job_is_not_run_twice_at_once(office: Office) -> None:
    def meets(work: Work, run_id: str, batch: int) -> dict[str, Any]:
        with pytest.raises(Locked, match="job team"):
            office.run()
        return phases.apply_batch(work, run_id, batch)

    report = office.run(phases=types.SimpleNamespace(**{**vars(phases), "apply_batch": meets}))
    assert report["state"] == "done"


def test_a_parent_finds_the_run_it_started(office: Office) -> None:
    first = office.run(parent="p1/team")
    again = office.run(parent="p1/team")
    assert again["run"] == first["run"]
    assert again["counts"] == {"create": 16}
    other = office.run(parent="p2/team")
    assert other["run"] != first["run"]
    assert other["counts"] == {}


def test_what_waited_for_approval_too_long_is_planned_anew_for_its_parent(office: Office) -> None:
    office.run()
    for href in list(office.at("work").items):
        office.at("work").remove(href)
    blocked = office.run(parent="p1/team")
    assert blocked["state"] == "awaiting_approval"
    assert office.run(parent="p1/team")["run"] == blocked["run"]
    office.at("home").put("new.ics", item("new", title="New", when="Mon"))
    later = office.run(parent="p1/team", allow=["all"])
    assert later["run"] != blocked["run"]
    assert later["state"] == "done"
    assert office.titles("work") == {"new": "New"}


def test_a_run_can_be_taken_back(office: Office) -> None:
    first = office.run()
    made = plan_undo(office.work, first["run"])
    assert made["state"] == "planned"
    report = apply_run(office.work, made["run"])
    assert report["counts"] == {"delete": 16}
    assert not office.titles("home")
    assert len(office.titles("work")) == 8


def test_a_failure_is_kept_with_the_run(office: Office) -> None:
    def breaks(work: Work, run_id: str, readings: Any) -> dict[str, Any]:
        raise RuntimeError("a bug of ours")

    with pytest.raises(RuntimeError):
        office.run(phases=types.SimpleNamespace(**{**vars(phases), "plan": breaks}))
    run = office.latest()
    assert run.state is RunState.FAILED
    assert run.report["error"]["what"] == "RuntimeError: a bug of ours"
    assert office.run()["state"] == "done"


def test_a_dead_store_stops_nobody_else(office: Office) -> None:
    office.at("laptop").dead = True
    report = office.run()
    assert report["state"] == "partial"
    assert office.titles("home") == office.titles("work")
    office.at("laptop").dead = False
    assert office.run()["state"] == "done"
    assert office.agree()
