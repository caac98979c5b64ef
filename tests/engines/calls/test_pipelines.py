"""A pipeline with every feature of the graph, driven by a careless engine: what it comes to is what the embedded engine makes of it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines.calls.careless import Careless, Failed, Habit, at_once, killed, once, twice
from tests.engines.calls.office import Folders
from tests.support.servers import PostgreSQL
from trueup.app import App
from trueup.engines import calls
from trueup.engines.calls.opened import opened
from trueup.model.errors import NotFound, UsageError

STEPS = '''
"""Steps of a user. Each appends a line to `effects` when it takes effect."""
import os
import time
from pathlib import Path

HERE = Path(__file__).parent

def effect(line):
    handle = os.open(HERE / "effects", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{line}\\n".encode())
    os.close(handle)

def rows(count, context):
    effect(context.step)
    print("a step may print")
    return {"rows": [{"name": f"row {n}", "n": n} for n in range(count)], "count": count}

def send(row, context):
    effect(context.step)
    context.emit("sending", n=row["n"])
    return row["n"] * 10

def say(context, x=None):
    effect(context.step)
    return x

def fail(context):
    effect(context.step)
    raise ValueError("no")

def fail_on(row, context):
    effect(context.step)
    if row["n"] == 1:
        raise ValueError("bad row")
    return row["n"]

def fail_twice(context):
    effect(context.step)
    path = HERE / "failures"
    failed = len(path.read_text()) if path.exists() else 0
    if failed < 2:
        path.write_text("x" * (failed + 1))
        raise ConnectionError(f"{failed + 1}")
    return context.attempt

def sleep(seconds, context):
    effect(context.step)
    time.sleep(seconds)

def no_json(context):
    effect(context.step)
    return {1, 2}
'''

PIPELINES = """
pipelines:
  nightly:
    params:
      count: {type: integer, default: 3}
      mood: {default: good}
    steps:
      rows: {python: "steps:rows", with: {count: "${params.count}"}}
      send: {python: "steps:send", for_each: "${steps.rows.output.rows}", with: {row: "${item}"}, parallel: 2}
      none: {python: "steps:send", for_each: [], with: {row: "${item}"}}
      some: {python: "steps:fail_on", for_each: "${steps.rows.output.rows}", with: {row: "${item}"}}
      team: {job: team, needs: [rows]}
      after: {python: "steps:say", with: {x: "${steps.team.output.counts.create}"}}
      child: {pipeline: weekly, with: {n: "${params.count}"}}
      children: {pipeline: weekly, for_each: [1, 2], with: {n: "${item}"}}
      again: {python: "steps:fail_twice", retry: {attempts: 4, backoff: fixed, base: 0}}
      bad: {python: "steps:fail"}
      skipped: {python: "steps:say", needs: [bad]}
      alarm: {python: "steps:say", needs: [skipped], when: {outcome: failed}, with: {x: "${steps.bad.outcome}"}}
      tidy: {python: "steps:say", needs: [send, bad], when: {outcome: always}, with: {x: "${steps.send.output}"}}
      mood: {python: "steps:say", when: {data: "${params.mood == 'bad'}"}}
      kept: {python: "steps:say", cache: {key: "${steps.rows.output.count}"}, with: {x: "${steps.child.output.inner}"}}
      late: {python: "steps:sleep", with: {seconds: 60}, timeout: 2s}
      odd: {python: "steps:no_json", retry: {attempts: 3}}
      wrong: {python: "steps:say", needs: [rows], with: {y: 1}}
      broken: {python: "steps:say", with: {x: "${steps.rows.output.nothing.there}"}}
  weekly:
    params: {n: {type: integer, default: 1}}
    steps:
      inner: {python: "steps:say", with: {x: "${params.n}"}}
      last: {python: "steps:say", needs: [inner], with: {x: "${steps.inner.output}"}}
"""


def office(root: Path, pipelines: str = PIPELINES) -> Folders:
    made = Folders(root, more=pipelines)
    (root / "steps.py").write_text(STEPS)
    return made


@pytest.fixture(autouse=True)
def own_steps() -> Iterator[None]:
    """Each test has a module `steps` of its own, and some import it right here."""
    yield
    sys.modules.pop("steps", None)
    sys.path[:] = [one for one in sys.path if "pytest-" not in one]


def effects(folders: Folders) -> Counter[str]:
    path = folders.root / "effects"
    return Counter(path.read_text().split() if path.exists() else ())


def outputs(folders: Folders, run: str) -> dict[str, Any]:
    """What the ledger has of every step: outcome and output, without what differs from run to run."""
    with App.load(Path(folders.config)) as app:
        return {
            row.key: (row.state, plain(row.output), row.error.partition("\n")[0]) for row in app.ledger.steps.all(run)
        }


def plain(value: Any) -> Any:
    """An output without ids, times and what was read: of a job's report what it did."""
    if isinstance(value, dict) and "verifications" in value:
        return {key: value[key] for key in ("state", "counts", "left", "conflicts")}
    return value


