"""What a scheduled start meets, and what `collide` makes of it: asked of the ledger and of what the schedules say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.calls.office import Folders
from trueup.app import App
from trueup.core.under_way import SILENCE
from trueup.engines import calls
from trueup.model.errors import UsageError

MORE = """\
    schedule: {{every: 1h, collide: {collide}}}
pipelines:
  close:
    params: {{n: {{type: integer, default: 1}}}}
    steps:
      team: {{job: team}}
      say: {{python: "steps:say", with: {{x: "${{params.n}}"}}}}
    schedule: {{every: 1h, collide: {collide}}}
  apart:
    steps: {{say: {{python: "steps:say", with: {{x: 1}}}}}}
    schedule: {{every: 1h, collide: {collide}}}
"""


@pytest.fixture
def folders(tmp_path: Path, request: pytest.FixtureRequest) -> Folders:
    """A job and two pipelines, one of which uses it, started every hour."""
    (tmp_path / "steps.py").write_text("def say(x):\n    return x\n")
    made = Folders(tmp_path, more="")
    text = (tmp_path / "trueup.yaml").read_text()
    flow = "  team: {kind: calendar, collections: [{store: a, name: team}, {store: b, name: team}]}\n"
    assert flow in text
    block = "  team:\n    kind: calendar\n    collections: [{store: a, name: team}, {store: b, name: team}]\n"
    (tmp_path / "trueup.yaml").write_text(text.replace(flow, block) + MORE.format(collide=request.param))
    return made


def now(folders: Folders) -> float:
    with App.load(folders.root) as app:
        return app.ledger.now()


def at(folders: Folders, name: str, key: str = "key") -> dict[str, object]:
    """The verdict on a start that is due now, apart from a full hour, at which all three are due."""
    moment = now(folders) + 5
    return calls.due(folders.config, name, moment if 2 < moment % 3600 < 3598 else moment + 10, key)


@pytest.mark.parametrize("folders", ["queue", "shift", "skip", "ask"], indirect=True)
def test_nothing_is_in_the_way(folders: Folders) -> None:
    assert {at(folders, name)["verdict"] for name in ("team", "close", "apart")} == {"run"}


@pytest.mark.parametrize(
    ("folders", "verdict"),
    [("queue", "wait"), ("shift", "wait"), ("skip", "skip"), ("ask", "ask")],
    indirect=["folders"],
)
def test_a_job_that_is_worked_on_is_in_the_way_of_what_uses_it(folders: Folders, verdict: str) -> None:
    begun = calls.begin_job(folders.config, "team", "an engine's")
    found = at(folders, "close")
    assert (found["verdict"], str(found["note"]).rpartition(" ")[2]) == (verdict, "team")
    assert at(folders, "apart")["verdict"] == "run", "it uses no job of the other's"
    assert at(folders, "team")["verdict"] == "run", "an earlier run of its own is the policy `overlap`'s"
    calls.end_job(folders.config, begun["run"])
    assert at(folders, "close", "another")["verdict"] == "run"


@pytest.mark.parametrize("folders", ["skip"], indirect=True)
def test_a_pipeline_is_in_the_way_while_there_is_a_sign_of_life(folders: Folders) -> None:
    """Also before and after the step that uses the job; a run whose engine was ended stands as running for ever, and is not."""
    run = calls.begin_pipeline(folders.config, "close", {}, "an engine's")["run"]
    assert at(folders, "team") == {"verdict": "skip", "note": "it would meet close", "run": "", "until": None}
    folders.sql("UPDATE run SET started = started - ? WHERE id = ?", 2 * SILENCE, run)
    assert at(folders, "team")["verdict"] == "run"
    calls.decide(folders.config, run, "say")
    folders.sql("INSERT INTO lease VALUES (?, 'elsewhere:1:x', 1, 99999999999)", f"turn/{run}/step/say")
    assert at(folders, "team")["verdict"] == "skip", "a step of it is at work"


@pytest.mark.parametrize("folders", ["skip"], indirect=True)
def test_what_began_later_is_in_nobodys_way(folders: Folders) -> None:
    """Of two that are due together one waits for the other, and not each for the other."""
    before = now(folders)
    calls.begin_job(folders.config, "team", "an engine's")
    assert calls.due(folders.config, "close", before - 1, "key")["verdict"] == "run"


@pytest.mark.parametrize("folders", ["skip"], indirect=True)
def test_of_those_that_are_due_at_the_same_moment_the_first_by_name_runs(folders: Folders) -> None:
    hour = (now(folders) // 3600 + 1) * 3600
    verdicts = {name: calls.due(folders.config, name, hour, "key")["verdict"] for name in ("close", "team", "apart")}
    assert verdicts == {"close": "run", "team": "skip", "apart": "run"}


@pytest.mark.parametrize("folders", ["ask"], indirect=True)
def test_a_pipeline_asked_about_begins_with_a_persons_word(folders: Folders) -> None:
    job = calls.begin_job(folders.config, "team", "an engine's")["run"]
    asked = calls.due(folders.config, "close", now(folders) + 5, "key", {"n": 7})
    assert calls.due(folders.config, "close", now(folders) + 5, "key", {"n": 7}) == asked, "asked once"
    assert calls.waiting(folders.config, asked["run"])["next"] == "wait"
    calls.end_job(folders.config, job)
    assert at(folders, "close")["verdict"] == "ask", "it waits for the word, and not for the job"
    assert calls.allow_start(folders.config, asked["run"], "ana")["next"] == "apply"
    assert at(folders, "close")["verdict"] == "run"
    begun = calls.begin_pipeline(folders.config, "close", {"n": 7}, "key")
    assert (begun["run"], begun["params"], begun["over"]) == (asked["run"], {"n": 7}, False)
    with App.load(folders.root) as app:
        assert app.ledger.journal.get(asked["run"]).report["approved_by"] == "ana"


@pytest.mark.parametrize("folders", ["ask"], indirect=True)
def test_a_job_asked_about_begins_with_a_persons_word(folders: Folders) -> None:
    calls.begin_pipeline(folders.config, "close", {}, "an engine's")
    asked = at(folders, "team")
    assert asked["verdict"] == "ask"
    calls.allow_start(folders.config, str(asked["run"]), "ana")
    begun = calls.begin_job(folders.config, "team", "key")
    assert (begun["run"], begun["next"]) == (asked["run"], "read")
    assert calls.run_rest(folders.config, begun["run"])["state"] == "done"
    assert folders.equal


@pytest.mark.parametrize("folders", ["ask"], indirect=True)
def test_refused_nothing_begins(folders: Folders) -> None:
    calls.begin_pipeline(folders.config, "close", {}, "an engine's")
    run = str(at(folders, "team")["run"])
    assert calls.refuse_start(folders.config, run, "ana")["state"] == "superseded"
    found = at(folders, "team")
    assert (found["verdict"], found["note"]) == ("skip", "ana refused it")
    assert not any((folders.root / "b" / "team").iterdir())


@pytest.mark.parametrize("folders", ["ask"], indirect=True)
def test_said_on_the_command_line_it_is_carried_out_there(folders: Folders) -> None:
    job = calls.begin_job(folders.config, "team", "an engine's")["run"]
    run = str(at(folders, "close")["run"])
    calls.end_job(folders.config, job)
    with App.load(folders.root) as app:
        app.ledger.journal.update(job, state="superseded", ended=1.0)  # that engine's run was ended there
        assert app.apply(run)["state"] == "done"
    assert folders.equal
    assert at(folders, "close")["verdict"] == "run"
    assert calls.begin_pipeline(folders.config, "close", {}, "key")["over"], "the engine finds it over"


@pytest.mark.parametrize("folders", ["ask"], indirect=True)
def test_a_later_run_takes_the_place_of_a_job_asked_about(folders: Folders) -> None:
    calls.begin_pipeline(folders.config, "close", {}, "an engine's")
    run = str(at(folders, "team")["run"])
    with App.load(folders.root) as app:
        app.run("team")
    assert calls.waiting(folders.config, run)["next"] == "over"
    assert at(folders, "team")["note"] == "a later run took its place"


@pytest.mark.parametrize("folders", ["ask"], indirect=True)
def test_parameters_that_do_not_fit_are_told_before_anybody_is_asked(folders: Folders) -> None:
    calls.begin_job(folders.config, "team", "an engine's")
    with pytest.raises(UsageError):
        calls.due(folders.config, "close", now(folders) + 5, "key", {"n": "many"})
