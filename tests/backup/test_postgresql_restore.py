"""Backups of PostgreSQL brought back into real servers: whole databases, single tables, and nothing that was not asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.backup.test_postgresql import execute, trial
from tests.support.postgresql import PostgreSQL
from tests.support.postgresql_schema import EVERYTHING, ROLES
from tests.support.sources import files_without, manifest_of, watch
from trueup.jobs.backup.sources.postgresql import KIND
from trueup.model.backup import Captured, RestoreStep, RestoreTarget
from trueup.model.errors import LoginRefused, NotFound, Permanent


@pytest.fixture(scope="module")
def taken(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Captured:
    execute(postgresql.url, ROLES)
    url = postgresql.make_database("office")
    execute(url, EVERYTHING)
    execute(postgresql.url, "ALTER DATABASE office SET app.setting TO 'it''s {here}'")
    execute(postgresql.url, "ALTER ROLE clerk IN DATABASE office SET work_mem TO '9MB'")
    return trial(tmp_path_factory.mktemp("office"), url).capture()


def plan(captured: Captured, target: RestoreTarget) -> list[RestoreStep]:
    return list(KIND.plan_restore(captured.about, target, None))


def restore(captured: Captured, target: RestoreTarget) -> list[RestoreStep]:
    return list(KIND.restore(captured.about, captured.root, target, None, watch()))


def asked(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def same_as_backed_up(captured: Captured, url: str, root: Path) -> None:
    """Takes a backup of what was restored and compares the manifests."""
    from trueup.jobs.backup.sources.postgresql.compare import differences

    (before,) = manifest_of(captured)["databases"]
    (after,) = manifest_of(trial(root, url).capture())["databases"]
    assert list(differences(before, after, same_version=True)) == []


def test_into_a_database_that_is_not_there(postgresql: PostgreSQL, taken: Captured, tmp_path: Path):
    url = postgresql.url_of("office%202")
    target = RestoreTarget(url.replace(":trueup-secret", ""), secret="trueup-secret")
    assert KIND.wanted(taken.about, target) == ("office.dump", "roles.sql", "tablespaces.sql")
    planned = plan(taken, target)
    assert planned[0] == RestoreStep("create", "database office 2", f"127.0.0.1:{postgresql.port}/office 2")
    assert "table public.orders (1,001 rows)" in [step.what for step in planned]
    assert not asked(postgresql.url, "SELECT FROM pg_database WHERE datname = 'office 2'"), "a plan changes nothing"
    with files_without(tmp_path, "trueup-secret"):
        assert restore(taken, target) == planned
    same_as_backed_up(taken, url, tmp_path)
    assert asked(url, "SELECT current_setting('app.setting')") == [("it's {here}",)]
    assert asked(
        postgresql.url,
        "SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase "
        "WHERE datname = 'office 2'",
    ) == [(2,)]


def test_into_an_empty_database(postgresql: PostgreSQL, taken: Captured, tmp_path: Path):
    url = postgresql.make_database()
    assert {step.action for step in restore(taken, RestoreTarget(url))} == {"create"}
    same_as_backed_up(taken, url, tmp_path)


def test_a_database_with_tables_is_left_alone(postgresql: PostgreSQL, taken: Captured):
    url = postgresql.make_database()
    execute(url, "CREATE TABLE precious AS SELECT 1 AS a")
    for overwrite in (False, True):
        target = RestoreTarget(url, overwrite=overwrite)
        (step,) = restore(taken, target)
        assert (step.action, step.reason) == (
            "skip",
            "the database has tables; name those to restore, or another database",
        )
        assert plan(taken, target) == [step]
    assert asked(
        url, "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ) == [("precious",)]


def test_a_table_into_an_empty_database_brings_what_it_needs(postgresql: PostgreSQL, taken: Captured):
    url = postgresql.make_database()
    target = RestoreTarget(url, only=("orders", "public.customers"))
    steps = restore(taken, target)
    assert [step.what for step in steps] == ["table public.customers (300 rows)", "table public.orders (1,001 rows)"]
    assert asked(url, "SELECT count(*), sum(amount) FROM orders") == asked(
        postgresql.url_of("office"), "SELECT count(*), sum(amount) FROM orders"
    )
    assert asked(url, "SELECT upper_name FROM customers WHERE id = 5") == [("CUSTOMER 5",)]
    execute(url, "INSERT INTO customers (name) VALUES ('new')")
    assert asked(url, "SELECT max(id) FROM customers") == asked(
        postgresql.url_of("office"), "SELECT max(id) + 1 FROM customers"
    ) or asked(url, "SELECT max(id) FROM customers") == [(301,)]
    assert ("orders_customer_fkey",) in asked(url, "SELECT conname::text FROM pg_constraint")
    assert ("stamped",) in asked(url, "SELECT tgname::text FROM pg_trigger")
    assert asked(url, "SELECT obj_description('orders'::regclass)") == [("what was ordered",)]
    assert asked(url, "SELECT has_table_privilege('staff', 'orders', 'SELECT')") == [(True,)]


def test_a_table_without_what_it_refers_to(postgresql: PostgreSQL, taken: Captured):
    url = postgresql.make_database()
    steps = restore(taken, RestoreTarget(url, only=("orders",)))
    assert [step.action for step in steps] == ["skip", "create"]
    assert steps[0].what == "foreign key public orders orders_customer_fkey"
    assert asked(url, "SELECT count(*) FROM orders") == [(1001,)]


def test_partitions_come_with_their_table(postgresql: PostgreSQL, taken: Captured):
    url = postgresql.make_database()
    target = RestoreTarget(url, only=("events",))
    restore(taken, target)
    assert asked(url, "SELECT count(*) FROM events") == [(300,)]
    assert asked(url, "SELECT count(*) FROM events_26a") == asked(
        postgresql.url_of("office"), "SELECT count(*) FROM events_26a"
    )


def test_a_table_that_is_there_is_replaced_only_when_asked(postgresql: PostgreSQL, taken: Captured, tmp_path: Path):
    url = postgresql.make_database()
    restore(taken, RestoreTarget(url))
    execute(url, "DELETE FROM customers WHERE id > 10", "UPDATE cache SET v = 'mine'", "DROP TABLE twice")
    only = ("customers", "twice")
    told = plan(taken, RestoreTarget(url, only=only))
    assert [(step.action, step.what) for step in told] == [
        ("create", "table public.twice (5 rows)"),
        ("skip", "table public.customers"),
    ]
    assert restore(taken, RestoreTarget(url, only=only)) == told
    assert asked(url, "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM twice)") == [(10, 5)]
    # A view hangs on customers: replacing it would take that along, which nobody asked for.
    with pytest.raises(Permanent) as caught:
        restore(taken, RestoreTarget(url, only=only, overwrite=True))
    assert "view open_orders depends on" in caught.value.why or "depend on it" in caught.value.why
    assert asked(url, "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM twice)") == [(10, 5)]
    execute(url, "DROP VIEW open_orders")
    steps = restore(taken, RestoreTarget(url, only=only, overwrite=True))
    assert [(step.action, step.what) for step in steps] == [
        ("update", "table public.customers (300 rows)"),
        ("update", "table public.twice (5 rows)"),
    ]
    assert asked(url, "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM twice)") == [(300, 5)]
    assert asked(url, "SELECT v FROM cache") == [("mine",)], "what was not named is left alone"
    assert ("orders_customer_fkey",) in asked(url, "SELECT conname::text FROM pg_constraint"), (
        "who refers to it does so again"
    )


def test_what_is_not_in_the_backup(postgresql: PostgreSQL, taken: Captured):
    target = RestoreTarget(postgresql.url_of("x"), only=("custmers",))
    with pytest.raises(NotFound) as caught:
        KIND.wanted(taken.about, target)
    assert caught.value.what == "the backup has no table custmers"
    assert "did you mean customers" in caught.value.hint
    with pytest.raises(NotFound):
        plan(taken, target)


def test_a_restore_that_fails_leaves_no_half(postgresql: PostgreSQL, taken: Captured, tmp_path: Path):
    damaged = tmp_path / "data"
    damaged.mkdir()
    for one in taken.root.iterdir():
        (damaged / one.name).write_bytes(one.read_bytes())
    dump = damaged / "office.dump"
    os.truncate(dump, dump.stat().st_size - 20_000)
    copy = Captured(damaged, taken.about, 0, 0)
    with pytest.raises(Permanent, match="could not restore into the database halves"):
        restore(copy, RestoreTarget(postgresql.url_of("halves")))
    assert not asked(postgresql.url, "SELECT FROM pg_database WHERE datname = 'halves'")
    empty = postgresql.make_database()
    with pytest.raises(Permanent):
        restore(copy, RestoreTarget(empty))
    assert asked(empty, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]


@pytest.mark.slow
def test_a_new_server_without_the_roles(taken: Captured, tmp_path: Path):
    with PostgreSQL() as server:
        url = server.url_of("office")
        planned = plan(taken, RestoreTarget(url))
        assert {step.what for step in planned[:3]} == {"role clerk", "role staff", 'role Odd "role" name'}
        restore(taken, RestoreTarget(url))
        same_as_backed_up(taken, url, tmp_path)
        with psycopg.connect(url.replace("trueup:trueup-secret", "clerk:clerk-secret-hash")) as connection:
            assert connection.execute("SELECT pg_has_role('staff', 'MEMBER')").fetchone() == (True,)
        # Who may make neither roles nor owners gets the tables all the same.
        execute(server.url, "CREATE ROLE plain LOGIN PASSWORD 'plain-secret'", "CREATE DATABASE mine OWNER plain")
        mine = server.url_of("mine").replace("trueup:trueup-secret", "plain:plain-secret")
        steps = restore(taken, RestoreTarget(mine, only=("twice",)))
        assert [(step.action, step.what) for step in steps] == [
            ("skip", "owners"),
            ("create", "table public.twice (5 rows)"),
        ]
        assert asked(mine, "SELECT tableowner::text FROM pg_tables WHERE tablename = 'twice'") == [("plain",)]


def test_several_databases_keep_their_names(postgresql: PostgreSQL, tmp_path: Path):
    for name in ("north", "south"):
        execute(postgresql.make_database(name), f"CREATE TABLE {name}ern AS SELECT 1 AS a")
    captured = trial(tmp_path, postgresql.url, databases=["north", "south"], roles=False).capture()
    assert KIND.wanted(captured.about, RestoreTarget(postgresql.url_of(""))) == ("north.dump", "south.dump")
    assert KIND.wanted(captured.about, RestoreTarget(postgresql.url_of(""), only=("southern",))) == ("south.dump",)
    assert KIND.wanted(captured.about, RestoreTarget(postgresql.url_of("north"))) == ("north.dump",)
    with pytest.raises(NotFound, match="the backup has no database west"):
        KIND.wanted(captured.about, RestoreTarget(postgresql.url_of("west")))
    execute(postgresql.url, "DROP DATABASE north")
    steps = restore(captured, RestoreTarget(postgresql.url_of("")))
    assert [(step.action, step.what) for step in steps] == [
        ("create", "database north"),
        ("create", "table public.northern (1 row)"),
        ("skip", "database south"),
    ]


def test_refusals(postgresql: PostgreSQL, taken: Captured, tmp_path: Path):
    with pytest.raises(LoginRefused):
        plan(taken, RestoreTarget(postgresql.url_of("x"), secret="wrong-secret"))
    manifest = manifest_of(taken)
    manifest["server"]["major"] = 99
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    newer = Captured(taken.root, tmp_path, 0, 0)
    with pytest.raises(Permanent, match="the server is older"):
        restore(newer, RestoreTarget(postgresql.url_of("x")))
