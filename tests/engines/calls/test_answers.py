"""What calls answer, what they show, which errors an engine may try to cure, and how long a configuration stays open."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from tests.engines.calls.office import Folders
from trueup.core.functions import NotJson, StepFailed
from trueup.engines import calls
from trueup.engines.calls import opened as opening
from trueup.engines.calls.answers import SHOWN, small
from trueup.engines.calls.errors import LastAttempt
from trueup.engines.calls.opened import opened
from trueup.model.errors import (
    Bug,
    Cancelled,
    ConfigError,
    GuardBlocked,
    LedgerError,
    Locked,
    LoginRefused,
    NotFound,
    Permanent,
    SecretMissing,
    StalePlan,
    StoreError,
    Transient,
    UsageError,
)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


@pytest.mark.parametrize(
    ("error", "worth_it"),
    [
        (Transient("the server is too busy"), True),
        (StoreError("something else"), True),
        (Locked("somebody works on it"), True),
        (LedgerError("gone", temporary=True), True),
        (LedgerError("damaged"), False),
        (StepFailed("it raised"), True),
        (LastAttempt("it raised again"), False),
        (OSError("no route to host"), True),
        (NotJson("a set"), False),
        (ConfigError("wrong"), False),
        (UsageError("wrong"), False),
        (NotFound("nothing"), False),
        (SecretMissing("no password"), False),
        (LoginRefused("wrong password"), False),
        (Permanent("no"), False),
        (GuardBlocked("too many"), False),
        (StalePlan("old"), False),
        (Cancelled("asked to"), False),
        (Bug("ours"), False),
        (KeyError("ours too"), False),
        (KeyboardInterrupt(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_which_errors_may_pass(error: BaseException, worth_it: bool) -> None:
    assert calls.retryable(error) is worth_it


def test_answers_are_small_and_plain() -> None:
    report = {"left": [{"title": str(number)} for number in range(500)], "counts": {"create": 500}, "overlaps": []}
    answer = small(report)
    assert len(answer["left"]) == SHOWN
    assert answer["more"] == {"left": 500 - SHOWN}
    assert "more" not in small({"left": [1], "counts": {}})
    assert len(json.dumps(answer)) < 2000
    assert len(report["left"]) == 500


def test_a_plan_as_a_table(folders: Folders) -> None:
    """A title is somebody else's: it must not become markup, a link or a row of its own."""
    evil = "a|b <script>alert(1)</script> [x](http://evil) `c` **d** _e_ &amp;"
    path = folders.root / "a" / "team" / "item-0.ics"
    path.write_text(path.read_text().replace("Title of item-0", evil))
    run = calls.begin_job(folders.config, "team", "key")["run"]
    calls.plan(folders.config, run, [calls.read(folders.config, run, ref) for ref in ("a/team", "b/team")])
    table = calls.plan_markdown(folders.config, run, limit=3)
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert len(rows) == 3
    assert "… and 2 more" in table
    (row,) = (line for line in calls.plan_markdown(folders.config, run).splitlines() if "script" in line)
    assert row.count(" | ") == 4
    for markup in ("<script", "[x]", "`c`", "**d**", "a|b", "_e_", "&amp;"):
        assert markup not in row
    for shown in ("`+`", "Mon 30 Nov 2026 09:00 UTC", "b/team", "new in a/team"):
        assert shown in row


def test_a_plan_with_guards_and_changes_field_by_field(folders: Folders) -> None:
    calls.end_job(
        folders.config, calls.run_rest(folders.config, calls.begin_job(folders.config, "team", "1")["run"])["run"]
    )
    path = folders.root / "a" / "team" / "item-0.ics"
    path.write_text(path.read_text().replace("Title of item-0", "New title"))
    for number in range(1, 5):
        folders.remove(f"item-{number}", "b")
    run = calls.begin_job(folders.config, "team", "2")["run"]
    calls.plan(folders.config, run, [calls.read(folders.config, run, ref) for ref in ("a/team", "b/team")])
    table = calls.plan_markdown(folders.config, run)
    assert "title: “Title of item-0” → “New title”" in table
    assert "`~`" in table
    assert "`-`" in table


def test_a_plan_with_nothing_to_do(folders: Folders) -> None:
    calls.end_job(
        folders.config, calls.run_rest(folders.config, calls.begin_job(folders.config, "team", "1")["run"])["run"]
    )
    run = calls.begin_job(folders.config, "team", "2")["run"]
    calls.plan(folders.config, run, [calls.read(folders.config, run, ref) for ref in ("a/team", "b/team")])
    assert "Nothing to do" in calls.plan_markdown(folders.config, run)


def test_a_link_survives_the_whole_run(folders: Folders) -> None:
    run = calls.begin_job(folders.config, "team", "key")["run"]
    calls.link(folders.config, run, "temporal", "http://127.0.0.1:8233/x")
    report = calls.run_rest(folders.config, run)
    calls.link(folders.config, run, "temporal", "http://127.0.0.1:8233/y")
    assert (report["engine"], report["url"]) == ("temporal", "http://127.0.0.1:8233/x")
    assert calls.end_job(folders.config, run)["url"] == "http://127.0.0.1:8233/y"


# -- how long a configuration stays open -----------------------------------------------------------------------------------


def test_calls_of_a_process_share_what_is_open(folders: Folders) -> None:
    with opened(folders.config) as first, opened(folders.config) as second:
        assert first is second
    with opened(folders.config) as third:
        assert third is first


def test_a_changed_file_is_opened_anew_and_the_old_one_closed_when_nobody_uses_it(folders: Folders) -> None:
    path = Path(folders.config)
    with opened(folders.config) as before:
        before.ledger.leases.holder("x")
        path.write_text(path.read_text() + "# changed\n")
        with opened(folders.config) as after:
            assert after is not before
            after.ledger.leases.holder("x")
        before.ledger.leases.holder("x")
    with pytest.raises(Bug, match="closed"):
        before.ledger.leases.holder("x")


def test_it_is_opened_anew_from_time_to_time(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(folders.config) as before:
        pass
    monkeypatch.setattr(opening.time, "monotonic", lambda: 1e9)
    with opened(folders.config) as after:
        assert after is not before


def test_a_forked_worker_opens_its_own(folders: Folders) -> None:
    """Also where another thread was opening something at that moment."""
    with opened(folders.config) as app:
        app.ledger.leases.holder("x")
        inside, over = threading.Event(), threading.Event()

        def hold() -> None:
            with opening._lock:
                inside.set()
                over.wait(30)

        holder = threading.Thread(target=hold)
        holder.start()
        inside.wait()
        pid = os.fork()
        if not pid:
            status = 1
            try:
                with opened(folders.config) as own:
                    own.ledger.leases.holder("x")
                    status = 0 if own is not app else 2
            finally:
                os._exit(status)
        over.set()
        holder.join()
        assert os.waitpid(pid, 0)[1] == 0
        app.ledger.leases.holder("x")


def test_many_threads_at_once(folders: Folders) -> None:
    found = []

    def use() -> None:
        with opened(folders.config) as app:
            app.ledger.leases.holder("x")
            found.append(app)

    threads = [threading.Thread(target=use) for _ in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 12
    assert len(set(map(id, found))) == 1
