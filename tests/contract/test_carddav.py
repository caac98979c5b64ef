"""CardDAV servers keep the contract; each test class is one server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.contract import cards
from tests.contract.suite import CollectionContract, Kill
from tests.support.proxy import Proxy
from tests.support.servers import Cyrus, DavServer, Radicale, Xandikos
from trueup.connectors.carddav import CONNECTOR
from trueup.connectors.dav.store import DavStore

_numbers = itertools.count(1)


class CardDavContract(CollectionContract):
    """Through a proxy that can cut the server off; every test gets an account or address book of its own."""

    items = cards
    many = 150  # more than one chunk of a bulk read

    @pytest.fixture
    def server(self) -> DavServer:
        raise NotImplementedError

    @pytest.fixture
    def proxy(self, server: DavServer) -> Iterator[Proxy]:
        with Proxy(server.url) as proxy:
            yield proxy

    @pytest.fixture
    def store(self, server: DavServer, proxy: Proxy) -> Iterator[DavStore]:
        store = CONNECTOR.open("work", {"url": proxy.url, "username": server.login, "password": server.password})
        yield store
        store.close()

    @pytest.fixture
    def kill(self, proxy: Proxy) -> Kill:
        return lambda: proxy.close()


class TestRadicale(CardDavContract):
    @pytest.fixture
    def server(self, radicale: Radicale) -> DavServer:
        return radicale

    @pytest.fixture
    def store(self, server: DavServer, proxy: Proxy) -> Iterator[DavStore]:
        # Lets everybody in, so every test is a user of its own.
        store = CONNECTOR.open("work", {"url": proxy.url, "username": f"reader{next(_numbers)}", "password": "any"})
        yield store
        store.close()


class TestXandikos(CardDavContract):
    @pytest.fixture
    def server(self, xandikos: Xandikos) -> Iterator[DavServer]:
        yield xandikos
        xandikos.dav().request("DELETE", "/user/contacts/contract/")


@pytest.fixture(scope="module")
def cyrus() -> Iterator[Cyrus]:
    if not Cyrus.available():
        pytest.skip(Cyrus.missing())
    # Otherwise an address book cannot be removed twice in a second: what was removed is kept under the time of its removal.
    with Cyrus(settings={"delete_mode": "immediate"}) as server:
        yield server


class TestCyrus(CardDavContract):
    @pytest.fixture
    def server(self, cyrus: Cyrus) -> Iterator[DavServer]:
        yield cyrus
        cyrus.dav().request("DELETE", f"/dav/addressbooks/user/{cyrus.login}/contract/").expect(204, 404)

    def same(self, a: bytes, b: bytes) -> bool:
        # Cyrus gives every card in the version that is asked for, which is the newest it knows.
        newer = a.replace(b"VERSION:3.0", b"VERSION:4.0")
        newer = newer.replace(b"PHOTO;ENCODING=b;TYPE=JPEG:", b"PHOTO:data:image/jpeg;base64,")
        return super().same(a, b) or (cards.lines(newer) == cards.lines(b) and cards.KIND.same(a, b))
