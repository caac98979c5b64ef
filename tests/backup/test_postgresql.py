"""PostgreSQL sources against a real server: captured while others write, drilled, and refused where the truth is at stake."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.descendants import descendants
from tests.support.postgresql import PostgreSQL, program
from tests.support.postgresql_schema import EVERYTHING, ROLES
from tests.support.sources import Trial, context, files_without, manifest_of
from trueup.jobs.backup.sources.postgresql import KIND, programs, session
from trueup.model.backup import Captured, SourceSpec
from trueup.model.diagnostics import Severity
from trueup.model.errors import (
    CannotDrill,
    ConfigError,
    LoginRefused,
    NotFound,
    Permanent,
    TimedOut,
    Transient,
    TrueupError,
)


def execute(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for one in statements:
            connection.execute(one.encode())


def trial(root: Path, url: str, **options: Any) -> Trial:
    return Trial(KIND, SourceSpec("crm", "postgresql", {"url": url, **options}), root)


@pytest.fixture(scope="module")
def everything(postgresql: PostgreSQL) -> str:
    execute(postgresql.url, ROLES)
    url = postgresql.make_database("everything")
    execute(url, EVERYTHING)
    execute(postgresql.url, "ALTER DATABASE everything SET app.setting TO 'it''s {here}'")
    execute(postgresql.url, "ALTER ROLE clerk IN DATABASE everything SET work_mem TO '9MB'")
    return url


@pytest.fixture(scope="module")
def taken(everything: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trial, Captured]:
    one = trial(tmp_path_factory.mktemp("everything"), everything)
    return one, one.capture()


# -- what was taken comes back


def test_everything_comes_back(taken: tuple[Trial, Captured]):
    one, captured = taken
    manifest = manifest_of(captured)
    (database,) = manifest["databases"]
    tables = database["tables"]
    assert tables["public.customers"]["rows"] == 300
    assert tables["public.events"]["rows"] is None
    assert sum(tables[f"public.events_{n}"]["rows"] for n in ("25", "26a", "26b", "other")) == 300
    assert tables["public.animals"]["rows"] == 1, "children are counted for themselves"
    assert "never" not in str(sorted(tables)), "temporary tables are nobody else's"
    assert database["sequences"]["public.loose"] == [95, True]
    assert database["sequences"]["public.untouched"] == [1, False]
    assert database["large_objects"]["count"] == 2
    assert set(database["roles"]) >= {"clerk", "staff", 'Odd "role" name'}
    assert captured.notes == (
        "everything: the rows of the foreign table public.far live elsewhere and are not in the backup",
    )
    assert captured.measures["rows"] == sum(table["rows"] or 0 for table in tables.values())
    assert captured.bytes == sum(file.stat().st_size for file in captured.root.iterdir())
    drilled = one.drill(captured)
    assert drilled.differences == ()
    assert drilled.compared["tables"] == 14
    assert drilled.compared["rows"] == captured.measures["rows"]
    assert set(drilled.seconds) == {"start", "restore", "compare"}


CHANGES = {
    'DELETE FROM "Sales 2026"."it\'s ""quoted"", ünï" WHERE "select" = 7': "ünï: 50 rows were backed up, 49 came back",
    "UPDATE orders SET amount = 0 WHERE id = 77": "table public.orders: as many rows came back as were backed up (1,001), but with",
    "DROP TABLE twice": "table public.twice: 5 rows were backed up, the table did not come back",
    """UPDATE "values" SET f = 0.3 WHERE id = 2""": "table public.values: as many rows",
    "DROP TRIGGER stamped ON orders": "trigger stamped on public.orders did not come back",
    "ALTER TABLE orders ENABLE TRIGGER off": "trigger off on public.orders came back different",
    "SELECT setval('loose', 50)": "sequence public.loose: stood at 95, came back at 50",
    "CREATE OR REPLACE FUNCTION added(a int, b int) RETURNS int LANGUAGE sql RETURN a - b": "routine public.added(a integer, b integer) came back",
    "DROP VIEW open_orders": "view public.open_orders did not come back",
    "DROP INDEX customers_trgm": "index public.customers_trgm did not come back",
    "ALTER TABLE events DROP CONSTRAINT events_what": "constraint events_what on public.events, events_what on public.events_25",
    "ALTER TABLE animals OWNER TO trueup": "table public.animals belonged to clerk, and came back belonging to trueup",
    "REVOKE SELECT ON orders FROM staff": "grants on public.animals, public.orders came back different",
    "COMMENT ON COLUMN orders.amount IS NULL": "comment on table column public.orders.amount did not come back",
    "SELECT lo_unlink(4712)": "large objects: 2 were backed up, 1 came back",
    "DROP POLICY mine ON customers": "policy mine on public.customers did not come back",
    "ALTER TYPE mood ADD VALUE 'new'": "type public.mood came back different",
    "ALTER TABLE cache ALTER COLUMN v SET NOT NULL": "columns of public.cache came back different",
    "DROP PUBLICATION changes": "object publication changes did not come back",
    "CREATE TABLE more ()": "table public.more came back, but was not in the backup",
}


@pytest.fixture(scope="module")
def changed(
    taken: tuple[Trial, Captured], postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, ...]:
    """What a drill says of a dump that was restored, changed by hand and dumped again, under the first manifest."""
    one, captured = taken
    url = postgresql.make_database()
    dump = captured.root / "everything.dump"
    subprocess.run([program("pg_restore") or "", "-d", url, dump], check=True, capture_output=True)
    execute(url, "DROP EVENT TRIGGER watcher", *CHANGES)
    root = tmp_path_factory.mktemp("changed")
    shutil.copytree(captured.root, root / "data")
    again = [program("pg_dump") or "", "-Fc", "-Z0", "-f", root / "data" / "everything.dump", url]
    subprocess.run(again, check=True, capture_output=True)
    copy = Captured(root / "data", captured.about, captured.bytes, captured.files)
    return one.drill(copy).differences


@pytest.mark.parametrize("sentence", CHANGES.values(), ids=CHANGES)
def test_what_differs_is_found(changed: tuple[str, ...], sentence: str):
    assert [one for one in changed if sentence in one], "\n".join(changed)


@pytest.mark.parametrize("share", [0.5, 0.02])
def test_a_dump_that_is_cut_off_is_found(taken: tuple[Trial, Captured], tmp_path: Path, share: float):
    one, captured = taken
    shutil.copytree(captured.root, tmp_path / "data")
    dump = tmp_path / "data" / "everything.dump"
    os.truncate(dump, int(dump.stat().st_size * share))
    drilled = one.drill(Captured(tmp_path / "data", captured.about, captured.bytes, captured.files))
    assert [sentence for sentence in drilled.differences if sentence.startswith("the restore failed in part: ")]
    assert [sentence for sentence in drilled.differences if "did not come back" in sentence or "came back" in sentence]


WRITER = """
BEGIN;
UPDATE account SET amount = amount - 1 WHERE id = {a};
UPDATE account SET amount = amount + 1 WHERE id = {b};
INSERT INTO entry (what) VALUES (repeat('{a}', 300));
COMMIT;
"""


@contextmanager
def writers(url: str, count: int = 3) -> Iterator[list[int]]:
    """Clients that write for as long as the block runs; how many transactions each has made."""
    over = threading.Event()
    made = [0] * count

    def write(number: int) -> None:
        truncated = 0.0
        with psycopg.connect(url, autocommit=True) as connection:
            while not over.is_set():
                made[number] += 1
                connection.execute(WRITER.format(a=made[number] % 100, b=(made[number] * 7 + number) % 100).encode())
                if number == 0 and time.monotonic() > truncated + 0.5:
                    truncated = time.monotonic()
                    connection.execute("TRUNCATE emptied; INSERT INTO emptied SELECT generate_series(1, 20)")

    threads = [threading.Thread(target=write, args=[number]) for number in range(count)]
    for one in threads:
        one.start()
    try:
        yield made
    finally:
        over.set()
        for one in threads:
            one.join()


@pytest.mark.slow
@pytest.mark.parametrize("time_of_day", range(int(os.environ.get("TRUEUP_CAMPAIGN") == "full") * 20 + 1))
def test_captured_while_others_write(postgresql: PostgreSQL, tmp_path: Path, time_of_day: int):
    url = postgresql.make_database()
    execute(
        url,
        "CREATE TABLE account (id int PRIMARY KEY, amount int)",
        "INSERT INTO account SELECT n, 0 FROM generate_series(0, 99) n",
        "CREATE TABLE entry (id bigserial PRIMARY KEY, what text)",
        "INSERT INTO entry (what) SELECT repeat('x', 300) FROM generate_series(1, 60000)",
        "CREATE TABLE emptied (a int)",
    )
    one = trial(tmp_path, url)
    with writers(url) as made:
        time.sleep(0.2)
        before = sum(made)
        captured = one.capture()
        assert sum(made) > before, "nobody was writing"
    assert one.drill(captured).differences == ()
    tables = manifest_of(captured)["databases"][0]["tables"]
    assert tables["public.emptied"]["rows"] in (0, 20)
    assert tables["public.entry"]["rows"] > 60000


def test_an_empty_database(postgresql: PostgreSQL, tmp_path: Path):
    one = trial(tmp_path, postgresql.make_database())
    captured = one.capture()
    assert captured.measures["rows"] == 0
    assert one.drill(captured).differences == ()


def test_a_database_with_bytes_of_any_encoding(postgresql: PostgreSQL, tmp_path: Path):
    make = "CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    execute(postgresql.url, make)
    url = postgresql.url_of("bytes")
    with psycopg.connect(url, autocommit=True, client_encoding="LATIN1") as connection:
        connection.execute("CREATE TABLE straße (größe text)".encode("latin-1"))
        connection.execute("INSERT INTO straße VALUES ('ä')".encode("latin-1"))
        connection.execute("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'ö' $$".encode("latin-1"))
    one = trial(tmp_path, url)
    captured = one.capture()
    assert manifest_of(captured)["databases"][0]["tables"]["public.straße"]["rows"] == 1
    assert one.drill(captured).differences == ()


@pytest.mark.slow
def test_a_thousand_tables(postgresql: PostgreSQL, tmp_path: Path):
    url = postgresql.make_database()
    make = "DO $$ BEGIN FOR n IN 1..1000 LOOP EXECUTE format('CREATE TABLE %I (a int)', 't ' || n); END LOOP; END $$"
    execute(url, make)
    one = trial(tmp_path, url, roles=False)
    captured = one.capture()
    assert len(manifest_of(captured)["databases"][0]["tables"]) == 1000
    drilled = one.drill(captured)
    assert drilled.differences == ()
    assert drilled.compared["tables"] == 1000


@pytest.mark.slow
def test_all_databases_and_odd_names(tmp_path: Path):
    with PostgreSQL() as server:
        execute(server.url, ROLES)
        server.make_database('odd "name" / ü')
        odd = server.url_of("odd%20%22name%22%20%2F%20%C3%BC")
        execute(odd, "CREATE TABLE a AS SELECT 1 AS b", "ALTER TABLE a OWNER TO clerk")
        execute(server.make_database("plain"), "CREATE TABLE c AS SELECT 2 AS d")
        one = trial(tmp_path, server.url, databases="all", roles=False)
        captured = one.capture()
        found = {database["name"]: database["file"] for database in manifest_of(captured)["databases"]}
        assert set(found) == {'odd "name" / ü', "plain", "postgres"}
        assert {path.name for path in captured.root.iterdir()} == set(found.values()), "no roles, as asked"
        drilled = one.drill(captured)
        assert drilled.differences == (), "owners are made for the drill"
        assert drilled.compared["databases"] == 3


@pytest.mark.slow
def test_tables_left_out_and_the_limit_for_checksums(postgresql: PostgreSQL, tmp_path: Path):
    url = postgresql.make_database()
    execute(
        url,
        "CREATE TABLE log AS SELECT generate_series(1, 10) AS n",
        "CREATE TABLE large AS SELECT generate_series(1, 5000) AS n",
        "CREATE TABLE small (n int)",
        "CREATE VIEW v AS SELECT * FROM log",
    )
    one = trial(tmp_path, url, exclude_tables=["public.lo?"], checksum=100_000)
    captured = one.capture()
    tables = manifest_of(captured)["databases"][0]["tables"]
    assert (tables["public.log"]["rows"], tables["public.large"]["rows"]) == (None, 5000)
    assert tables["public.large"]["sum"] is None
    assert tables["public.small"]["sum"] == "0"
    assert any("the rows of public.log are left out, as asked" in note for note in captured.notes)
    assert any("large is above the limit for checksums (100 kB)" in note for note in captured.notes)
    assert one.drill(captured).differences == ()
    with pytest.raises(NotFound, match="names logs, and there is no such table"):
        trial(tmp_path, url, exclude_tables=["logs"]).capture()


@pytest.mark.slow
def test_a_large_table_is_read_in_pieces(postgresql: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from trueup.jobs.backup.sources.postgresql import measuring

    url = postgresql.make_database()
    execute(url, "CREATE TABLE t AS SELECT n, repeat('x', 200) FROM generate_series(1, 20000) n")
    sums = set()
    for size in (256_000_000, 8192, 50_000, 3_000_000):
        monkeypatch.setattr(measuring, "_PIECE", size)
        table = manifest_of(trial(tmp_path, url, roles=False).capture())["databases"][0]["tables"]["public.t"]
        sums.add((table["rows"], table["sum"]))
    assert len(sums) == 1
    assert next(iter(sums))[0] == 20000


# -- what is refused


@pytest.fixture(scope="module")
def shop(postgresql: PostgreSQL) -> str:
    url = postgresql.make_database("shop")
    execute(url, "CREATE TABLE orders AS SELECT n, repeat('x', 100) AS t FROM generate_series(1, 1000) n")
    execute(url, "CREATE ROLE guest LOGIN PASSWORD 'guest-secret'")
    return url


def refused(one: Trial) -> TrueupError:
    with pytest.raises(TrueupError) as caught:
        one.capture()
    return caught.value


def test_a_wrong_password(shop: str, tmp_path: Path):
    error = refused(trial(tmp_path, shop.replace("trueup-secret", "wrong-secret")))
    assert isinstance(error, LoginRefused)
    assert "wrong-secret" not in str(error.to_json())


def test_a_missing_database(shop: str, tmp_path: Path):
    error = refused(trial(tmp_path, shop.replace("/shop", "/shops")))
    assert isinstance(error, Permanent)
    assert 'database "shops" does not exist' in error.why


def test_a_server_that_is_not_there(tmp_path: Path):
    error = refused(trial(tmp_path, "postgresql://a:b-secret@127.0.0.1:1/x"))
    assert isinstance(error, Transient)
    assert "b-secret" not in str(error.to_json())


def test_a_bad_address_is_not_shown(tmp_path: Path):
    error = refused(trial(tmp_path, "postgresql://a:b-secret@host:54x/x?a b"))
    assert isinstance(error, ConfigError)
    assert "b-secret" not in str(error.to_json())


def test_a_table_that_may_not_be_read_is_named(shop: str, tmp_path: Path):
    one = trial(tmp_path, shop.replace("trueup:trueup-secret", "guest:guest-secret"))
    error = refused(one)
    assert isinstance(error, Permanent)
    assert "orders" in f"{error.why} {error.what}"
    assert "pg_read_all_data" in error.hint
    found = list(KIND.probe(one.spec, one.context))
    assert [each.severity for each in found] == [Severity.ERROR, Severity.INFO]
    assert "public.orders" in found[0].what


def test_a_user_who_may_read_but_not_see_passwords(shop: str, tmp_path: Path):
    execute(shop, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")
    try:
        one = trial(tmp_path, shop.replace("trueup:trueup-secret", "guest:guest-secret"))
        captured = one.capture()
    finally:
        execute(shop, "REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM guest")
    assert "roles come back without their passwords: the user of the backup may not read these" in captured.notes
    assert "SCRAM" not in (captured.root / "roles.sql").read_text()
    assert one.drill(captured).differences == ()


def test_rows_hidden_by_a_policy_are_an_error(postgresql: PostgreSQL, tmp_path: Path, shop: str):
    url = postgresql.make_database()
    execute(url, "CREATE TABLE t (a int)", "GRANT SELECT ON t TO guest", "ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    error = refused(trial(tmp_path, url.replace("trueup:trueup-secret", "guest:guest-secret")))
    assert isinstance(error, Permanent)
    assert 'row-level security policy for table "t"' in error.why


def test_a_pg_dump_that_is_too_old_is_refused(shop: str, tmp_path: Path):
    old = tmp_path / "bin"
    old.mkdir()
    for name in ("pg_dump", "pg_restore", "pg_dumpall"):
        (old / name).write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) 13.9"\n')
        (old / name).chmod(0o755)
    one = trial(tmp_path, shop, bin="bin")
    error = refused(one)
    assert isinstance(error, Permanent)
    assert error.why == f"installed: 13 in {old}"
    assert "no pg_dump for a server of version" in error.what
    assert "apt-get install postgresql-client-" in error.hint
    assert [each.severity for each in KIND.probe(one.spec, one.context)] == [Severity.ERROR]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo half; echo 'pg_dump: error: it broke' >&2; exit 1", "pg_dump: error: it broke"),
        ("exit 0", "pg_dump ended well and wrote no dump"),
        ("echo PGDMP-and-nothing-else", "pg_restore"),
        ("kill -9 $$", ""),
    ],
)
def test_a_dump_that_failed_or_is_none_is_a_failure(shop: str, tmp_path: Path, script: str, why: str):
    fake = tmp_path / "bin"
    fake.mkdir()
    for name in ("pg_restore", "pg_dumpall"):
        (fake / name).symlink_to(program(name) or "")
    version = subprocess.run([program("pg_dump") or "", "--version"], check=True, capture_output=True, text=True).stdout
    (fake / "pg_dump").write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{version.strip()}"; exit; fi\n{script}\n'
    )
    (fake / "pg_dump").chmod(0o755)
    error = refused(trial(tmp_path, shop, bin=str(fake)))
    assert isinstance(error, Permanent)
    assert why in error.why


def test_a_dump_without_one_of_the_tables_is_a_failure(shop: str, tmp_path: Path):
    fake = tmp_path / "bin"
    fake.mkdir()
    for name in ("pg_restore", "pg_dumpall"):
        (fake / name).symlink_to(program(name) or "")
    (fake / "pg_dump").write_text(f'#!/bin/sh\nexec {program("pg_dump")} "$@" --exclude-table=orders\n')
    (fake / "pg_dump").chmod(0o755)
    error = refused(trial(tmp_path, shop, bin=str(fake)))
    assert error.what == "the dump of shop lacks tables"
    assert error.why == "public.orders"


def test_where_the_dump_fails_the_counting_ends(shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from trueup.jobs.backup.sources.postgresql import measuring

    asleep = "SELECT pg_sleep(600)"
    monkeypatch.setattr(measuring, "large_objects", lambda one: one.rows(asleep, what="could not count"))
    fake = tmp_path / "bin"
    fake.mkdir()
    for name in ("pg_restore", "pg_dumpall"):
        (fake / name).symlink_to(program(name) or "")
    version = subprocess.run([program("pg_dump") or "", "--version"], check=True, capture_output=True, text=True).stdout
    script = f'[ "$1" = --version ] && echo "{version.strip()}" && exit\nsleep 0.3\necho "pg_dump: error: it broke" >&2\nexit 1\n'
    (fake / "pg_dump").write_text("#!/bin/sh\n" + script)
    (fake / "pg_dump").chmod(0o755)
    assert refused(trial(tmp_path, shop, bin=str(fake))).why == "pg_dump: error: it broke"
    with psycopg.connect(shop, autocommit=True) as connection:
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE query = %s AND state = 'active' AND pid <> pg_backend_pid()"
        )
        assert connection.execute(query, [asleep]).fetchone() == (0,), "the server goes on for nobody"


def test_a_locked_table_does_not_hang_it(shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(session._SETTINGS, "lock_timeout", "300ms")
    with psycopg.connect(shop) as other:
        other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        error = refused(trial(tmp_path, shop))
    assert isinstance(error, Transient)
    assert "lock timeout" in error.why


@pytest.mark.slow
def test_a_frozen_server_is_given_up(tmp_path: Path):
    with PostgreSQL() as server:
        url = server.make_database()
        execute(url, "CREATE TABLE t AS SELECT n, repeat('x', 1000) AS t FROM generate_series(1, 30000) n")
        one = trial(tmp_path, url)
        with freezing_at_work(server), pytest.raises(TimedOut, match="nothing moved for 1 s"):
            one.capture(no_progress=1.0)


@contextmanager
def freezing_at_work(server: PostgreSQL) -> Iterator[None]:
    """Stops all processes of a server as soon as a dump is read there; lets them go on at the end."""
    over = threading.Event()
    stopped: list[int] = []

    def look() -> None:
        while not over.wait(0.005):
            if any("COPY" in command for command in processes(server).values()):
                for pid in processes(server):
                    with suppress(ProcessLookupError):  # workers of the server come and go
                        os.kill(pid, signal.SIGSTOP)
                        stopped.append(pid)
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        assert stopped, "it was never seen at work"


def processes(server: PostgreSQL) -> dict[int, str]:
    """The server's processes and their titles."""
    postmaster = int((server.directory / "data" / "postmaster.pid").read_text().splitlines()[0])
    found = {}
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            try:
                parent = int((one / "stat").read_text().rpartition(")")[2].split()[1])
                if postmaster in (parent, int(one.name)):
                    found[int(one.name)] = (one / "cmdline").read_text()
            except OSError:
                continue
    return found


