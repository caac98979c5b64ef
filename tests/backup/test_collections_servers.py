"""Collections of real servers and folders: taken, drilled, restored; servers that die, refuse, or mail people."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.contract import bodies
from tests.contract.bodies import ODD_UIDS
from tests.support.collecting import Office, actions, listed
from tests.support.faults import ALWAYS, Exchange
from tests.support.proxy import Proxy
from tests.support.servers import DavServer, MakeCalendar, Radicale, XandikosOffice
from trueup.connectors.caldav import CONNECTOR as CALDAV
from trueup.connectors.http import Retries
from trueup.connectors.vdir import CONNECTOR as VDIR
from trueup.jobs.backup.sources.collections import KIND
from trueup.jobs.calendar import CalendarKind
from trueup.model.backup import RestoreTarget, SourceSpec
from trueup.model.diagnostics import Severity
from trueup.model.errors import LoginRefused, StoreError, Transient
from trueup.model.ports import Store, Verb, Write

MORE = 10 if os.environ.get("TRUEUP_CAMPAIGN") == "full" else 1
MANY = {"radicale": 250 * MORE, "xandikos": 60 * MORE, "vdir": 1000 * MORE}
RICH = (
    'X-UNKNOWN;X-PARAM="a:b;c":kept as it is',
    "CATEGORIES:Work,Travel",
    "RRULE:FREQ=WEEKLY;COUNT=5",
    "EXDATE:20261123T090000Z",
    "LOCATION:Room 5\\, second floor",
)


def caldav(name: str, server: DavServer, url: str, password: str = "") -> Store:
    options = {"url": url, "username": server.login, "password": password or server.password, "timeout": 10.0}
    store = CALDAV.open(name, options)
    store.client._retries = Retries(attempts=2, first=0.01, longest=0.02, budget=5.0)
    return store


def write(store: Store, name: str, *items: bytes) -> None:
    """Puts items into a collection, which is made where it is not there."""
    collection = store.open(name) or store.create(name)
    hrefs = [collection.new_href(CalendarKind().glance(one).uid) for one in items]
    writes = [
        Write(number, Verb.CREATE, href, data) for number, (href, data) in enumerate(zip(hrefs, items, strict=True))
    ]
    answers = list(collection.write(writes))
    assert {one.outcome for one in answers} == {"done"}, answers


@pytest.fixture(params=["radicale", "xandikos", "vdir"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, str, str]]:
    """A store, the name of a collection that is not there yet, and what kind of store it is."""
    if request.param == "vdir":
        (tmp_path / "vdir").mkdir()
        yield VDIR.open("work", {"path": tmp_path / "vdir"}), "team", "vdir"
        return
    server: DavServer = request.getfixturevalue(request.param)
    name = f"people-{tmp_path.name}".lower().replace("_", "-")[-40:].strip("-[]")
    store = caldav("work", server, server.url)
    yield store, name, request.param
    store.close()
    for one in (name, "trueup-drill"):
        server.dav().request("DELETE", f"{server.home()}{one}/")


@pytest.fixture
def office(place: tuple[Store, str, str], tmp_path: Path) -> Office:
    (tmp_path / "else").mkdir()
    return Office(tmp_path, {"work": place[0], "else": VDIR.open("else", {"path": tmp_path / "else"})})


def test_there_and_back(office: Office, place: tuple[Store, str, str]) -> None:
    """Odd items: taken, drilled through a collection of the same server, lost, restored, and taken into another store."""
    store, name, _ = place
    odd = [bodies.event(uid, f"Odd {number}", *RICH) for number, uid in enumerate(ODD_UIDS)]
    write(store, name, *odd)
    captured = office.capture(("work", name), drill_store="work")
    assert {one.uid for one in listed(captured)} == set(ODD_UIDS)
    drilled = office.drill(captured)
    assert drilled.differences == ()
    assert drilled.compared["written to the store"] == len(ODD_UIDS)

    collection = store.open(name)
    assert collection is not None
    lost = next(one for one in listed(captured) if one.title == "Odd 5")
    assert [one.outcome for one in collection.write([Write(1, Verb.DELETE, lost.href)])] == ["done"]
    target = RestoreTarget(f"work/{name}", ("odd 5",))
    assert actions(office.plan(captured, target)) == {"Odd 5": "create"}
    assert actions(office.restore(captured, target)) == {"Odd 5": "create"}
    again = office.capture(("work", name))
    assert {one.uid: one.digest for one in listed(again)} == {one.uid: one.digest for one in listed(captured)}
    assert set(actions(office.restore(captured, RestoreTarget(f"work/{name}"))).values()) == {
        "skip it is there as it was"
    }

    assert set(actions(office.restore(captured, RestoreTarget("else/copy"))).values()) == {"create"}
    copy = office.capture(("else", "copy"))
    assert {one.uid: one.digest for one in listed(copy)} == {one.uid: one.digest for one in listed(captured)}


def test_an_update_on_request(office: Office, place: tuple[Store, str, str]) -> None:
    store, name, _ = place
    write(store, name, bodies.event("one", "As it was", *RICH), bodies.event("two", "Other"))
    captured = office.capture(("work", name))
    collection = store.open(name)
    assert collection is not None
    one = next(item for item in listed(captured) if item.uid == "one")
    changed = Write(
        1, Verb.UPDATE, one.href, bodies.event("one", "Spoilt"), one.etag if one.etag and one.etag[0] != "W" else None
    )
    assert [answer.outcome for answer in collection.write([changed])] == ["done"]
    assert actions(office.restore(captured, RestoreTarget(f"work/{name}"))) == {
        "As it was": "skip it is there already",
        "Other": "skip it is there as it was",
    }
    done = actions(office.restore(captured, RestoreTarget(f"work/{name}", overwrite=True)))
    assert done == {"As it was": "update", "Other": "skip it is there as it was"}
    now = office.capture(("work", name))
    assert {item.uid: item.digest for item in listed(now)} == {item.uid: item.digest for item in listed(captured)}


def put_all(server: Radicale, path: str, items: Sequence[bytes]) -> None:
    """A whole calendar in one request, which Radicale takes."""
    text = b"".join(one[one.index(b"BEGIN:VEVENT") : one.index(b"END:VCALENDAR")] for one in items)
    calendar = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//EN\r\n{text.decode()}END:VCALENDAR\r\n"
    server.dav().put(path, calendar).expect(201)


@pytest.mark.slow
def test_many_items(office: Office, place: tuple[Store, str, str], radicale: Radicale) -> None:
    store, name, kind = place
    many = [bodies.event(f"many-{number}@example.org", f"Meeting {number}") for number in range(MANY[kind])]
    if kind == "radicale":
        put_all(radicale, f"{radicale.home()}{name}/", many)
    else:
        write(store, name, *many)
    captured = office.capture(("work", name))
    assert captured.measures["items"] == len(many)
    assert office.drill(captured).differences == ()
    again = office.capture(("work", name))
    assert {one.file: one.sum for one in listed(again)} == {one.file: one.sum for one in listed(captured)}


def test_a_backup_without_changes_fetches_nothing(
    radicale: Radicale, calendar_url: MakeCalendar, tmp_path: Path
) -> None:
    url = calendar_url(radicale)
    for number in range(30):
        radicale.dav().put(f"{url}{number}.ics", bodies.event(f"u{number}", "One").decode()).expect(201)
    with Proxy(radicale.url) as proxy:
        store = caldav("work", radicale, proxy.through(url))
        office = Office(tmp_path, {"work": store})
        office.capture(("work", "*"))
        assert proxy.count("REPORT") + proxy.count("GET") > 0
        proxy.clear()
        assert len(listed(office.capture(("work", "*")))) == 30
        assert proxy.count("REPORT") + proxy.count("GET") == 0
        store.close()


@pytest.fixture
def mortal() -> Iterator[Radicale]:
    """A server that a test may end."""
    with Radicale() as server:
        yield server


def dying(server: Radicale) -> Callable[[Exchange], None]:
    def die(exchange: Exchange) -> None:
        server.stop()

    return die


def test_a_server_that_dies_while_it_is_read(mortal: Radicale, tmp_path: Path) -> None:
    url = mortal.make_calendar("team")
    put_all(mortal, urlsplit(url).path, [bodies.event(f"u{number}", f"Meeting {number}") for number in range(250)])
    with Proxy(mortal.url) as proxy:
        store = caldav("work", mortal, proxy.through(url))
        office = Office(tmp_path, {"work": store})
        rule = proxy.on("REPORT", nth=2, times=ALWAYS).call(received=dying(mortal))
        with pytest.raises(Transient, match="team"):
            office.capture(("work", "*"))
        rule.remove()
        mortal.start()
        captured = office.capture(("work", "*"))
        assert captured.files == 250
        assert office.drill(captured).differences == ()
        store.close()


def test_a_server_that_dies_while_it_is_restored_to(mortal: Radicale, tmp_path: Path) -> None:
    (tmp_path / "vdir").mkdir()
    laptop = VDIR.open("laptop", {"path": tmp_path / "vdir"})
    write(laptop, "team", *(bodies.event(f"u{number}", f"Meeting {number}") for number in range(40)))
    url = mortal.make_calendar("team")
    with Proxy(mortal.url) as proxy:
        store = caldav("work", mortal, proxy.through(url))
        office = Office(tmp_path, {"work": store, "laptop": laptop})
        captured = office.capture(("laptop", "team"))
        rule = proxy.on("PUT", nth=15, times=ALWAYS).call(received=dying(mortal))
        with pytest.raises(Transient):
            office.restore(captured, RestoreTarget("work/team"))
        rule.remove()
        mortal.start()
        done = office.restore(captured, RestoreTarget("work/team"))
        assert {one.action for one in done} == {"create", "skip"}
        found = office.capture(("work", "team"))
        assert {one.uid: one.digest for one in listed(found)} == {one.uid: one.digest for one in listed(captured)}
        assert found.files == 40
        store.close()


def test_a_wrong_password(radicale_with_login: Radicale, tmp_path: Path) -> None:
    server = radicale_with_login
    url = server.make_calendar("locked")
    (tmp_path / "vdir").mkdir()
    laptop = VDIR.open("laptop", {"path": tmp_path / "vdir"})
    write(laptop, "team", bodies.event("one", "One"))
    office = Office(tmp_path, {"work": caldav("work", server, url, "mistyped-7Qx"), "laptop": laptop})
    with pytest.raises(LoginRefused) as caught:
        office.capture(("laptop", "team"), ("work", "*"))
    assert "mistyped-7Qx" not in str(caught.value.to_json())
    probed = KIND.probe(SourceSpec("people", "collections", {"collections": [{"store": "work"}]}), office.context)
    assert [one.severity for one in probed] == [Severity.ERROR]
    with pytest.raises(LoginRefused):
        office.restore(office.capture(("laptop", "team")), RestoreTarget("work/locked"))


def test_odd_addresses(radicale: Radicale, calendar_url: MakeCalendar, tmp_path: Path) -> None:
    """Items under names that another program chose, in a calendar known by its path."""
    url = calendar_url(radicale)
    names = ["with blank.ics", "umlaut-ä.ics", "50%25.ics", "UPPER.ics", "upper.ics", "no-suffix", "a+b@c.ics"]
    for number, name in enumerate(names):
        path = f"{urlsplit(url).path}{quote(name)}"
        radicale.dav().request("PUT", path, bodies.event(f"u{number}", name), {"Content-Type": "text/calendar"}).expect(
            201
        )
    store = caldav("work", radicale, radicale.url)
    office = Office(tmp_path, {"work": store})
    captured = office.capture(("work", urlsplit(url).path))
    assert {one.title for one in listed(captured)} == set(names)
    assert len({one.file.lower() for one in listed(captured)}) == len(names)
    assert office.drill(captured).differences == ()
    store.close()


def test_a_collection_that_was_deleted_meanwhile(
    radicale: Radicale, calendar_url: MakeCalendar, tmp_path: Path
) -> None:
    url = calendar_url(radicale)
    radicale.dav().put(f"{url}1.ics", bodies.event("one", "One").decode()).expect(201)
    store = caldav("work", radicale, radicale.url)
    office = Office(tmp_path, {"work": store})
    name = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    office.capture(("work", name))
    radicale.dav().delete(url)
    with pytest.raises(StoreError, match=name):
        office.capture(("work", name))
    store.close()


def test_a_restored_meeting_invites_nobody(xandikos_office: XandikosOffice, tmp_path: Path) -> None:
    server = xandikos_office
    people = (f"ORGANIZER:{server.address('anna')}", f"ATTENDEE;RSVP=TRUE:{server.address('ben')}")
    (tmp_path / "vdir").mkdir()
    laptop = VDIR.open("laptop", {"path": tmp_path / "vdir"})
    write(laptop, "team", bodies.event("restored-meeting", "Review", *people), bodies.event("alone", "Alone"))
    work = caldav("work", server, server.url)
    office = Office(tmp_path, {"work": work, "laptop": laptop})
    captured = office.capture(("laptop", "team"), drill_store="work")
    assert office.drill(captured).differences == ()
    target = RestoreTarget("work/restored", overwrite=True)
    expected = {"Review": "create without its attendees: the server would mail them", "Alone": "create"}
    assert actions(office.restore(captured, target)) == expected

    own = server.make_calendar("own", "anna")
    server.dav("anna").put(f"{own}m.ics", bodies.event("restored-meeting", "Moved", *people).decode()).expect(201)
    inbox = server.dav("ben").items(server.inbox("ben"))
    assert any("restored-meeting" in text for text in inbox.values())  # this server really sends
    done = actions(office.restore(captured, RestoreTarget("work/own", overwrite=True)))
    assert "mail its attendees" in done["Review"]
    assert server.dav("ben").items(server.inbox("ben")) == inbox
    for one in (own, f"{server.home('anna')}restored/", f"{server.home('anna')}trueup-drill/"):
        server.dav("anna").delete(one)
    work.close()
