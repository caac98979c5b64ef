"""A ledger that cannot be opened or written says what, where, why, and what to do."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.support.servers import PostgreSQL
from trueup.core.ledger import Ledger, open_ledger
from trueup.core.ledger.database import Database
from trueup.core.ledger.schema import MIGRATIONS, VERSION, current_version, migrate
from trueup.core.ledger.sqlite import SQLite
from trueup.model.errors import ConfigError, LedgerError, TrueupError


def refusal(address: str) -> TrueupError:
    with pytest.raises(LedgerError) as caught:
        open_ledger(address)
    assert caught.value.hint
    assert caught.value.why
    return caught.value


# --- the schema


def test_a_ledger_of_a_later_version_is_refused_and_left_alone(url: str) -> None:
    with open_ledger(url) as ledger, ledger.transaction():
        ledger._database.write("UPDATE meta SET value = ? WHERE name = 'version'", (str(VERSION + 1),))
    error = refusal(url)
    assert "later version of trueup" in error.what
    assert f"schema {VERSION + 1}" in error.why
    assert "update trueup" in error.hint


def test_a_ledger_of_an_earlier_version_is_brought_up_to_date_once(url: str) -> None:
    with open_ledger(url) as ledger:
        ledger.state.save_job("j", "d", "s", ())
        later = (*MIGRATIONS, "ALTER TABLE job ADD COLUMN extra $text; CREATE TABLE added (id $id)")
        migrate(ledger._database, later)
        migrate(ledger._database, later)
        assert current_version(ledger._database) == VERSION + 1
        assert ledger._database.rows("SELECT name, extra FROM job") == [("j", None)]
    refusal(url)


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(url: str) -> None:
    with open_ledger(url) as ledger:
        broken = (*MIGRATIONS, "CREATE TABLE added (id $id); CREATE TABLE job (id $id)")
        with pytest.raises(LedgerError):
            migrate(ledger._database, broken)
        assert current_version(ledger._database) == VERSION
        assert "added" not in ledger._database.dialect.tables(ledger._database)
        ledger.state.save_job("j", "d", "s", ())


def test_the_first_migration_is_the_released_one() -> None:
    """A migration that was released is never edited: the next change is a new one, and this digest stays."""
    from hashlib import sha256

    normal = re.sub(r"\s+", " ", MIGRATIONS[0]).encode()
    assert sha256(normal).hexdigest()[:16] == "fd6240f7f81b6174"


# --- files


def test_the_ledger_is_made_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder" / "ledger.db"
    with open_ledger(str(path)) as ledger:
        ledger.state.save_job("j", "d", "s", ())
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        assert {file.name for file in path.parent.iterdir()} == {"ledger.db", "ledger.db-wal", "ledger.db-shm"}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["ledger.db"]


def test_a_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    open_ledger("~/ledger.db").close()
    assert (tmp_path / "ledger.db").exists()


def test_commits_are_durable(tmp_path: Path) -> None:
    with open_ledger(str(tmp_path / "ledger.db")) as ledger:
        pragmas = {
            name: ledger._database.value(f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("these are my notes, and no ledger at all. " * 100)
    before = path.read_bytes()
    error = refusal(str(path))
    assert "not a ledger" in error.what
    assert str(path) in error.where
    assert path.read_bytes() == before


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE customers (name TEXT)")
    other.close()
    error = refusal(str(path))
    assert "not a ledger" in error.what
    assert "customers" in error.why
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("customers",)]
    other.close()


def fill(ledger: Ledger, job: str = "filled") -> None:
    with ledger.transaction():
        ledger.state.save_job(job, "d", "s", ())
        ledger.blobs.put_many([os.urandom(2000) for _ in range(300)])


def test_a_damaged_file_is_named_and_doctor_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(str(path)) as ledger:
        fill(ledger)
    data = bytearray(path.read_bytes())
    for page in range(40, 120):
        data[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    path.write_bytes(data)
    with open_ledger(str(path)) as ledger:
        with pytest.raises(LedgerError, match="damaged") as caught:
            ledger._database.rows("SELECT digest, data FROM blob ORDER BY rowid")
        assert "without duplicates" in caught.value.hint
        errors = [one for one in ledger.check() if one.severity == "error"]
        assert errors
        assert all(one.what == "the ledger is damaged" for one in errors)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(str(path)) as ledger:
        fill(ledger)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    assert "damaged" in refusal(str(path)).what


def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    with open_ledger(str(tmp_path / "ledger.db")) as ledger:
        ledger.state.save_job("j", "d", "s", ())
        ledger._database.rows(f"PRAGMA max_page_count = {ledger._database.value('PRAGMA page_count') + 5}")
        with pytest.raises(LedgerError, match="the disk is full") as caught:
            fill(ledger, "k")
        assert "make room" in caught.value.hint
        assert ledger.state.job("k") is None
        ledger._database.rows("PRAGMA max_page_count = 1000000")
        fill(ledger)
        assert ledger.state.job("j") is not None


LIMITED = """
import resource, signal, sys
from trueup.core.ledger import open_ledger
from trueup.model.errors import LedgerError
ledger = open_ledger(sys.argv[1])
ledger.state.save_job("j", "d", "s", ())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
import os
try:
    with ledger.transaction():
        ledger.state.save_job("k", "d", "s", ())
        for _ in range(3000):
            ledger.blobs.put(os.urandom(2000))
