"""Databases: types as their own texts, versions that tell what changed, writes under what was read, and nothing twice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.contract.suite import fetch, listing, read, send
from tests.support.postgresql import PostgreSQL
from trueup.connectors.sql import CONNECTOR
from trueup.connectors.sql.collection import SqlCollection
from trueup.connectors.sql.store import SqlStore
from trueup.model.errors import ConfigError, LoginRefused, Permanent, StoreError
from trueup.model.ports import Outcome, Verb, Write, Written


def opened(url: str, table: str = "people", **options: object) -> SqlCollection:
    collection = CONNECTOR.open("crm", {"url": url, **options}).open(
        "" if "table" in options or "query" in options else table
    )
    assert collection is not None
    return collection


def rows(collection: SqlCollection) -> dict[str, dict[str, Any]]:
    return {
        href: json.loads(one.data) for href, one in fetch(collection, list(listing(collection))).items() if one.data
    }


def update(collection: SqlCollection, href: str, **values: str | None) -> Written:
    body = read(collection, href)
    data = json.dumps({**json.loads(body.data or b""), **values}).encode()
    [answer] = send(collection, Write(1, Verb.UPDATE, href, data, body.etag))
    return answer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crm.db"


def sqlite(path: Path, script: str) -> str:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)
    return f"sqlite:{path}"


PEOPLE = "CREATE TABLE people (id INTEGER PRIMARY KEY, n TEXT, zip INTEGER, share REAL, raw BLOB, must TEXT NOT NULL DEFAULT 'd');"


def test_sqlite_keeps_its_types(path: Path) -> None:
    collection = opened(
        sqlite(
            path,
            PEOPLE + "INSERT INTO people VALUES (7, 'Anna', 89073, 0.5, x'00ff', 'x'), (8, NULL, NULL, NULL, NULL, '')",
        )
    )
    assert rows(collection)["7"] == {"id": "7", "n": "Anna", "zip": "89073", "share": "0.5", "raw": "AP8=", "must": "x"}
    assert update(collection, "7", n="0049", zip="1", raw="AAE=", must=None).outcome is Outcome.DONE
    assert "takes base64" in update(collection, "7", raw="?").reason
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT * FROM people WHERE id = 7").fetchone() == (7, "0049", 1, 0.5, b"\x00\x01", "")
    [new] = send(collection, Write(1, Verb.CREATE, "9", b'{"id": "9", "n": "New"}'))
    assert new.outcome is Outcome.DONE
    assert rows(collection)["9"]["must"] == "d"


def test_a_key_is_needed(path: Path) -> None:
    url = sqlite(
        path,
        "CREATE TABLE people (a TEXT, b TEXT); INSERT INTO people VALUES ('1', 'x'), ('1', 'y'), (NULL, 'z'), ('2', 'w')",
    )
    with pytest.raises(Permanent, match="no primary key"):
        opened(url)
    with pytest.raises(Permanent, match="no column “c”"):
        opened(url, key=["c"])
    collection = opened(url, key=["a"])
    assert set(rows(collection)) == {"2"}
    said = {href: one.error for href, one in fetch(collection, list(listing(collection))).items() if one.error}
    assert said == {"1": "2 rows have this key", "line without a key": "1 rows have no value in “a”"}
    told = [one.what for one in CONNECTOR.open("crm", {"url": url, "table": "people", "key": ["a"]}).check()]
    assert "nothing keeps two rows of the table people of crm from having one key" in told
    assert "1 keys of the table people of crm stand more than once" in told
    [answer] = send(collection, Write(1, Verb.DELETE, "1"))
    assert answer.outcome is Outcome.REFUSED


def test_options_that_exclude_each_other() -> None:
    with pytest.raises(ConfigError):
        CONNECTOR.open("crm", {"url": "sqlite:x", "table": "a", "query": "SELECT 1"})
    with pytest.raises(ConfigError):
        CONNECTOR.open("crm", {"url": "sqlite:x", "query": "SELECT 1"})
    with pytest.raises(Permanent, match="of no kind"):
        CONNECTOR.open("crm", {"url": "oracle://x"}).collections()


def test_a_database_that_is_missing_is_not_made(path: Path) -> None:
    with pytest.raises(StoreError, match="no such file"):
        CONNECTOR.open("crm", {"url": f"sqlite:{path}"}).open("people")
    assert not path.exists()


def test_a_query_is_read_and_never_written(path: Path) -> None:
    url = sqlite(path, PEOPLE + "INSERT INTO people (id, n) VALUES (1, 'a%b'), (2, 'c')")
    collection = opened(url, query="SELECT id, n AS name FROM people WHERE n LIKE '%b'", key=["id"])
    assert rows(collection) == {"1": {"id": "1", "name": "a%b"}}
    assert not collection.capabilities.writable
    [answer] = send(collection, Write(1, Verb.DELETE, "1"))
    assert answer.outcome is Outcome.REFUSED


def test_a_part_of_a_table(path: Path) -> None:
    url = sqlite(
        path,
        "CREATE TABLE people (id INTEGER PRIMARY KEY, region TEXT); INSERT INTO people VALUES (1, 'n'), (2, 's'), (10, 'n')",
    )
    north = opened(url, "people?region=n")
    assert set(rows(north)) == {"1", "10"}
    assert set(rows(opened(url, "people?id=2..10"))) == {"2", "10"}
    answers = send(
        north,
        Write(1, Verb.CREATE, "3", b'{"id": "3"}'),
        Write(2, Verb.CREATE, "4", b'{"id": "4", "region": "s"}'),
        Write(3, Verb.DELETE, "2"),
    )
    assert [one.outcome for one in answers] == [Outcome.DONE, Outcome.REFUSED, Outcome.MISSING]
    assert rows(north)["3"]["region"] == "n"


def test_names_that_would_break_sql(path: Path) -> None:
    url = sqlite(path, 'CREATE TABLE "a""b%s" ("k%s" TEXT PRIMARY KEY, "x;--" TEXT)')
    table = opened(url, 'a"b%s')
    [answer] = send(table, Write(1, Verb.CREATE, "1", json.dumps({"k%s": "1", "x;--": "'; DROP TABLE x; --"}).encode()))
    assert answer.outcome is Outcome.DONE
    assert rows(table) == {"1": {"k%s": "1", "x;--": "'; DROP TABLE x; --"}}


def test_an_unchanged_database_is_not_read(path: Path) -> None:
    import os

    url = sqlite(path, PEOPLE + "INSERT INTO people (id, n) VALUES (1, 'a')")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    cursor = opened(url).changes(None).token
    assert cursor
    again = opened(url).changes(cursor)
    assert (again.full, list(again)) == (False, [])
    assert opened(url, updated_at="n").changes(cursor).full


# PostgreSQL

TYPES = """
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE people (
  id integer PRIMARY KEY, n varchar(5), price numeric(9,2), born date, seen timestamptz, on_ boolean, tags text[], more jsonb, feels mood,
  raw bytea, must text NOT NULL, changed timestamptz DEFAULT now(), twice integer GENERATED ALWAYS AS (id * 2) STORED);
