"""Who works on what: runs hold their jobs, calls hold their turns, and who comes late finds what was done."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines.calls.careless import Careless, once, wait_until
from tests.engines.calls.office import Folders
from trueup.app import App
from trueup.core.leasing import Kept, give_back, process_name, tidy
from trueup.core.ledger import open_ledger
from trueup.engines import calls
from trueup.engines.calls import frame
from trueup.model.errors import GuardBlocked, LedgerError, Locked, NotFound, StalePlan, UsageError


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def planned(folders: Folders, key: str = "key") -> str:
    """A run that is planned and may be applied; its id."""
    found = calls.begin_job(folders.config, "team", key)
    run = str(found["run"])
    calls.plan(folders.config, run, [calls.read(folders.config, run, ref) for ref in found["collections"]])
    assert not calls.guard(folders.config, run)["blocked"]
    return run


def applied(folders: Folders, run: str) -> dict[str, Any]:
    """The rest of a run that is planned; its report."""
    for wave in calls.start_apply(folders.config, run)["waves"]:
        for one in wave:
            calls.apply_batch(folders.config, run, one["batch"])
    return calls.report(folders.config, run, [calls.verify(folders.config, run, ref) for ref in ("a/team", "b/team")])


def test_a_run_holds_its_job_between_calls_and_gives_it_back(folders: Folders) -> None:
    run = planned(folders)
    assert folders.leases() == {"job/team": run}
    with pytest.raises(Locked, match="another run") as refused:
        calls.begin_job(folders.config, "team", "another")
    assert run in refused.value.why
    assert calls.retryable(refused.value)
    with App.load(Path(folders.config)) as app, pytest.raises(Locked, match=run):
        app.run("team")
    applied(folders, run)
    calls.end_job(folders.config, run)
    assert folders.leases() == {}
    assert folders.equal


def test_a_job_that_somebody_else_works_on_is_left_alone(folders: Folders) -> None:
    run = planned(folders)
    folders.expire()
    with App.load(Path(folders.config)) as app:
        app.ledger.leases.acquire("job/team", "elsewhere.example:4711:ab", 60)
        before = folders.side("b")
        for late in (
            lambda: calls.start_apply(folders.config, run),
            lambda: calls.begin_job(folders.config, "team", "key"),
            lambda: calls.begin_job(folders.config, "team", "another"),
            lambda: calls.guard(folders.config, run),
        ):
            with pytest.raises(Locked, match=r"process 4711 on elsewhere\.example"):
                late()
        assert folders.side("b") == before
        app.ledger.leases.release("job/team", "elsewhere.example:4711:ab")
    assert applied(folders, run)["state"] == "done"


def test_a_run_that_was_taken_over_finds_it_done(folders: Folders) -> None:
    """The engine was away for so long that `trueup run` took the run up; then its calls come, late, in any order."""
    run = planned(folders)
    batches = [one["batch"] for wave in calls.start_apply(folders.config, run)["waves"] for one in wave]
    folders.expire()
    with App.load(Path(folders.config)) as app:
        report = app.run("team")
        assert report["state"] == "done"
        assert run in report.get("rounds", [report["run"]])
    files = {path: path.stat().st_mtime_ns for path in (folders.root / "b" / "team").iterdir()}
    for batch in batches:
        assert calls.apply_batch(folders.config, run, batch)["done"] == 0
    assert calls.start_apply(folders.config, run) == {"waves": []}
    late = calls.report(folders.config, run, [])
    assert (late["state"], late["counts"]) == ("done", {"create": 5})
    assert calls.end_job(folders.config, run)["state"] == "done"
    assert files == {path: path.stat().st_mtime_ns for path in (folders.root / "b" / "team").iterdir()}
    assert folders.leases() == {}


def test_a_run_left_alone_is_planned_anew(folders: Folders) -> None:
    """Its plan is of yesterday."""
    run = planned(folders)
    folders.expire()
    folders.add("later")
    found = calls.begin_job(folders.config, "team", "key")
    assert (found["run"], found["next"]) == (run, "read")
    calls.plan(folders.config, run, [calls.read(folders.config, run, ref) for ref in found["collections"]])
    calls.guard(folders.config, run)
    assert applied(folders, run)["counts"] == {"create": 6}


def test_a_plan_that_is_under_way_is_not_made_again(folders: Folders) -> None:
    run = planned(folders)
    folders.add("later")
    again = calls.begin_job(folders.config, "team", "key")
    assert (again["run"], again["next"]) == (run, "read")
    known = [calls.read(folders.config, run, ref) for ref in again["collections"]]
    assert [one["items"] for one in known] == [5, 0]
    assert calls.plan(folders.config, run, known)["counts"]["create"] == 5


def test_a_run_that_was_left_half_way_is_followed_by_another_round(folders: Folders) -> None:
    run = planned(folders)
    calls.start_apply(folders.config, run)
    folders.expire()
    folders.add("later")
    found = calls.begin_job(folders.config, "team", "another key")
    assert (found["run"], found["next"]) == (run, "apply")
    report = applied(folders, run)
    assert report["again"]
    second = calls.next_round(folders.config, run)
    assert second["run"] != run
    assert calls.next_round(folders.config, run) == second
    assert folders.leases() == {"job/team": second["run"]}
    end = calls.run_rest(folders.config, second["run"])
    assert end["counts"] == {"create": 6}
    assert end["rounds"] == [run, second["run"]]
    assert calls.begin_job(folders.config, "team", "another key")["report"]["counts"] == {"create": 6}
    assert folders.equal


def test_rounds_come_to_an_end(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody edits again and again, right before it is written."""
    runs = []
    found = calls.begin_job(folders.config, "team", "key")
    while found["next"] == "read":
        run = found["run"]
        runs.append(run)
        folders.add(f"more-{len(runs)}")
        calls.plan(folders.config, run, [calls.read(folders.config, run, ref) for ref in found["collections"]])
        calls.guard(folders.config, run)
        calls.start_apply(folders.config, run)
        folders.add(f"more-{len(runs)}", "b")  # what is about to be created there
        for ref in ("a/team", "b/team"):
            (folders.root / ref / f"more-{len(runs)}.ics").write_text(_edited(folders, len(runs)))
        applied(folders, run)
        found = calls.next_round(folders.config, run)
        assert len(runs) < 10
    assert 1 < len(runs) <= 3
    assert found["next"] == "over"


