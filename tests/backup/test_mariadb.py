"""MariaDB sources: dump and manifest of one state while others write; damage found in a throw-away server; tables brought back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.descendants import descendants
from tests.support.mariadb import MariaDB
from tests.support.sources import Trial, context, manifest_of, watch
from trueup.jobs.backup.contents import wanted
from trueup.jobs.backup.sources.mariadb import KIND, link, locking
from trueup.jobs.backup.sources.mariadb.address import parse
from trueup.jobs.backup.sources.mariadb.link import Link
from trueup.model.backup import Captured, RestoreTarget, SourceSpec
from trueup.model.errors import CannotDrill, ConfigError, LoginRefused, NotFound, Permanent, TimedOut, Transient

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDB]:
    if not MariaDB.available():
        pytest.skip("MariaDB is not installed: apt-get install mariadb-server")
    with MariaDB() as server:
        yield server


SCHEMA = """
CREATE TABLE account (id INT PRIMARY KEY, amount INT NOT NULL);
CREATE TABLE entry (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(200), account INT, FOREIGN KEY (account) REFERENCES account (id));
CREATE TABLE `odd ``name``/ü` (`a column` TEXT, `select` BLOB, twice INT AS (LENGTH(`a column`) * 2) STORED, hidden INT INVISIBLE DEFAULT 3);
CREATE TABLE kinds (id INT PRIMARY KEY, f FLOAT, d DOUBLE, n DECIMAL(20, 5), b BIT(12), t TIMESTAMP NULL, dt DATETIME(6), y YEAR,
  e ENUM('a', 'b'), s SET('x', 'y'), g GEOMETRY, j JSON, c CHAR(5), l VARCHAR(50) CHARACTER SET latin1, v VARBINARY(50), big LONGBLOB, u UUID);