def by_the_embedded_engine(root: Path) -> tuple[dict[str, Any], dict[str, Any], Counter[str]]:
    """The same pipeline in another place."""
    root.mkdir()
    folders = office(root)
    with App.load(Path(folders.config)) as app:
        result = json.loads(json.dumps(app.run("nightly")))
    return result, outputs(folders, result["run"]), effects(folders)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any], Counter[str]]:
    return by_the_embedded_engine(tmp_path_factory.mktemp("embedded") / "office")


HABITS: dict[str, Habit] = {"once": once, "twice": twice, "at-once": at_once}


@pytest.mark.slow
@pytest.mark.parametrize("habit", HABITS)
def test_it_comes_to_the_same(tmp_path: Path, habit: str, expected: tuple[Any, Any, Counter[str]]) -> None:
    folders = office(tmp_path)
    engine = Careless(folders.config, HABITS[habit])
    result = engine.run_pipeline("nightly", {}, "key")
    known, rows, done = expected
    assert {name: one["outcome"] for name, one in result["steps"].items()} == {
        name: one["outcome"] for name, one in known["steps"].items()
    }
    assert (result["state"], result["exit_code"]) == (known["state"], known["exit_code"])
    assert outputs(folders, result["run"]) == rows
    # A function that fails is called again by whoever calls again; what ended well is never done twice.
    assert effects(folders) == done
    assert folders.equal


@pytest.mark.slow
def test_with_the_ledger_on_postgresql(
    tmp_path: Path, postgresql: PostgreSQL, expected: tuple[Any, Any, Counter[str]]
) -> None:
    folders = office(tmp_path, f'{PIPELINES}ledger: "{postgresql.make_database()}"\n')
    result = Careless(folders.config, at_once).run_pipeline("nightly", {}, "key")
    known, rows, done = expected
    assert result["state"] == known["state"]
    assert outputs(folders, result["run"]) == rows
    assert effects(folders) == done
    assert folders.equal


@pytest.mark.slow
def test_killed_at_every_write(tmp_path: Path, expected: tuple[Any, Any, Counter[str]]) -> None:
    folders = office(tmp_path)
    engine = Careless(folders.config, killed("write", 3))
    result = engine.run_pipeline("nightly", {}, "key")
    known, rows, done = expected
    assert engine.deaths > 100
    assert {name: one["outcome"] for name, one in result["steps"].items()} == {
        name: one["outcome"] for name, one in known["steps"].items()
    }
    assert outputs(folders, result["run"]).keys() == rows.keys()
    # Killed between its effect and the record of it, a function is called again: nobody can know. What has ended is not.
    assert set(effects(folders)) == set(done)
    assert folders.equal


def test_a_repeated_run_keeps_what_was_done(tmp_path: Path) -> None:
    """The engine retries its flow: the same key once more."""
    folders = office(tmp_path)
    engine = Careless(folders.config, in_process)
    first = engine.run_pipeline("nightly", {}, "key")
    before = effects(folders)
    second = engine.run_pipeline("nightly", {}, "key")
    assert first["state"] == second["state"] == "failed"
    assert second["run"] != first["run"]
    again = effects(folders) - before
    assert not [step for step in again if step in ("rows", "send[0]", "inner", "last", "after")]
    assert again["bad"] == 1
    assert again["some[1]"] == 1
    assert "some[0]" not in again