@pytest.mark.slow
def test_a_server_that_dies_half_way(tmp_path: Path):
    with PostgreSQL() as server:
        url = server.make_database()
        execute(url, "CREATE TABLE t AS SELECT n, repeat('x', 1000) AS t FROM generate_series(1, 30000) n")
        over = threading.Event()

        def kill() -> None:
            while not over.wait(0.005):
                working = [pid for pid, title in processes(server).items() if "COPY" in title]
                if working:
                    os.kill(working[0], signal.SIGKILL)  # the server ends all others, and restarts
                    return

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            error = refused(trial(tmp_path, url))
        finally:
            over.set()
            thread.join()
    assert isinstance(error, Transient)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk(shop: str, tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        error = refused(trial(disk, shop))
    finally:
        subprocess.run(["umount", disk], check=True)
    assert isinstance(error, Permanent)
    assert "no space left on the disk" in error.why
    assert "kB were written" in error.why
    assert "spool" in error.hint


# -- secrets


@pytest.mark.slow
def test_the_password_is_seen_nowhere(postgresql: PostgreSQL, tmp_path: Path):
    secret = "it's:a\\secret%ü"
    execute(postgresql.url, "DROP ROLE IF EXISTS keeper")
    execute(postgresql.url, f"CREATE ROLE keeper SUPERUSER LOGIN PASSWORD $x${secret}$x$")
    url = postgresql.make_database()
    execute(url, "CREATE TABLE t AS SELECT n, repeat('x', 1000) AS t FROM generate_series(1, 40000) n")
    from urllib.parse import quote

    spec = SourceSpec("crm", "postgresql", {"url": {"env": "CRM_URL"}})
    address = url.replace("trueup:trueup-secret", f"keeper:{quote(secret, safe='')}")
    one = Trial(KIND, spec, tmp_path, context(tmp_path, secrets={"CRM_URL": address}))
    seen: dict[str, int] = {"dumps": 0, "secrets": 0, "files": 0}
    over = threading.Event()
    forms = [secret.encode(), quote(secret, safe="").encode()]

    def look() -> None:
        while not over.wait(0.03):
            for process in descendants():
                try:
                    command = Path(f"/proc/{process}/cmdline").read_bytes()
                    text = command + Path(f"/proc/{process}/environ").read_bytes()
                except OSError:
                    continue
                seen["dumps"] += b"pg_dump\0" in command
                seen["secrets"] += any(form in text for form in forms)
            for file in tmp_path.rglob(".pgpass*"):
                seen["files"] += 1
                assert file.stat().st_mode & 0o777 == 0o600

    thread = threading.Thread(target=look)
    thread.start()
    with files_without(tmp_path, secret, quote(secret, safe="")):
        try:
            captured = one.capture()
        finally:
            over.set()
            thread.join()
    assert seen["dumps"] > 0
    assert seen["files"] > 0
    assert seen["secrets"] == 0
    assert "keeper" not in json.dumps(manifest_of(captured)["databases"][0]["file"])
    assert not list(tmp_path.rglob(".pgpass*"))


# -- the drill's own server


def test_no_server_programs(taken: tuple[Trial, Captured], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    one, captured = taken
    monkeypatch.setattr(programs, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(CannotDrill) as caught:
        one.drill(captured)
    assert "apt-get install postgresql-" in caught.value.hint


def test_a_first_superuser_that_may_not_log_in(taken: tuple[Trial, Captured], tmp_path: Path):
    one, captured = taken
    shutil.copytree(captured.root, tmp_path / "data")
    barred = "ALTER ROLE trueup WITH NOLOGIN CONNECTION LIMIT 0;\nALTER ROLE trueup SET default_transaction_read_only TO 'on';\n"
    with (tmp_path / "data" / "roles.sql").open("a") as file:
        file.write(barred)
    assert one.drill(Captured(tmp_path / "data", captured.about, 0, 0)).differences == ()


def test_roles_that_do_not_come_back_are_told(taken: tuple[Trial, Captured], tmp_path: Path):
    one, captured = taken
    shutil.copytree(captured.root, tmp_path / "data")
    file = tmp_path / "data" / "roles.sql"
    text = file.read_text()
    file.write_text(text.replace("CREATE ROLE staff;", "CREATE ROL staff;").replace("CREATE ROLE clerk;", ""))
    drilled = one.drill(Captured(tmp_path / "data", captured.about, 0, 0))
    assert "role staff did not come back" in drilled.differences
    assert "role clerk did not come back" in drilled.differences
    assert 'roles: syntax error at or near "ROL"' in drilled.differences


def test_an_extension_that_is_not_installed_here(taken: tuple[Trial, Captured], tmp_path: Path):
    one, captured = taken
    manifest = manifest_of(captured)
    manifest["databases"][0]["extensions"].append("no_such_extension")
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CannotDrill, match="extensions no_such_extension"):
        one.drill(Captured(captured.root, tmp_path, captured.bytes, captured.files))


DRILL = """
import sys
from pathlib import Path
from tests.support.sources import Trial
from trueup.jobs.backup.sources.postgresql import KIND, drill
from trueup.model.backup import Captured, SourceSpec
import time
root, about, data = map(Path, sys.argv[1:])
class Slow(drill._Drill):
    def _compare(self, *arguments):
        print("restored", flush=True)
        time.sleep(600)
drill._Drill = Slow
Trial(KIND, SourceSpec("crm", "postgresql", {}), root).drill(Captured(data, about, 0, 0))
"""


@pytest.mark.slow
def test_a_killed_drill_leaves_no_server(taken: tuple[Trial, Captured], tmp_path: Path):
    import sys
    import tempfile

    from trueup.jobs.backup.sources.postgresql import cluster

    _, captured = taken
    ours = Path(__file__).parents[2]
    before = set(Path(tempfile.gettempdir()).glob("trueup-drill-*"))
    process = subprocess.Popen(
        [sys.executable, "-c", DRILL, str(tmp_path), str(captured.about), str(captured.root)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ours)},
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == b"restored\n"
        places = [one for one in Path(tempfile.gettempdir()).glob("trueup-drill-*") if one not in before]
        assert len(places) == 1
        cluster.sweep(places[0].parent)
        assert places[0].exists(), "another drill leaves it alone"
        process.kill()
    until = time.monotonic() + 20
    while serving(places[0]) and time.monotonic() < until:
        time.sleep(0.05)
    assert not serving(places[0])
    assert places[0].exists()
    cluster.sweep(places[0].parent)
    assert not places[0].exists(), "the next drill tidies up"


def serving(place: Path) -> list[str]:
    """Processes that have to do with a folder."""
    found = []
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            try:
                text = (one / "cmdline").read_text()
                working = os.readlink(one / "cwd")
            except OSError:
                continue
            if str(place) in text or working.startswith(str(place)):
                found.append(text)
    return found
