"""A new ledger for each test, on both databases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from tests.support.servers import PostgreSQL
from trueup.core.ledger import Ledger, open_ledger
from trueup.core.ledger.rows import CollectionRow, Observed
from trueup.model.change import Action, Change, ChangeState
from trueup.model.items import Entry, digest

JOB = "team"


@pytest.fixture(scope="session")
def shared_database(postgresql: PostgreSQL) -> str:
    """Making a database takes a quarter of a second; dropping the ledger's schema does not."""
    return postgresql.make_database("ledger_tests")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a ledger that does not exist yet."""
    if request.param == "sqlite":
        yield str(tmp_path / "folder" / "ledger.db")
        return
    address = request.getfixturevalue("shared_database")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET client_min_messages TO warning")
        connection.execute("DROP SCHEMA IF EXISTS trueup CASCADE")
    yield address


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with open_ledger(url) as opened:
        yield opened


class Sides:
    """Collections of one job, read in one call."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.state = ledger.state

    def row(self, ref: str) -> CollectionRow:
        return self.state.collection(JOB, ref)

    def observed(self, href: str, body: str, uid: str = "", **more: str) -> Observed:
        data = body.encode()
        self.ledger.blobs.put(data)
        uid = uid or href.removesuffix(".ics")
        more.setdefault("title", f"title of {uid}")
        return Observed(href, f"etag-{digest(data)[:8]}", digest(data), uid, starts="", **more)

    def read(self, ref: str, bodies: dict[str, str], *, full: bool = True, gone: Sequence[str] = ()) -> tuple[int, int]:
        """One whole reading: `bodies` is href -> body; what is not listed is gone if `full`."""
        number = self.row(ref).id
        self.state.begin_listing(number)
        entries = [Entry(href, f"etag-{digest(body.encode())[:8]}") for href, body in bodies.items()]
        self.state.add_listing(number, entries, gone)
        wanted = self.state.to_fetch(number, "", 1000)
        self.state.observe(number, [self.observed(href, bodies[href]) for href in wanted])
        return self.state.end_listing(number, full, "cursor", 1000.0)

    def identify(self, *refs: str) -> None:
        self.state.release_duplicates(JOB)
        self.state.adopt_renamed(JOB)
        while found := self.state.unlinked(JOB, refs, ("", 0), 100):
            self.state.attach(JOB, [(one.id, one.uid) for one in found])

    def settle_all(self) -> int:
        """Agrees on every due link, as a run does in which nothing had to be written."""
        run = self.ledger.journal.start("run", JOB)
        links = self.state.due_links(JOB, 1e12, 0, 1000)
        changes = [(Change(seq, Action.LINK, link=one.id), ChangeState.VERIFIED) for seq, one in enumerate(links, 1)]
        self.ledger.journal.add_changes(run.id, changes)
        return self.state.settle(run.id)


@pytest.fixture
def sides(ledger: Ledger) -> Sides:
    return Sides(ledger)
