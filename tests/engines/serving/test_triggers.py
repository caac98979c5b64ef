"""Triggers and what the ledger knows of them, over time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from trueup.core.agenda import Subject
from trueup.core.ledger import Ledger, open_ledger
from trueup.engines.embedded.serving.setup import Setup
from trueup.engines.embedded.serving.triggers import Triggers
from trueup.model.errors import UsageError
from trueup.model.pipeline import ParamSpec, ParamType, PipelineSpec
from trueup.model.run import RunState
from trueup.model.schedule import AfterTrigger, FileTrigger, HttpTrigger, Trigger

LOAD = PipelineSpec(
    "load", (), (ParamSpec("file", ParamType.STRING, False, "-"), ParamSpec("n", ParamType.INTEGER, False, 1))
)


def triggers(ledger: Ledger, folder: Path, *given: Trigger, job: bool = False) -> Triggers:
    subject = Subject("load", None, given, None if job else LOAD)
    known = {"load": subject}
    return Triggers(Setup(ledger, folder, known, known, None, None, None, {}, None))  # type: ignore[arg-type]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(str(tmp_path / "ledger.db"))


def test_a_file_that_stays_is_known_for_ever(tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "a.csv").write_text("x")
    (tmp_path / "b.csv").write_text("x")
    first = triggers(ledger, tmp_path, FileTrigger("*.csv", 0.0))
    assert [one.params["file"] for _, one in first.look(time.time())] == [
        str(tmp_path / "a.csv"),
        str(tmp_path / "b.csv"),
    ]
    for row in ledger.occurrences.wanted():
        ledger.occurrences.fire("load", row.key)
        ledger.occurrences.end("load", row.key, "done")
    (tmp_path / "b.csv").unlink()
    again = triggers(ledger, tmp_path, FileTrigger("*.csv", 3600.0))  # after a restart, and not even whole yet
    assert again.look(time.time()) == []
    assert ledger.occurrences.prune(4e9, again.present()) == 1
    later = triggers(ledger, tmp_path, FileTrigger("*.csv", 0.0))
    assert later.look(time.time()) == []
    os.utime(tmp_path / "a.csv", (1, 1))
    assert len(later.look(time.time())) == 1


def test_only_the_last_round_of_a_job_and_no_undo_counts(tmp_path: Path, ledger: Ledger) -> None:
    looking = triggers(ledger, tmp_path, AfterTrigger("team", (RunState.DONE, RunState.PARTIAL)))
    journal = ledger.journal
    old = journal.start("run", "team").id
    journal.update(old, state=RunState.DONE, ended=ledger.now())
    time.sleep(0.01)
    assert looking.look(ledger.now()) == []
    time.sleep(0.01)
    expected = []
    for kind, state, report in (
        ("run", RunState.DONE, {"again": True}),
        ("run", RunState.DONE, {"again": False}),
        ("undo", RunState.DONE, {}),
        ("run", RunState.FAILED, {}),
        ("run", RunState.PARTIAL, {}),
    ):
        run = journal.start(kind, "team").id
        journal.update(run, state=state, report=report, ended=ledger.now())
        if kind == "run" and state is not RunState.FAILED and not report.get("again"):
            expected.append(f"after:{run}")
    assert sorted(one.key for _, one in looking.look(ledger.now())) == sorted(expected)
    assert looking.look(ledger.now()) == []
    assert triggers(ledger, tmp_path, AfterTrigger("team", (RunState.DONE, RunState.PARTIAL))).look(ledger.now()) == []


def test_a_call_gives_its_parameters_and_they_are_checked(tmp_path: Path, ledger: Ledger) -> None:
    looking = triggers(ledger, tmp_path, HttpTrigger("/x", {"n": 5}))
    found = looking.accept("/x", "http:1", {"file": "f"}, 100.0)
    assert found is not None
    assert found[1].params == {"file": "f", "n": 5}
    assert looking.accept("/x", "http:1", {"file": "g"}, 100.0) is None
    with pytest.raises(UsageError, match="no parameter"):
        looking.accept("/x", "http:2", {"fiel": "f"}, 100.0)
    job = triggers(ledger, tmp_path, HttpTrigger("/x"), job=True)
    with pytest.raises(UsageError, match="is a job"):
        job.accept("/x", "http:3", {"file": "f"}, 100.0)
    assert job.accept("/x", "http:3", {}, 100.0) is not None
    assert looking.status("/x", "http:1") == {
        "pipeline": "load",
        "state": "wanted",
        "run": "",
        "outcome": "",
        "note": "",
    }
    assert looking.status("/x", "http:9") is None
