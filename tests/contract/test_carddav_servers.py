"""What is particular to CardDAV, on real servers: finding the account, making address books, versions of vCard, UIDs, and what a run costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pytest

from tests.contract import cards
from tests.contract.suite import create, fetch, listing, read, send
from tests.support.proxy import Proxy
from tests.support.servers import Cyrus, DavServer, Radicale
from trueup.connectors.carddav import CONNECTOR
from trueup.connectors.dav.collection import DavCollection
from trueup.connectors.dav.store import DavStore
from trueup.model.diagnostics import Severity
from trueup.model.errors import Permanent
from trueup.model.ports import Outcome, Verb, Write


def options(server: DavServer, url: str) -> Mapping[str, object]:
    return {"url": url, "username": server.login, "password": server.password, "timeout": 10.0}


@pytest.fixture(params=["radicale", "xandikos", pytest.param("cyrus", marks=pytest.mark.cyrus)])
def server(request: pytest.FixtureRequest) -> DavServer:
    found: DavServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def url(server: DavServer) -> Iterator[str]:
    """An address book of nobody else."""
    made = server.make_book(title="Bücher & more")
    yield made
    server.dav().request("DELETE", made)


@pytest.fixture
def store(server: DavServer) -> Iterator[DavStore]:
    store = CONNECTOR.open("work", options(server, server.url))
    yield store
    store.close()


@pytest.fixture
def book(store: DavStore, url: str) -> DavCollection:
    found = store.open(urlsplit(url).path)
    assert found is not None
    return found


def create_card(book: DavCollection, uid: str) -> str:
    return create(book, uid, cards.card(uid))


class TestAccount:
    @pytest.mark.parametrize("at", ["home", "book", "well-known"])
    def test_is_found_from_any_address(self, server: DavServer, url: str, at: str) -> None:
        given = {
            "home": server.url.rstrip("/") + server.books(),
            "book": url,
            "well-known": server.url + ".well-known/carddav",
        }[at]
        store = CONNECTOR.open("work", options(server, given))
        for name in (url.rstrip("/").rpartition("/")[2], "Bücher & more"):
            found = store.open(name)
            assert found is not None
            assert urlsplit(found.url).path == urlsplit(url).path
        store.close()

    def test_calendars_are_no_address_books(self, server: DavServer, store: DavStore, url: str) -> None:
        calendar = server.make_calendar()
        try:
            listed = {urlsplit(one.url).path for one in store.places(fresh=True)}
            assert urlsplit(url).path in listed
            assert urlsplit(calendar).path not in listed
        finally:
            server.dav().request("DELETE", calendar)

    @pytest.mark.parametrize("name", ["Grüße", "a/b <c>"])
    def test_makes_address_books_with_odd_names(self, server: DavServer, store: DavStore, name: str) -> None:
        made = store.create(name)
        try:
            create_card(made, "a")
            again = CONNECTOR.open("work", options(server, server.url)).open(name)
            assert again is not None
            assert listing(again) == listing(made)
        finally:
            server.dav().request("DELETE", made.url)

    def test_a_single_address_book_holds_no_others(self, server: DavServer, url: str) -> None:
        store = CONNECTOR.open("work", options(server, url))
        with pytest.raises(Permanent, match="single address book"):
            store.create("another")

    def test_check(self, store: DavStore, url: str) -> None:
        found = list(store.check())
        assert {one.severity for one in found} == {Severity.INFO}
        assert "address books" in found[0].what
        assert not any("mails" in one.what for one in found)


class TestCost:
    def test_nothing_changed_costs_one_request(self, server: DavServer, url: str) -> None:
        """Of a process that has just begun, as every run does."""
        name = url.rstrip("/").rpartition("/")[2]
        with Proxy(server.url) as proxy:
            first = CONNECTOR.open("work", options(server, proxy.url)).open(name)
            assert first is not None
            for number in range(12):
                create_card(first, f"u{number}")
            cursor = first.changes(None).token
            assert cursor is not None
            proxy.clear()
            again = CONNECTOR.open("work", options(server, proxy.url)).open(name, cursor)
            assert again is not None
            changes = again.changes(cursor)
            assert list(changes) == []
            assert not changes.full
            assert [one.method for one in proxy.exchanges] == ["REPORT"]

    def test_a_token_the_server_does_not_know(self, book: DavCollection) -> None:
        create_card(book, "a")
        token = book.changes(None).token
        assert token is not None
        changes = book.changes(token.replace('"sync":"', '"sync":"http://example.org/expired/'))
        assert changes.full
        assert len(list(changes)) == 1


class TestCards:
    def test_capabilities(self, server: DavServer, book: DavCollection) -> None:
        formats = {"3.0", "4.0"} if isinstance(server, Cyrus) else {"3.0"}
        assert book.capabilities.formats == formats
        assert book.capabilities.components is None
        assert not book.capabilities.schedules
        assert book.capabilities.max_size == (2**31 - 1 if isinstance(server, Cyrus) else None)

    @pytest.mark.parametrize("others", [0, 3])
    def test_a_photo_comes_back_in_the_version_that_suits(self, book: DavCollection, others: int) -> None:
        """Written as the server says it takes it (Radicale cuts the photo of a vCard 4.0 at its comma), and asked for in the newest version
        (Cyrus cuts it at its semicolon otherwise); alone and in bulk.
        """
        lines = (f"PHOTO:data:image/png;base64,{cards.PHOTO[:400]}", "KIND:group", "MEMBER:urn:uuid:x")
        data = cards.card("v4", "Ann Example", *lines, version="4.0")
        stored = cards.KIND.storable(data, book.capabilities, invite=False)
        href = create(book, "v4", stored)
        hrefs = [href, *(create_card(book, f"u{number}") for number in range(others))]
        found = fetch(book, hrefs)[href].data
        assert found is not None
        assert cards.KIND.same(found, data), found.decode()

    def test_a_uid_that_is_elsewhere(self, radicale: Radicale) -> None:
        url = radicale.make_book()
        book = CONNECTOR.open("work", options(radicale, url)).open(urlsplit(url).path)
        assert book is not None
        href = create_card(book, "same")
        [answer] = send(book, Write(1, Verb.CREATE, href.replace("same", "other"), cards.card("same")))
        assert answer.outcome is Outcome.REFUSED
        assert "UID" in answer.reason

    def test_rubbish_is_refused_with_the_reason(self, book: DavCollection) -> None:
        answers = send(
            book,
            Write(1, Verb.CREATE, book.new_href("a"), cards.card("a")),
            Write(2, Verb.CREATE, book.new_href("b"), b"rubbish"),
        )
        assert [one.outcome for one in answers] == [Outcome.DONE, Outcome.REFUSED]
        assert answers[1].reason
        assert cards.title(read(book, book.new_href("a")).data) == "Ann Example"
