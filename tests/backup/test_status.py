"""How a backup stands: nothing that is wrong is called good, and whoever watches the exit code hears of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.backup.office import Office
from tests.support.plain_repository import PlainRepository
from trueup.jobs.backup.memory import Memory
from trueup.model.diagnostics import Diagnostic
from trueup.ui.cli.main import run
from trueup.ui.cli.render.backup import status_lines

DAY = 86_400.0
LIST = '      list: {command: "cat list.txt"}\n'
NIGHTLY = 'schedule: {cron: "0 1 * * *"}'


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "office", LIST)


def age(office: Office, days: float, store: str = "vault") -> None:
    """All snapshots of a store are so much older than they were."""
    facts(office, lambda one: {"time": one["time"] - days * DAY}, store)


def facts(office: Office, change: Callable[[dict[str, Any]], dict[str, Any]], store: str = "vault") -> None:
    with office.app() as app:
        for name, one in app.ledger.facts.under("office", f"snapshot/{store}/").items():
            app.ledger.facts.merge("office", name, change(one))


def status(office: Office) -> dict[str, Any]:
    with office.app() as app:
        found: dict[str, Any] = app.backup_status()
        return found


def shown(office: Office) -> str:
    return "\n".join(status_lines(status(office), time.time()))


def doctor(office: Office) -> list[Diagnostic]:
    from trueup.backups import examine

    with office.app() as app:
        return list(examine(app, "office"))


def test_a_backup_that_nobody_makes_any_more_is_overdue(office: Office) -> None:
    office.configure(LIST, NIGHTLY)
    office.run()
    assert office.status()["good"]
    age(office, 1.5)
    assert office.status()["good"]
    age(office, 38.5)
    found = office.status()
    assert found["sources"]["list"]["state"] == "overdue"
    assert not found["good"]
    assert "40 days old, and 2 days are allowed" in shown(office)
    assert "NOT SAFE" in shown(office)
    assert any(one.what == "the backup of list is overdue" for one in doctor(office))
    office.run()
    assert office.status()["good"]


def test_how_old_it_may_become_can_be_said(office: Office) -> None:
    office.configure(LIST, "max_age: 26h")
    office.run()
    age(office, 1)
    assert office.status()["good"]
    age(office, 0.1)
    assert office.status()["sources"]["list"]["state"] == "overdue"


def test_a_window_is_a_schedule(office: Office) -> None:
    office.run()
    office.configure(LIST, 'window: {start: "01:00"}')
    age(office, 3)
    assert office.status()["sources"]["list"]["state"] == "overdue"


def test_without_a_schedule_there_is_no_limit_and_doctor_says_so(office: Office) -> None:
    office.run()
    age(office, 400)
    assert office.status()["good"]
    assert any("max_age" in one.hint for one in doctor(office))


def test_a_failure_and_its_age_are_told_together(office: Office) -> None:
    office.configure(LIST, NIGHTLY)
    office.run()
    age(office, 5)
    (office.root / "list.txt").unlink()
    office.run()
    found = office.status()["sources"]["list"]
    assert found["state"] == "failing"
    assert "exit code 1" in found["why"]
    assert "5 days old" in found["why"]


def test_a_night_that_was_blocked_is_told(office: Office) -> None:
    office.run()
    hour = (time.gmtime().tm_hour + 12) % 24
    office.configure(LIST, f'window: {{start: "{hour:02}:00", start_by: "{(hour + 1) % 24:02}:00"}}')
    report = office.run()
    assert report["state"] == "awaiting_approval"
    found = office.status()
    assert found["state"] == "awaiting_approval"
    assert not found["good"]
    assert "was blocked: " in shown(office)
    assert f"it waits: trueup apply {report['run']} --allow window" in shown(office)
    assert any("was blocked" in one.what for one in doctor(office))
    with office.app() as app:
        app.apply(report["run"], allow=["window"])
    assert office.status()["good"]


def test_a_night_that_failed_as_a_whole_is_told(office: Office) -> None:
    office.run()
    shutil.move(office.root / "vault", office.root / "unplugged")
    assert office.run()["state"] == "failed"
    found = office.status()
    assert any("failed" in one for one in found["problems"])
    assert not found["good"]
    shutil.move(office.root / "unplugged", office.root / "vault")
    office.run()
    assert office.status()["good"]


def test_a_check_that_could_not_be_held_is_told(office: Office) -> None:
    vault = PlainRepository("vault", office.root / "vault")
    office.types["plain"].open = lambda name, options: vault  # type: ignore[method-assign]
    office.run()
    vault.trouble = {"check": 99}
    office.run()
    found = office.status()
    assert found["checked"]["ok"] is False
    assert not found["good"]
    assert "the check of vault" in shown(office)
    assert "check was refused" in shown(office)
    assert any("the check of vault" in one.what for one in doctor(office))
    vault.trouble = {}
    office.run()
    assert office.status()["good"]


def test_copies_that_stay_behind_are_told(office: Office) -> None:
    archived = NIGHTLY + "\narchive: {store: far}"
    office.configure(LIST, archived)
    stores = {name: PlainRepository(name, office.root / name) for name in ("vault", "far")}
    office.types["plain"].open = lambda name, options: stores[name]  # type: ignore[method-assign]
    office.run()
    assert office.status()["good"]
    age(office, 9, "far")
    found = office.status()
    assert found["sources"]["list"]["state"] == "good"
    assert found["problems"] == ["the newest copy of list on far is 9 days older than what should be there"]
    assert not found["good"]
    stores["far"].trouble = {"store": 9}
    office.run()
    assert any("list could not be archived to far" in one for one in office.status()["problems"])
    stores["far"].trouble = {}
    office.run()
    assert office.status()["good"]


def test_an_archive_that_has_nothing_yet_is_told(office: Office) -> None:
    office.run()
    office.configure(LIST, "archive: {store: far}")
    assert office.status()["problems"] == ["list has no copy on far yet"]


def test_copies_of_what_is_never_proven_are_told_as_well(office: Office) -> None:
    more = NIGHTLY + "\nverify: {drill: {every: off}}\narchive: {store: far, when: always}"
    office.configure(LIST, more)
    office.run()
    assert office.status()["problems"] == []
    age(office, 9, "far")
    assert office.status()["problems"] == ["the newest copy of list on far is 9 days older than what should be there"]


def test_a_snapshot_of_the_future_is_never_the_last_backup(office: Office) -> None:
    office.configure(LIST, NIGHTLY)
    office.run()
    office.run()
    with office.app() as app:
        known = app.ledger.facts.under("office", "snapshot/vault/list/")
        newest = max(known, key=lambda one: known[one]["time"])
        app.ledger.facts.merge("office", newest, {"time": time.time() + 400 * DAY})
    found = office.status()
    assert found["sources"]["list"]["rpo"] >= 0
    assert "dated 400 days in the future" in found["problems"][0]
    facts(office, lambda one: {"time": time.time() + 400 * DAY})
    found = office.status()["sources"]["list"]
    assert (found["state"], found["why"]) == ("never", "what there is of it is dated in the future")


def test_a_lost_ledger_is_made_good_by_verify(office: Office) -> None:
    office.run()
    shutil.rmtree(office.root / ".trueup")
    found = office.status()["sources"]["list"]
    assert (found["state"], found["why"]) == (
        "never",
        "no backup is known; where the ledger was lost: trueup verify office",
    )
    with office.app() as app:
        assert app.verify("office")["agrees"]
    found = office.status()
    assert found["sources"]["list"]["state"] == "good"
    assert shown(office)


def test_a_proven_snapshot_of_which_little_is_known_is_good(office: Office) -> None:
    office.run()
    facts(office, lambda one: {"good": None, "bytes": None, "files": None})
    assert office.status()["sources"]["list"]["state"] == "good"
    assert shown(office)
    facts(office, lambda one: {"good": False})
    found = office.status()["sources"]["list"]
    assert (found["state"], found["why"]) == ("never", "none of its snapshots is good")


def test_metrics_that_cannot_be_written_cost_no_night(office: Office) -> None:
    office.configure(LIST, "metrics: away/trueup.prom")
    report = office.run()
    assert report["state"] == "done"
    assert office.status()["good"]
    notes = [one["what"] for one in office.events if one.get("event") == "note"]
    assert len(notes) == 1
    assert "away/trueup.prom" in notes[0]
    (found,) = [one for one in doctor(office) if "metrics" in one.what]
    assert "there is no folder" in found.why
    (office.root / "away").mkdir()
    assert not [one for one in doctor(office) if "metrics" in one.what]
    office.run()
    assert 'trueup_backup_source_state{job="office",source="list",state="good"} 1' in (
        office.root / "away" / "trueup.prom"
    ).read_text("utf-8")


@pytest.mark.parametrize(
    ("cause", "do"),
    [
        ("anomaly/list", "trueup accept office list"),
        ("vanished/vault", "trueup accept office vault"),
        ("damage/vault", "trueup verify office"),
        ("differs/list", "trueup verify office --source list"),
    ],
)
def test_what_keeps_retention_from_working_says_what_to_do(office: Office, cause: str, do: str) -> None:
    office.run()
    with office.app() as app:
        Memory(app.ledger, "office").freeze(cause, "something is wrong", time.time())
    assert not office.status()["good"]
    assert "FROZEN nothing is removed: something is wrong\n      " in shown(office)
    assert do in shown(office)


# On the command line, with an archive as people have it ---------------------------------------------------------------

ARCHIVED = """\
version: 1
stores:
  vault: {{connector: archive, path: vault, encrypt: false}}
