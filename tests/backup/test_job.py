"""What a backup does around its sources and repositories: order, retries, proof, archives, retention, windows."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.backup.office import Office
from tests.support.plain_repository import PlainRepository
from trueup.backups import restore
from trueup.model.errors import Cancelled, StalePlan, TrueupError


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "office")


def test_everything_is_stored_checked_and_proven(office: Office) -> None:
    report = office.run()
    assert report["state"] == "done"
    assert set(office.stage(report, "take").values()) == {"verified"}
    assert office.stage(report, "check") == {"vault": "verified"}
    assert set(office.stage(report, "drill").values()) == {"verified"}
    found = office.status()
    assert {name: one["state"] for name, one in found["sources"].items()} == dict.fromkeys(
        ("cache", "list", "files", "other"), "good"
    )
    assert not list((office.root / ".trueup/backup/office/spool").glob("*"))


def test_a_plan_makes_no_repository(office: Office) -> None:
    stages = [one["code"] for one in office.plan()]
    assert stages == ["take"] * 4 + ["check"] + ["drill"] * 4
    assert not (office.root / "vault").exists()


def test_what_comes_after_is_taken_after(office: Office) -> None:
    office.run()
    vault = PlainRepository("vault", office.root / "vault")
    times = {one.source: one.time for one in vault.snapshots(None)}  # type: ignore[arg-type]
    assert times["cache"] < times["list"] < times["files"]


def test_what_comes_after_a_failure_says_so_and_the_rest_goes_on(office: Office) -> None:
    (office.root / "list.txt").unlink()
    report = office.run()
    assert report["state"] == "partial"
    assert office.stage(report, "take") == {
        "cache": "verified",
        "list": "failed",
        "files": "failed",
        "other": "verified",
    }
    reasons = {one["title"]: one["reason"] for one in report["left"] if one["stage"] == "take"}
    assert reasons["files"] == "not backed up, because list, which it comes after, failed"
    assert "exit code 1" in reasons["list"]
    found = office.status()["sources"]
    assert (found["list"]["state"], found["cache"]["state"]) == ("never", "good")
    (office.root / "list.txt").write_text("back\n")
    assert office.run()["state"] == "done"
    assert office.status()["sources"]["list"]["state"] == "good"


def test_a_failure_is_known_until_the_next_success(office: Office) -> None:
    assert office.run()["state"] == "done"
    (office.root / "app.db").rename(office.root / "away.db")
    office.run()
    found = office.status()["sources"]["cache"]
    assert found["state"] == "failing"
    assert found["last_backup"] is not None
    (office.root / "away.db").rename(office.root / "app.db")
    office.run()
    assert office.status()["sources"]["cache"]["state"] == "good"


def test_a_source_is_tried_again(office: Office) -> None:
    script = 'test -e tried || { touch tried; echo "server away" >&2; exit 1; }; echo all'
    office.configure(f"      flaky: {{command: '{script}'}}\n")
    report = office.run()
    assert report["state"] == "done", report["left"]
    assert report["backup"]["stages"][0]["attempts"] == 2


def test_a_repository_that_is_away_for_a_moment(office: Office) -> None:
    office.configure("      other: {command: echo one}\n")
    trouble = PlainRepository("vault", office.root / "vault")
    trouble.trouble = {"store": 1}
    office.types["plain"].open = lambda name, options: trouble  # type: ignore[method-assign]
    assert office.run()["state"] == "done"
    assert len(office.snapshots()["other"]) == 1


def test_an_empty_or_small_dump_is_a_failure(office: Office) -> None:
    office.configure("      void: {command: 'true'}\n      small: {command: echo x, min_size: 1kB}\n")
    report = office.run()
    assert report["state"] == "failed"
    assert office.snapshots() == {}
    reasons = {one["title"]: one["reason"] for one in report["left"] if one["stage"] == "take"}
    assert "min_size" in reasons["small"]


def test_a_hanging_source_is_ended_and_delays_nobody(office: Office) -> None:
    office.configure("      stuck: {command: 'sleep 600', no_progress: 1s}\n      quick: {command: echo one}\n")
    report = office.run()
    assert office.stage(report, "take") == {"stuck": "failed", "quick": "verified"}
    assert any("nothing moved" in one["reason"] for one in report["left"])


def test_hooks_run_around_a_source_and_the_second_one_always(office: Office) -> None:
    hooks = "hooks: {before: 'echo before >> log', after: 'echo after >> log'}"
    office.configure(f"      good: {{command: 'echo in >> log; echo x', {hooks}}}\n")
    office.run()
    assert (office.root / "log").read_text().split() == ["before", "in", "after"]
    (office.root / "log").unlink()
    office.configure(f"      bad: {{command: 'echo in >> log; exit 3', {hooks}}}\n")
    report = office.run()
    assert (office.root / "log").read_text().split() == ["before", "in", "after"] * 2  # tried twice
    assert report["state"] == "failed"
    office.configure("      bad: {command: 'echo x', hooks: {before: 'exit 1', after: 'echo after >> log2'}}\n")
    assert office.run()["state"] == "failed"
    assert (office.root / "log2").read_text().split() == ["after"] * 2


def test_damage_is_found_freezes_retention_and_is_over_when_mended(office: Office) -> None:
    office.configure(more="retention: {last: 1, keep_good: 1}\nverify: {drill: {every: every run}}")
    office.run()
    office.run()
    victim = office.snapshots()["cache"][-1]
    shutil.move(office.root / "vault" / victim, office.root / "kept-aside")
    report = office.run()
    assert report["state"] == "partial"
    assert office.stage(report, "check") == {"vault": "failed"}
    assert "damage/vault" in report["backup"]["frozen"]
    assert victim in office.snapshots()["cache"]  # nothing was removed
    assert not any(one["code"] == "retention" for one in office.plan())
    shutil.move(office.root / "kept-aside", office.root / "vault" / victim)
    assert office.run()["state"] == "done"
    assert not office.status()["frozen"]


def test_a_snapshot_that_does_not_restore_is_found_and_never_called_good(office: Office) -> None:
    office.configure(more="verify: {drill: {every: every run}}")
    office.run()
    with office.app() as app:
        (snapshot,) = office.snapshots()["cache"]
        with sqlite3.connect(office.root / "vault" / snapshot / "data" / "app.db") as database:
            database.execute("DELETE FROM orders WHERE number = 7")
        database.close()
        result = app.verify("office", ["cache"])
    assert not result["agrees"]
    assert "orders" in json.dumps(result["stages"])
    assert "differs/cache" in result["frozen"]
    assert office.status()["sources"]["cache"]["state"] == "never"  # its only snapshot is no backup
    assert office.run()["state"] == "done"
    assert office.status()["sources"]["cache"]["state"] == "good"
    assert not office.status()["frozen"]


def test_only_what_is_verified_is_archived(office: Office) -> None:
    office.configure(more="archive: {store: far}")
    first = PlainRepository("vault", office.root / "vault")
    first.trouble = {"check": 2}
    stores = {"vault": first, "far": PlainRepository("far", office.root / "far")}
    office.types["plain"].open = lambda name, options: stores[name]  # type: ignore[method-assign]
    report = office.run()
    assert set(office.stage(report, "archive").values()) == {"put-off"}
    assert office.snapshots("far") == {}
    report = office.run()
    assert set(office.stage(report, "archive").values()) == {"verified"}, report["left"]
    assert {name: len(one) for name, one in office.snapshots("far").items()} == dict.fromkeys(
        ("cache", "list", "files", "other"), 1
    )
    for name in ("cache", "files"):
        (here, there) = office.snapshots()[name][-1], office.snapshots("far")[name][0]
        one, other = office.root / "vault" / here / "data", office.root / "far" / there / "data"
        assert {path.name: path.read_bytes() for path in one.rglob("*") if path.is_file()} == {
            path.name: path.read_bytes() for path in other.rglob("*") if path.is_file()
        }


def test_retention_removes_what_no_rule_keeps(office: Office) -> None:
    office.configure(more="retention: {last: 2, keep_good: 1}\nverify: {drill: {every: off}}")
    for _ in range(4):
        assert office.run()["state"] == "done"
    assert {len(one) for one in office.snapshots().values()} == {2}
    with office.app() as app:
        known = app.ledger.facts.under("office", "snapshot/")
    assert {name.rpartition("/")[2] for name in known} == {one for ids in office.snapshots().values() for one in ids}


def test_a_much_smaller_backup_is_kept_and_told_and_freezes_retention(office: Office) -> None:
    office.configure(more="retention: {last: 1, keep_good: 1}\nverify: {drill: {every: off}}")
    (office.root / "share" / "big.bin").write_bytes(bytes(range(256)) * 2000)
    for _ in range(3):
        office.run()
    (office.root / "share" / "big.bin").unlink()
    report = office.run()
    assert report["state"] == "partial"
    assert "anomaly/files" in report["backup"]["frozen"]
    assert len(office.snapshots()["files"]) == 2  # the small one, and the last one before
    assert office.status()["sources"]["files"]["state"] in ("suspicious", "not-verified")
    with office.app() as app:
        assert app.accept("office", ["files"]) == ["anomaly/files"]
    assert office.run()["state"] == "done"
    assert len(office.snapshots()["files"]) == 1


def test_a_missing_repository_is_never_made_anew(office: Office) -> None:
    office.run()
    shutil.move(office.root / "vault", office.root / "unplugged")
    report = office.run()
    assert report["state"] == "failed"
    assert "mounted" in json.dumps(report["left"])
    assert not (office.root / "vault").exists()
    shutil.move(office.root / "unplugged", office.root / "vault")
    assert office.run()["state"] == "done"


def test_a_lost_ledger_loses_no_snapshot(office: Office) -> None:
    office.configure(more="retention: {last: 2, keep_good: 2}")
    office.run()
    before = office.snapshots()
    shutil.rmtree(office.root / ".trueup")
    assert office.run()["state"] == "done"
    for name, ids in before.items():
        assert set(ids) < set(office.snapshots()[name])


def closed_window() -> str:
    hour = (time.gmtime().tm_hour + 12) % 24
    return f'window: {{start: "{hour:02}:00", start_by: "{(hour + 1) % 24:02}:00", end_by: "{(hour + 2) % 24:02}:00"}}'


def test_a_plan_that_somebody_looks_at_alarms_nobody(office: Office) -> None:
    office.run()
    office.configure(more=closed_window())
    with office.app() as app:
        assert app.plan("office")["state"] == "awaiting_approval"
    found = office.status()
    assert (found["state"], found["problems"], found["good"]) == ("done", [], True)
    blocked = office.run()
    assert blocked["state"] == "awaiting_approval"
    assert "was blocked" in office.status()["problems"][0]
    with office.app() as app:
        looked = app.plan("office")["run"]
    assert looked in office.status()["problems"][0]  # what was asked about is asked about still
    with office.app() as app:
        assert app.apply(looked, allow=["window"])["state"] == "done"
    assert office.status()["problems"] == []


def test_outside_of_its_window_a_run_waits_for_a_word(office: Office) -> None:
    office.configure(more=closed_window())
    report = office.run()
    assert report["state"] == "awaiting_approval"
    assert office.snapshots() == {}
    with office.app() as app:
        assert app.apply(report["run"], allow=["window"])["state"] == "done"


def test_a_plan_of_another_configuration_is_refused(office: Office) -> None:
    with office.app() as app:
        run = app.plan("office")["run"]
    office.configure(more="parallel: 2")
    with office.app() as app, pytest.raises(StalePlan):
        app.apply(run)


def test_asked_to_stop_it_ends_its_children_and_goes_on_later(office: Office) -> None:
    from trueup.engines.embedded import Stop

    office.configure("      slow: {command: 'echo begun; touch begun; sleep 600; echo end'}\n")
    stop = Stop()

    def ask() -> None:
        while not (office.root / "begun").exists():
            pass
        stop.ask()

    asking = threading.Thread(target=ask)
    asking.start()
    with pytest.raises(Cancelled):
        office.run(stop=stop)
    asking.join()
    office.configure("      slow: {command: 'echo begun'}\n")
    assert office.run()["state"] in ("done", "partial")
    assert len(office.snapshots()["slow"]) >= 1


def _dies(root: Path, at: int) -> None:
    """A run in a process of its own that kills itself before its write number `at`; 0: counts them instead."""
    office = Office.at(root)
    count, lock = 0, threading.Lock()

    def hook(label: str) -> None:
        nonlocal count
        with lock:
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)

    with office.app() as app:
        app.ledger.on_write = hook
        app.run("office")
    (root / "writes").write_text(str(count))


def _run_and_die(root: Path, at: int) -> int | None:
    process = multiprocessing.get_context("fork").Process(target=_dies, args=(root, at))
    process.start()
    process.join(60)
    return process.exitcode


KILLED = "archive: {store: far}\nretention: {last: 5}"


def test_killed_at_any_write_of_the_ledger_and_run_again(tmp_path: Path) -> None:
    """Each source has one snapshot a run, all are known, the office is proven; nothing lies around."""
    Office(tmp_path / "reference", more=KILLED)
    assert _run_and_die(tmp_path / "reference", 0) == 0
    writes = int((tmp_path / "reference" / "writes").read_text())
    step = 1 if os.environ.get("TRUEUP_CAMPAIGN") == "full" else 17
    tried = list(range(1 + time.localtime().tm_yday % step, writes, step))
    assert len(tried) > 5
    for at in tried:
        office = Office(tmp_path / f"office-{at}", more=KILLED)
        assert _run_and_die(office.root, at) == -signal.SIGKILL
        report = office.run()
        assert report["state"] == "done", (at, report)
        for store in ("vault", "far"):
            vault = PlainRepository(store, office.root / store)
            made = [(one.source, one.run) for one in vault.snapshots(None)]  # type: ignore[arg-type]
            assert len(set(made)) == len(made), (at, store, made)
            assert {one for one, _ in made} == {"cache", "list", "files", "other"}
        assert {one["state"] for one in office.status()["sources"].values()} == {"good"}, at
        left = [
            one
            for use in ("spool", "drill", "archive")
            for one in (office.root / ".trueup/backup/office" / use).glob("*")
        ]
        assert not left, (at, left)


HOOKED = """\
      frozen: {command: 'test -e held && cat list.txt', hooks: {before: 'touch held; echo before >> log', after: 'rm held; echo after >> log'}}
      files: {path: share, after: frozen}
