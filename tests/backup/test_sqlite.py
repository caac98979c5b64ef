"""SQLite sources: copied while others write, damage found, brought back whole or table by table."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.sources import Trial, context, manifest_of, watch
from trueup.jobs.backup.sources.sqlite import KIND, copying
from trueup.model.backup import RestoreTarget, SourceSpec
from trueup.model.errors import Cancelled, NotFound, Permanent, TimedOut, Transient

WRITER = """
import sqlite3, sys, time, random
path, pause = sys.argv[1], float(sys.argv[2])
db = sqlite3.connect(path, timeout=60, isolation_level=None)
print("ready", flush=True)
while True:
    # The sum of all accounts is 0 in every committed state.
    a, b = random.randrange(200), random.randrange(200)
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE account SET amount = amount - 1 WHERE id = ?", (a,))
    db.execute("UPDATE account SET amount = amount + 1 WHERE id = ?", (b,))
    db.execute("INSERT INTO entry (what) VALUES (hex(randomblob(300)))")
    db.execute("COMMIT")
    time.sleep(pause)
"""


def make(path: Path, journal: str = "wal", rows: int = 4000) -> Path:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA journal_mode = {journal}")
        db.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)")
        db.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT)")
        db.executemany("INSERT INTO account VALUES (?, 0)", [(n,) for n in range(200)])
        db.executemany("INSERT INTO entry (what) VALUES (?)", [("x" * 900,)] * rows)
        db.commit()
    return path


def everything(path: Path) -> Path:
    """Every kind of table and value that SQLite has."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            """
            PRAGMA user_version = 7; PRAGMA application_id = 4242;
            CREATE TABLE kinds (id INTEGER PRIMARY KEY, v);
            CREATE TABLE pairs (a TEXT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
            CREATE TABLE "odd ""name""; --" ("a column" TEXT, "select" BLOB, twice INT GENERATED ALWAYS AS ("a column" || 'x') STORED);
            CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (id INTEGER PRIMARY KEY, p REFERENCES parent);
            CREATE TABLE log (at TEXT);
            CREATE INDEX by_v ON kinds (v); CREATE UNIQUE INDEX some ON pairs (b) WHERE b > 100;
            CREATE TRIGGER noted AFTER INSERT ON kinds BEGIN INSERT INTO log VALUES ('x'); END;
            CREATE VIEW seen AS SELECT id FROM kinds;
            CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT);
            INSERT INTO counted VALUES (500, 'gone'); DELETE FROM counted; INSERT INTO counted (t) VALUES ('next');
            CREATE VIRTUAL TABLE search USING fts5 (title, body); INSERT INTO search VALUES ('a title', 'some words');
            INSERT INTO child VALUES (1, 99);
            """
        )
        values = [
            1,
            -(2**63),
            2**63 - 1,
            0.1,
            float("inf"),
            None,
            "text",
            "nul\0inside",
            b"nul\0inside",
            b"text",
            "ü🎉",
            b"x" * 9000,
        ]
        db.executemany("INSERT INTO kinds (v) VALUES (?)", [(one,) for one in values])
        db.execute("INSERT INTO kinds (v) VALUES (CAST(x'ff00fe' AS TEXT))")  # text that is not UTF-8
        db.executemany("INSERT INTO pairs VALUES (?, ?)", [("a", 1), ("a", 2), ("b", 1)])
        db.execute("""INSERT INTO "odd ""name""; --" VALUES ('v', x'00')""")
        db.commit()
    return path


def trial(path: Path, tmp_path: Path) -> Trial:
    return Trial(KIND, SourceSpec("app", "sqlite", {"path": str(path)}), tmp_path)


@contextmanager
def writers(path: Path, count: int, pause: float) -> Iterator[None]:
    started = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(pause)], stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    try:
        for one in started:
            assert one.stdout
            one.stdout.readline()
        yield
        assert all(one.poll() is None for one in started), "a writer failed: it was kept out for too long"
    finally:
        for one in started:
            one.kill()
            one.communicate()


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = bytes
        return db.execute(query).fetchall()


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_copy_is_one_state_while_others_write(tmp_path: Path, journal: str) -> None:
    source = make(tmp_path / "app.db", journal)
    one = trial(source, tmp_path)
    seen = set()
    with writers(source, 2, 0.0005):
        for _ in range(4):
            captured = one.capture()
            copied = captured.root / "app.db"
            assert rows(copied, "SELECT sum(amount) FROM account") == [(0,)]
            seen.add(rows(copied, "SELECT count(*) FROM entry")[0])
            assert one.drill(captured).differences == ()
    assert len(seen) > 1, "nobody wrote meanwhile: this test showed nothing"


def test_a_busy_writer_without_wal_cannot_hold_the_copy_up_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(tmp_path / "app.db", "delete", rows=3000)
    monkeypatch.setattr(copying, "_PAGES", 20)
    ways: list[bool] = []
    run = copying._run
    monkeypatch.setattr(copying, "_run", lambda *args, hold: (ways.append(hold), run(*args, hold=hold))[1])
    with writers(source, 1, 0.0):
        captured = trial(source, tmp_path).capture()
    assert ways == [False, True], "it was thrown back, and then held the writer off"
    assert rows(captured.root / "app.db", "SELECT sum(amount) FROM account") == [(0,)]


def test_every_kind_of_table_and_value(tmp_path: Path) -> None:
    source = everything(tmp_path / "app.db")
    one = trial(source, tmp_path)
    captured = one.capture()
    found = manifest_of(captured)
    assert (found["kind"], found["source"], found["file"]) == ("sqlite", "app", "app.db")
    assert found["settings"] == {
        "user_version": 7,
        "application_id": 4242,
        "page_size": 4096,
        "encoding": "UTF-8",
        "journal_mode": "rollback",
    }
    assert found["tables"]["kinds"]["rows"] == 13
    assert found["tables"]["search_content"]["rows"] == 1
    assert "search" not in found["tables"]
    assert {"view seen", "trigger noted", "index by_v", "table search"} <= found["schema"].keys()
    assert captured.notes == ("1 rows refer to a row that is not there (foreign keys)",)
    drilled = one.drill(captured)
    assert drilled.differences == ()
    assert drilled.compared["tables"] == len(found["tables"])


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_text_and_a_blob_of_the_same_bytes_are_not_the_same(tmp_path: Path, encoding: str) -> None:
    sums = []
    for number, value in enumerate(["abc", b"abc"]):
        with closing(sqlite3.connect(tmp_path / f"{number}.db")) as db:
            db.execute(f"PRAGMA encoding = '{encoding}'")
            db.execute("CREATE TABLE t (v)")
            db.execute("INSERT INTO t VALUES (?)", (value,))
            db.commit()
        captured = trial(tmp_path / f"{number}.db", tmp_path).capture()
        sums.append(manifest_of(captured)["tables"]["t"]["sum"])
    assert sums[0] != sums[1]


CHANGES = {
    "DELETE FROM kinds WHERE id = 3": "table kinds has 12 rows, and had 13",
    "UPDATE kinds SET v = 2 WHERE id = 1": "table kinds has as many rows (13), but not the same",
    "UPDATE kinds SET v = CAST(v AS BLOB) WHERE id = 7": "table kinds has as many rows (13), but not the same",
    "DROP INDEX by_v": "index by_v is missing",
    "DROP TRIGGER noted": "trigger noted is missing",
    "CREATE VIEW more AS SELECT 1": "view more was not there",
    "ALTER TABLE pairs ADD COLUMN c": "table pairs is defined otherwise",
    "PRAGMA user_version = 8": "user_version is 8, and was 7",
    "INSERT INTO parent VALUES (99)": "0 rows refer to nothing, and 1 did",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_drill_finds_every_change(tmp_path: Path, change: str) -> None:
    one = trial(everything(tmp_path / "app.db"), tmp_path)
    captured = one.capture()
    with closing(sqlite3.connect(captured.root / "app.db")) as db:
        db.execute(change)
        db.commit()
    assert CHANGES[change] in one.drill(captured).differences


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied", "missing"])
def test_a_drill_finds_damage(tmp_path: Path, damage: str) -> None:
    one = trial(make(tmp_path / "app.db"), tmp_path)
    captured = one.capture()
    copied = captured.root / "app.db"
    if damage == "truncated":
        os.truncate(copied, copied.stat().st_size - 40960)
    elif damage == "emptied":
        os.truncate(copied, 0)
    elif damage == "missing":
        copied.unlink()
    else:
        content = bytearray(copied.read_bytes())
        content[content.index(b"x" * 50) + 10] = ord("y")  # one byte of one row: SQLite itself cannot see it
        copied.write_bytes(content)
    assert one.drill(captured).differences


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello, this is not a database")
    (tmp_path / "noise").write_bytes(os.urandom(8192))  # as an encrypted database looks
    (tmp_path / "empty").touch()
    for name, words in {
        "text": "no SQLite database, or an encrypted one",
        "noise": "no SQLite database, or an encrypted one",
        "empty": "empty",
        "nothing": "cannot be read",
        ".": "folder",
    }.items():
        with pytest.raises(Permanent, match=words):
            trial(tmp_path / name, tmp_path).capture()
        findings = list(KIND.probe(SourceSpec("app", "sqlite", {"path": name}), context(tmp_path)))
        assert words in findings[0].what


def test_a_damaged_source_is_no_backup(tmp_path: Path) -> None:
    source = make(tmp_path / "app.db", "delete")
    content = bytearray(source.read_bytes())
    content[40960:49152] = os.urandom(8192)
    source.write_bytes(content)
    with pytest.raises(Permanent, match="damaged"):
        trial(source, tmp_path).capture()


def test_a_truncated_source_is_no_backup(tmp_path: Path) -> None:
    source = make(tmp_path / "app.db", "delete")
    os.truncate(source, source.stat().st_size // 2)
    with pytest.raises(Permanent, match="damaged"):
        trial(source, tmp_path).capture()


def test_a_copy_that_is_too_small_is_no_backup(tmp_path: Path) -> None:
    make(tmp_path / "app.db", rows=1)
    spec = SourceSpec("app", "sqlite", {"path": "app.db"}, min_size=1_000_000)
    with pytest.raises(Permanent, match="suspiciously small"):
        Trial(KIND, spec, tmp_path).capture()


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_database_that_is_locked_for_long_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: str
) -> None:
    source = make(tmp_path / "app.db", journal, rows=1)
    monkeypatch.setattr(copying, "BUSY_SECONDS", 0.3)
    with closing(sqlite3.connect(source, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE account SET amount = 1")
        other.execute("COMMIT")  # the lock stays
        with pytest.raises(Transient, match="locked"):
            trial(source, tmp_path).capture()
        monkeypatch.setattr(copying, "BUSY_SECONDS", 60.0)
        with pytest.raises(TimedOut):
            trial(source, tmp_path).capture(no_progress=0.3)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    source = make(tmp_path / "app.db")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", small], check=True)
    try:
        with pytest.raises(Permanent, match="disk"):
            KIND.capture(SourceSpec("app", "sqlite", {"path": str(source)}), context(tmp_path), small, watch())
        captured = trial(source, tmp_path).capture()
        with pytest.raises(Permanent, match="could not write") as told:
            restore(captured, small / "back.db")
        assert "make room" in told.value.hint
        assert set(os.listdir(small)) == {"data", "about"}
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def test_stopping_ends_the_copy(tmp_path: Path) -> None:
    source = make(tmp_path / "app.db")

    looked = 0

    class Watch:
        def moved(self, amount: int = 1) -> None: ...

        def left(self) -> float | None:
            return None

        def ok(self) -> None:
            nonlocal looked
            looked += 1
            if looked == 3:
                raise Cancelled("stopped")

    spool = tmp_path / "spool"
    spool.mkdir()
    with pytest.raises(Cancelled):
        KIND.capture(SourceSpec("app", "sqlite", {"path": "app.db"}), context(tmp_path), spool, Watch())
    with closing(sqlite3.connect(source, timeout=0.1, isolation_level=None)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("BEGIN EXCLUSIVE")  # nobody holds it any more


def test_a_database_that_may_only_be_read(tmp_path: Path) -> None:
    source = make(tmp_path / "app.db", "delete", rows=1)
    source.chmod(0o400)
    assert trial(source, tmp_path).capture().bytes == source.stat().st_size


def restore(captured: object, to: Path, *only: str, overwrite: bool = False) -> list[tuple[str, str]]:
    target = RestoreTarget(str(to), only, overwrite)
    about, data = captured.about, captured.root  # type: ignore[attr-defined]
    assert KIND.wanted(about, target) == ()
    planned = list(KIND.plan_restore(about, target, None))
    done = list(KIND.restore(about, data, target, None, watch()))
    assert done == planned
    assert [name for name in os.listdir(to.parent) if name.endswith(".tmp")] == []
    return [(step.action, step.what) for step in done]


def test_a_whole_database_is_brought_back(tmp_path: Path) -> None:
    source = everything(tmp_path / "app.db")
    captured = trial(source, tmp_path).capture()
    to = tmp_path / "back.db"
    assert restore(captured, to) == [("create", "the database")]
    assert rows(to, "SELECT id, v FROM kinds") == rows(source, "SELECT id, v FROM kinds")
    assert to.stat().st_mode & 0o777 == 0o600
    to.write_bytes(b"mine")
    assert restore(captured, to) == [("skip", "the database")]
    assert to.read_bytes() == b"mine"
    to.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(to, 12345, 23456)
    assert restore(captured, to, overwrite=True) == [("update", "the database")]
    assert to.stat().st_mode & 0o777 == 0o640
    assert os.geteuid() != 0 or (to.stat().st_uid, to.stat().st_gid) == (12345, 23456)
    assert rows(to, "SELECT count(*) FROM kinds") == [(13,)]


def test_old_journals_are_not_played_into_a_restored_database(tmp_path: Path) -> None:
    source = make(tmp_path / "app.db", "wal", rows=10)
    captured = trial(source, tmp_path).capture()
    with closing(sqlite3.connect(source)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("UPDATE account SET amount = 5")
        db.commit()
        for suffix in ("", "-wal", "-shm"):  # as a crash leaves them
            shutil.copy(f"{source}{suffix}", f"{tmp_path}/crashed.db{suffix}")
    restore(captured, tmp_path / "crashed.db", overwrite=True)
    assert rows(tmp_path / "crashed.db", "SELECT sum(amount) FROM account") == [(0,)]


def test_a_database_in_use_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trueup.jobs.backup.sources.sqlite import restoring

    monkeypatch.setattr(restoring, "BUSY_SECONDS", 0.1)
    source = make(tmp_path / "app.db", "wal", rows=10)
    captured = trial(source, tmp_path).capture()
    with closing(sqlite3.connect(source, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM account").fetchone()
        with pytest.raises(Transient, match="locked"):
            restore(captured, source, overwrite=True)
        assert other.execute("SELECT count(*) FROM entry").fetchone() == (10,)


def test_single_tables_into_a_new_database(tmp_path: Path) -> None:
    source = everything(tmp_path / "app.db")
    captured = trial(source, tmp_path).capture()
    to = tmp_path / "some.db"
    odd = 'odd "name"; --'
    restored = restore(captured, to, "kinds", "pairs", odd, "counted", "log")
    assert restored == [("create", f"table kinds, pairs, {odd}, counted, log")]
    for query in (
        "SELECT id, typeof(v), v FROM kinds ORDER BY id",
        "SELECT * FROM pairs",
        """SELECT rowid, * FROM "odd ""name""; --" """,
        "SELECT * FROM counted",
        "SELECT seq FROM sqlite_sequence WHERE name = 'counted'",
        "SELECT * FROM log",
        "SELECT name, sql FROM sqlite_master WHERE tbl_name IN ('kinds', 'pairs') ORDER BY 1",
        "PRAGMA user_version",
    ):
        assert rows(to, query) == rows(source, query), query


def test_single_tables_into_a_database_in_use(tmp_path: Path) -> None:
    source = everything(tmp_path / "app.db")
    captured = trial(source, tmp_path).capture()
    before = rows(source, "SELECT id, v FROM kinds")
    with closing(sqlite3.connect(source, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("DELETE FROM kinds WHERE id > 2")
        other.execute("INSERT INTO pairs VALUES ('new', 3)")
        assert restore(captured, source, "kinds") == [("skip", "table kinds")]
        assert restore(captured, source, "kinds", overwrite=True) == [("update", "table kinds")]
        assert other.execute("SELECT count(*) FROM pairs").fetchone() == (4,), "what was not asked for is left alone"
    assert rows(source, "SELECT id, v FROM kinds") == before
    assert rows(source, "SELECT count(*) FROM log") == [(13,)], "a trigger does not fire for what is brought back"


def test_what_is_not_there_is_told_with_what_comes_close(tmp_path: Path) -> None:
    captured = trial(everything(tmp_path / "app.db"), tmp_path).capture()
    with pytest.raises(NotFound) as told:
        KIND.wanted(captured.about, RestoreTarget("x.db", ("kind",)))
    assert "kinds" in told.value.hint
    with pytest.raises(Permanent, match="virtual table"):
        list(KIND.plan_restore(captured.about, RestoreTarget(str(tmp_path / "x.db"), ("search",)), None))
    with pytest.raises(Permanent, match="no such folder"):
        list(KIND.plan_restore(captured.about, RestoreTarget(str(tmp_path / "no/x.db")), None))
    with pytest.raises(Permanent, match="folder"):
        list(KIND.plan_restore(captured.about, RestoreTarget(str(tmp_path)), None))
