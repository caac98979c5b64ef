"""Published calendars keep what the contract asks of collections that cannot be written: from a server, and from a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract import bodies
from tests.contract.suite import Kill, ReadOnlyContract
from tests.support.feed import FeedServer
from trueup.connectors.ics import CONNECTOR
from trueup.connectors.ics.collection import FeedCollection
from trueup.connectors.ics.store import FeedStore

UIDS = ["first@example.org", "second@example.org", "third@example.org"]
FEED = bodies.calendar(
    *(line for uid in UIDS for line in bodies.event(uid).decode().replace("\r\n ", "").split("\r\n")[3:-2])
).decode()


class TestFile(ReadOnlyContract):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "feed.ics"
        path.write_bytes(FEED.encode())
        return path

    @pytest.fixture
    def store(self, path: Path) -> FeedStore:
        return CONNECTOR.open("feed", {"path": path})

    @pytest.fixture
    def collection(self, store: FeedStore) -> FeedCollection | None:
        return store.open("")

    @pytest.fixture
    def uids(self) -> list[str]:
        return UIDS

    @pytest.fixture
    def kill(self, path: Path) -> Kill:
        return path.unlink


class TestServer(TestFile):
    @pytest.fixture
    def server(self) -> Iterator[FeedServer]:
        with FeedServer(FEED) as server:
            yield server

    @pytest.fixture
    def store(self, server: FeedServer) -> FeedStore:
        return CONNECTOR.open("feed", {"url": server.url.replace("http:", "webcal:")})

    @pytest.fixture
    def kill(self, server: FeedServer) -> Kill:
        return lambda: setattr(server, "status", 404)