def in_process(engine: Careless, name: str, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """Every call right here: as an engine does whose workers are threads."""
    try:
        return dict(getattr(calls, name)(engine.config, *arguments))
    except Exception as error:
        raise Failed(
            {"type": type(error).__name__, "text": str(error), "retryable": calls.retryable(error), "trace": ""}
        ) from error


GOOD = """
pipelines:
  nightly:
    params: {n: {type: integer}}
    steps:
      rows: {python: "steps:rows", with: {count: "${params.n}"}}
      send: {python: "steps:send", for_each: "${steps.rows.output.rows}", with: {row: "${item}"}}
"""


def test_the_same_key_is_the_same_run(tmp_path: Path) -> None:
    folders = office(tmp_path, GOOD)
    engine = Careless(folders.config, at_once)
    first = engine.call("begin_pipeline", "nightly", {"n": 2}, "key", "")
    assert engine.call("begin_pipeline", "nightly", {"n": 2}, "key", "") == {**first, "resumed": True}
    other = engine.call("begin_pipeline", "nightly", {"n": 2}, "other", "")
    assert other["run"] != first["run"]
    result = engine.run_pipeline("nightly", {"n": 2}, "key")
    assert (result["run"], result["state"]) == (first["run"], "done")
    over = engine.call("begin_pipeline", "nightly", {"n": 2}, "key", "")
    assert (over["run"], over["over"], over["state"]) == (first["run"], True, "done")
    assert engine.run_pipeline("nightly", {"n": 2}, "key") == result
    assert effects(folders) == Counter({"rows": 1, "send[0]": 1, "send[1]": 1})


def test_a_run_is_resumed_where_it_was_begun_before(tmp_path: Path) -> None:
    folders = office(tmp_path, GOOD)
    fresh = Careless(folders.config, in_process).run_pipeline("nightly", {"n": 1}, "fresh")
    calls.begin_pipeline(folders.config, "nightly", {"n": 1}, "killed")
    taken_up = Careless(folders.config, in_process).run_pipeline("nightly", {"n": 1}, "killed")
    assert (fresh["resumed"], taken_up["resumed"]) == (False, True)


def test_labels_say_what_an_item_is(tmp_path: Path) -> None:
    folders = office(tmp_path, GOOD)
    run = calls.begin_pipeline(folders.config, "nightly", {"n": 2}, "key")["run"]
    calls.run_function(folders.config, run, "rows")
    decided = calls.decide(folders.config, run, "send")
    assert (decided["items"], decided["labels"]) == (2, ["row 0", "row 1"])
    assert calls.decide(folders.config, run, "send") == decided


def test_parameters_are_checked(tmp_path: Path) -> None:
    folders = office(tmp_path, GOOD)
    for wrong in ({}, {"n": "2"}, {"n": 1, "m": 1}):
        with pytest.raises(UsageError):
            calls.begin_pipeline(folders.config, "nightly", wrong, "key")


def test_steps_out_of_order_are_refused(tmp_path: Path) -> None:
    folders = office(tmp_path, GOOD)
    run = calls.begin_pipeline(folders.config, "nightly", {"n": 2}, "key")["run"]
    for early in (
        lambda: calls.decide(folders.config, run, "send"),
        lambda: calls.run_function(folders.config, run, "send", 0),
        lambda: calls.end_map(folders.config, run, "send"),
        lambda: calls.start_step(folders.config, run, "nowhere"),
    ):
        with pytest.raises(UsageError):
            early()
    calls.run_function(folders.config, run, "rows")
    with pytest.raises(UsageError, match="no item 7"):
        calls.run_function(folders.config, run, "send", 7)


def test_a_step_that_the_engine_lost_makes_the_run_fail_and_is_done_by_the_next(tmp_path: Path) -> None:
    folders = office(tmp_path, GOOD)
    begun = calls.begin_pipeline(folders.config, "nightly", {"n": 2}, "key")
    run = begun["run"]
    calls.run_function(folders.config, run, "rows")
    calls.decide(folders.config, run, "send")
    calls.run_function(folders.config, run, "send", 0)
    ended = calls.end_pipeline(folders.config, run)
    assert (ended["state"], ended["error"]) == ("failed", "step send did not end")
    assert calls.end_pipeline(folders.config, run) == ended
    engine = Careless(folders.config, in_process)
    result = engine.run_pipeline("nightly", {"n": 2}, "key")
    assert result["state"] == "done"
    assert effects(folders) == Counter({"rows": 1, "send[0]": 1, "send[1]": 1})


def test_a_run_goes_on_with_the_pipelines_it_began_with(tmp_path: Path) -> None:
    folders = office(tmp_path, GOOD)
    run = calls.begin_pipeline(folders.config, "nightly", {"n": 2}, "key")["run"]
    path = Path(folders.config)
    path.write_text(path.read_text().replace('count: "${params.n}"', "count: 7"))
    again = calls.begin_pipeline(folders.config, "nightly", {"n": 2}, "key")
    assert again["run"] == run
    result = Careless(folders.config, in_process).run_pipeline("nightly", {"n": 2}, "key")
    assert (result["run"], result["state"]) == (run, "done")
    assert effects(folders) == Counter({"rows": 1, "send[0]": 1, "send[1]": 1})
    later = Careless(folders.config, in_process).run_pipeline("nightly", {"n": 2}, "tomorrow")
    assert later["run"] != run
    assert effects(folders)["send[6]"] == 1, "what was edited counts for the next run"


def test_a_run_starts_the_other_pipelines_it_began_with(tmp_path: Path) -> None:
    folders = office(
        tmp_path,
        """
pipelines:
  nightly:
    steps:
      first: {python: "steps:say"}
      child: {pipeline: weekly, needs: first}
  weekly:
    steps:
      inner: {python: "steps:say"}
""",
    )
    run = calls.begin_pipeline(folders.config, "nightly", {}, "key")["run"]
    engine, path = Careless(folders.config, in_process), Path(folders.config)
    assert set(engine.graphs) == {"nightly", "weekly"}
    path.write_text(path.read_text().replace("inner:", "another:"))
    result = engine.run_pipeline("nightly", {}, "key")
    assert (result["run"], result["state"]) == (run, "done")
    assert effects(folders) == Counter({"first": 1, "inner": 1})


def test_a_job_that_waits_makes_its_pipeline_wait(tmp_path: Path) -> None:
    folders = office(
        tmp_path,
        """
pipelines:
  nightly:
    steps:
      team: {job: team}
      after: {python: "steps:say", needs: [team]}
""",
    )
    Careless(folders.config, in_process).run_job("team", "first")
    for number in range(5):
        folders.remove(f"item-{number}")
    folders.add("left")
    engine = Careless(folders.config, in_process)
    begun = calls.begin_pipeline(folders.config, "nightly", {}, "key")
    run = begun["run"]
    engine.run_item(run, "nightly", "team", None)
    ended = calls.end_pipeline(folders.config, run)
    assert ended["state"] == "awaiting_approval"
    assert {name: one["outcome"] for name, one in ended["steps"].items()} == {"team": "waiting", "after": "pending"}
    with opened(folders.config) as app:
        with pytest.raises(NotFound, match="orchestrator"):
            app.apply(run)  # who waits for the job is the orchestrator, and it goes on by itself
        job = app.ledger.journal.latest("team")
        assert job is not None
        app.apply(job.id, allow=["all"])
    result = engine.run_pipeline("nightly", {}, "key")
    assert (result["run"], result["state"]) == (run, "done")
    assert effects(folders) == Counter({"after": 1})


def test_a_run_under_way_on_an_orchestrator_is_not_taken_over(tmp_path: Path) -> None:
    folders = office(tmp_path, GOOD)
    run = calls.begin_pipeline(folders.config, "nightly", {"n": 2}, "key")["run"]
    with App.load(Path(folders.config)) as app:
        with pytest.raises(NotFound, match="orchestrator"):
            app.apply(run)
        other = app.run("nightly", params={"n": "1"})
        assert (other["state"], other["run"] != run) == ("done", True)


def test_steps_share_the_cache_of_the_embedded_engine(tmp_path: Path) -> None:
    pipelines = """
pipelines:
  nightly:
    steps:
      kept: {python: "steps:say", cache: {key: 1}, with: {x: 7}}
      child: {pipeline: weekly, cache: {key: 1}}
  weekly:
    steps:
      inner: {python: "steps:say"}
"""
    folders = office(tmp_path, pipelines)
    with App.load(Path(folders.config)) as app:
        app.run("nightly")
    run = calls.begin_pipeline(folders.config, "nightly", {}, "key")["run"]
    assert calls.run_function(folders.config, run, "kept") == {"outcome": "done", "cached": True, "known": False}
    started = calls.start_step(folders.config, run, "child")
    assert (started["known"], started["cached"], started["outcome"]) == (True, True, "done")
    assert calls.end_pipeline(folders.config, run)["state"] == "done"
    assert effects(folders) == Counter({"kept": 1, "inner": 1})


def test_describe_touches_no_ledger(tmp_path: Path) -> None:
    folders = office(tmp_path)
    found = calls.describe(folders.config)
    assert not (tmp_path / ".trueup" / "ledger.db").exists()
    assert found["jobs"]["team"]["collections"] == ["a/team", "b/team"]
    nightly = found["pipelines"]["nightly"]
    assert nightly["order"] == list(nightly["steps"])
    assert nightly["steps"]["after"]["needs"] == ["team"]
    assert nightly["steps"]["send"]["for_each"]
    assert not nightly["steps"]["rows"]["for_each"]
    assert nightly["params"][0] == {
        "name": "count",
        "type": "integer",
        "required": False,
        "default": 3,
        "description": "",
    }
    path = Path(folders.config)
    assert calls.describe(folders.config)["digest"] == found["digest"]
    path.write_text(path.read_text().replace("parallel: 2", "parallel: 3"))
    assert calls.describe(folders.config)["digest"] != found["digest"]
