"""Servers that answer in ways no server of the tests does, played over real sockets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.support.faults import Exchange
from tests.support.proxy import Proxy
from tests.support.wire import Request, Response
from trueup.connectors.caldav import CONNECTOR
from trueup.connectors.caldav.store import CalDavStore
from trueup.connectors.dav.collection import DavCollection
from trueup.model.errors import ConfigError, LoginRefused, Permanent
from trueup.model.items import Entry
from trueup.model.ports import Outcome, Verb, Write

NOWHERE = "http://127.0.0.1:1/"
OPEN = '<multistatus xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/">'
CALENDAR = "<resourcetype><collection/><C:calendar/></resourcetype>"
SYNCS = "<supported-report-set><supported-report><report><sync-collection/></report></supported-report></supported-report-set>"
EVENT = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

Handler = Callable[[Request], "tuple[int, str] | tuple[int, str, dict[str, str]]"]


def multistatus(*responses: str, token: str = "") -> tuple[int, str]:
    return 207, OPEN + "".join(responses) + (f"<sync-token>{token}</sync-token>" if token else "") + "</multistatus>"


def found(href: str, props: str) -> str:
    return f"<response><href>{href}</href><propstat><prop>{props}</prop><status>HTTP/1.1 200 OK</status></propstat></response>"


def item(name: str, etag: str = '"1"') -> str:
    return found(f"/cal/{name}", f"<getetag>{etag}</getetag><resourcetype/>")


def gone(name: str, status: str = "404 Not Found") -> str:
    return f"<response><href>/cal/{name}</href><status>HTTP/1.1 {status}</status></response>"


@dataclass
class Played:
    """A calendar at /cal/ whose answers a test sets, by method and Depth."""

    answers: dict[str, Handler] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    state: str = CALENDAR + SYNCS + "<sync-token>t1</sync-token><CS:getctag>c1</CS:getctag>"
    items: tuple[str, ...] = (item("a.ics"), item("b.ics"))

    def __call__(self, exchange: Exchange) -> None:
        request = exchange.request
        what = request.method + request.headers.get("depth", "")
        self.asked.append(what)
        handler = (
            self.answers.get(what) or self.answers.get(request.method) or getattr(self, f"on_{what.lower()}", None)
        )
        status, body, *headers = handler(request) if handler else (405, "")
        exchange.response = Response.make(status, "Played", body.encode(), headers[0] if headers else None)

    def on_propfind0(self, request: Request) -> tuple[int, str]:
        return multistatus(found("/cal/", self.state))

    def on_propfind1(self, request: Request) -> tuple[int, str]:
        return multistatus(found("/cal/", self.state), *self.items)

    def on_options(self, request: Request) -> tuple[int, str, dict[str, str]]:
        return 200, "", {"DAV": "1, calendar-access"}


@pytest.fixture
def played() -> Played:
    return Played()


@pytest.fixture
def proxy(played: Played) -> Iterator[Proxy]:
    with Proxy(NOWHERE) as proxy:
        proxy.on().call(received=played)
        yield proxy


@pytest.fixture
def store(proxy: Proxy) -> Iterator[CalDavStore]:
    store = CONNECTOR.open("work", {"url": proxy.url + "cal/", "username": "ana", "password": "x", "timeout": 3.0})
    yield store
    store.close()


@pytest.fixture
def calendar(store: CalDavStore) -> DavCollection:
    collection = store.open("cal")
    assert collection is not None
    return collection


def rows(collection: DavCollection, cursor: str | None = None) -> tuple[bool, list[str]]:
    changes = collection.changes(cursor)
    return changes.full, sorted(f"{one.href} {one.etag}" if isinstance(one, Entry) else f"-{one}" for one in changes)


class TestListing:
    def test_only_direct_members_that_are_no_collections(self, calendar: DavCollection, played: Played) -> None:
        played.items = (
            item("a.ics"),
            found("/cal/sub/", "<resourcetype><collection/></resourcetype>"),
            found("/cal/plain-folder", "<resourcetype><collection/></resourcetype>"),
            found("/cal/sub/deep.ics", "<getetag>1</getetag>"),
            found("/elsewhere.ics", "<getetag>1</getetag>"),
            found("/cal/no-etag.ics", "<resourcetype/>"),
            gone("just-now.ics"),
            found("http://inside.example:8080/cal/b%40c.ics", '<getetag>W/"weak"</getetag>'),
        )
        assert rows(calendar) == (True, ['/cal/a.ics "1"', '/cal/b@c.ics W/"weak"', "/cal/no-etag.ics None"])

    def test_the_token_is_older_than_the_listing(self, calendar: DavCollection, played: Played) -> None:
        played.asked.clear()
        assert '"t1"' in (calendar.changes(None).token or "")
        assert played.asked == ["PROPFIND0", "PROPFIND1"]

    def test_a_token_that_only_the_report_gives(self, calendar: DavCollection, played: Played) -> None:
        """Its members do not count: they may be cut."""
        played.state = CALENDAR + SYNCS
        played.answers["REPORT0"] = lambda _: multistatus(item("a.ics"), token="first")
        changes = calendar.changes(None)
        assert len(list(changes)) == 2
        assert '"first"' in (changes.token or "")

    def test_ctag_where_there_is_no_sync(self, calendar: DavCollection, played: Played) -> None:
        played.state = CALENDAR + "<supported-report-set/><CS:getctag>c1</CS:getctag>"
        token = calendar.changes(None).token
        played.asked.clear()
        assert rows(calendar, token) == (False, [])
        assert played.asked == ["PROPFIND0"]
        played.state = CALENDAR + "<supported-report-set/><CS:getctag>c2</CS:getctag>"
        assert rows(calendar, token)[0]

    def test_neither(self, calendar: DavCollection, played: Played) -> None:
        played.state = CALENDAR + "<supported-report-set/>"
        assert calendar.changes(None).token is None

    def test_what_changed(self, calendar: DavCollection, played: Played) -> None:
        token = calendar.changes(None).token
        played.answers["REPORT0"] = lambda _: multistatus(item("a.ics", '"2"'), gone("b.ics"), token="t2")
        assert rows(calendar, token) == (False, ["-/cal/b.ics", '/cal/a.ics "2"'])

    def test_never_asks_for_a_limit(self, calendar: DavCollection, played: Played, proxy: Proxy) -> None:
        played.answers["REPORT0"] = lambda _: multistatus(token="t2")
        rows(calendar, calendar.changes(None).token)
        assert not [one for one in proxy.exchanges if b"limit" in one.request.body]

    def test_an_answer_in_pages(self, calendar: DavCollection, played: Played) -> None:
        def page(request: Request) -> tuple[int, str]:
            at = int(re.search(rb"sync-token>t(\d)", request.body)[1])  # type: ignore[index]
            rest = {
                1: [item("a.ics", '"old"'), item("c.ics"), gone("", "507 Insufficient Storage")],
                2: [item("a.ics", '"new"'), gone("c.ics"), gone("", "507 Insufficient Storage")],
                3: [item("d.ics")],
            }
            return multistatus(*rest[at], token=f"t{at + 1}")

        token = calendar.changes(None).token
        played.answers["REPORT0"] = page
        assert rows(calendar, token) == (False, ["-/cal/c.ics", '/cal/a.ics "new"', '/cal/d.ics "1"'])
        assert '"t4"' in (calendar.changes(token).token or "")

    def test_pages_that_do_not_move_on(self, calendar: DavCollection, played: Played) -> None:
        token = calendar.changes(None).token
        played.answers["REPORT0"] = lambda _: multistatus(gone("", "507 Insufficient Storage"), token="t1")
        with pytest.raises(Permanent, match="507"):
            calendar.changes(token)

    @pytest.mark.parametrize("status", [400, 403, 409, 410, 412, 500, 507])
    def test_a_refused_token_means_everything(self, calendar: DavCollection, played: Played, status: int) -> None:
        token = calendar.changes(None).token
        played.answers["REPORT0"] = lambda _: (status, '<error xmlns="DAV:"><valid-sync-token/></error>')
        assert rows(calendar, token) == (True, ['/cal/a.ics "1"', '/cal/b.ics "1"'])

    def test_a_listing_that_breaks_off_is_repeated_whole(
        self, calendar: DavCollection, proxy: Proxy, played: Played
    ) -> None:
        cut = proxy.on("PROPFIND", when=lambda request: request.headers["depth"] == "1", times=1).truncate(600)
        assert rows(calendar) == (True, ['/cal/a.ics "1"', '/cal/b.ics "1"'])
        assert cut.hits

    def test_a_cut_listing_without_a_length_is_seen_too(self, calendar: DavCollection, played: Played) -> None:
        whole = played.on_propfind1(None)[1]  # type: ignore[arg-type]
        tries = iter([whole[:700], whole])
        played.answers["PROPFIND1"] = lambda _: (207, next(tries))
        assert rows(calendar) == (True, ['/cal/a.ics "1"', '/cal/b.ics "1"'])

    def test_a_listing_that_the_server_cuts(self, calendar: DavCollection, played: Played) -> None:
        played.items = (item("a.ics"), gone("", "507 Insufficient Storage"))
        with pytest.raises(Permanent, match="507"):
            list(calendar.changes(None))

    def test_a_calendar_that_became_a_web_page(self, calendar: DavCollection, played: Played) -> None:
        played.answers["PROPFIND"] = lambda _: (200, "<html>Please log in</html>")
        with pytest.raises(Permanent, match="WebDAV"):
            calendar.changes(None)

    def test_a_calendar_that_is_gone_is_never_empty(self, calendar: DavCollection, played: Played) -> None:
        played.answers["PROPFIND"] = lambda _: (404, "")
        with pytest.raises(Permanent, match="not there"):
            calendar.changes(None)
        played.answers["PROPFIND"] = lambda _: multistatus()
        with pytest.raises(Permanent, match="no collection"):
            calendar.changes(None)


class TestFetching:
    def body(self, href: str) -> str:
        return found(href, f'<getetag>"1"</getetag><C:calendar-data>{EVENT % href}</C:calendar-data>')

    def multiget(self, poison: str = "", bad: Callable[[], tuple[int, str]] = lambda: (500, "")) -> Handler:
        def answer(request: Request) -> tuple[int, str]:
            hrefs = re.findall(r"href>([^<]+)<", request.body.decode())
            return bad() if poison in hrefs else multistatus(*map(self.body, hrefs))

        return answer

    @pytest.mark.parametrize(
        "bad",
        [
            lambda: (500, ""),
            lambda: (400, "Bad Request"),
            lambda: (207, OPEN + "<response>\x0b</response></multistatus>"),
            lambda: (207, "<html/>"),
        ],
    )
    def test_one_bad_item_does_not_stop_the_rest(
        self, calendar: DavCollection, played: Played, bad: Callable[[], tuple[int, str]]
    ) -> None:
        hrefs = [f"/cal/{n}.ics" for n in range(40)]
        played.answers["REPORT"] = self.multiget("/cal/17.ics", bad)
        played.answers["GET"] = lambda request: (500, "") if request.target == "/cal/17.ics" else (200, EVENT % "x")
        bodies = {one.href: one for one in calendar.fetch(hrefs)}
        assert sorted(bodies) == sorted(hrefs)
        assert [one.href for one in bodies.values() if one.error] == ["/cal/17.ics"]
        assert "500" in bodies["/cal/17.ics"].error
        assert len(played.asked) < 30

    def test_hrefs_that_come_back_spelled_otherwise(self, calendar: DavCollection, played: Played) -> None:
        played.answers["REPORT"] = lambda _: multistatus(
            self.body("http://inside.example/cal/a%40b.ics"), self.body("/cal/c%20d.ics")
        )
        bodies = {one.href: one for one in calendar.fetch(["/cal/a@b.ics", "/cal/c%20d.ics"])}
        assert all(one.data for one in bodies.values())
        assert "GET" not in played.asked

    def test_what_the_server_leaves_out_is_asked_for(self, calendar: DavCollection, played: Played) -> None:
        played.answers["REPORT"] = lambda _: multistatus(self.body("/cal/a.ics"))
        played.answers["GET"] = lambda request: (404, "") if request.target == "/cal/b.ics" else (200, "late")
        bodies = {one.href: one for one in calendar.fetch(["/cal/a.ics", "/cal/b.ics", "/cal/c.ics"])}
        assert bodies["/cal/b.ics"].data is None
        assert not bodies["/cal/b.ics"].error
        assert bodies["/cal/c.ics"].data == b"late"

    def test_a_calendar_that_is_gone_is_an_error(self, calendar: DavCollection, played: Played) -> None:
        played.answers["REPORT"] = lambda _: (404, "")
        with pytest.raises(Permanent):
            list(calendar.fetch(["/cal/a.ics", "/cal/b.ics"]))

    def test_chunks_follow_the_weight(self, calendar: DavCollection, played: Played, proxy: Proxy) -> None:
        played.answers["REPORT"] = self.multiget()
        hrefs = [f"/cal/{n}.ics" for n in range(6000)]
        assert len(list(calendar.fetch(hrefs))) == 6000
        sizes = [one.request.body.count(b"<D:href>") for one in proxy.exchanges if one.method == "REPORT"]
        assert max(sizes) == 500
        assert sizes[0] == 100

    def test_a_reader_that_stops_leaves_nothing_behind(self, calendar: DavCollection, played: Played) -> None:
        played.answers["REPORT"] = self.multiget()
        played.asked.clear()
        bodies = calendar.fetch([f"/cal/{n}.ics" for n in range(2000)])
        assert next(bodies).data
        bodies.close()  # type: ignore[attr-defined]
        assert len(played.asked) <= 6
        assert rows(calendar)[0], "the connections are free"


class TestWriting:
    CREATE = Write(1, Verb.CREATE, "/cal/a.ics", b"x")
    UPDATE = Write(1, Verb.UPDATE, "/cal/a.ics", b"x", 'W/"7"')
    DELETE = Write(1, Verb.DELETE, "/cal/a.ics", None, '"7"')

    @staticmethod
    def error(inner: str, words: str = "") -> str:
        said = f"<responsedescription>{words}</responsedescription>" if words else ""
        return f'<error xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">{inner}{said}</error>'

    @pytest.mark.parametrize("status", [403, 409, 412])
    @pytest.mark.parametrize("name", ["no-uid-conflict", "unique-scheduling-object-resource"])
    def test_a_uid_that_is_elsewhere(self, calendar: DavCollection, played: Played, status: int, name: str) -> None:
        played.answers["PUT"] = lambda _: (status, self.error(f"<C:{name}><href>/other/b.ics</href></C:{name}>"))
        [answer] = calendar.write([self.CREATE])
        assert answer.outcome is Outcome.REFUSED
        assert "/other/b.ics" in answer.reason

    def test_a_uid_that_is_here(self, calendar: DavCollection, played: Played) -> None:
        played.answers["PUT"] = lambda _: (
            409,
            self.error("<C:no-uid-conflict><href>/cal/a.ics</href></C:no-uid-conflict>"),
        )
        [answer] = calendar.write([self.CREATE])
        assert answer.outcome is Outcome.PRECONDITION

    @pytest.mark.parametrize(
        ("write", "status", "body", "outcome", "words"),
        [
            (CREATE, 412, "", Outcome.PRECONDITION, "already"),
            (UPDATE, 412, "", Outcome.PRECONDITION, "changed"),
            (UPDATE, 404, "", Outcome.MISSING, "not there"),
            (DELETE, 404, "", Outcome.MISSING, "not there"),
            (DELETE, 410, "", Outcome.MISSING, "not there"),
            (CREATE, 404, "", Outcome.REFUSED, "calendar is not there"),
            (CREATE, 409, "", Outcome.REFUSED, "calendar is not there"),
            (CREATE, 403, "", Outcome.REFUSED, "not allow"),
            (CREATE, 405, "", Outcome.REFUSED, "not allow"),
            (CREATE, 413, "", Outcome.REFUSED, "too large"),
            (CREATE, 415, "", Outcome.REFUSED, "kind"),
            (CREATE, 507, "", Outcome.REFUSED, "full"),
            (CREATE, 400, "Bad Request", Outcome.REFUSED, "Bad Request"),
            (CREATE, 412, "<C:valid-calendar-data/>", Outcome.REFUSED, "not valid"),
            (CREATE, 403, "<C:supported-calendar-component/>", Outcome.REFUSED, "kind of item"),
            (CREATE, 403, "<C:max-resource-size/>", Outcome.REFUSED, "larger"),
            (CREATE, 507, "<quota-not-exceeded/>", Outcome.REFUSED, "full"),
            (CREATE, 403, "<need-privileges/>", Outcome.REFUSED, "may not write"),
            (CREATE, 403, "<C:no-such-thing/>", Outcome.REFUSED, "no-such-thing"),
            (UPDATE, 500, "", Outcome.UNCERTAIN, "500"),
            (CREATE, 201, "", Outcome.DONE, ""),
            (DELETE, 204, "", Outcome.DONE, ""),
        ],
    )
    def test_what_answers_mean(
        self,
        calendar: DavCollection,
        played: Played,
        write: Write,
        status: int,
        body: str,
        outcome: Outcome,
        words: str,
    ) -> None:
        text = self.error(body) if body.startswith("<") else body
        played.answers["PUT"] = played.answers["DELETE"] = lambda _: (status, text)
        [answer] = calendar.write([write])
        assert (answer.key, answer.outcome) == (1, outcome)
        assert words in answer.reason

    def test_preconditions_are_sent_as_the_server_gave_them(
        self, calendar: DavCollection, played: Played, proxy: Proxy
    ) -> None:
        played.answers["PUT"] = played.answers["DELETE"] = lambda _: (204, "", {"ETag": 'W/"8"'})
        quiet = Write(3, Verb.DELETE, "/cal/a.ics", None, '"7"', quiet=True)
        answers = (
            list(calendar.write([self.CREATE])) + list(calendar.write([self.UPDATE])) + list(calendar.write([quiet]))
        )
        create, update, delete = (one.request.headers for one in proxy.exchanges if one.method in ("PUT", "DELETE"))
        assert create["if-none-match"] == "*"
        assert "if-match" not in create
        assert create["content-type"] == "text/calendar; charset=utf-8"
        assert update["if-match"] == 'W/"7"'
        assert "schedule-reply" not in update
        assert (delete["if-match"], delete["schedule-reply"]) == ('"7"', "F")
        assert answers[0].etag == 'W/"8"'

    def test_a_lost_answer_under_a_precondition_ends_uncertain(
        self, calendar: DavCollection, played: Played, proxy: Proxy
    ) -> None:
        tries = iter([None, (412, "")])
        played.answers["PUT"] = lambda _: next(tries) or (201, "")
        proxy.on("PUT", nth=1).reset_before_answering()
        [answer] = calendar.write([self.CREATE])
        assert answer.outcome is Outcome.UNCERTAIN
        assert played.asked.count("PUT") == 2

    def test_a_lost_answer_without_a_precondition_is_not_repeated(
        self, calendar: DavCollection, played: Played, proxy: Proxy
    ) -> None:
        played.answers["PUT"] = lambda _: (204, "")
        proxy.on("PUT", nth=1).reset_before_answering()
        [answer] = calendar.write([Write(1, Verb.UPDATE, "/cal/a.ics", b"x")])
        assert answer.outcome is Outcome.UNCERTAIN
        assert played.asked.count("PUT") == 1

    def test_a_server_that_stumbles_over_two_at_once(self, calendar: DavCollection, played: Played) -> None:
        busy: list[str] = []
        times: list[int] = []

        def put(request: Request) -> tuple[int, str]:
            busy.append(request.target)
            times.append(len(busy))
            import time

            time.sleep(0.01)
            alone = len(busy) == 1 and times[-1] == 1
            busy.remove(request.target)
            return (201, "") if alone else (423, "")

        played.answers["PUT"] = put
        writes = [Write(n, Verb.CREATE, f"/cal/{n}.ics", b"x") for n in range(20)]
        assert {one.outcome for one in calendar.write(writes)} == {Outcome.DONE}
        times.clear()
        assert {one.outcome for one in calendar.write(writes)} == {Outcome.DONE}
        assert times == [1] * 20, "from then on one by one"

    def test_a_refused_login_ends_it_after_every_answer(self, calendar: DavCollection, played: Played) -> None:
        played.answers["PUT"] = lambda _: (401, "")
        writes = [Write(n, Verb.CREATE, f"/cal/{n}.ics", b"x") for n in range(50)]
        coming = calendar.write(writes)
        answers = [next(coming) for _ in writes]
        with pytest.raises(LoginRefused):
            next(coming)
        assert {one.outcome for one in answers} == {Outcome.UNCERTAIN}
        assert len(answers) == 50
        assert played.asked.count("PUT") <= 8

    def test_one_item_that_kills_the_connection_does_not_stop_the_rest(
        self, calendar: DavCollection, played: Played, proxy: Proxy
    ) -> None:
        played.answers["PUT"] = lambda _: (201, "")
        proxy.on("PUT", path="/cal/3.ics").reset_before_answering()
        answers = {
            one.key: one.outcome
            for one in calendar.write([Write(n, Verb.CREATE, f"/cal/{n}.ics", b"x") for n in range(30)])
        }
        assert answers.pop(3) is Outcome.UNCERTAIN
        assert set(answers.values()) == {Outcome.DONE}

    def test_a_calendar_one_may_only_read(self, store: CalDavStore, played: Played) -> None:
        played.state += "<current-user-privilege-set><privilege><read/></privilege></current-user-privilege-set>"
        calendar = store.open("cal")
        assert calendar is not None
        assert not calendar.capabilities.writable
        [answer] = calendar.write([self.CREATE])
        assert answer.outcome is Outcome.REFUSED
        assert "PUT" not in played.asked


class TestAccount:
    def test_two_calendars_of_one_name(self, proxy: Proxy, played: Played) -> None:
        home = "<C:calendar-home-set><href>/home/</href></C:calendar-home-set>"
        played.answers["PROPFIND0"] = lambda _: multistatus(found("/", home))
        played.answers["PROPFIND1"] = lambda _: multistatus(
            found("/home/team/", CALENDAR + "<displayname>Work</displayname>"),
            found("/home/x1/", CALENDAR + "<displayname>team</displayname>"),
            found("/home/inbox/", "<resourcetype><collection/><C:schedule-inbox/></resourcetype>"),
        )
        store = CONNECTOR.open("work", {"url": proxy.url})
        with pytest.raises(ConfigError) as caught:
            store.open("team")
        assert "/home/team/" in caught.value.why
        assert "/home/x1/" in caught.value.why
        for name in ("Work", "x1", "/home/team/", "/home/team"):
            assert store.open(name) is not None
        assert [one.name for one in store.collections()] == ["team", "x1"]

    def test_nothing_there(self, proxy: Proxy, played: Played) -> None:
        played.answers["PROPFIND"] = lambda _: (404, "")
        with pytest.raises(Permanent, match="no calendars found") as caught:
            CONNECTOR.open("work", {"url": proxy.url}).collections()
        assert "/.well-known/caldav" in caught.value.why
        assert caught.value.hint

    def test_nobody_said_who_asks(self, proxy: Proxy, played: Played) -> None:
        unknown = "<current-user-principal><unauthenticated/></current-user-principal>"
        played.answers["PROPFIND"] = lambda _: multistatus(found("/", unknown))
        with pytest.raises(LoginRefused, match="does not know who asks"):
            CONNECTOR.open("work", {"url": proxy.url}).collections()

    def test_opening_a_store_asks_nothing(self, proxy: Proxy) -> None:
        CONNECTOR.open("work", {"url": proxy.url, "username": "ana", "password": "x"}).close()
        assert proxy.count() == 0

    def test_a_password_in_the_url_is_taken_out(self, proxy: Proxy, played: Played) -> None:
        url = proxy.url.replace("//", "//ana:s3cret@")
        store = CONNECTOR.open("work", {"url": url + "cal/"})
        store.collections()
        assert proxy.exchanges[0].request.headers["authorization"].startswith("Basic ")
        assert "s3cret" not in repr(store) + repr(store.client) + repr(store.account())
        played.answers["PROPFIND"] = lambda _: (403, "")
        with pytest.raises(Permanent) as caught:
            store.collections()
        assert "s3cret" not in repr(caught.value.to_json())

    @pytest.mark.parametrize("url", ["", "dav.example.org", "ftp://x/", "http://"])
    def test_no_address(self, url: str) -> None:
        with pytest.raises(ConfigError, match="no address"):
            CONNECTOR.open("work", {"url": url})

    @pytest.mark.parametrize("parallel", [0, 65, -1])
    def test_parallel_within_reason(self, parallel: int) -> None:
        with pytest.raises(ConfigError, match="parallel"):
            CONNECTOR.open("work", {"url": "http://h/", "parallel": parallel})
