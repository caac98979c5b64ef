"""What a job goes through over the months: nothing changed, a little changed, a lost ledger, a feed, double bookings, a wrong run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.cards import BODIES
from tests.e2e.office import CALENDAR, CONTACTS, OFFICE, InFolder, Kind, Office, OnServer, Place, event, wrote
from tests.support.proxy import Proxy
from tests.support.servers import FeedServer, PostgreSQL, Radicale, Xandikos

pytestmark = pytest.mark.slow


class Behind(OnServer):
    """A calendar reached through a proxy, so that requests can be counted."""

    proxy: Proxy

    def store(self) -> dict[str, object]:
        return {**super().store(), "url": self.proxy.url}


@pytest.fixture(params=[CALENDAR, CONTACTS], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def counted(radicale: Radicale, kind: Kind) -> Iterator[Behind]:
    with Proxy(radicale.url) as proxy:
        place = Behind.make("work", radicale, connector=kind.connector)
        assert isinstance(place, Behind)
        place.proxy = proxy
        yield place


def bodies_fetched(proxy: Proxy) -> int:
    """How many bodies were asked for: hrefs in multigets, and single GETs."""
    return sum(
        one.request.body.count(b":href>") // 2 if one.method == "REPORT" else one.method == "GET"
        for one in proxy.exchanges
    )


def test_requests_follow_the_changes_and_not_the_size(counted: Behind, tmp_path: Path, kind: Kind) -> None:
    laptop, office = kind.folder("laptop", tmp_path / "laptop"), Office(tmp_path / "office")
    office.configure([counted, laptop], kind=kind.name)
    quiet, busy = [], []
    for number in range(120):
        laptop.put(f"{number}{kind.suffix}", kind.item(f"item-{number}", f"Item {number}"))
        if number not in (39, 119):
            continue
        office.run()
        office.run()
        counted.proxy.clear()
        assert wrote(office.run()) == {}
        quiet.append(len(counted.proxy.exchanges))
        assert bodies_fetched(counted.proxy) == 0
        for changed in range(10):
            counted.edit(f"item-{changed}", f"{kind.titled}:Item {changed}", f"{kind.titled}:Item {changed}.")
        counted.proxy.clear()
        assert wrote(office.run()) == {"update": 10}
        busy.append((len(counted.proxy.exchanges), bodies_fetched(counted.proxy)))
    assert quiet == [1, 1]
    assert busy[0] == busy[1]
    assert busy[1][1] == 10


@pytest.mark.parametrize("memory", ["sqlite", "postgresql"])
def test_a_lost_ledger_is_rebuilt_without_doubles(
    memory: str, kind: Kind, radicale: Radicale, xandikos: Xandikos, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    places: list[Place] = [
        kind.server("work", radicale),
        kind.server("home", xandikos),
        kind.folder("laptop", tmp_path / "laptop"),
    ]
    for number, (name, text) in enumerate(sorted(items(kind).items())):
        places[number % 3].put(name, text)
    office = Office(tmp_path / "office")
    database: PostgreSQL | None = request.getfixturevalue("postgresql") if memory == "postgresql" else None
    job = {"collections": [office.ref(one) for one in places], **({"match": "off"} if kind is CONTACTS else {})}
    office.configure(places, job, kind.name, **({"ledger": database.make_database()} if database else {}))
    assert wrote(office.run()).keys() == {"create"}
    before = [place.side().shown() for place in places]

    if database:
        office.configure(places, job, kind.name, ledger=database.make_database())
    else:
        shutil.rmtree(office.folder / ".trueup")
    report = office.run()
    assert wrote(report).keys() <= {"update"}, "what a lossy server gives back may be filled up again, nothing more"
    assert [place.side().shown() for place in places] == before
    assert not any(place.side().doubled for place in places)
    assert wrote(office.run()) == {}


def items(kind: Kind) -> dict[str, str]:
    """A company's events, or contacts that stores are known to stumble over, by the names of their files."""
    if kind is CONTACTS:
        return {f"{number}.vcf": body.decode() for number, (_, body) in enumerate(BODIES.values())}
    found = {path.name: path.read_bytes().decode() for path in (OFFICE / "team").glob("[d-m]*.ics")}
    return {name: text for name, text in found.items() if "VJOURNAL" not in text}


def test_a_feed_is_mirrored_and_nothing_else_is_touched(tmp_path: Path, xandikos: Xandikos) -> None:
    text = (OFFICE / "holidays.ics").read_bytes().decode()
    target = OnServer.make("home", xandikos)
    target.put("mine.ics", event("mine", "Not a copy"))
    office = Office(tmp_path / "office")
    with FeedServer(text) as feed:
        job = {
            "from": {"store": "feed"},
            "to": [office.ref(target)],
            "transform": {"only": "busy", "title": "Closed"},
            "filter": {"categories": ["public"], "window": {"past": "3y", "future": "3y"}},
        }
        office.configure([target], job)
        config = (
            (office.folder / "trueup.yaml")
            .read_text()
            .replace('"stores": {', f'"stores": {{"feed": {{"connector": "ics", "url": "{feed.url}"}}, ')
        )
        (office.folder / "trueup.yaml").write_text(config)
        assert wrote(office.run()) == {"create": text.count("CATEGORIES:public")}
        downloads = feed.count(200)
        assert wrote(office.run()) == {}
        assert feed.count(200) == downloads, "an unchanged feed is not downloaded again"
        copies = [one for uid, one in target.side().raw.items() if uid != "mine"]
        assert all("SUMMARY:Closed" in one for one in copies)

        uid = next(uid for uid in target.side().raw if uid != "mine")
        target.edit(uid, "SUMMARY:Closed", "SUMMARY:Open after all")
        _, changes = office.plan()
        assert [one["drift"] for one in changes if one["action"] == "update"] == [True]
        assert wrote(office.run()) == {"update": 1}
        feed.publish(text.replace("END:VCALENDAR", ""))
        assert office.run()["state"] == "partial"
        feed.publish(text)
        assert wrote(office.run()) == {}
    assert "mine" in target.side().raw