except LedgerError as error:
    print(error.what, "|", error.hint)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(ledger.state.job("j") is not None, ledger.state.job("k") is None)
ledger.state.save_job("l", "d", "s", ())
ledger.close()
"""


def test_a_file_that_may_not_grow_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert "the disk" in done.stdout
    assert done.stdout.endswith("True True\n")
    with open_ledger(str(path)) as ledger:
        assert ledger.state.job("l") is not None
        assert ledger.state.job("k") is None


OPEN = """
import os, pwd, sys
from trueup.core.ledger import open_ledger
from trueup.model.errors import LedgerError
if os.geteuid() == 0:  # root may write everywhere
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
try:
    ledger = open_ledger(sys.argv[1])
    ledger.state.save_job("k", "d", "s", ())
except LedgerError as error:
    print(error.what, "|", error.why, "|", error.hint)
"""


def as_nobody(path: Path) -> str:
    """What a user without rights is told."""
    command = [sys.executable, "-c", OPEN, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def public(path: Path, mode: int) -> Path:
    """A folder that others reach, with this mode."""
    path.chmod(mode)
    for parent in path.parents:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    return path


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    told = as_nobody(public(folder, 0o555) / "ledger.db")
    folder.chmod(0o755)
    assert "the ledger cannot be made" in told
    assert "Permission denied" in told
    assert "write to its folder" in told


def test_a_file_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    open_ledger(str(folder / "ledger.db")).close()
    (folder / "ledger.db").chmod(0o444)
    told = as_nobody(public(folder, 0o555) / "ledger.db")
    folder.chmod(0o755)
    assert "the ledger cannot be" in told
    assert "check" in told


def test_a_path_that_is_a_folder_is_told(tmp_path: Path) -> None:
    assert "cannot be opened" in refusal(str(tmp_path)).what


def test_a_ledger_that_is_locked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(str(path)) as ledger:
        ledger._database.rows("PRAGMA busy_timeout = 50")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="locked by another process") as caught:
            ledger.state.save_job("j", "d", "s", ())
        assert "end it" in caught.value.hint
        other.execute("ROLLBACK")
        other.close()
        ledger.state.save_job("j", "d", "s", ())


def test_an_old_sqlite_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 31, 1))
    with pytest.raises(LedgerError, match="too old"):
        Database(SQLite(tmp_path / "ledger.db")).rows("SELECT 1")


# --- addresses and servers


@pytest.mark.parametrize("address", ["mysql://host/db", "sqlite:///x.db", "https://host/"])
def test_an_address_of_another_kind_is_refused(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_ledger(address)
    assert "postgresql://" in caught.value.hint


def test_a_missing_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerError, match="driver") as caught:
        open_ledger("postgresql://user:secret@127.0.0.1/x")
    assert "trueup[postgres]" in caught.value.hint


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    error = refusal("postgresql://user:very-secret@127.0.0.1:1/x?sslmode=disable")
    assert "server of the ledger is gone" in error.what
    assert error.where == "postgresql://user@127.0.0.1:1/x"
    assert "very-secret" not in str(error.to_json())


def test_an_address_that_cannot_be_read_is_told_without_the_password() -> None:
    error = refusal("postgresql://user:very-secret@127.0.0.1/x?nonsense=1")
    assert "nonsense" in error.why
    assert "very-secret" not in str(error.to_json())


@pytest.mark.postgres
def test_a_wrong_password_is_told(postgresql: PostgreSQL) -> None:
    error = refusal(postgresql.url.replace(postgresql.password, "wrong-one"))
    assert "refused the login" in error.what
    assert "wrong-one" not in str(error.to_json())


@pytest.mark.postgres
def test_a_database_that_does_not_exist_is_told(postgresql: PostgreSQL) -> None:
    error = refusal(postgresql.url_of("no_such_database"))
    assert "does not exist" in error.what
    assert "createdb" in error.hint


@pytest.mark.postgres
def test_a_user_without_rights_is_told(postgresql: PostgreSQL) -> None:
    address = postgresql.make_database()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE ROLE weak LOGIN PASSWORD 'weak-secret'")
        connection.execute("ALTER DATABASE " + address.rpartition("/")[2] + " SET default_transaction_read_only = off")
    weak = address.replace(f"{postgresql.database_user}:{postgresql.password}", "weak:weak-secret")
    assert "cannot be written" in refusal(weak).what


@pytest.mark.postgres
def test_a_read_only_copy_is_told(postgresql: PostgreSQL) -> None:
    address = postgresql.make_database()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ALTER DATABASE " + address.rpartition("/")[2] + " SET default_transaction_read_only = on")
    error = refusal(address)
    assert "cannot be written" in error.what
    assert "read-only" in error.why + error.hint


# --- what doctor says


def test_a_sound_ledger_has_nothing_to_complain_of(ledger: Ledger) -> None:
    ledger.blobs.put(b"body")
    [only] = ledger.check()
    assert only.severity == "info"
    assert only.what == f"the ledger has schema {VERSION} of {VERSION}"
    assert "1 bodies" in only.why


def test_orphans_and_missing_bodies_are_named(ledger: Ledger) -> None:
    number = ledger.state.collection("team", "a").id
    with ledger.transaction():
        ledger._database.write(
            "INSERT INTO replica (collection, href, seen, base, uid, title, starts, revision) VALUES (?, 'x', ?, ?, 'u', '', '', 1)",
            (number, "0" * 32, "1" * 32),
        )
        ledger._database.write("INSERT INTO link (job, key) VALUES ('team', 'k')")
    whys = [one.why for one in ledger.check() if one.severity == "error"]
    assert whys == ["1 items have no body (seen)", "1 items have no body (base)", "1 links belong to no item"]


def test_a_ledger_that_others_may_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(str(path)) as ledger:
        path.chmod(0o644)
        [warning] = [one for one in ledger.check() if one.severity == "warning"]
    assert "others may read" in warning.what
    assert "chmod 600" in warning.hint


def test_a_broken_foreign_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(str(path)) as ledger:
        ledger._database.rows("PRAGMA foreign_keys = OFF")
        with ledger.transaction():
            ledger._database.write("INSERT INTO step VALUES ('no run', 'k', 'done', 1, 'null', 'null', '', NULL, NULL)")
        [error] = [one for one in ledger.check() if one.severity == "error"]
    assert "step" in error.why
    assert "run" in error.why


@pytest.mark.postgres
def test_a_server_that_forgets_commits_is_named(postgresql: PostgreSQL) -> None:
    address = postgresql.make_database()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ALTER DATABASE " + address.rpartition("/")[2] + " SET synchronous_commit = off")
    with open_ledger(address) as ledger:
        [warning] = [one for one in ledger.check() if one.severity == "warning"]
    assert "synchronous_commit is off" in warning.why