CREATE TABLE empty_one (a INT);
CREATE TABLE doubled (a INT);
CREATE SEQUENCE numbers START WITH 5;
CREATE VIEW b_view AS SELECT id FROM account WHERE amount >= 0;
CREATE VIEW a_view AS SELECT COUNT(*) AS n, 'line
-- Table structure for table `account`
' AS text FROM b_view;
CREATE VIEW k_view AS SELECT id FROM kinds;
CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY DO DELETE FROM empty_one
"""
CODE = [
    "CREATE TRIGGER noted BEFORE INSERT ON doubled FOR EACH ROW BEGIN SET NEW.a = NEW.a * 2; -- it doubles\n END",
    "CREATE PROCEDURE p() BEGIN\n-- Table structure for table `account`\n SELECT 1;\n/* \n-- Dump completed\n*/ END",
    "CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN x + 1",
    "INSERT INTO kinds VALUES (1, 1.23456789, 1.23456789012345678, 1.5, b'101', '2026-03-29 02:30:00', '2026-01-01 00:00:00.123456', 2026,"
    " 'a', 'x,y', ST_GeomFromText('POINT(1 2)'), '{\"a\": 1}', 'ab   ', 'caf\u00e9', x'00ff0a27225c', REPEAT(x'00ff', 100000), UUID()), "
    "(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "INSERT INTO `odd ``name``/ü` (`a column`, `select`) VALUES ('a\n-- Table structure for table `account`\n', x'0a2d2d'), ('🎉', NULL)",
    "INSERT INTO doubled VALUES (1), (1), (2)",
]


def fill(mariadb: MariaDB, rows: int = 300) -> str:
    name = mariadb.make_database()
    with mariadb.connect(name) as connection, connection.cursor() as cursor:
        for statement in [*SCHEMA.split(";\n"), *CODE]:
            if statement.strip():
                cursor.execute(statement)
        cursor.executemany("INSERT INTO account VALUES (%s, 0)", [(n,) for n in range(50)])
        cursor.executemany(
            "INSERT INTO entry (what, account) VALUES (%s, %s)", [("x" * 150, n % 50) for n in range(rows)]
        )
    return name


@pytest.fixture(scope="module")
def shop(mariadb: MariaDB) -> str:
    """Read only: shared by tests."""
    return fill(mariadb)


def trial(tmp_path: Path, url: str, **options: Any) -> Trial:
    spec = SourceSpec("shop", "mariadb", {"url": {"env": "URL"}, **options})
    return Trial(KIND, spec, tmp_path, context(tmp_path, secrets={"URL": url}))


@contextmanager
def writers(mariadb: MariaDB, name: str, count: int) -> Iterator[list[int]]:
    """The sum of all accounts is 0 in every committed state, and there are as many entries as the first account says."""
    stop = threading.Event()
    done = [0] * count

    def write(number: int) -> None:
        import pymysql

        with mariadb.connect(name) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                with suppress(pymysql.err.OperationalError):  # a deadlock between the two
                    connection.begin()
                    cursor.execute("UPDATE account SET amount = amount - 1 WHERE id = %s", (done[number] % 25,))
                    cursor.execute("UPDATE account SET amount = amount + 1 WHERE id = %s", (done[number] % 25 + 25,))
                    cursor.execute("INSERT INTO entry (what, account) VALUES (UUID(), 1)")
                    cursor.execute("DO NEXTVAL(numbers)")
                    connection.commit()
                    done[number] += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_dump_and_manifest_are_of_one_state_while_others_write(mariadb: MariaDB, tmp_path: Path) -> None:
    name = fill(mariadb)
    one = trial(tmp_path, mariadb.url_of(name))
    repeats = 12 if os.environ.get("TRUEUP_CAMPAIGN") == "full" else 2
    rows = []
    with writers(mariadb, name, 3) as done:
        for _ in range(repeats):
            before = sum(done)
            captured = one.capture()
            assert sum(done) > before, "nobody wrote meanwhile: this test shows nothing"
            rows.append(manifest_of(captured)["databases"][name]["tables"]["entry"]["rows"])
            drilled = one.drill(captured)
            assert drilled.differences == ()
    assert len(set(rows)) == repeats
    assert set(drilled.seconds) == {"start", "restore", "compare"}


def test_without_the_right_reload_tables_are_locked_instead(mariadb: MariaDB, tmp_path: Path) -> None:
    name = fill(mariadb)
    mariadb.run("CREATE USER IF NOT EXISTS poor IDENTIFIED BY 'poor-secret'")
    mariadb.run(f"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON {name}.* TO poor")
    mariadb.run("GRANT SELECT ON mysql.* TO poor")
    one = trial(tmp_path, mariadb.url_of(name, "poor", "poor-secret"))
    findings = list(KIND.probe(one.spec, one.context))
    assert [finding.what for finding in findings] == ["the user's rights do not suffice for a backup"]
    with pytest.raises(Permanent) as told:
        one.capture()
    assert "GRANT LOCK TABLES" in told.value.hint
    mariadb.run(f"GRANT LOCK TABLES ON {name}.* TO poor")
    assert list(KIND.probe(one.spec, one.context)) == []
    with writers(mariadb, name, 2) as done:
        before = sum(done)
        captured = one.capture()
        assert sum(done) > before
    assert one.drill(captured).differences == ()


def test_everything_is_taken_and_the_parts_are_right(mariadb: MariaDB, shop: str, tmp_path: Path) -> None:
    one = trial(tmp_path, mariadb.socket_url(shop))
    captured = one.capture()
    found = manifest_of(captured)["databases"][shop]
    assert set(found["tables"]) == {"account", "entry", "odd `name`/ü", "kinds", "empty_one", "doubled"}
    assert set(found["views"]) == {"a_view", "b_view", "k_view"}
    assert set(found["routines"]) == {"procedure p", "function f"}
    assert (set(found["triggers"]), set(found["events"]), set(found["sequences"])) == ({"noted"}, {"tidy"}, {"numbers"})
    assert found["tables"]["entry"]["rows"] == 300
    files = {str(path.relative_to(captured.root)) for path in captured.root.rglob("*") if path.is_file()}
    folder = captured.root / shop
    tables = {
        f"{shop}/tables/{table}.sql"
        for table in ("account", "entry", "odd %60name%60%2Fü", "kinds", "empty_one", "doubled")
    }
    assert files == tables | {f"{shop}/{part}.sql" for part in ("database", "sequences", "routines", "views", "events")}
    assert "TRIGGER noted" in (folder / "tables/doubled.sql").read_text()
    for path in captured.root.rglob("*.sql"):
        text = path.read_text()
        assert text.rstrip().endswith("-- Dump completed")
        assert "SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS" in text
        assert path.stat().st_mode & 0o777 == 0o600
    assert captured.measures["rows"] == 300 + 50 + 2 + 2 + 3
    assert captured.notes == (
        f"a FLOAT comes back with 6 digits, as the dump program writes it (use DOUBLE): {shop}.kinds",
    )
    drilled = one.drill(captured)
    assert drilled.differences == ()
    assert drilled.compared == {"tables": 6, "rows": 357, "definitions": 14}


def test_a_drill_finds_every_damage(mariadb: MariaDB, shop: str, tmp_path: Path) -> None:
    one = trial(tmp_path, mariadb.url_of(shop))
    captured = one.capture()
    folder = captured.root / shop

    def change(file: str, old: str, new: str) -> None:
        text = (folder / file).read_text()
        assert old in text, file
        (folder / file).write_text(text.replace(old, new, 1))

    change("tables/account.sql", "),\n(7,0)", ")")
    change("tables/entry.sql", "(9,'x", "(9,'y")
    change("tables/doubled.sql", "INSERT INTO `doubled` VALUES\n(2)", "INSERT INTO `doubled` VALUES\n(4)")
    change("tables/doubled.sql", "NEW.a * 2", "NEW.a * 3")
    change("routines.sql", "RETURN x + 1", "RETURN x + 2")
    change("views.sql", ">= 0", "> 0")
    os.truncate(folder / "tables/kinds.sql", (folder / "tables/kinds.sql").stat().st_size - 300)
    (folder / "events.sql").unlink()
    (folder / "sequences.sql").write_text("nonsense;\n-- Dump completed\n")
    differences = one.drill(captured).differences
    text = "\n".join(differences)
    assert f"table account of {shop} has 49 rows, and had 50" in differences
    assert f"table entry of {shop} has as many rows (300), but not the same" in differences
    assert f"table doubled of {shop} has as many rows (3), but not the same" in differences
    assert f"trigger noted of {shop} is defined otherwise" in differences
    assert f"function f of {shop} is defined otherwise" in differences
    assert f"view b_view of {shop} is defined otherwise" in differences
    assert f"{shop}/tables/kinds.sql cannot be loaded: its file is cut off" in differences
    assert f"table kinds of {shop} is missing" in differences
    assert f"{shop}/events.sql cannot be loaded: its file is missing" in differences
    assert f"event tidy of {shop} is missing" in differences
    assert f"{shop}/sequences.sql cannot be loaded" in text
    assert f"{shop}/views.sql cannot be loaded" in text
    assert f"sequence numbers of {shop} is missing" in differences


def test_tables_without_transactions_are_told_where_they_moved(mariadb: MariaDB, tmp_path: Path) -> None:
    name = mariadb.make_database()
    mariadb.run("CREATE TABLE still (a INT) ENGINE=MyISAM", name)
    mariadb.run("CREATE TABLE moving (a INT) ENGINE=Aria", name)
    mariadb.run("INSERT INTO still VALUES (1)", name)
    stop = threading.Event()

    def write() -> None:
        with mariadb.connect(name) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("INSERT INTO moving VALUES (1)")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        loose = trial(tmp_path, mariadb.url_of(name)).capture()
        held = trial(tmp_path, mariadb.url_of(name), lock=True)
        locked = held.capture()
    finally:
        stop.set()
        writer.join()
    assert manifest_of(loose)["moving"] == [f"{name}.moving"]
    assert f"{name}.moving" in loose.notes[0]
    assert (manifest_of(locked)["moving"], locked.notes) == ([], ())
    assert held.drill(locked).differences == ()


def test_all_databases_with_accounts(mariadb: MariaDB, shop: str, tmp_path: Path) -> None:
    mariadb.run("CREATE ROLE IF NOT EXISTS clerk")
    mariadb.run("CREATE USER IF NOT EXISTS 'o''brien'@'%' IDENTIFIED BY 'anna-secret'")
    mariadb.run(f"GRANT SELECT, INSERT ON {shop}.* TO clerk")
    mariadb.run("GRANT clerk TO 'o''brien'@'%'")
    mariadb.run("SET DEFAULT ROLE clerk FOR 'o''brien'@'%'")
    one = trial(tmp_path, mariadb.url_of(), databases="all")
    captured = one.capture()
    found = manifest_of(captured)
    assert shop in found["databases"]
    assert not {"mysql", "sys", "information_schema"} & set(found["databases"])
    assert {"`clerk`", "`o'brien`@`%`", "`root`@`localhost`"} <= set(found["users"])
    assert "PASSWORD" not in (captured.about / "manifest.json").read_text()
    drilled = one.drill(captured)
    assert drilled.differences == ()
    # Back into the server: who is there is left alone, who is not comes back.
    mariadb.run("DROP USER 'o''brien'@'%'")
    target = RestoreTarget(mariadb.url_of(), ("users.sql",))
    assert KIND.wanted(captured.about, target) == ("users.sql",)
    steps = list(KIND.restore(captured.about, captured.root, target, None, watch()))
    assert [(step.action, step.what) for step in steps] == [("create", "1 accounts and their grants")]
    grants = [row[0] for row in mariadb.run("SHOW GRANTS FOR 'o''brien'@'%'")]
    assert any("GRANT `clerk` TO `o'brien`" in grant for grant in grants)


def test_errors_of_the_server_are_told(mariadb: MariaDB, shop: str, tmp_path: Path) -> None:
    with pytest.raises(LoginRefused):
        trial(tmp_path, mariadb.url_of(shop, password="wrong")).capture()
    with pytest.raises(Transient):
        trial(tmp_path, mariadb.url_of(shop, port=1)).capture()
    with pytest.raises(NotFound, match="no database nothing"):
        trial(tmp_path, mariadb.url_of("nothing")).capture()
    with pytest.raises(Permanent, match="no database is named"):
        trial(tmp_path, mariadb.url_of()).capture()
    with pytest.raises(ConfigError) as told:
        trial(tmp_path, f"postgresql://x:{mariadb.password}@y/z").capture()
    assert "secret" not in str(told.value)
    with pytest.raises(Permanent, match="not installed"):
        trial(tmp_path, mariadb.url_of(shop), bin=str(tmp_path)).capture()
    one = trial(tmp_path, mariadb.url_of(shop, password="wrong"))
    assert "wrong" in next(iter(KIND.probe(one.spec, one.context))).what


class Relay:
    """A port that passes bytes on until a connection has had enough of them, and then cuts or freezes it."""

    def __init__(self, mariadb: MariaDB, enough: int, *, freeze: bool) -> None:
        self._to, self._enough, self._freeze = mariadb.port, enough, freeze
        self.hits = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                threading.Thread(target=self._pass, args=(client, server, 1 << 60), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, self._enough), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, enough: int) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(4096):
                passed += len(data)
                if passed > enough:
                    self.hits += 1
                    if self._freeze:
                        return
                    break
                target.sendall(data)
            for one in (source, target):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def wide(mariadb: MariaDB) -> str:
    """One table of 4 MB."""
    name = mariadb.make_database()
    mariadb.run("CREATE TABLE wide (a INT AUTO_INCREMENT PRIMARY KEY, t LONGTEXT)", name)
    mariadb.run("INSERT INTO wide (t) SELECT REPEAT('x', 20000) FROM seq_1_to_200", name)
    return name


def test_a_cut_connection_is_no_backup(mariadb: MariaDB, wide: str, tmp_path: Path) -> None:
    relay = Relay(mariadb, 1_000_000, freeze=False)
    try:
        with pytest.raises(Transient, match="could not dump"):
            trial(tmp_path, mariadb.url_of(wide, port=relay.port)).capture()
        assert relay.hits
    finally:
        relay.close()


def test_a_dump_that_is_killed_is_no_backup(mariadb: MariaDB, wide: str, tmp_path: Path) -> None:
    relay = Relay(mariadb, 1_000_000, freeze=True)
    killed = []

    def kill() -> None:
        while not relay.hits:
            time.sleep(0.02)
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if str(tmp_path).encode() in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
                    killed.append(process.name)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(Transient, match="ended by signal 9"):
            trial(tmp_path, mariadb.url_of(wide, port=relay.port)).capture()
    finally:
        killer.join()
        relay.close()
    assert len(killed) == 1


def test_a_frozen_server_is_given_up(mariadb: MariaDB, wide: str, tmp_path: Path) -> None:
    for enough in (1_000_000, 3000):
        relay = Relay(mariadb, enough, freeze=True)
        try:
            with pytest.raises(TimedOut):
                trial(tmp_path, mariadb.url_of(wide, port=relay.port)).capture(no_progress=1.0)
            assert relay.hits
        finally:
            relay.close()
    locks = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE '%%read lock%%'"
    assert mariadb.run(locks) == ((0,),) or mariadb.run(locks) == [(0,)]
    mariadb.run("UPDATE wide SET a = a WHERE a = 1", wide)


def test_a_query_that_works_is_alive_and_one_that_waits_is_not(
    mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_PULSE_SECONDS", 0.2)
    address = parse(mariadb.url_of())
    work = watch(no_progress=1.0)
    with Link(address, work, "a query") as one, link.pulse(one, address, work):
        one.rows("SELECT BENCHMARK(3000000, MD5(1))")  # some seconds in which nothing comes
    wait = watch(no_progress=1.5)
    with mariadb.connect() as other, other.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('mine', 0)")
        with pytest.raises(TimedOut), Link(address, wait, "a lock") as one, link.pulse(one, address, wait):
            one.rows("SELECT GET_LOCK('mine', 60)")


def test_a_long_query_that_keeps_the_lock_away_is_told(
    mariadb: MariaDB, shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "WAIT_SECONDS", 1)
    monkeypatch.setattr(locking, "_ATTEMPTS", 2)
    monkeypatch.setattr(locking, "_PAUSE", 0.1)
    with mariadb.connect(shop) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLES account WRITE")
        with pytest.raises(Transient, match="hold writers off"):
            trial(tmp_path, mariadb.url_of(shop)).capture()


def test_a_full_disk_is_told(mariadb: MariaDB, wide: str, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    small = Path(tempfile.mkdtemp(prefix="trueup-small-"))  # where the server's own user may go
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "none", small], check=True)
    one = trial(tmp_path, mariadb.url_of(wide))
    try:
        with pytest.raises(Permanent, match="could not write the dump"):
            KIND.capture(one.spec, one.context, small, watch())
        for file in small.rglob("*"):
            file.unlink() if file.is_file() else None
        with pytest.raises(CannotDrill):
            KIND.drill(one.capture().about, small, small, one.context, watch())
    finally:
        subprocess.run(["umount", "-l", small], check=True)
        small.rmdir()


def test_the_password_is_nowhere(mariadb: MariaDB, wide: str, tmp_path: Path) -> None:
    stop = threading.Event()
    seen: set[str] = set()
    part = b'"secret" #1'

    def look() -> None:
        while not stop.is_set():
            for process in descendants():
                with suppress(OSError):
                    arguments = Path(f"/proc/{process}/cmdline").read_bytes()
                    if b"mariadb-dump" in arguments:
                        seen.add("dump")
                    if part in arguments or part in Path(f"/proc/{process}/environ").read_bytes():
                        seen.add(f"password in {arguments!r}")
                with suppress(OSError):
                    for file in tmp_path.rglob(".client-*"):
                        if file.stat().st_mode & 0o077:
                            seen.add(f"readable: {file}")

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for number in range(20):  # on a busy machine it may be over before anybody looked
            (tmp_path / str(number)).mkdir()
            captured = trial(tmp_path / str(number), mariadb.url_of(wide)).capture()
            if seen:
                break
    finally:
        stop.set()
        looker.join()
    assert seen == {"dump"}
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or part not in file.read_bytes()
    assert mariadb.database_user not in (captured.about / "manifest.json").read_text()


def test_a_drill_leaves_no_server_behind(mariadb: MariaDB, shop: str, tmp_path: Path) -> None:
    one = trial(tmp_path, mariadb.url_of(shop))
    captured = one.capture()

    def servers() -> int:
        found = 0
        for process in descendants():
            with suppress(OSError):
                found += b"--secure-file-priv" in Path(f"/proc/{process}/cmdline").read_bytes()
        return found

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = servers()

    class Interrupted(Exception):
        pass

    class Watch:
        asked = 0

        def moved(self, amount: int = 1) -> None: ...

        def left(self) -> float | None:
            return None

        def ok(self) -> None:
            if servers() > before:
                Watch.asked += 1
            if Watch.asked > 1:
                raise Interrupted

    with pytest.raises(Interrupted):
        KIND.drill(captured.about, captured.root, scratch, one.context, Watch())
    assert servers() == before
    assert list(scratch.iterdir()) == []


def test_no_server_program_means_not_verified(
    mariadb: MariaDB, shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trueup.jobs.backup.sources.mariadb import programs

    captured = trial(tmp_path, mariadb.url_of(shop)).capture()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "_SYSTEM_FOLDERS", ())
    with pytest.raises(CannotDrill) as told:
        KIND.drill(captured.about, captured.root, tmp_path, context(tmp_path), watch())
    assert "apt-get install" in told.value.hint


def restore(captured: Captured, to: str, *only: str, overwrite: bool = False) -> list[tuple[str, str, str]]:
    target = RestoreTarget(to, only, overwrite)
    for path in KIND.wanted(captured.about, target):
        assert (captured.root / path).exists()
    planned = list(KIND.plan_restore(captured.about, target, None))
    assert list(KIND.restore(captured.about, captured.root, target, None, watch())) == planned
    return [(step.action, step.what, step.where) for step in planned]


def test_a_database_is_brought_back_under_another_name(mariadb: MariaDB, shop: str, tmp_path: Path) -> None:
    captured = trial(tmp_path, mariadb.url_of(shop)).capture()
    to = f"{shop}_back"
    assert restore(captured, mariadb.url_of(to)) == [("create", f"database {shop}", to)]
    for table in ("account", "entry", "kinds", "doubled", "`odd ``name``/ü`"):
        assert mariadb.run(f"CHECKSUM TABLE {table}", to)[0][1] == mariadb.run(f"CHECKSUM TABLE {table}", shop)[0][
            1
        ] or table in ("kinds",)
    assert mariadb.run("SELECT n FROM a_view", to) == [(50,)]
    assert mariadb.run("SELECT f(1)", to) == [(2,)]
    mariadb.run("DELETE FROM entry", to)
    assert restore(captured, mariadb.url_of(to)) == [("skip", f"database {shop}", to)]
    assert mariadb.run("SELECT COUNT(*) FROM entry", to) == [(0,)]
    assert restore(captured, mariadb.url_of(to), overwrite=True) == [("update", f"database {shop}", to)]
    assert mariadb.run("SELECT COUNT(*) FROM entry", to) == [(300,)]


def test_single_tables_are_brought_back(mariadb: MariaDB, shop: str, tmp_path: Path) -> None:
    captured = trial(tmp_path, mariadb.url_of(shop)).capture()
    to = mariadb.make_database()
    odd = "odd `name`/ü"
    mariadb.run("CREATE TABLE doubled (b INT)", to)
    mariadb.run("CREATE TABLE mine (b INT)", to)
    only = ("doubled", f"{shop}.{odd}")
    assert restore(captured, mariadb.url_of(to), *only) == [
        ("skip", "table doubled", to),
        ("create", f"table {odd}", to),
    ]
    assert mariadb.run("SHOW COLUMNS FROM doubled", to)[0][0] == "b"
    assert restore(captured, mariadb.url_of(to), "doubled", overwrite=True) == [("update", "table doubled", to)]
    assert sorted(mariadb.run("SELECT a FROM doubled", to)) == [(2,), (2,), (4,)], "the trigger did not fire again"
    mariadb.run("INSERT INTO doubled VALUES (5)", to)
    assert (10,) in mariadb.run("SELECT a FROM doubled", to), "the trigger is there"
    assert {row[0] for row in mariadb.run("SHOW TABLES", to)} == {"doubled", "mine", odd}
    with pytest.raises(NotFound) as told:
        KIND.wanted(captured.about, RestoreTarget(mariadb.url_of(to), ("entri",)))
    assert "entry" in told.value.hint


def test_tables_are_listed_by_the_names_that_a_restore_takes(mariadb: MariaDB, shop: str, tmp_path: Path) -> None:
    captured = trial(tmp_path, mariadb.url_of(shop)).capture()
    found = {one.name: one for one in KIND.contents(captured.about)}
    assert found[f"{shop}.account"].rows == 50
    assert f"{shop}.odd `name`/ü" in found
    for one in found.values():
        for name in (one.name, *one.also):
            assert list(wanted(found.values(), [name])) == [one]
            assert KIND.wanted(captured.about, RestoreTarget(mariadb.url_of(shop), (name,)))


def test_what_a_server_of_another_series_refuses_is_no_damage(mariadb: MariaDB, shop: str, tmp_path: Path) -> None:
    one = trial(tmp_path, mariadb.url_of(shop))
    captured = one.capture()
    release = manifest_of(captured)["server"]["release"]
    manifest = captured.about / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"{release}"', '"MySQL 8.4"'))
    drilled = one.drill(captured)
    assert (drilled.differences, drilled.compared["definitions"]) == ((), 0), "rows are compared, definitions are not"
    file = captured.root / shop / "tables/account.sql"
    file.write_text(file.read_text().replace("COLLATE=utf8mb4_general_ci", "COLLATE=utf8mb4_0900_ai_ci"))
    with pytest.raises(CannotDrill) as told:
        one.drill(captured)
    assert "install a server of MySQL 8.4" in told.value.hint
    os.truncate(file, 900)
    assert f"{shop}/tables/account.sql cannot be loaded: its file is cut off" in one.drill(captured).differences


def test_what_the_server_refuses_is_told(mariadb: MariaDB, shop: str, tmp_path: Path) -> None:
    captured = trial(tmp_path, mariadb.url_of(shop)).capture()
    file = captured.root / shop / "tables/account.sql"
    file.write_text(file.read_text().replace("COLLATE=utf8mb4_general_ci", "COLLATE=utf8mb4_of_the_future"))
    with pytest.raises(Permanent, match="utf8mb4_of_the_future") as told:
        restore(captured, mariadb.url_of(mariadb.make_database()), "account")
    assert "older than the one the backup was made on" in told.value.hint
    with pytest.raises(LoginRefused):
        restore(captured, mariadb.url_of("x", password="wrong"))
    to = mariadb.make_database()
    os.truncate(file, 900)
    with pytest.raises(Permanent, match="cut off"):
        restore(captured, mariadb.url_of(to), "account")
    file.unlink()
    with pytest.raises(Permanent, match="missing"):
        list(
            KIND.restore(captured.about, captured.root, RestoreTarget(mariadb.url_of(to), ("account",)), None, watch())
        )
    assert mariadb.run("SHOW TABLES", to) == []


def test_several_databases_go_back_under_their_own_names(mariadb: MariaDB, tmp_path: Path) -> None:
    names = [mariadb.make_database() for _ in range(2)]
    for name in names:
        mariadb.run("CREATE TABLE t (a INT)", name)
        mariadb.run("CREATE VIEW v AS SELECT a FROM t", name)
    captured = trial(tmp_path, mariadb.url_of(), databases=names).capture()
    with pytest.raises(ConfigError):
        restore(captured, mariadb.url_of("one"))
    mariadb.run(f"DROP DATABASE {names[0]}")
    assert restore(captured, mariadb.url_of()) == [
        ("create", f"database {names[0]}", names[0]),
        ("skip", f"database {names[1]}", names[1]),
    ]
    assert {row[0] for row in mariadb.run("SHOW TABLES", names[0])} == {"t", "v"}
    with pytest.raises(NotFound):
        restore(captured, mariadb.url_of(), "t")
