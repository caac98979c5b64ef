"""Servers for the tests: started when the first test asks, one of each kind per test worker, ended with it."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.servers import Cyrus, DavServer, MakeCalendar, PostgreSQL, Radicale, Xandikos, XandikosOffice

# Without hypothesis' deadline: the first use of a library, or a busy machine, is no failure. The examples are the same in every run, so that
# a change is judged by what it changes; new ones are hunted for by the campaigns (`make crash`).
FULL = os.environ.get("TRUEUP_CAMPAIGN") == "full"
settings.register_profile("trueup", deadline=None, derandomize=not FULL)
settings.load_profile("trueup")

MARKERS = {"cyrus": pytest.mark.cyrus, "postgresql": pytest.mark.postgres}

LONG = (
    *("backup/test_mariadb", "backup/test_postgresql", "backup/test_restic", "backup/test_archive"),
    *("backup/test_collections_servers", "backup/test_path_repositories", "backup/test_ledger"),
    *("unit/backup/test_archive_kills", "unit/backup/test_archive_histories"),
    *(f"calls/test_{one}.py::test_with_the_ledger_on_postgresql" for one in ("jobs", "pipelines", "backup")),
    *("serving/test_calendar.py::test_what_was_missed", "serving/test_calendar.py::test_a_series"),
    *(
        "crash/test_network.py::test_every_second_request[calendar-503]",
        "crash/test_network.py::test_for_the_whole_run[calendar-503]",
    ),
    *("serving/test_calendar.py::test_parameters", "serving/test_calendar.py::test_on_postgresql"),
)
"""Tests on every server and repository there is, and at every moment of a kill: `make test-long`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for a server by its fixture gets the server's marker, for `-m "not cyrus"`."""
    for item in items:
        if any(one in item.nodeid for one in LONG):
            item.add_marker(pytest.mark.long)
        for fixture, marker in MARKERS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


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
def xandikos_office() -> Iterator[XandikosOffice]:
    """Users `anna` and `ben` with passwords; invitations between them are delivered."""
    with XandikosOffice() as server:
        yield server


@pytest.fixture(scope="session")
def cyrus() -> Iterator[Cyrus]:
    """Users `anna` and `ben` with passwords; invitations between them are delivered."""
    if not Cyrus.available():
        pytest.skip(Cyrus.missing())
    with Cyrus() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    if not PostgreSQL.available():
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with PostgreSQL() as server:
        yield server


_numbers = itertools.count(1)


@pytest.fixture
def calendar_url() -> Iterator[MakeCalendar]:
    """`calendar_url(radicale)` is the URL of a calendar that is new and empty, and of nobody else.

    It is removed after the test: on Cyrus a UID can be in one calendar of a user only, and would stay taken. For the
    same reason two calendars to be kept in step on Cyrus must be of two users: `calendar_url(cyrus, user="ben")`.
    """
    made: list[tuple[DavServer, str | None, str]] = []

    def make(server: DavServer, user: str | None = None) -> str:
        url = server.make_calendar(f"test-{next(_numbers)}", user)
        made.append((server, user, url))
        return url

    yield make
    for server, user, url in made:
        # A test may have stopped the server or removed the calendar by itself.
        with contextlib.suppress(OSError):
            server.dav(user).request("DELETE", url)


@pytest.fixture
def database_url(postgresql: PostgreSQL) -> str:
    """A database that is new and empty, and of nobody else."""
    return postgresql.make_database()