def _edited(folders: Folders, number: int) -> str:
    path = folders.root / "a" / "team" / f"more-{number}.ics"
    return path.read_text().replace("SUMMARY:", f"SUMMARY:{time.monotonic_ns()} ")


# -- turns ----------------------------------------------------------------------------------------------------------------


def test_who_comes_second_waits_and_finds_it_done(folders: Folders) -> None:
    run = planned(folders)
    batch = calls.start_apply(folders.config, run)["waves"][0][0]["batch"]
    with App.load(Path(folders.config)) as app:
        app.ledger.leases.acquire(frame.turn_of(run, f"batch/{batch}"), process_name(), 60)
        second = Careless(folders.config, once).start("apply_batch", run, batch)
        time.sleep(0.5)
        assert second.alive
        assert folders.side("b") == {}
        app.ledger.leases.release(frame.turn_of(run, f"batch/{batch}"), _owner(folders, "turn/"))
    assert second.answer()["done"] == 5


def _owner(folders: Folders, prefix: str) -> str:
    return next(owner for name, owner in folders.leases().items() if name.startswith(prefix))


def test_the_turn_of_a_worker_that_was_killed_is_free_at_once(folders: Folders) -> None:
    run = planned(folders)
    batch = calls.start_apply(folders.config, run)["waves"][0][0]["batch"]
    engine = Careless(folders.config, once)
    assert engine.start("apply_batch", run, batch, death=("write", 4)).died
    assert any(name.startswith(f"turn/{run}/batch") for name in folders.leases())
    began = time.monotonic()
    assert calls.apply_batch(folders.config, run, batch)["failed"] == 0
    assert time.monotonic() - began < frame.TURN_SECONDS / 3
    assert folders.equal


