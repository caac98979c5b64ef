"""The call behind one item of a map: what it costs, and what two of them at the same item come to."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.engines.calls.office import Folders
from trueup.core.ledger.database import Database
from trueup.engines import calls
from trueup.engines.calls import frame
from trueup.engines.calls.opened import opened
from trueup.model.errors import Locked

STEPS = """
import json
import threading
import time

DURING = []  # what a test does while a function is at work

def rows(count):
    return [{"n": n, "tags": ["a", "b"]} for n in range(count)]

def work(row, context):
    if DURING:
        DURING.pop()()
    return row["n"]

def greedy(row, context):
    row["tags"].clear()
    context.params["names"].append("more")
    return len(context.params["names"])

def tags(row):
    return len(row["tags"])

def threads():
    return sorted(one.name for one in threading.enumerate())
"""

PIPELINES = """
pipelines:
  nightly:
    params:
      names: {type: list, default: [one]}
    steps:
      rows: {python: "steps:rows", with: {count: 3}}
      work: {python: "steps:work", for_each: "${steps.rows.output}", with: {row: "${item}"}}
      greedy: {python: "steps:greedy", for_each: "${steps.rows.output}", with: {row: "${item}"}}
      tags: {python: "steps:tags", for_each: "${steps.rows.output}", with: {row: "${item}"}}
      threads: {python: "steps:threads"}
      odd: {python: "steps:rows", for_each: "${steps.rows.output}", with: {count: "${item.nothing}"}}
"""


@pytest.fixture(autouse=True)
def own_steps() -> Iterator[None]:
    yield
    sys.modules.pop("steps", None)
    sys.path[:] = [one for one in sys.path if "pytest-" not in one]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return made(tmp_path)


def made(root: Path, more: str = "") -> Folders:
    folders = Folders(root, items=0, more=PIPELINES + more)
    (root / "steps.py").write_text(STEPS)
    return folders


def begun(folders: Folders) -> str:
    """A run whose rows are there; its id."""
    run = str(calls.begin_pipeline(folders.config, "nightly", {}, "key")["run"])
    calls.run_function(folders.config, run, "rows")
    return run


def output(folders: Folders, run: str, key: str) -> Any:
    with opened(folders.config) as app:
        row = app.ledger.steps.get(run, key)
    return None if row is None else row.output


@contextmanager
def counted(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[str], list[str]]]:
    """The statements about rows, and the commits, of what is done inside."""
    statements: list[str] = []
    commits: list[str] = []
    rows, write = Database.rows, Database.write

    def one(real: Any) -> Any:
        def counting(self: Database, statement: str, values: Any = ()) -> Any:
            statements.append(" ".join([*statement.split()[:3], *map(str, values)]))
            return real(self, statement, values)

        return counting

    with opened(folders.config) as app, monkeypatch.context() as patch:
        patch.setattr(Database, "rows", one(rows))
        patch.setattr(Database, "write", one(write))
        app.ledger.on_write = commits.append
        yield statements, commits
        app.ledger.on_write = None


@pytest.mark.parametrize("ledger", ["sqlite", "postgresql"])
def test_an_item_costs_two_commits_and_five_statements(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, ledger: str
) -> None:
    where = f'ledger: "{request.getfixturevalue("postgresql").make_database()}"\n' if ledger == "postgresql" else ""
    folders = made(tmp_path, where)
    run = begun(folders)
    calls.run_function(folders.config, run, "work", 0)
    with counted(folders, monkeypatch) as (statements, commits):
        calls.run_function(folders.config, run, "work", 1)
    assert commits == ["before:turn.begin", "after:turn.begin", "before:turn.end", "after:turn.end"]
    assert [one.split()[0] for one in statements] == ["INSERT", "SELECT", "INSERT", "DELETE", "INSERT"]
    assert not any(" rows" in one for one in statements), "what the items come from is not read for each of them"
    assert output(folders, run, "work[1]") == 1


def test_a_repeated_call_writes_nothing_about_the_item(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begun(folders)
    first = calls.run_function(folders.config, run, "work", 1)
    with opened(folders.config) as app:
        before = app.ledger.steps.get(run, "work[1]")
    again = calls.run_function(folders.config, run, "work", 1)
    assert (first["known"], again["known"]) == (False, True)
    with opened(folders.config) as app:
        assert app.ledger.steps.get(run, "work[1]") == before
    assert folders.leases() == {}


def test_what_a_function_does_to_what_it_is_given_stays_with_it(folders: Folders) -> None:
    run = begun(folders)
    for index in range(3):
        calls.run_function(folders.config, run, "greedy", index)
        calls.run_function(folders.config, run, "tags", index)
    assert [output(folders, run, f"greedy[{index}]") for index in range(3)] == [2, 2, 2]
    assert [output(folders, run, f"tags[{index}]") for index in range(3)] == [2, 2, 2]


def test_a_short_call_starts_no_thread_to_renew_its_turn(folders: Folders) -> None:
    run = begun(folders)
    calls.run_function(folders.config, run, "threads")
    assert "leases" not in output(folders, run, "threads")


def test_a_long_call_keeps_its_turn(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "TURN_SECONDS", 0.6)
    run = begun(folders)
    calls.run_function(folders.config, run, "work", 0)
    refused = []

    def long() -> None:
        with opened(folders.config) as app:
            threading.Event().wait(1.5)
            with pytest.raises(Locked) as error:
                app.ledger.leases.acquire(frame.turn_of(run, "step/work[1]"), "elsewhere.example:4711:ab", 1)
            refused.append(error.value)

    sys.modules["steps"].DURING.append(long)
    assert calls.run_function(folders.config, run, "work", 1)["known"] is False
    assert len(refused) == 1
    assert folders.leases() == {}


def test_who_lost_its_turn_leaves_what_was_done_meanwhile(folders: Folders) -> None:
    """It was asleep; another worker did the item, and steps behind it may have used what that gave."""
    run = begun(folders)
    calls.run_function(folders.config, run, "work", 0)
    rows = []

    def asleep() -> None:
        folders.expire()
        assert calls.run_function(folders.config, run, "work", 1) == {
            "outcome": "done",
            "cached": False,
            "known": False,
        }
        with opened(folders.config) as app:
            rows.append(app.ledger.steps.get(run, "work[1]"))

    sys.modules["steps"].DURING.append(asleep)
    assert calls.run_function(folders.config, run, "work", 1) == {"outcome": "done", "cached": False, "known": True}
    with opened(folders.config) as app:
        assert [app.ledger.steps.get(run, "work[1]")] == rows
    assert folders.leases() == {}


def test_who_lost_its_turn_and_fails_takes_what_was_done_meanwhile(folders: Folders) -> None:
    run = begun(folders)
    calls.run_function(folders.config, run, "work", 0)

    def asleep() -> None:
        folders.expire()
        calls.run_function(folders.config, run, "work", 1)
        raise ValueError("too late")

    sys.modules["steps"].DURING.append(asleep)
    assert calls.run_function(folders.config, run, "work", 1)["known"] is True
    assert output(folders, run, "work[1]") == 1


def test_arguments_that_cannot_be_told_fail_the_item_for_good(folders: Folders) -> None:
    run = begun(folders)
    for _ in range(2):
        with pytest.raises(Exception, match=r"nothing|has failed") as error:
            calls.run_function(folders.config, run, "odd", 0)
        assert not calls.retryable(error.value)
    with opened(folders.config) as app:
        row = app.ledger.steps.get(run, "odd[0]")
    assert row is not None
    assert (row.state, "nothing" in row.error) == ("failed", True)
    assert folders.leases() == {}