INSERT INTO people (id, n, price, born, seen, on_, tags, more, feels, raw, must) VALUES
  (1, 'Anna', 1.50, '1980-03-09', '2026-11-26 08:30:00+01', true, '{a,"b,c"}', '{"x": 1}', 'happy', '\\x00ff', 'x');
INSERT INTO people (id, must) VALUES (2, '');
CREATE FUNCTION touch() RETURNS trigger AS $$ BEGIN NEW.changed = clock_timestamp(); RETURN NEW; END $$ LANGUAGE plpgsql;
CREATE TRIGGER touch BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
"""


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    import psycopg

    url = postgresql.make_database()
    with psycopg.connect(url) as connection:
        connection.execute(TYPES)
    return url


@pytest.fixture
def people(url: str) -> Iterator[SqlCollection]:
    store: SqlStore = CONNECTOR.open("crm", {"url": url})
    found = store.open("people")
    assert found is not None
    yield found
    store.close()


@pytest.mark.postgres
def test_postgresql_writes_what_it_reads(people: SqlCollection) -> None:
    before = rows(people)["1"]
    assert before["seen"] == "2026-11-26 07:30:00+00"
    empty = {name: None for name in before if name not in ("id", "must", "changed", "twice")}
    assert update(people, "1", **empty).outcome is Outcome.DONE
    assert {name: rows(people)["1"][name] for name in empty} == empty
    back = {name: before[name] for name in empty}
    assert update(people, "1", **back).outcome is Outcome.DONE
    assert {name: rows(people)["1"][name] for name in empty} == back
    assert update(people, "1", must=None).outcome is Outcome.DONE
    assert rows(people)["1"]["must"] == ""


@pytest.mark.postgres
def test_what_a_column_does_not_take_is_refused_for_its_row(people: SqlCollection) -> None:
    answers = send(
        people,
        Write(1, Verb.CREATE, "3", b'{"id": "3", "n": "too long", "must": "x"}'),
        Write(2, Verb.CREATE, "4", b'{"id": "4", "feels": "so-so", "must": "x"}'),
        Write(3, Verb.CREATE, "not-a-number", b'{"id": "not-a-number", "must": "x"}'),
        Write(4, Verb.CREATE, "5", b'{"id": "5", "must": "x", "twice": "1"}'),
        Write(5, Verb.CREATE, "6", b'{"id": "6", "must": "x"}'),
        Write(6, Verb.CREATE, "1", b'{"id": "1", "must": "x"}'),
    )
    assert [one.outcome for one in answers] == [*[Outcome.REFUSED] * 4, Outcome.DONE, Outcome.PRECONDITION], answers
    assert "value too long" in answers[0].reason
    assert set(rows(people)) == {"1", "2", "6"}


@pytest.mark.postgres
def test_the_etag_of_a_write_is_that_of_the_next_listing(people: SqlCollection, url: str) -> None:
    """Also where a trigger changes the row: our own write must not look like somebody's edit."""
    import psycopg

    answer = update(people, "1", n="B")
    assert answer.etag == listing(people)["1"] == read(people, "1").etag
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE people SET n = 'other' WHERE id = 1")
    [late] = send(people, Write(1, Verb.UPDATE, "1", b'{"id": "1", "n": "ours"}', answer.etag))
    assert late.outcome is Outcome.PRECONDITION
    [late] = send(people, Write(1, Verb.DELETE, "1", None, answer.etag))
    assert late.outcome is Outcome.PRECONDITION
    assert rows(people)["1"]["n"] == "other"


@pytest.mark.postgres
def test_a_wrong_password_is_told(url: str) -> None:
    with pytest.raises(LoginRefused):
        CONNECTOR.open("crm", {"url": url.replace("trueup-secret", "wrong")}).open("people")


@pytest.mark.postgres
def test_a_time_of_change_says_that_nothing_changed(url: str) -> None:
    import psycopg

    collection = opened(url, updated_at="changed")
    assert collection.changes(None).token is None, "what changed just now may change again at the same time"
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE people DISABLE TRIGGER touch")
        connection.execute("UPDATE people SET changed = '2026-01-01'")
    cursor = collection.changes(None).token
    assert cursor
    assert not collection.changes(cursor).full
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM people WHERE id = 2")
    assert collection.changes(cursor).full
