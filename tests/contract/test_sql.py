"""Tables of SQLite, PostgreSQL and MariaDB keep the contract."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from tests.contract import rows
from tests.contract.suite import CollectionContract, Kill
from tests.support.mariadb import MariaDB
from tests.support.postgresql import PostgreSQL
from trueup.connectors.sql import CONNECTOR
from trueup.connectors.sql.store import SqlStore
from trueup.model.ports import Collection


class _Sql(CollectionContract):
    """A table made by hand, as a database's owner makes it."""

    items = rows
    many: ClassVar[int] = 100

    @pytest.fixture
    def empty(self, store: SqlStore) -> Collection:
        return store.create(self.name)


class TestSqlite(_Sql):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "crm.db"
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE contract (id TEXT PRIMARY KEY, name TEXT, note TEXT)")
        return path

    @pytest.fixture
    def store(self, path: Path) -> Iterator[SqlStore]:
        store = CONNECTOR.open("crm", {"url": f"sqlite:{path}"})
        yield store
        store.close()

    @pytest.fixture
    def kill(self, path: Path) -> Kill:
        return path.unlink


class TestSqliteWithTimes(TestSqlite):
    """A time of the last change, kept by a trigger, tells what changed."""

    items = rows.Few()

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "crm.db"
        with sqlite3.connect(path) as database:
            database.executescript(
                "CREATE TABLE contract (id TEXT PRIMARY KEY, name TEXT, note TEXT,"
                " changed TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f')));"
                "CREATE TRIGGER stamp AFTER UPDATE OF name, note ON contract BEGIN"
                " UPDATE contract SET changed = strftime('%Y-%m-%dT%H:%M:%f') || '.' || abs(random()) WHERE id = new.id; END"
            )
        return path

    @pytest.fixture
    def store(self, path: Path) -> Iterator[SqlStore]:
        store = CONNECTOR.open("crm", {"url": f"sqlite:{path}", "updated_at": "changed"})
        yield store
        store.close()

    def same(self, a: bytes, b: bytes) -> bool:
        """The time is the database's own."""
        return rows.uid(a) == rows.uid(b) and rows.title(a) == rows.title(b)


@pytest.mark.postgres
class TestPostgreSql(_Sql):
    items = rows.Few()

    @pytest.fixture
    def url(self, postgresql: PostgreSQL) -> str:
        import psycopg

        url = postgresql.make_database()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE contract (id text PRIMARY KEY, name text, note text)")
        return url

    @pytest.fixture
    def store(self, url: str) -> Iterator[SqlStore]:
        store = CONNECTOR.open("crm", {"url": url})
        yield store
        store.close()

    @pytest.fixture
    def kill(self, url: str) -> Kill:
        def drop() -> None:
            import psycopg

            with psycopg.connect(url) as connection:
                connection.execute("DROP TABLE contract")

        return drop


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDB]:
    if not MariaDB.available():
        pytest.skip("MariaDB is not installed: apt-get install mariadb-server")
    with MariaDB() as server:
        yield server


@pytest.mark.long  # with the other servers that take long to start and to end
class TestMariaDb(_Sql):
    items = rows.Few()

    @pytest.fixture
    def database(self, mariadb: MariaDB) -> str:
        name = mariadb.make_database()
        mariadb.run(
            "CREATE TABLE contract (id VARCHAR(300) COLLATE utf8mb4_nopad_bin PRIMARY KEY, name TEXT, note TEXT)"
            " CHARACTER SET utf8mb4",
            name,
        )
        return name

    @pytest.fixture
    def store(self, mariadb: MariaDB, database: str) -> Iterator[SqlStore]:
        store = CONNECTOR.open("crm", {"url": mariadb.url_of(database)})
        yield store
        store.close()

    @pytest.fixture
    def kill(self, mariadb: MariaDB, database: str) -> Kill:
        return lambda: (mariadb.run("DROP TABLE contract", database), None)[1]
