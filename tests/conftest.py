"""Servers for the tests: started when the first test asks, one of each kind per test worker, ended with it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.support.servers import DavServer, PostgreSQL, Radicale, Xandikos

MakeCalendar = Callable[[DavServer], str]


@pytest.fixture(scope="session")
def radicale() -> Iterator[Radicale]:
    with Radicale() as server:
        yield server


@pytest.fixture(scope="session")
def radicale_with_login() -> Iterator[Radicale]:
    """Two users, `anna` and `ben`; a wrong password is refused."""
    with Radicale({"anna": "anna-secret", "ben": "ben-secret"}) as server:
        yield server


@pytest.fixture(scope="session")
def xandikos() -> Iterator[Xandikos]:
    with Xandikos() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    if not PostgreSQL.available():
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with PostgreSQL() as server:
        yield server


_calendars = itertools.count(1)


@pytest.fixture
def calendar_url() -> MakeCalendar:
    """`calendar_url(radicale)` is the URL of a calendar that is new and empty, and of nobody else."""

    def make(server: DavServer) -> str:
        return server.make_calendar(f"test-{next(_calendars)}")

    return make


@pytest.fixture
def database_url(postgresql: PostgreSQL) -> str:
    """A database that is new and empty, and of nobody else."""
    return postgresql.make_database()