def test_the_turn_of_a_machine_that_vanished_ends(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    run = planned(folders)
    batch = calls.start_apply(folders.config, run)["waves"][0][0]["batch"]
    with App.load(Path(folders.config)) as app:
        app.ledger.leases.acquire(frame.turn_of(run, f"batch/{batch}"), "elsewhere.example:4711:ab", 1.0)
    began = time.monotonic()
    assert calls.apply_batch(folders.config, run, batch)["done"] == 5
    assert time.monotonic() - began > 0.8


def test_a_late_reading_ends_before_the_plan_is_made(folders: Folders) -> None:
    """The repeat of a reading is still under way when the engine goes on: it must not find its own writes missing in an old listing."""
    found = calls.begin_job(folders.config, "team", "key")
    run = found["run"]
    readings = [calls.read(folders.config, run, ref) for ref in found["collections"]]
    with App.load(Path(folders.config)) as app:
        name = frame.turn_of(run, "read/a/team")
        owner = process_name()
        app.ledger.leases.acquire(name, owner, 60)
        planner = Careless(folders.config, once).start("plan", run, readings)
        wait_until(lambda: app.ledger.journal.get(run).phase == "plan")
        time.sleep(0.3)
        assert planner.alive
        assert app.ledger.journal.get(run).plan is None
        app.ledger.leases.release(name, owner)
    assert planner.answer()["counts"]["create"] == 5


def test_a_worker_that_was_asleep_too_long_writes_nothing(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """It wakes up with a batch in its hands that somebody else has had since."""
    monkeypatch.setattr(frame, "TURN_SECONDS", 0.6)
    run = planned(folders)
    batch = calls.start_apply(folders.config, run)["waves"][0][0]["batch"]
    monkeypatch.setattr(
        Kept, "_renewed", lambda self, one: time.sleep(1.5) or True
    )  # as a process does that gets no time
    slow = threading.Event()
    real = frame.job_runs.recorded

    def late(work: Any, run: str, stays: Callable[[Exception], bool]) -> Any:
        if not slow.is_set():
            slow.set()
            time.sleep(1.0)
        return real(work, run, stays)

    monkeypatch.setattr(frame.job_runs, "recorded", late)
    with pytest.raises(Locked, match="did not renew"):
        calls.apply_batch(folders.config, run, batch)
    assert folders.side("b") == {}
    monkeypatch.undo()
    assert calls.apply_batch(folders.config, run, batch)["done"] == 5


@pytest.mark.slow
def test_a_worker_stopped_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    """SIGSTOP while it writes, another worker does its batch, SIGCONT: nothing is lost or doubled, whatever it still does."""
    folders = Folders(tmp_path, items=400)
    run = planned(folders)
    batch = calls.start_apply(folders.config, run)["waves"][0][0]["batch"]
    worker = Careless(folders.config, once).start("apply_batch", run, batch)
    wait_until(lambda: len(os.listdir(tmp_path / "b" / "team")) > 3)
    os.kill(worker.pid, signal.SIGSTOP)
    folders.expire()
    assert applied(folders, run)["state"] == "done"
    calls.end_job(folders.config, run)
    os.kill(worker.pid, signal.SIGCONT)
    wait_until(lambda: not worker.alive)
    for key in ("second", "third"):
        found = calls.begin_job(folders.config, "team", key)
        report = calls.run_rest(folders.config, found["run"])
        assert report["state"] == "done"
    assert not any(report["counts"].get(one) for one in ("create", "update", "delete"))
    assert folders.equal
    assert len(folders.side("a")) == 400
    assert all(len(titles) == 1 for titles in folders.side("b").values())


# -- renewal --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Any]:
    with open_ledger(str(tmp_path / "ledger.db")) as opened:
        yield opened


def test_leases_are_renewed_in_the_background(ledger: Any) -> None:
    ledger.leases.acquire("job/team", "r1", 0.4)
    kept = Kept(ledger)
    kept.add("job/team", "r1", 0.4)
    time.sleep(1.2)
    with pytest.raises(Locked):
        ledger.leases.acquire("job/team", "r2", 1)
    assert kept.valid
    kept.close()
    time.sleep(0.5)
    ledger.leases.acquire("job/team", "r2", 1)


def test_the_loss_of_a_lease_is_told(ledger: Any) -> None:
    told: list[bool] = []
    ledger.leases.acquire("job/team", "r1", 0.3)
    kept = Kept(ledger, lambda: told.append(True))
    kept.add("job/team", "r1", 0.3)
    ledger.leases.release("job/team", "r1")
    ledger.leases.acquire("job/team", "r2", 60)
    wait_until(lambda: bool(told))
    assert not kept.valid
    kept.close()
    assert ledger.leases.holder("job/team").owner == "r2"


def test_a_lease_that_is_given_back_is_no_loss(ledger: Any) -> None:
    told: list[bool] = []
    kept = Kept(ledger, lambda: told.append(True))
    for number in range(30):
        ledger.leases.acquire("turn/x", f"r{number}", 0.03)
        kept.add("turn/x", f"r{number}", 0.03)
        time.sleep(0.012)
        kept.drop("turn/x")
        ledger.leases.release("turn/x", f"r{number}")
    kept.close()
    assert not told


def test_a_lease_that_could_not_be_given_back_is_given_back_later(ledger: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger was away at the end of a call; the process lives, so that nobody would take its lease before the time."""
    owner = process_name()
    ledger.leases.acquire("turn/x", owner, 60)

    def away(name: str, owner: str) -> None:
        raise LedgerError("the server of the ledger is gone", temporary=True)

    monkeypatch.setattr(ledger.leases, "release", away)
    give_back(ledger, "turn/x", owner)
    with pytest.raises(LedgerError):
        tidy(ledger)
    monkeypatch.undo()
    assert ledger.leases.holder("turn/x").owner == owner
    tidy(ledger)
    assert ledger.leases.holder("turn/x") is None
    tidy(ledger)


# -- approval -------------------------------------------------------------------------------------------------------------


def blocked(folders: Folders) -> str:
    """A run that a guard blocks: half of one side is gone."""
    first = planned(folders)
    applied(folders, first)
    calls.end_job(folders.config, first)
    for number in range(5):
        folders.remove(f"item-{number}")
    folders.add("one-left")
    found = calls.begin_job(folders.config, "team", "blocked")
    run = str(found["run"])
    calls.plan(folders.config, run, [calls.read(folders.config, run, ref) for ref in found["collections"]])
    answer = calls.guard(folders.config, run)
    assert answer["blocked"]
    assert {one["guard"] for one in answer["guards"]} == {"max_delete"}
    return run


def test_a_blocked_run_waits_and_holds_nothing(folders: Folders) -> None:
    run = blocked(folders)
    assert folders.leases() == {}
    assert calls.waiting(folders.config, run) == {"run": run, "state": "awaiting_approval", "next": "wait"}
    assert calls.begin_job(folders.config, "team", "blocked")["next"] == "approve"
    assert calls.guard(folders.config, run, ["all"])["blocked"], "only `approve` reads again"
    with pytest.raises(GuardBlocked):
        calls.start_apply(folders.config, run)
    assert calls.end_job(folders.config, run)["state"] == "awaiting_approval"


def test_a_person_allows_it_in_the_engine(folders: Folders) -> None:
    run = blocked(folders)
    for _ in range(2):
        answer = calls.approve(folders.config, run, ["max_delete"], "anna")
        assert (answer["blocked"], {one["allowed"] for one in answer["guards"]}) == (False, {"anna"})
    assert calls.waiting(folders.config, run)["next"] == "apply"
    assert applied(folders, run)["counts"] == {"create": 1, "delete": 5}
    assert folders.equal


def test_what_is_not_allowed_keeps_waiting(folders: Folders) -> None:
    run = blocked(folders)
    assert calls.approve(folders.config, run, ["empty"], "anna")["blocked"]
    assert folders.leases() == {}
    assert calls.waiting(folders.config, run)["next"] == "wait"


def test_an_approval_that_comes_too_late_is_refused(folders: Folders) -> None:
    run = blocked(folders)
    folders.add("since then", "b")
    with pytest.raises(StalePlan, match="since then"):
        calls.approve(folders.config, run, ["all"], "anna")
    assert calls.waiting(folders.config, run)["next"] == "over"
    assert folders.leases() == {}
    again = calls.begin_job(folders.config, "team", "blocked")
    assert (again["next"], again["run"] != run) == ("read", True)


def test_a_person_says_no(folders: Folders) -> None:
    run = blocked(folders)
    for _ in range(2):
        assert calls.reject(folders.config, run, "anna") == {"run": run, "state": "superseded"}
    assert calls.waiting(folders.config, run)["next"] == "over"
    assert len(folders.side("b")) == 5
    over = folders.sql("SELECT id FROM run ORDER BY started LIMIT 1")[0][0]
    with pytest.raises(NotFound):
        calls.reject(folders.config, over, "anna")


def test_trueup_apply_carries_it_out_and_the_engine_finds_it_over(folders: Folders) -> None:
    run = blocked(folders)
    with App.load(Path(folders.config)) as app:
        app.ledger.leases.acquire("job/team", "elsewhere.example:1:x", 60)
        assert calls.waiting(folders.config, run)["next"] == "wait"
        app.ledger.leases.release("job/team", "elsewhere.example:1:x")
        app.apply(run, allow=["max_delete"])
    assert calls.waiting(folders.config, run) == {"run": run, "state": "done", "next": "over"}
    assert calls.end_job(folders.config, run)["counts"] == {"create": 1, "delete": 5}
    assert calls.begin_job(folders.config, "team", "blocked")["report"]["state"] == "done"


def test_a_plan_of_another_configuration_is_not_carried_out(folders: Folders) -> None:
    run = planned(folders)
    path = Path(folders.config)
    path.write_text(path.read_text().replace("name: team}]}", "name: team}], on_delete: delete-wins}"))
    with pytest.raises(StalePlan, match="configuration was changed"):
        calls.start_apply(folders.config, run)
    assert folders.side("b") == {}
    again = calls.begin_job(folders.config, "team", "key")
    assert again["run"] != run
    assert calls.run_rest(folders.config, again["run"])["state"] == "done"
    assert folders.equal


def test_what_is_allowed_beforehand_is_not_asked(folders: Folders) -> None:
    first = calls.run_rest(folders.config, calls.begin_job(folders.config, "team", "first")["run"])
    calls.end_job(folders.config, first["run"])
    for number in range(5):
        folders.remove(f"item-{number}")
    folders.add("one-left")
    found = calls.begin_job(folders.config, "team", "second", ["max_delete"])
    run = found["run"]
    calls.plan(folders.config, run, [calls.read(folders.config, run, ref) for ref in found["collections"]])
    answer = calls.guard(folders.config, run)
    assert (answer["blocked"], {one["allowed"] for one in answer["guards"]}) == (False, {"a person"})
    assert applied(folders, run)["counts"] == {"create": 1, "delete": 5}


# -- out of order ---------------------------------------------------------------------------------------------------------


def test_calls_out_of_order_are_refused(folders: Folders) -> None:
    found = calls.begin_job(folders.config, "team", "key")
    run = found["run"]
    for early in (
        lambda: calls.guard(folders.config, run),
        lambda: calls.start_apply(folders.config, run),
        lambda: calls.verify(folders.config, run, "a/team"),
        lambda: calls.report(folders.config, run, []),
        lambda: calls.next_round(folders.config, run),
        lambda: calls.plan(folders.config, run, []),
        lambda: calls.read(folders.config, run, "c/team"),
        lambda: calls.apply_batch(folders.config, run, 1),
    ):
        with pytest.raises(UsageError):
            early()
    assert calls.run_rest(folders.config, run)["state"] == "done"
    assert folders.equal
