"""A backup driven by a careless engine: one snapshot of each source, proven, whatever is repeated, doubled or killed."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from tests.engines.calls.careless import Careless, Habit, at_once, killed, once, twice, wait_until
from tests.support.backup_office import ONCE_HANGING, TITLES, check, office, sleeping
from tests.support.servers import PostgreSQL
from trueup.app import App
from trueup.engines import calls
from trueup.engines.calls.stopping import Stopped

pytestmark = pytest.mark.slow

HABITS: dict[str, Habit] = {"once": once, "twice": twice, "at-once": at_once, "killed-at-writes": killed("write", 2)}


@pytest.mark.parametrize("habit", HABITS)
def test_a_backup(tmp_path: Path, habit: str) -> None:
    config = office(tmp_path)
    engine = Careless(config, HABITS[habit])
    assert engine.run_job("office", "key")["state"] == "done"
    check(config)
    if habit.startswith("killed"):
        assert engine.deaths > 10


def test_with_the_ledger_on_postgresql(tmp_path: Path, postgresql: PostgreSQL) -> None:
    config = office(tmp_path, ledger=postgresql.make_database())
    Careless(config, at_once).run_job("office", "key")
    check(config)


def test_a_worker_killed_half_way_through_a_source(tmp_path: Path) -> None:
    """Its programs end with it, and the source is taken by who repeats the call."""
    config = office(tmp_path, command=ONCE_HANGING)
    engine = Careless(config, once)
    run, number = said(engine)
    worker = engine.start("apply_batch", run, number)
    wait_until(lambda: (tmp_path / "again").exists())
    worker.kill()
    wait_until(lambda: not sleeping(tmp_path), 5.0)
    engine.run_job("office", "key")
    check(config)


def said(engine: Careless) -> tuple[str, int]:
    """Brings a run to where the command may be taken; returns the run, and the command's batch."""
    begun = engine.call("begin_job", "office", "key", [], "")
    run, refs = begun["run"], begun["collections"]
    engine.call("plan", run, [engine.call("read", run, ref) for ref in refs])
    engine.call("guard", run)
    waves = engine.call("start_apply", run)["waves"]
    return run, next(one["batch"] for one in waves[0] if one["collection"] == "vault/said")


def test_a_worker_that_is_asked_to_stop_ends_the_programs_of_a_source(tmp_path: Path) -> None:
    """The call says that it is worth a repeat, and the run stays as it is."""
    config = office(tmp_path, command=ONCE_HANGING)
    engine = Careless(config, once)
    run, number = said(engine)
    asked, errors = threading.Event(), list[BaseException]()

    def work() -> None:
        with calls.stoppable(asked.is_set):
            try:
                calls.apply_batch(str(config), run, number)
            except Stopped as error:
                errors.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    wait_until(lambda: sleeping(tmp_path))
    asked.set()
    worker.join(20)
    assert not sleeping(tmp_path)
    (error,) = errors
    assert calls.retryable(error)
    engine.run_job("office", "key")
    check(config)


def test_batches_of_which_a_number_says_too_little_have_titles(tmp_path: Path) -> None:
    config = office(tmp_path)
    engine = Careless(config, once)
    run, _ = said(engine)
    assert [[one["title"] for one in wave] for wave in engine.call("start_apply", run)["waves"]] == TITLES
    waves = calls.describe(str(config))["jobs"]["office"]["waves"]
    assert [one["name"] for one in waves] == ["back_up", "check", "drill", "archive", "remove"]


NIGHT = {
    "steps": {
        "office": {"job": "office"},
        "fine": {"python": "night:say", "needs": ["office"]},
        "alarm": {"python": "night:say", "needs": ["office"], "when": {"outcome": ["partial", "failed"]}},
    }
}


@pytest.mark.parametrize("engine", ["embedded", "calls"])
@pytest.mark.parametrize(
    ("command", "outcomes"),
    [
        ("echo said", {"office": "done", "fine": "done", "alarm": "skipped"}),
        ("exit 1", {"office": "partial", "fine": "skipped", "alarm": "done"}),
    ],
)
def test_a_step_of_a_pipeline(tmp_path: Path, engine: str, command: str, outcomes: dict[str, str]) -> None:
    """Its outcome decides on what comes after it."""
    (tmp_path / "night.py").write_text("def say(context):\n    return context.step\n")
    config = office(tmp_path, command=command, pipelines={"night": NIGHT})
    if engine == "calls":
        report = Careless(config, once).run_pipeline("night", {}, "key")
    else:
        with App.load(config) as app:
            report = app.run("night")
    assert {name: one["outcome"] for name, one in report["steps"].items()} == outcomes
    if command == "echo said":
        check(config)


def test_each_stage_is_a_batch_of_its_own_and_small(tmp_path: Path) -> None:
    config = office(tmp_path)
    engine = Careless(config, once)
    begun = engine.call("begin_job", "office", "key", [], "")
    run = begun["run"]
    assert begun["collections"] == ["vault/cache", "vault/files", "vault/said"]
    engine.call("plan", run, [engine.call("read", run, ref) for ref in begun["collections"]])
    engine.call("guard", run)
    waves = engine.call("start_apply", run)["waves"]
    assert [[one["collection"] for one in wave] for wave in waves] == [
        ["vault/cache", "vault/said"],  # what waits for each other is one batch
        ["vault"],
        ["vault/cache", "vault/files", "vault/said"],
        ["far/cache"],
    ]
    answers = [engine.call("apply_batch", run, one["batch"]) for wave in waves for one in wave]
    assert all(len(json.dumps(one)) < 2000 for one in answers)
    assert [engine.call("apply_batch", run, one["batch"])["done"] for wave in waves for one in wave] == [0] * 7
