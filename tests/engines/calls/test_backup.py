"""A backup driven by a careless engine: one snapshot of each source, proven, whatever is repeated, doubled or killed."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.engines.calls.careless import Careless, Habit, at_once, killed, once, twice, wait_until
from tests.support.servers import PostgreSQL
from trueup.app import App
from trueup.backups import restore

pytestmark = pytest.mark.slow

CONFIG = """\
version: 1
{ledger}
stores:
  vault: {{connector: archive, path: vault, encrypt: off}}
  far: {{connector: archive, path: far, encrypt: off}}
jobs:
  office:
    kind: backup
    repository: {{store: vault}}
    retry: {{attempts: 2, base: 0.1s}}
    archive: {{store: far}}
    sources:
      cache: {{sqlite: app.db}}
      files: {{path: share, after: cache}}
      said: {{command: "{command}"}}
"""

HABITS: dict[str, Habit] = {"once": once, "twice": twice, "at-once": at_once, "killed-at-writes": killed("write", 2)}


def office(root: Path, *, ledger: str = "", command: str = "echo said") -> Path:
    """A database, a folder and a command; returns the configuration."""
    with sqlite3.connect(root / "app.db") as database:
        database.execute("CREATE TABLE orders (number INTEGER PRIMARY KEY, text TEXT)")
        database.executemany("INSERT INTO orders (text) VALUES (?)", [("x" * one,) for one in range(50)])
    database.close()
    (root / "share").mkdir()
    (root / "share" / "letter.txt").write_text("Dear Ana,\n" * 20)
    given = f'ledger: "{ledger}"' if ledger else ""
    (root / "trueup.yaml").write_text(CONFIG.format(ledger=given, command=command))
    return root / "trueup.yaml"


def check(config: Path, report: dict[str, Any]) -> None:
    """Each source has one snapshot in each place, all are proven, and they restore."""
    assert report["state"] == "done", report
    with App.load(config, checked=True) as app:
        found = app.backup_status(["office"])["jobs"]["office"]
        assert {one["state"] for one in found["sources"].values()} == {"good"}
        assert not found["frozen"]
        restoring = restore(app, "office")
        for store in ("vault", "far"):
            assert sorted(one.source for one in restoring.snapshots(store)) == ["cache", "files", "said"]


@pytest.mark.parametrize("habit", HABITS)
def test_a_backup(tmp_path: Path, habit: str) -> None:
    config = office(tmp_path)
    engine = Careless(config, HABITS[habit])
    check(config, engine.run_job("office", "key"))
    if habit.startswith("killed"):
        assert engine.deaths > 10


def test_with_the_ledger_on_postgresql(tmp_path: Path, postgresql: PostgreSQL) -> None:
    config = office(tmp_path, ledger=postgresql.make_database())
    check(config, Careless(config, at_once).run_job("office", "key"))


def test_a_worker_killed_half_way_through_a_source(tmp_path: Path) -> None:
    """Its programs end with it, and the source is taken by who repeats the call."""
    config = office(tmp_path, command="test -e again || { touch again; sleep 600; }; echo said")
    engine = Careless(config, once)
    begun = engine.call("begin_job", "office", "key", [], "")
    run, refs = begun["run"], begun["collections"]
    engine.call("plan", run, [engine.call("read", run, ref) for ref in refs])
    engine.call("guard", run)
    waves = engine.call("start_apply", run)["waves"]
    number = next(one["batch"] for one in waves[0] if one["collection"] == "vault/said")
    worker = engine.start("apply_batch", run, number)
    wait_until(lambda: (tmp_path / "again").exists())
    worker.kill()
    wait_until(lambda: not _sleeping(tmp_path), 5.0)
    check(config, engine.run_job("office", "key"))


def _sleeping(root: Path) -> bool:
    """Whether the command that was begun in this folder still runs."""
    for one in Path("/proc").glob("[0-9]*"):
        try:
            if b"sleep 600" in (one / "cmdline").read_bytes().replace(b"\0", b" ") and (one / "cwd").readlink() == root:
                return True
        except OSError:
            continue
    return False


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
