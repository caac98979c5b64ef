"""What is particular to CalDAV, on real servers: finding the account, tokens, UIDs, scheduling, and a network that fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, urlsplit

import pytest

from tests.contract import bodies
from tests.contract.suite import create, fetch, listing, read, send
from tests.support.proxy import Proxy
from tests.support.servers import Cyrus, DavServer, Radicale, Xandikos
from trueup.connectors.caldav import CONNECTOR
from trueup.connectors.caldav.store import CalDavStore
from trueup.connectors.dav.collection import DavCollection
from trueup.model.diagnostics import Severity
from trueup.model.errors import LoginRefused, StoreError
from trueup.model.items import Entry
from trueup.model.ports import Outcome, Verb, Write

MakeCalendar = Callable[..., str]


def options(server: DavServer, url: str) -> Mapping[str, object]:
    return {"url": url, "username": server.login, "password": server.password, "timeout": 10.0}


def opened(server: DavServer, url: str) -> DavCollection:
    """A calendar by its own address."""
    store = CONNECTOR.open("work", options(server, url))
    collection = store.open(urlsplit(url).path)
    assert collection is not None
    return collection


@pytest.fixture(params=["radicale", "xandikos", pytest.param("cyrus", marks=pytest.mark.cyrus)])
def server(request: pytest.FixtureRequest) -> DavServer:
    found: DavServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def calendar(server: DavServer, calendar_url: MakeCalendar) -> DavCollection:
    return opened(server, calendar_url(server))


@pytest.fixture
def proxy(server: DavServer) -> Iterator[Proxy]:
    with Proxy(server.url) as proxy:
        yield proxy


@pytest.fixture
def shaky(server: DavServer, proxy: Proxy, calendar_url: MakeCalendar) -> DavCollection:
    """A calendar behind the proxy."""
    collection = opened(server, proxy.through(calendar_url(server)))
    proxy.clear()
    return collection


class TestAccount:
    @pytest.mark.parametrize("at", ["server", "home", "calendar", "well-known"])
    def test_is_found_from_any_address(self, server: DavServer, calendar_url: MakeCalendar, at: str) -> None:
        calendar = calendar_url(server)
        url = {
            "server": server.url,
            "home": server.url.rstrip("/") + server.home(),
            "calendar": calendar,
            "well-known": server.url + ".well-known/caldav",
        }[at]
        store = CONNECTOR.open("work", options(server, url))
        name = calendar.rstrip("/").rpartition("/")[2]
        found = store.open(name)
        assert found is not None
        assert urlsplit(found.url).path == urlsplit(calendar).path
        assert name in {one.name for one in store.collections()}
        store.close()

    def test_by_title(self, server: DavServer) -> None:
        title = f"Büro & Team {time.time()}"
        url = server.make_calendar("titled", title=title)
        try:
            found = CONNECTOR.open("work", options(server, server.url)).open(title)
            assert found is not None
            assert urlsplit(found.url).path == urlsplit(url).path
        finally:
            server.dav().request("DELETE", url)

    @pytest.mark.parametrize("name", ["Grüße", "with blank", "a/b", "a&b <c>"])
    def test_makes_calendars_with_odd_names(self, server: DavServer, name: str) -> None:
        store = CONNECTOR.open("work", options(server, server.url))
        made = store.create(name)
        try:
            create(made, "a")
            again = CONNECTOR.open("work", options(server, server.url)).open(name)
            assert again is not None
            assert again.url == made.url
            assert listing(again) == listing(made)
        finally:
            server.dav().request("DELETE", made.url)

    def test_the_home_can_be_given(self, server: DavServer, calendar_url: MakeCalendar) -> None:
        name = calendar_url(server).rstrip("/").rpartition("/")[2]
        store = CONNECTOR.open("work", {**options(server, server.url + "nowhere/"), "home": server.home()})
        assert store.open(name) is not None


class TestLogin:
    def test_a_wrong_password(self, radicale_with_login: Radicale) -> None:
        store = CONNECTOR.open("work", {"url": radicale_with_login.url, "username": "anna", "password": "wrong-one"})
        with pytest.raises(LoginRefused) as caught:
            store.open("team")
        assert "wrong-one" not in repr(caught.value.to_json())
        assert "work" in caught.value.where
        assert "user name or password is wrong" in caught.value.why

    def test_no_password(self, radicale_with_login: Radicale) -> None:
        with pytest.raises(LoginRefused):
            CONNECTOR.open("work", {"url": radicale_with_login.url}).collections()

    def test_the_right_password(self, radicale_with_login: Radicale, calendar_url: MakeCalendar) -> None:
        calendar = opened(radicale_with_login, calendar_url(radicale_with_login))
        create(calendar, "a")
        assert len(listing(calendar)) == 1

    def test_a_password_that_expires_in_the_middle(
        self, radicale_with_login: Radicale, calendar_url: MakeCalendar
    ) -> None:
        with Proxy(radicale_with_login.url) as proxy:
            calendar = opened(radicale_with_login, proxy.through(calendar_url(radicale_with_login)))
            refused = proxy.on("PUT").answer(401)
            coming = calendar.write([Write(1, Verb.CREATE, calendar.new_href("a"), bodies.event("a"))])
            assert next(coming).outcome is Outcome.UNCERTAIN
            with pytest.raises(LoginRefused):
                next(coming)
            assert len(refused.hits) == 1, "never repeated"


class TestTokens:
    def test_a_token_the_server_does_not_know(self, calendar: DavCollection) -> None:
        create(calendar, "a")
        token = calendar.changes(None).token
        assert token is not None
        assert "sync" in token
        stale = token.replace('"sync":"', '"sync":"http://example.org/expired/')
        changes = calendar.changes(stale)
        assert changes.full
        assert len(list(changes)) == 1
        assert not calendar.changes(changes.token).full

    def test_nothing_changed_costs_one_request(self, shaky: DavCollection, proxy: Proxy) -> None:
        for n in range(30):
            create(shaky, f"u{n}")
        token = shaky.changes(None).token
        proxy.clear()
        changes = shaky.changes(token)
        assert list(changes) == []
        assert [one.method for one in proxy.exchanges] == ["REPORT"]

    def test_what_another_program_did(self, server: DavServer, calendar_url: MakeCalendar) -> None:
        url = calendar_url(server)
        calendar, dav = opened(server, url), server.dav()
        dav.put(url + "one.ics", bodies.event("one").decode()).expect(201)
        dav.put(url + "two%40x.ics", bodies.event("two").decode()).expect(201)
        changes = calendar.changes(None)
        assert len(list(changes)) == 2
        dav.put(url + "one.ics", bodies.event("one", "changed").decode()).expect(200, 201, 204)
        dav.request("DELETE", url + "two%40x.ics").expect(200, 204)
        dav.put(url + "three.ics", bodies.event("three").decode()).expect(201)
        later = calendar.changes(changes.token)
        path = urlsplit(url).path
        seen = {one.href if isinstance(one, Entry) else f"gone {one}" for one in later}
        assert not later.full
        assert seen == {f"{path}one.ics", f"gone {path}two@x.ics", f"{path}three.ics"}


class TestItems:
    @pytest.mark.parametrize(
        "name",
        ["plain", "with blank", "ümlaut", "a@b", "50%25", "a+b", "q?x#y", "x" * 150, "semi;colon,comma", "'quote'"],
    )
    def test_odd_hrefs_of_other_programs(self, server: DavServer, calendar_url: MakeCalendar, name: str) -> None:
        url = calendar_url(server)
        put = server.dav().put(f"{url}{quote(name, safe='')}.ics", bodies.event("u", "before").decode())
        if isinstance(server, Radicale) and set(name) & set("?;'"):
            assert put.status == 400, "Radicale takes it now: remove this exception"
            return
        assert put.status == 201, put.text
        calendar = opened(server, url)
        [href] = listing(calendar)
        found = read(calendar, href)
        assert bodies.summary(found.data) == "before"
        [answer] = send(calendar, Write(1, Verb.UPDATE, href, bodies.event("u", "after"), found.etag))
        assert answer.outcome is Outcome.DONE, answer.reason
        assert listing(calendar).keys() == {href}
        [answer] = send(calendar, Write(1, Verb.DELETE, href, None, read(calendar, href).etag))
        assert answer.outcome is Outcome.DONE, answer.reason
        assert listing(calendar) == {}

    def test_a_uid_under_another_address_is_refused_with_the_reason(self, calendar: DavCollection) -> None:
        href = create(calendar, "same")
        [answer] = send(calendar, Write(1, Verb.CREATE, href.replace("same", "other"), bodies.event("same")))
        assert answer.outcome is Outcome.REFUSED
        assert "UID" in answer.reason

    def test_rubbish_is_refused_and_the_rest_goes_on(self, calendar: DavCollection) -> None:
        writes = [Write(n, Verb.CREATE, calendar.new_href(f"u{n}"), bodies.event(f"u{n}")) for n in range(10)]
        writes[4] = Write(4, Verb.CREATE, calendar.new_href("u4"), b"rubbish")
        answers = send(calendar, *writes)
        assert answers[4].outcome is Outcome.REFUSED
        assert answers[4].reason
        assert [one.outcome for one in answers if one.key != 4] == [Outcome.DONE] * 9

    def test_many_are_read_in_few_requests(self, shaky: DavCollection, proxy: Proxy) -> None:
        writes = [Write(n, Verb.CREATE, shaky.new_href(f"u{n}"), bodies.event(f"u{n}")) for n in range(150)]
        assert {one.outcome for one in send(shaky, *writes)} == {Outcome.DONE}
        hrefs = [one.href for one in writes]
        proxy.clear()
        found = fetch(shaky, [*hrefs, hrefs[0].replace("u0", "missing")])
        assert sum(one.data is not None for one in found.values()) == 150
        assert proxy.count("REPORT") <= 5
        assert proxy.count("GET") == 0


class TestNetwork:
    def test_a_create_whose_answer_is_lost_happens_once(self, shaky: DavCollection, proxy: Proxy) -> None:
        lost = proxy.on("PUT", nth=1).reset_before_answering()
        href = shaky.new_href("a")
        [answer] = send(shaky, Write(1, Verb.CREATE, href, bodies.event("a")))
        assert lost.hits
        assert answer.outcome is Outcome.UNCERTAIN, "it was ours, but only a look can tell"
        assert proxy.count("PUT", forwarded=True) == 2
        assert list(listing(shaky)) == [href]

    def test_a_create_that_never_arrived_is_sent_again(self, shaky: DavCollection, proxy: Proxy) -> None:
        proxy.on("PUT", nth=1).reset_before_forwarding()
        [answer] = send(shaky, Write(1, Verb.CREATE, shaky.new_href("a"), bodies.event("a")))
        assert answer.outcome is Outcome.DONE

    @pytest.mark.parametrize("verb", [Verb.UPDATE, Verb.DELETE])
    def test_an_unconditional_write_is_never_sent_twice(self, shaky: DavCollection, proxy: Proxy, verb: Verb) -> None:
        href = create(shaky, "a")
        proxy.clear()
        proxy.on("DELETE").reset_before_answering()
        proxy.on("PUT").reset_before_answering()
        [answer] = send(shaky, Write(1, verb, href, None if verb is Verb.DELETE else bodies.event("a", "new")))
        assert answer.outcome is Outcome.UNCERTAIN
        assert proxy.count("PUT") + proxy.count("DELETE") == 1

    def test_a_listing_cut_off_is_read_again(self, shaky: DavCollection, proxy: Proxy) -> None:
        for n in range(20):
            create(shaky, f"u{n}")
        cut = proxy.on("PROPFIND", when=lambda request: request.headers["depth"] == "1", times=1).truncate(500)
        assert len(listing(shaky)) == 20
        assert cut.hits

    def test_a_bulk_read_cut_off_is_read_again(self, shaky: DavCollection, proxy: Proxy) -> None:
        hrefs = [create(shaky, f"u{n}") for n in range(20)]
        cut = proxy.on("REPORT", times=1).truncate(1500)
        assert all(one.data for one in fetch(shaky, hrefs).values())
        assert cut.hits

    def test_a_busy_server_gets_its_pause(self, shaky: DavCollection, proxy: Proxy) -> None:
        busy = proxy.on("PUT", times=1).too_many_requests(retry_after=1)
        writes = [Write(n, Verb.CREATE, shaky.new_href(f"u{n}"), bodies.event(f"u{n}")) for n in range(8)]
        assert {one.outcome for one in send(shaky, *writes)} == {Outcome.DONE}
        first = busy.hits[0].at
        assert not [one for one in proxy.exchanges if one.method == "PUT" and first + 0.3 < one.at < first + 1]

    def test_a_server_that_hangs(self, server: DavServer, proxy: Proxy, calendar_url: MakeCalendar) -> None:
        url = proxy.through(calendar_url(server))
        calendar = CONNECTOR.open("work", {**options(server, url), "timeout": 0.2}).open(urlsplit(url).path)
        assert calendar is not None
        assert calendar.capabilities.writable  # asked for before, as a plan does
        proxy.on().hang_before_answering()
        started = time.monotonic()
        writes = [Write(n, Verb.CREATE, calendar.new_href(f"u{n}"), bodies.event(f"u{n}")) for n in range(100)]
        answers = send(calendar, *writes)
        assert {one.outcome for one in answers} == {Outcome.UNCERTAIN}
        with pytest.raises(StoreError, match="does not answer"):
            calendar.changes(None)
        assert time.monotonic() - started < 30
        assert proxy.count("PUT") < 50, "a dead store is not asked for every item"


class TestCapabilities:
    def test_scheduling(self, radicale: Radicale, cyrus: Cyrus, calendar_url: MakeCalendar) -> None:
        assert not opened(radicale, calendar_url(radicale)).capabilities.schedules
        assert opened(cyrus, calendar_url(cyrus)).capabilities.schedules

    def test_what_a_calendar_takes(self, server: DavServer, calendar: DavCollection) -> None:
        assert calendar.capabilities.components == {"VEVENT", "VTODO"}
        assert calendar.capabilities.preconditions
        assert calendar.capabilities.writable
        assert calendar.capabilities.parallel == 8
        assert calendar.capabilities.batch >= 100

    def test_size(self, radicale: Radicale, calendar_url: MakeCalendar) -> None:
        assert opened(radicale, calendar_url(radicale)).capabilities.max_size == 10_000_000


class TestCheck:
    def store(self, server: DavServer, url: str = "") -> CalDavStore:
        return CONNECTOR.open("work", options(server, url or server.url))

    def test_a_healthy_server(self, server: DavServer, calendar_url: MakeCalendar) -> None:
        calendar_url(server)
        found = list(self.store(server).check())
        assert {one.severity for one in found} == {Severity.INFO}
        assert "calendars" in found[0].what

    def test_a_wrong_password(self, radicale_with_login: Radicale) -> None:
        store = CONNECTOR.open("work", {"url": radicale_with_login.url, "username": "anna", "password": "wrong"})
        [found] = store.check()
        assert found.severity is Severity.ERROR
        assert "login" in found.what
        assert found.hint

    def test_a_wrong_clock(self, xandikos: Xandikos) -> None:
        with Proxy(xandikos.url) as proxy:
            proxy.on("OPTIONS").answer(200, DAV="1, calendar-access", Date="Wed, 21 Oct 2015 07:28:00 GMT")
            found = [one for one in self.store(xandikos, proxy.url).check() if one.severity is Severity.WARNING]
        assert "clock" in found[0].what
        assert "behind" in found[0].what


class TestRecall:
    """A calendar is opened where it was at its last reading, and only where nothing else can be meant."""

    @pytest.fixture
    def read_once(self, server: DavServer, proxy: Proxy, calendar_url: MakeCalendar) -> tuple[str, str]:
        """A calendar with one event that was read to the end: its address (behind the proxy) and the cursor."""
        url = proxy.through(calendar_url(server))
        store = self.account(server, proxy)
        collection = store.open(self.name(url))
        assert collection is not None
        create(collection, "u1", bodies.event("u1"))
        cursor = collection.changes(None).token
        assert cursor is not None
        store.close()
        proxy.clear()
        return url, cursor

    @staticmethod
    def name(url: str) -> str:
        return url.rstrip("/").rpartition("/")[2]

    @staticmethod
    def account(server: DavServer, proxy: Proxy, **more: object) -> CalDavStore:
        return CONNECTOR.open("work", {**options(server, proxy.url), **more})

    def test_one_request_tells_that_nothing_changed(
        self, server: DavServer, proxy: Proxy, read_once: tuple[str, str]
    ) -> None:
        url, cursor = read_once
        collection = self.account(server, proxy).open(self.name(url), cursor)
        assert collection is not None
        found = collection.changes(cursor)
        assert (found.full, list(found)) == (False, [])
        assert proxy.count() == 1

    def test_what_changed_comes_with_the_same_request(
        self, server: DavServer, proxy: Proxy, read_once: tuple[str, str]
    ) -> None:
        url, cursor = read_once
        create(opened(server, url), "u2", bodies.event("u2"))
        collection = self.account(server, proxy).open(self.name(url), cursor)
        assert collection is not None
        (entry,) = collection.changes(cursor)
        assert isinstance(entry, Entry)
        assert "u2" in entry.href
        assert collection.capabilities.writable, "asked for when it is needed"
        assert len(list(collection.changes(None))) == 2, "the answer that was kept is used once"

    def test_a_calendar_that_is_gone_is_looked_for_and_not_found(
        self, server: DavServer, proxy: Proxy, read_once: tuple[str, str]
    ) -> None:
        url, cursor = read_once
        server.dav().request("DELETE", urlsplit(url).path).expect(200, 204)
        assert self.account(server, proxy).open(self.name(url), cursor) is None

    def test_another_user_is_looked_up_anew(self, server: DavServer, proxy: Proxy, read_once: tuple[str, str]) -> None:
        url, cursor = read_once
        other = next((user for user in server.passwords if user != server.login), "somebody-else")
        self.account(server, proxy, username=other, password=server.passwords.get(other, "any")).open(
            self.name(url), cursor
        )
        assert proxy.exchanges[0].method == "PROPFIND", "where the first user's calendar is says nothing of theirs"

    def test_a_title_is_looked_up_anew(self, server: DavServer, proxy: Proxy, read_once: tuple[str, str]) -> None:
        _, cursor = read_once
        assert self.account(server, proxy).open("a title that it may have had", cursor) is None

    def test_a_refused_token_leads_to_a_full_listing(
        self, server: DavServer, proxy: Proxy, read_once: tuple[str, str]
    ) -> None:
        url, cursor = read_once
        stale = cursor.replace('"sync":"', '"sync":"no-such-token-')
        collection = self.account(server, proxy).open(self.name(url), stale)
        assert collection is not None
        found = collection.changes(stale)
        assert found.full
        assert len(list(found)) == 1