def overlapping(office: Office, work: InFolder, home: InFolder, policy: str) -> None:
    work.put("a.ics", event("board", "Board meeting"))
    home.put("b.ics", event("dentist", "Dentist").replace("20261130T0900", "20261130T0930"))
    overlaps = {"policy": policy, "priority": ["work", "home"], "window": "3y"}
    office.configure([work, home], {"collections": [office.ref(work), office.ref(home)], "overlaps": overlaps})


@pytest.mark.parametrize("policy", ["report", "propose"])
def test_double_bookings_are_told_and_nothing_is_written(policy: str, tmp_path: Path) -> None:
    office, work, home = (
        Office(tmp_path / "office"),
        InFolder("work", tmp_path / "work"),
        InFolder("home", tmp_path / "home"),
    )
    overlapping(office, work, home, policy)
    assert wrote(office.run()) == {"create": 2}
    report = office.run()
    assert wrote(report) == {}
    [sentence] = report["overlaps"]
    assert "Board meeting" in sentence
    assert "Dentist" in sentence
    assert ("give way" in sentence) == (policy == "propose")


def test_a_double_booking_is_marked_until_it_is_over(tmp_path: Path) -> None:
    office, work, home = (
        Office(tmp_path / "office"),
        InFolder("work", tmp_path / "work"),
        InFolder("home", tmp_path / "home"),
    )
    overlapping(office, work, home, "mark")
    office.run()
    office.run()
    for side in (work, home):
        loser = [uid for uid, text in side.side().raw.items() if "Double booking" in text]
        assert len(loser) == 1
    assert wrote(office.run()) == {}
    winner = "dentist" if loser == ["board"] else "board"
    home.edit(winner, "20261130T", "20261202T")
    home.edit(winner, "DTEND:20261130T", "DTEND:20261202T")
    office.run()
    office.run()
    assert not any("Double booking" in text for side in (work, home) for text in side.side().raw.values())
    assert wrote(office.run()) == {}


def test_undo_says_what_it_cannot(radicale: Radicale, tmp_path: Path, kind: Kind) -> None:
    work, laptop, office = (
        kind.server("work", radicale),
        kind.folder("laptop", tmp_path / "laptop"),
        Office(tmp_path / "office"),
    )
    office.configure([work, laptop], kind=kind.name)
    for name in ("a", "b", "c"):
        laptop.put(f"{name}{kind.suffix}", kind.item(name, f"Title {name}"))
    office.run()
    laptop.edit("a", f"{kind.titled}:Title a", f"{kind.titled}:Wrong a")
    laptop.edit("b", f"{kind.titled}:Title b", f"{kind.titled}:Wrong b")
    laptop.delete("c")
    run = office.run()
    work.edit("b", f"{kind.titled}:Wrong b", f"{kind.titled}:Edited since")
    with office.app() as app:
        header = app.plan_undo(run["run"])
        changes = list(app.changes(header["run"]))
        assert sorted(one["action"] for one in changes) == ["create", "skip", "update"]
        [cannot] = [one for one in changes if one["action"] == "skip"]
        assert cannot["title"].endswith(" b")
        assert "since" in cannot["reason"]
        app.apply(header["run"])
    shown = work.side().raw
    assert "Title a" in shown["a"]
    assert "Edited since" in shown["b"]
    assert "Title c" in shown["c"]


def test_one_poisoned_item_does_not_stop_the_rest(radicale: Radicale, tmp_path: Path) -> None:
    work, laptop, office = (
        OnServer.make("work", radicale),
        InFolder("laptop", tmp_path / "laptop"),
        Office(tmp_path / "office"),
    )
    office.configure([work, laptop])
    laptop.put("good.ics", event("good", "Good"))
    laptop.put("no-uid.ics", event("x", "No UID at all").replace("UID:x\r\n", ""))
    laptop.put("cut.ics", event("cut", "Cut off")[:120])
    laptop.put(
        "refused.ics",
        event("refused", "RDATE of periods", "RRULE:FREQ=DAILY;COUNT=3", "RDATE;VALUE=PERIOD:20261224T090000Z/PT1H"),
    )
    report = office.run()
    assert wrote(report) == {"create": 1}
    assert report["state"] == "partial"
    told = {one["code"]: one for one in report["left"]}
    assert told["refused"]["title"] == "RDATE of periods"
    assert {"no-uid"} <= told.keys()
    again = office.run()
    assert [one["code"] for one in again["left"] if one["title"] == "RDATE of periods"] == ["quarantined"]
    assert len(list((tmp_path / "laptop" / "team").glob("*.ics"))) == 4, "nothing was lost"