"""


def open_window() -> str:
    """One that is open now, and for hours to come."""
    hour = time.gmtime().tm_hour
    return f'window: {{start: "{(hour - 1) % 24:02}:00", start_by: "{(hour + 6) % 24:02}:00", end_by: "{(hour + 12) % 24:02}:00"}}'


def test_killed_at_any_write_what_was_frozen_is_thawed(tmp_path: Path) -> None:
    """The second hook has run for every first one, nothing is good that was not taken whole, and the second run finishes."""
    Office(tmp_path / "reference", HOOKED, open_window())
    assert _run_and_die(tmp_path / "reference", 0) == 0
    writes = int((tmp_path / "reference" / "writes").read_text())
    step = 1 if os.environ.get("TRUEUP_CAMPAIGN") == "full" else 23
    held = 0
    for at in range(1 + time.localtime().tm_yday % step, writes, step):
        office = Office(tmp_path / f"office-{at}", HOOKED, open_window())
        assert _run_and_die(office.root, at) == -signal.SIGKILL
        held += (office.root / "held").exists()
        states = office.status()["sources"]
        for name, one in states.items():
            assert one["state"] != "good" or office.snapshots().get(name), (at, name)
        report = office.run()
        assert report["state"] == "done", (at, report["left"])
        assert not (office.root / "held").exists(), at
        log = (office.root / "log").read_text().split()
        assert log[-1] == "after", (at, log)
        assert log.count("after") >= log.count("before"), (at, log)
        vault = PlainRepository("vault", office.root / "vault")
        made = [(one.source, one.run) for one in vault.snapshots(None)]  # type: ignore[arg-type]
        assert len(set(made)) == len(made), (at, made)
        assert {one["state"] for one in office.status()["sources"].values()} == {"good"}, at
    assert held or step > 1, "no kill came while the source was frozen"


def test_an_unknown_source_to_verify(office: Office) -> None:
    office.run()
    with office.app() as app, pytest.raises(TrueupError, match="no source"):
        app.verify("office", ["nothing"])


# What a review has found ---------------------------------------------------------------------------------------------


def test_jobs_that_share_a_scratch_place_do_not_meet(tmp_path: Path) -> None:
    offices = [Office(tmp_path / name, more=f"scratch: {tmp_path / 'scratch'}") for name in ("one", "two")]
    slow = "      files: {command: 'echo NAME; sleep 1; echo NAME'}\n"
    for office in offices:
        office.configure(slow.replace("NAME", office.root.name), f"scratch: {tmp_path / 'scratch'}")
    threads = [threading.Thread(target=office.run) for office in offices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for office in offices:
        (snapshot,) = office.snapshots()["files"]
        (file,) = (office.root / "vault" / snapshot / "data").iterdir()
        assert file.read_text().split() == [office.root.name] * 2


def test_a_snapshot_of_a_failed_attempt_never_counts(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from trueup.jobs.backup.sources.path.source import PathKind
    from trueup.model.errors import Permanent

    office.configure("      files: {path: share}\n", "archive: {store: far}")

    def settle(*_: object) -> None:
        raise Permanent("the folder went away while it was read")

    with monkeypatch.context() as patched:
        patched.setattr(PathKind, "settle", settle)
        assert office.run()["state"] == "failed"
    assert office.snapshots("far") == {}
    assert office.status()["sources"]["files"]["state"] == "never"
    report = office.run()
    assert report["state"] == "done"
    with office.app() as app:
        assert restore(app, "office").choose("files").run == report["run"]


def test_an_emptied_repository_is_no_success(office: Office) -> None:
    office.configure("      other: {command: echo one}\n")
    for _ in range(2):
        office.run()
    for one in (office.root / "vault").iterdir():
        shutil.rmtree(one) if one.is_dir() else one.unlink()
    report = office.run()
    assert report["state"] == "partial"
    assert "2 snapshots of other have vanished" in report["backup"]["frozen"]["vanished/vault"]["why"]
    assert office.run()["state"] == "partial"  # until a person has looked
    with office.app() as app:
        assert app.accept("office") == ["vanished/vault"]
    assert office.run()["state"] == "done"


def test_a_lost_ledger_takes_what_is_there_for_good_and_proves_it(office: Office) -> None:
    office.configure("      other: {command: echo one}\n", "retention: {last: 1, keep_good: 2}")
    office.run()
    (first,) = office.snapshots()["other"]
    shutil.rmtree(office.root / ".trueup")
    assert office.run()["state"] == "done"
    assert first in office.snapshots()["other"]
    with office.app() as app:
        assert app.ledger.facts.get("office", f"snapshot/vault/other/{first}")["good"] is True  # type: ignore[index]


def test_one_night_with_the_clock_ahead_ends_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from trueup.jobs.backup.work import BackupWork

    office.configure(
        "      other: {command: date +%N}\n", "archive: {store: far}\nverify: {check: 1d, drill: {every: 1d}}"
    )
    office.run()
    with monkeypatch.context() as patched:
        ahead = time.time() + 365 * 86_400
        real = BackupWork.__init__

        def init(self: BackupWork, *args: object, **more: object) -> None:
            real(self, *args, **{**more, "clock": lambda: ahead})  # type: ignore[arg-type]

        patched.setattr(BackupWork, "__init__", init)
        office.run()
    report = office.run()
    assert report["state"] == "done", report["left"]
    assert office.stage(report, "drill") == {"other": "verified"}
    assert len(office.snapshots("far")["other"]) == 3
    with office.app() as app:
        assert restore(app, "office").choose("other").run == report["run"]


def test_a_drill_that_meets_damage_freezes_retention(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from trueup.model.errors import Damaged

    office.configure("      other: {command: echo one}\n", "verify: {check: off, drill: {every: every run}}")
    office.run()

    def unreadable(*_: object) -> None:
        raise Damaged("a pack cannot be read")

    with monkeypatch.context() as patched:
        patched.setattr(PlainRepository, "restore", unreadable)
        report = office.run()
    assert report["state"] == "partial"
    assert "damage/vault" in report["backup"]["frozen"]


def test_a_copy_that_reads_back_otherwise_does_not_count(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.configure("      other: {command: echo one}\n", "archive: {store: far, retention: {last: 5}}")
    real = PlainRepository.store

    def store(self: PlainRepository, request: Any, watch: Any) -> Any:
        stored = real(self, request, watch)
        if self.name == "far":
            (self.path / stored.snapshot.id / "data" / "output").write_text("broken")
        return stored

    with monkeypatch.context() as patched:
        patched.setattr(PlainRepository, "store", store)
        assert office.stage(office.run(), "archive") == {"other": "failed"}
    with office.app() as app, pytest.raises(TrueupError):
        restore(app, "office").choose("other", store="far")
    assert office.stage(office.run(), "archive") == {"other": "verified"}


def test_at_the_end_of_the_window_everything_stops_and_says_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from trueup.jobs.backup import planning

    office.configure("      slow: {command: sleep 60}\n      quick: {command: echo one}\n")
    monkeypatch.setattr(planning, "end_of", lambda work, run: work.clock() + 1.0)
    report = office.run()
    assert office.stage(report, "take") == {"slow": "failed", "quick": "verified"}
    assert any("the window is over" in one["reason"] for one in report["left"] if one["title"] == "slow")
    assert office.stage(report, "check") == {"vault": "put-off"}
    assert set(office.stage(report, "drill").values()) == {"put-off"}
    assert report["state"] == "partial"


def test_a_run_that_was_killed_is_followed_by_no_second_backup(tmp_path: Path) -> None:
    office = Office(tmp_path / "office")
    assert _run_and_die(office.root, 30) == -signal.SIGKILL
    assert office.run()["state"] == "done"
    assert {len(one) for one in office.snapshots().values()} == {1}


def test_a_source_that_was_frozen_and_killed_is_thawed(tmp_path: Path) -> None:
    office = Office(tmp_path / "office")
    hooks = "hooks: {before: 'echo before >> log', after: 'echo after >> log'}"
    office.configure(f"      one: {{command: 'echo x; sleep 60', {hooks}}}\n")
    process = multiprocessing.get_context("fork").Process(target=_dies, args=(office.root, 10**9))
    process.start()
    deadline = time.monotonic() + 30
    while not (office.root / "log").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.join()
    office.configure("      one: {command: 'echo x', hooks: {before: 'true', after: 'echo after >> log'}}\n")
    assert office.run()["state"] == "done"
    assert (office.root / "log").read_text().split()[:2] == ["before", "after"]


def test_a_second_hook_that_fails_does_not_take_the_source_again(office: Office) -> None:
    office.configure("      one: {command: 'echo x', hooks: {before: 'true', after: 'false'}}\n")
    report = office.run()
    assert office.stage(report, "take") == {"one": "failed"}
    assert len(office.snapshots()["one"]) == 1


def test_a_disk_that_holds_a_thread_for_ever_holds_nobody_else(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from trueup.jobs.backup import patience
    from trueup.jobs.backup.sources.path.source import PathKind

    monkeypatch.setattr(patience, "GRACE", 0.2)
    monkeypatch.setattr(PathKind, "capture", lambda *_: time.sleep(3600))
    office.configure("      dead: {path: share, no_progress: 1s}\n      quick: {command: echo one}\n")
    report = office.run()
    assert office.stage(report, "take") == {"dead": "failed", "quick": "verified"}


def test_what_is_not_in_the_job_any_more_freezes_nothing(office: Office) -> None:
    office.run()
    with office.app() as app:
        app.ledger.facts.put("office", "freeze/differs/gone", {"since": 0.0, "why": "it differed", "asks": False})
    assert office.run()["state"] == "done"


def test_a_metrics_file_that_cannot_be_written_fails_no_night(office: Office) -> None:
    office.configure(more="metrics: nowhere/at/all.prom")
    assert office.run()["state"] == "done"


def test_a_job_changed_after_a_kill_begins_anew(tmp_path: Path) -> None:
    office = Office(tmp_path / "office")
    assert _run_and_die(office.root, 40) == -signal.SIGKILL
    office.configure("      renamed: {sqlite: app.db}\n      other: {command: echo by itself}\n")
    report = office.run()
    assert report["state"] == "done", report
    assert set(office.stage(report, "take")) == {"renamed", "other"}