jobs:
  shop:
    kind: backup
    repository: {{store: vault}}
{more}    sources:
      letters: {{path: letters}}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").write_text("Dear Ana\n")
    (tmp_path / "trueup.yaml").write_text(ARCHIVED.format(more=""))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_exit_code_says_whether_all_is_well(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status"]) == 3
    assert run(["run", "shop", "--quiet"]) == 0
    assert run(["status"]) == 0
    (shop / "trueup.yaml").write_text(ARCHIVED.format(more="    max_age: 0.001s\n"))
    capsys.readouterr()
    assert run(["status"]) == 3
    assert "overdue" in capsys.readouterr().out


def test_metrics_by_hand(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "shop", "--quiet"]) == 0
    assert run(["status", "--prometheus", "now.prom"]) == 0
    assert "trueup_backup_snapshots" in (shop / "now.prom").read_text("utf-8")
    capsys.readouterr()
    assert run(["status", "--prometheus", "away/now.prom"]) != 0
    told = capsys.readouterr()
    assert "letters" in told.out  # how it stands is shown all the same
    assert "the metrics could not be written" in told.err
    assert "away/now.prom" in told.err


def test_a_note_is_shown_where_nobody_looks(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "trueup.yaml").write_text(ARCHIVED.format(more="    metrics: away/trueup.prom\n"))
    assert run(["run", "shop", "--quiet"]) == 0
    assert "note: " in capsys.readouterr().err
