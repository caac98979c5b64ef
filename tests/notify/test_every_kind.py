"""Calendars, address books and pipelines tell of themselves as backups do: on the embedded engine, and through the calls of any other."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.crash.world import event
from tests.engines.calls.careless import Careless, once, twice
from tests.support.sinks import MailSink, Watcher
from trueup.app import App
from trueup.core.asked import ask_about_job
from trueup.messages import deliver
from trueup.model.errors import TrueupError
from trueup.model.run import RunState

Json = dict[str, Any]

CONFIG = """\
version: 1
stores:
  a: {{connector: {connector}, path: a}}
  b: {{connector: {connector}, path: b}}
jobs:
  team:
    kind: {kind}
    collections: [{{store: a, name: team}}, {{store: b, name: team}}]
    conflicts: ask
    notify: {{failure: {{file: mail-url}}, success: "{chat}", heartbeat: "{heartbeat}"}}
pipelines:
  night:
    notify: {{failure: {{file: mail-url}}}}
    steps:
      look: {{python: "{module}:look"}}
      sync: {{job: team, needs: look}}
"""

STEPS = """
from pathlib import Path

def look():
    if Path(__file__).with_name("broken").exists():
        raise ValueError("the list is empty")
"""

CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\nFN:{name}\r\nN:{name};;;;\r\nEND:VCARD\r\n"


_numbers = itertools.count(1)


class Office:
    """Two folders kept in step, and two servers that hear of it."""

    def __init__(self, root: Path, mail: MailSink, web: Watcher, kind: str = "calendar") -> None:
        self.root, self.mail, self.web = root, mail, web
        for side in "ab":
            (root / side / "team").mkdir(parents=True)
        module = f"steps_{next(_numbers)}"  # one that this process has not imported yet
        text = CONFIG.format(
            kind=kind,
            connector="vdir" if kind == "calendar" else "vcf",
            module=module,
            chat=web.url("/chat", "json"),
            heartbeat=web.url("/beat"),
        )
        (root / "trueup.yaml").write_text(text)
        (root / "mail-url").write_text(mail.url())
        (root / "mail-url").chmod(0o600)
        (root / f"{module}.py").write_text(STEPS)
        for number in range(8):
            self.put(f"m{number}", f"Meeting {number}", kind=kind)

    def put(self, uid: str, title: str, side: str = "a", kind: str = "calendar") -> None:
        if kind == "calendar":
            (self.root / side / "team" / f"{uid}.ics").write_text(event(uid, title))
        else:
            (self.root / side / "team" / f"{uid}.vcf").write_text(CARD.format(uid=uid, name=title))

    def app(self) -> App:
        return App.load(self.root / "trueup.yaml", checked=True)

    @property
    def subjects(self) -> list[str]:
        """What came by mail since the last look."""
        found = [one.removeprefix("trueup: ") for one in self.mail.subjects]
        self.mail.mails.clear()
        return found


Drive = Callable[[Office, str], str]


def embedded(office: Office, name: str) -> str:
    with office.app() as app:
        try:
            return str(app.run(name)["state"])
        except TrueupError:
            return "failed"


def by_calls(habit: Any) -> Drive:
    number = 0

    def drive(office: Office, name: str) -> str:
        nonlocal number
        number += 1
        engine = Careless(str(office.root / "trueup.yaml"), habit)
        found = engine.run_job(name, f"k{number}") if name == "team" else engine.run_pipeline(name, {}, f"k{number}")
        return str(found["state"])

    return drive


@pytest.fixture(params=["embedded", "calls", pytest.param("calls twice", marks=pytest.mark.slow)])
def drive(request: pytest.FixtureRequest) -> Drive:
    return {"embedded": embedded, "calls": by_calls(once), "calls twice": by_calls(twice)}[request.param]


@pytest.fixture
def office(tmp_path: Path) -> Any:
    with MailSink() as mail, Watcher() as web:
        yield Office(tmp_path / "office", mail, web)


def test_a_calendar_that_fails_waits_and_disagrees(office: Office, drive: Drive) -> None:
    assert drive(office, "team") == "done"
    assert office.subjects == []
    assert sorted(office.web.paths) == ["/beat", "/beat/start", "/chat"]
    shutil.move(office.root / "b", office.root / "away")
    office.put("m9", "Meeting 9")
    assert [drive(office, "team") for _ in range(2)] == ["partial", "partial"]
    (told,) = office.subjects
    assert told.startswith("team: is incomplete (b")
    shutil.move(office.root / "away", office.root / "b")
    assert drive(office, "team") == "done"
    assert office.subjects == ["team: all is well again"]

    office.put("m1", "Mine")
    office.put("m1", "Theirs", "b")
    assert [drive(office, "team") for _ in range(2)] == ["conflict", "conflict"]
    (one,) = office.mail.mails
    assert "decide them: trueup resolve team" in one.get_content()
    assert "more: trueup history " in one.get_content()
    assert office.subjects == ["team: a conflict waits for you (Mine: changed differently in a/team and b/team)"]
    office.put("m1", "Mine", "b")
    assert drive(office, "team") == "done"
    assert office.subjects == ["team: all is well again"]
    assert office.web.paths.count("/chat") == 3  # runs that ended well

    for path in (office.root / "a" / "team").iterdir():
        path.unlink()
    assert drive(office, "team") == "awaiting_approval"
    assert "trueup apply" in office.mail.mails[0].get_content()
    (told,) = office.subjects
    assert told.startswith("team: waits for your word (")
    with office.app() as app:
        app.apply(None, allow=["all"])
    assert office.subjects == ["team: all is well again"]


def test_a_pipeline_that_fails(office: Office, drive: Drive) -> None:
    (office.root / "broken").touch()
    assert [drive(office, "night") for _ in range(2)] == ["failed", "failed"]
    (one,) = office.mail.mails
    assert "sync: look failed" in one.get_content()
    (told,) = office.subjects
    assert told.startswith("night: step look failed (steps_")
    assert told.endswith(":look: ValueError: the list is empty)")
    (office.root / "broken").unlink()
    assert drive(office, "night") == "done"
    assert office.subjects == ["night: all is well again"]
    assert sorted(office.web.paths) == ["/beat", "/beat/start", "/chat"]  # its job tells of itself

    for path in (office.root / "a" / "team").iterdir():
        path.unlink()
    assert drive(office, "night") == "awaiting_approval"
    waits = office.subjects
    assert [one.split(" (")[0] for one in waits] == [
        "team: waits for your word",
        "night: step sync waits for your word",
    ]


def test_an_address_book(tmp_path: Path) -> None:
    with MailSink() as mail, Watcher() as web:
        office = Office(tmp_path / "office", mail, web, "contacts")
        assert embedded(office, "team") == "done"
        shutil.move(office.root / "b", office.root / "away")
        assert embedded(office, "team") == "partial"
        shutil.move(office.root / "away", office.root / "b")
        assert embedded(office, "team") == "done"
        assert [one.split(" (")[0] for one in office.subjects] == ["team: is incomplete", "team: all is well again"]


def test_a_plan_that_somebody_looks_at_is_told_to_nobody(office: Office) -> None:
    assert embedded(office, "team") == "done"
    for path in (office.root / "a" / "team").iterdir():
        path.unlink()
    office.web.posted.clear()
    with office.app() as app:
        assert app.plan("team")["state"] == "awaiting_approval"
    assert embedded(office, "night") == "awaiting_approval"
    assert len(office.subjects) == 2
    with office.app() as app:
        app.plan("team")
        deliver(app)
    assert office.subjects == []


def test_who_is_asked_before_a_run_begins_is_told_of_it(office: Office) -> None:
    with office.app() as app:
        run = ask_about_job(app.ledger, "team", "schedule", "it would meet the job office")
        for _ in range(2):
            app.tell("team", "ended", run)
        deliver(app)
    assert f"trueup apply {run}" in office.mail.mails[0].get_content()
    assert office.subjects == ["team: waits for your word (it would meet the job office)"]


def test_an_undo_says_nothing(office: Office) -> None:
    assert embedded(office, "team") == "done"
    office.web.posted.clear()
    with office.app() as app:
        app.apply(app.plan_undo("last")["run"])
    assert office.web.paths == []


def _dies(root: Path, at: int) -> None:
    """A run in a process of its own that kills itself before its write number `at`; 0: counts them instead."""
    count = 0

    def hook(label: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)

    with App.load(root / "trueup.yaml", checked=True) as app:
        app.ledger.on_write = hook
        with suppress(TrueupError):
            app.run("night")
    (root / "writes").write_text(str(count))


def _run_and_die(root: Path, at: int) -> int | None:
    process = multiprocessing.get_context("fork").Process(target=_dies, args=(root, at))
    process.start()
    process.join(60)
    return process.exitcode


def test_killed_at_any_write_a_failure_is_told_exactly_where_it_is_known(tmp_path: Path) -> None:
    """What the ledger has of a run that did not go well, it has a message of: neither is there without the other."""
    with MailSink() as mail, Watcher() as web:
        template = Office(tmp_path / "template", mail, web)
        assert embedded(template, "team") == "done"
        for path in (template.root / "a" / "team").iterdir():
            path.unlink()
        shutil.copytree(template.root, tmp_path / "count")
        assert _run_and_die(tmp_path / "count", 0) == 0
        writes = int((tmp_path / "count" / "writes").read_text())
        step = 1 if os.environ.get("TRUEUP_CAMPAIGN") == "full" else 3
        seen = set()
        for at in range(1, writes, step):
            root = tmp_path / f"at-{at}"
            shutil.copytree(template.root, root)
            assert _run_and_die(root, at) == -signal.SIGKILL
            with App.load(root / "trueup.yaml", checked=True) as app:
                for name in ("team", "night"):
                    last = app.ledger.journal.latest(name, [RunState.AWAITING_APPROVAL])
                    facts = app.ledger.facts.get(name, "notify") or {}
                    told = [one for one in facts.get("runs", ()) if one.endswith("awaiting_approval")]
                    assert told == ([f"{last.id}/awaiting_approval"] if last else []), (at, name)
                    seen.add((name, bool(told)))
        assert seen == {(name, told) for name in ("team", "night") for told in (True, False)}
