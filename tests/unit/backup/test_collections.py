"""Collections as a source, with folders of .ics files and a store in memory that fails on request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.contract.bodies import ODD_UIDS, event
from tests.support.collecting import Office, actions, listed
from tests.support.memory import MemoryCollection, MemoryStore
from tests.support.trees import full_disk, new_folder, patient
from tests.unit.calendar.bodies import hostile
from trueup.connectors.vdir import CONNECTOR as VDIR
from trueup.jobs.backup.sources.collections import KIND
from trueup.model.backup import MANIFEST, RestoreTarget, SourceSpec
from trueup.model.capabilities import Capabilities
from trueup.model.diagnostics import Severity
from trueup.model.errors import CannotDrill, ConfigError, NotFound, Permanent, StoreError, Transient
from trueup.model.items import Body, Entry
from trueup.model.ports import Write, Written

VCARD = b"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:anna\r\nFN:Anna\r\nEND:VCARD\r\n"


class Counting(MemoryCollection):
    """Counts what is fetched, and may leave things out, refuse them, or die."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.written = 0
        self.hidden: set[str] = set()  # there, but not listed
        self.refused: set[str] = set()
        self.dies_after: int | None = None

    def changes(self, cursor: str | None):  # type: ignore[no-untyped-def]
        found = super().changes(cursor)
        found._rows = [row for row in found._rows if row[0] not in self.hidden]
        return found

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        for body in super().fetch(hrefs):
            self.fetched.append(body.href)
            if self.dies_after is not None and len(self.fetched) > self.dies_after:
                raise Transient("the calendar cannot be read", where="http://example.org/", why="connection lost")
            yield Body(body.href, error="the server answers 500") if body.href in self.refused else body

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        self.written += len(writes)
        return super().write(writes)


@pytest.fixture
def team() -> Counting:
    return Counting()


@pytest.fixture
def office(tmp_path: Path, team: Counting) -> Office:
    work = MemoryStore("work", "private")
    work.open_collections["team"] = team
    laptop = VDIR.open("laptop", {"path": tmp_path / "vdir"})
    (tmp_path / "vdir").mkdir()
    return Office(tmp_path, {"work": work, "laptop": laptop})


def memory(office: Office) -> MemoryStore:
    store = office.stores["work"]
    assert isinstance(store, MemoryStore)
    return store


def fill(collection: MemoryCollection, count: int = 5) -> None:
    for number in range(count):
        collection.put(f"{number}.ics", event(f"uid-{number}@example.org", f"Meeting {number}"))


# -- capture ------------------------------------------------------------------------------------------------------


def test_every_item_is_kept_byte_for_byte(office: Office, team: Counting) -> None:
    fill(team)
    captured = office.capture(("work", "team"))
    found = listed(captured)
    assert {one.href: (captured.root / one.file).read_bytes() for one in found} == team.items
    assert (captured.files, captured.measures["items"]) == (5, 5.0)
    assert captured.bytes == captured.measures["bytes"] == sum(map(len, team.items.values()))
    one = found[3]
    assert (one.uid, one.title, one.component, one.place) == ("uid-3@example.org", "Meeting 3", "VEVENT", "work/team")
    assert "2026" in one.starts
    manifest = json.loads((captured.about / MANIFEST).read_text())
    assert manifest["kind"] == "collections"
    assert manifest["collections"][0]["items"] == 5
    assert manifest["collections"][0]["title"] == "Team"


def test_nothing_is_fetched_when_nothing_changed(office: Office, team: Counting) -> None:
    fill(team)
    first = office.capture(("work", "team"))
    assert len(team.fetched) == 5
    team.fetched.clear()
    second = office.capture(("work", "team"))
    assert team.fetched == []
    assert listed(second) == listed(first)
    assert {one.file: (second.root / one.file).read_bytes() for one in listed(second)} == {
        one.file: (first.root / one.file).read_bytes() for one in listed(first)
    }
    team.put("2.ics", event("uid-2@example.org", "Moved"))
    team.remove("4.ics")
    third = office.capture(("work", "team"))
    assert [one for one in team.fetched if one != "4.ics"] == ["2.ics"]
    assert {one.title for one in listed(third)} == {"Meeting 0", "Meeting 1", "Moved", "Meeting 3"}
    bodies = [one for one in (office.context.cache / "bodies").rglob("*") if one.is_file()]
    assert len(bodies) == 4


def test_a_damaged_cache_is_not_believed(office: Office, team: Counting) -> None:
    fill(team)
    office.capture(("work", "team"))
    for number, body in enumerate(one for one in (office.context.cache / "bodies").rglob("*") if one.is_file()):
        body.write_bytes(b"" if number % 2 else body.read_bytes()[:-5] + b"flip!")
    assert office.drill(office.capture(("work", "team"))).differences == ()
    (office.context.cache / "items.jsonl").write_text("{")
    assert office.drill(office.capture(("work", "team"))).differences == ()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ([("work", "*")], ["work/private", "work/team"]),
        ([("work", "t*"), ("work", "team"), ("work", "Team")], ["work/team"]),
        ([("work", "Private")], ["work/private"]),
    ],
    ids=str,
)
def test_names_titles_and_patterns(
    office: Office, team: Counting, asked: list[tuple[str, str]], found: list[str]
) -> None:
    fill(team)
    captured = office.capture(*asked)
    manifest = json.loads((captured.about / MANIFEST).read_text())
    assert [f"{one['store']}/{one['name']}" for one in manifest["collections"]] == found


def test_odd_names_get_files_of_their_own(office: Office, team: Counting) -> None:
    hrefs = [f"/cal/a b/{uid}.ics" for uid in ODD_UIDS] + ["A.ics", "a.ics", "con.ics", "..ics", "x" * 300, "/", "?"]
    for number, href in enumerate(hrefs):
        team.put(href, event(f"odd-{number}", "odd"))
    captured = office.capture(("work", "team"))
    found = listed(captured)
    assert {one.href: (captured.root / one.file).read_bytes() for one in found} == team.items
    assert len({one.file.lower() for one in found}) == len(found)
    assert all(one.file.isascii() and len(one.file.rpartition("/")[2]) < 200 for one in found)
    assert office.drill(captured).differences == ()


def test_what_cannot_be_understood_is_kept_and_told(office: Office, team: Counting) -> None:
    for path in hostile():
        team.put(path.name, path.read_bytes())
    team.put("anna.vcf", VCARD)
    captured = office.capture(("work", "team"))
    assert {one.href: (captured.root / one.file).read_bytes() for one in listed(captured)} == team.items
    odd = [one for one in listed(captured) if one.why]
    assert any("empty" in one.href for one in odd)
    assert any(one.kind == "contacts" and one.component == "VCARD" and one.file.endswith(".vcf") for one in odd)
    assert "could not be understood" in captured.notes[0]
    assert office.drill(captured).differences == ()


def test_duplicates_are_both_kept(office: Office, team: Counting) -> None:
    team.put("a.ics", event("same", "One"))
    team.put("b.ics", event("same", "Other"))
    assert [one.title for one in listed(office.capture(("work", "team")))] == ["One", "Other"]


@pytest.mark.parametrize("asked", ["gone", "x*", ""])
def test_a_collection_that_is_not_there_is_a_failure(office: Office, asked: str) -> None:
    with pytest.raises((Permanent, ConfigError), match=asked.replace("*", r"\*") or "needs a store and a name"):
        office.capture(("work", "team"), ("work", asked))


def test_a_store_that_lost_its_collections_is_a_failure(office: Office, team: Counting) -> None:
    fill(team)
    office.capture(("work", "*"))
    store = memory(office)
    store.open_collections.clear()
    with pytest.raises(Permanent, match="none at all"):
        office.capture(("work", "*"))
    probed = KIND.probe(SourceSpec("people", "collections", {"collections": [{"store": "work"}]}), office.context)
    assert [one.severity for one in probed] == [Severity.ERROR]


def test_a_collection_that_is_gone_is_told(office: Office, team: Counting) -> None:
    fill(team)
    store = memory(office)
    fill(store.open_collections["private"])
    office.capture(("work", "*"))
    del store.open_collections["private"]
    assert any("work/private" in note for note in office.capture(("work", "*")).notes)


def test_a_dead_collection_fails_and_is_named(office: Office, team: Counting) -> None:
    fill(team)
    team.dead = True
    with pytest.raises(Permanent, match=r"work/team.* cannot be backed up"):
        office.capture(("work", "*"))


def test_a_store_that_dies_half_way_is_taken_up_again(office: Office, team: Counting) -> None:
    fill(team, 50)
    office.capture(("work", "private"))
    team.dies_after = 20
    with pytest.raises(Transient, match="work/team"):
        office.capture(("work", "*"))
    team.dies_after = None
    assert len(listed(office.capture(("work", "*")))) == 50


def test_a_listing_with_holes_is_a_failure(office: Office, team: Counting) -> None:
    fill(team)
    office.capture(("work", "team"))
    team.hidden = {"1.ics", "2.ics"}
    with pytest.raises(Transient, match="not complete") as caught:
        office.capture(("work", "team"))
    assert "2 items" in caught.value.why


def test_items_without_bytes_are_a_failure_that_names_them(office: Office, team: Counting) -> None:
    fill(team)
    team.refused = {"1.ics", "3.ics"}
    with pytest.raises(Permanent) as caught:
        office.capture(("work", "team"))
    assert "2 items cannot be read" in caught.value.why
    assert "1.ics: the server answers 500; 3.ics" in caught.value.why


def test_an_item_that_was_deleted_meanwhile_is_no_failure(office: Office, team: Counting) -> None:
    fill(team)
    real = team.changes

    def changes(cursor: str | None):  # type: ignore[no-untyped-def]
        found = real(cursor)
        team.remove("2.ics")
        return found

    team.changes = changes  # type: ignore[method-assign]
    captured = office.capture(("work", "team"))
    assert len(listed(captured)) == 4
    assert any("1 items were deleted" in note for note in captured.notes)


@pytest.mark.parametrize(
    "options",
    [{}, {"collections": []}, {"collections": "work/team"}, {"collections": [{"name": "x"}]}],
    ids=str,
)
def test_options_that_do_not_fit(office: Office, options: dict[str, object]) -> None:
    spec = SourceSpec("people", "collections", options)
    with pytest.raises(ConfigError):
        KIND.capture(spec, office.context, new_folder(office.folder, "spool"), patient())


# -- drills -------------------------------------------------------------------------------------------------------


def test_damage_is_found_and_named(office: Office, team: Counting) -> None:
    fill(team)
    captured = office.capture(("work", "team"))
    files = {one.title: captured.root / one.file for one in listed(captured)}
    files["Meeting 0"].unlink()
    files["Meeting 1"].write_bytes(files["Meeting 1"].read_bytes().replace(b"20261116T09", b"20261116T08"))
    files["Meeting 2"].write_bytes(files["Meeting 2"].read_bytes()[:-20])
    files["Meeting 3"].unlink()
    files["Meeting 3"].symlink_to("/etc/passwd")
    (captured.root / "extra.ics").write_text("x")
    differences = office.drill(captured).differences
    assert len(differences) == 5
    for text in ("Meeting 0", "Meeting 1", "Meeting 2", "Meeting 3", "extra.ics"):
        assert any(text in one for one in differences)


def test_a_drill_through_a_store(office: Office, team: Counting) -> None:
    fill(team, 210)
    team.put("bad.ics", b"not a calendar")
    captured = office.capture(("work", "team"), drill_store="laptop")
    drilled = office.drill(captured)
    assert drilled.differences == ()
    assert drilled.compared["written to the store"] == 210
    assert {"compare", "store"} <= drilled.seconds.keys()
    assert list((office.folder / "vdir" / "trueup-drill").iterdir()) == []
    mine = office.folder / "vdir" / "trueup-drill" / "mine.ics"
    mine.write_bytes(event("mine", "Somebody keeps this here"))
    assert office.drill(captured).differences == ()
    assert [one.name for one in mine.parent.iterdir()] == ["mine.ics"]


def test_a_store_that_loses_something_is_found_by_the_drill(office: Office, team: Counting) -> None:
    class Lossy(MemoryCollection):
        def put(self, href: str, data: bytes) -> str:
            return super().put(href, data.replace(b"LOCATION", b"X-NOTHING").replace(b"X-NOTHING:here\r\n", b""))

    store = MemoryStore("lossy")
    store.open_collections["trueup-drill"] = Lossy()
    office.stores["lossy"] = store
    team.put("a.ics", event("a", "Here", "LOCATION:here"))
    differences = office.drill(office.capture(("work", "team"), drill_store="lossy")).differences
    assert len(differences) == 1
    assert "location" in differences[0]
    assert store.open_collections["trueup-drill"].items == {}


@pytest.mark.parametrize("name", ["nowhere", "readonly", "dead"])
def test_a_store_that_cannot_be_used_is_no_proof(office: Office, team: Counting, name: str) -> None:
    fill(team)
    readonly, dead = MemoryStore("readonly"), MemoryStore("dead")
    readonly.open_collections["trueup-drill"] = MemoryCollection(capabilities=Capabilities(writable=False))
    dead.open_collections["trueup-drill"] = MemoryCollection()
    dead.open_collections["trueup-drill"].dead = True
    office.stores |= {"readonly": readonly, "dead": dead}
    captured = office.capture(("work", "team"), drill_store=name)
    with pytest.raises(CannotDrill):
        office.drill(captured)


@pytest.mark.parametrize("file", ["../x.ics", "/etc/passwd", "a//b", "a/../../b", "."])
def test_a_list_that_leads_elsewhere_is_refused(office: Office, team: Counting, file: str) -> None:
    fill(team, 1)
    captured = office.capture(("work", "team"))
    line = json.loads((captured.about / "items.jsonl").read_text())
    (captured.about / "items.jsonl").write_text(json.dumps({**line, "file": file}) + "\n")
    with pytest.raises(Permanent, match="list of items"):
        office.drill(captured)
    with pytest.raises(Permanent, match="list of items"):
        office.plan(captured, RestoreTarget("./to"))


# -- restores -----------------------------------------------------------------------------------------------------


def test_one_event_by_its_title_back_into_its_calendar(office: Office, team: Counting) -> None:
    fill(team)
    captured = office.capture(("work", "team"))
    before = dict(team.items)
    team.remove("3.ics")
    target = RestoreTarget("work/team", ("meeting 3",))
    assert actions(office.plan(captured, target)) == {"Meeting 3": "create"}
    assert len(team.items) == 4
    assert actions(office.restore(captured, target)) == {"Meeting 3": "create"}
    assert sorted(team.items.values()) == sorted(before.values())
    assert actions(office.restore(captured, target)) == {"Meeting 3": "skip it is there as it was"}


def test_what_was_changed_there_is_overwritten_only_on_request(office: Office, team: Counting) -> None:
    fill(team)
    captured = office.capture(("work", "team"))
    team.put("3.ics", event("uid-3@example.org", "Renamed"))
    target = RestoreTarget("work/team", ("uid-3@example.org",))
    assert actions(office.restore(captured, target)) == {"Meeting 3": "skip it is there already"}
    assert b"Renamed" in team.items["3.ics"]
    target = RestoreTarget("work/team", ("uid-3@example.org",), overwrite=True)
    assert actions(office.plan(captured, target)) == {"Meeting 3": "update"}
    assert actions(office.restore(captured, target)) == {"Meeting 3": "update"}
    assert b"Meeting 3" in team.items["3.ics"]
    assert len(team.items) == 5


def test_an_edit_in_the_last_moment_is_not_overwritten(office: Office, team: Counting) -> None:
    fill(team)
    captured = office.capture(("work", "team"))
    team.put("3.ics", event("uid-3@example.org", "Renamed"))
    real = team.write

    def write(writes: Sequence[Write]) -> Iterator[Written]:
        team.put("3.ics", event("uid-3@example.org", "Renamed again"))
        return real(writes)

    team.write = write  # type: ignore[method-assign]
    steps = office.restore(captured, RestoreTarget("work/team", ("Meeting 3",), overwrite=True))
    assert actions(steps) == {"Meeting 3": "skip it was changed there meanwhile"}
    assert b"Renamed again" in team.items["3.ics"]


def test_a_store_without_preconditions_is_read_first(office: Office, team: Counting) -> None:
    fill(team, 2)
    captured = office.capture(("work", "team"))
    plain = MemoryCollection(capabilities=Capabilities(preconditions=False))
    store = memory(office)
    store.open_collections["plain"] = plain
    plain.put("1.ics", event("uid-1@example.org", "Renamed"))
    steps = office.restore(captured, RestoreTarget("work/plain", overwrite=True))
    assert actions(steps) == {"Meeting 0": "create", "Meeting 1": "update"}
    assert len(plain.items) == 2


def test_into_another_store_and_a_calendar_that_is_not_there(office: Office, team: Counting) -> None:
    fill(team, 30)
    captured = office.capture(("work", "*"))
    target = RestoreTarget("laptop/again")
    assert set(actions(office.plan(captured, target)).values()) == {"create"}
    assert not (office.folder / "vdir" / "again").exists()
    office.restore(captured, target)
    files = {one.read_bytes() for one in (office.folder / "vdir" / "again").iterdir()}
    assert files == set(team.items.values())
    assert set(actions(office.restore(captured, RestoreTarget("laptop/*"))).values()) == {"create"}
    assert (office.folder / "vdir" / "team").is_dir()


def test_nobody_is_mailed_and_it_is_told(office: Office, team: Counting) -> None:
    people = ("ORGANIZER:mailto:anna@example.org", "ATTENDEE:mailto:ben@example.org")
    team.put("a.ics", event("with-people", "Review", *people))
    team.put("b.ics", event("alone", "Alone"))
    captured = office.capture(("work", "team"))
    mailing = Counting()
    mailing._capabilities = Capabilities(schedules=True)
    store = memory(office)
    store.open_collections["mailing"] = mailing
    target = RestoreTarget("work/mailing", overwrite=True)
    expected = {"Review": "create without its attendees: the server would mail them", "Alone": "create"}
    assert actions(office.plan(captured, target)) == expected
    assert actions(office.restore(captured, target)) == expected
    assert not [body for body in mailing.items.values() if b"ATTENDEE" in body or b"ORGANIZER" in body]
    for href in list(mailing.items):
        mailing.remove(href)
    mailing.put("x.ics", event("with-people", "Moved review", *people))
    before = dict(mailing.items)
    for steps in (office.plan(captured, target), office.restore(captured, target)):
        assert "mail its attendees" in actions(steps)["Review"]
    assert {href: body for href, body in mailing.items.items() if href == "x.ics"} == before


def test_what_a_collection_does_not_take_is_told(office: Office, team: Counting) -> None:
    team.put("a.ics", event("a", "Event"))
    team.put("b.ics", event("b", "Large", "DESCRIPTION:" + "x" * 5000))
    team.put("c.ics", b"no calendar at all")
    captured = office.capture(("work", "team"))
    small = Counting()
    small._capabilities = Capabilities(max_size=2000, components=frozenset({"VEVENT"}))
    store = memory(office)
    store.open_collections["small"] = small
    done = actions(office.restore(captured, RestoreTarget("work/small")))
    assert done["Event"] == "create"
    assert "2,000" in done["Large"]
    assert "restore it into a folder" in done["c.ics"]
    assert len(small.items) == 1
    small._capabilities = Capabilities(components=frozenset({"VTODO"}))
    assert actions(office.plan(captured, RestoreTarget("work/small")))["Large"].startswith(
        "skip the collection does not"
    )


def test_the_same_item_from_two_calendars_is_restored_once(office: Office, team: Counting) -> None:
    team.put("a.ics", event("same", "One"))
    team.put("b.ics", event("same", "Other"))
    captured = office.capture(("work", "team"))
    done = actions(office.restore(captured, RestoreTarget("laptop/again")))
    assert done == {"One": "create", "Other": "skip the same item (UID) is restored already"}


def test_a_store_that_dies_while_it_is_restored_to(office: Office, team: Counting) -> None:
    fill(team, 10)
    captured = office.capture(("work", "team"))
    dying = Counting()
    store = memory(office)
    store.open_collections["dying"] = dying
    dying.dies_after = 4
    with pytest.raises(Transient):
        office.restore(captured, RestoreTarget("work/dying"))
    dying.dies_after = None
    done = office.restore(captured, RestoreTarget("work/dying"))
    assert {one.action for one in done} <= {"create", "skip"}
    assert sorted(dying.items.values()) == sorted(team.items.values())


@pytest.mark.parametrize("several", [False, True])
def test_into_a_folder(office: Office, team: Counting, several: bool, tmp_path: Path) -> None:
    fill(team, 3)
    store = memory(office)
    if several:
        store.open_collections["private"].put("p.ics", event("p", "Dentist"))
    captured = office.capture(("work", "*"))
    to = tmp_path / "out"
    target = RestoreTarget(str(to))
    steps = office.plan(captured, target)
    assert {one.action for one in steps} == {"create"}
    assert not to.exists()
    assert office.restore(captured, target) == steps
    written = {str(one.relative_to(to)): one.read_bytes() for one in to.rglob("*.ics")}
    assert written[f"{'work/team/' if several else ''}2.ics"] == team.items["2.ics"]
    assert len(written) == (4 if several else 3)
    path = to / next(iter(written))
    path.write_text("mine")
    assert [one.action for one in office.restore(captured, target)].count("skip") == len(written)
    assert path.read_text() == "mine"
    assert [one.action for one in office.restore(captured, RestoreTarget(str(to), overwrite=True))].count("update") == 1
    assert not list(to.rglob("*.tmp"))


def test_only_a_folder_is_needed_without_a_configuration(office: Office, team: Counting, tmp_path: Path) -> None:
    fill(team, 3)
    captured = office.capture(("work", "team"))
    target = RestoreTarget(str(tmp_path / "out"), ("Meeting 1",))
    assert KIND.wanted(captured.about, target) == ("work/team/1.ics",)
    assert [one.action for one in KIND.restore(captured.about, captured.root, target, None, patient())] == ["create"]
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["1.ics"]


@pytest.mark.parametrize(
    ("only", "titles"),
    [
        (("uid-1@example.org",), ["Meeting 1"]),
        (("MEETING 2", "meeting 0"), ["Meeting 0", "Meeting 2"]),
        (("team",), ["Meeting 0", "Meeting 1", "Meeting 2"]),
        (("work/team",), ["Meeting 0", "Meeting 1", "Meeting 2"]),
        ((), ["Meeting 0", "Meeting 1", "Meeting 2"]),
    ],
    ids=str,
)
def test_what_is_wanted(office: Office, team: Counting, only: tuple[str, ...], titles: list[str]) -> None:
    fill(team, 3)
    captured = office.capture(("work", "team"))
    assert list(actions(office.plan(captured, RestoreTarget("./x", only)))) == titles


def test_what_is_not_there_is_named_with_what_comes_close(office: Office, team: Counting) -> None:
    fill(team, 3)
    captured = office.capture(("work", "team"))
    with pytest.raises(NotFound) as caught:
        KIND.wanted(captured.about, RestoreTarget("./x", ("Meating 1",)))
    assert "Meeting 1" in caught.value.hint


@pytest.mark.parametrize("to", ["work", "nowhere/team", "work/"])
def test_places_that_are_none(office: Office, team: Counting, to: str) -> None:
    fill(team, 1)
    captured = office.capture(("work", "team"))
    with pytest.raises(NotFound):
        office.plan(captured, RestoreTarget(to))


def test_a_link_in_the_way_leads_nowhere(office: Office, team: Counting, tmp_path: Path) -> None:
    fill(team, 2)
    captured = office.capture(("work", "team"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "1.ics").symlink_to(outside / "x")
    done = office.restore(captured, RestoreTarget(str(tmp_path / "out"), overwrite=True))
    assert [one.action for one in done] == ["create", "skip"]
    assert list(outside.iterdir()) == []


def test_a_body_that_is_damaged_is_never_written(office: Office, team: Counting) -> None:
    fill(team, 2)
    captured = office.capture(("work", "team"))
    (captured.root / listed(captured)[0].file).write_bytes(event("uid-0@example.org", "Forged"))
    for to in ("laptop/again", "./out"):
        with pytest.raises(StoreError, match="damaged in the backup"):
            office.restore(captured, RestoreTarget(to if to[0] != "." else str(office.folder / "out")))
    assert not list((office.folder / "vdir").rglob("*.ics"))


def test_entries_may_come_without_an_etag(office: Office, team: Counting) -> None:
    fill(team, 2)
    real = team.changes

    def changes(cursor: str | None):  # type: ignore[no-untyped-def]
        found = real(cursor)
        plain = [Entry(one.href, None) if isinstance(one, Entry) else one for one in found]

        class Plain:
            full, token = True, None

            def __iter__(self) -> Iterator[Entry | str]:
                return iter(plain)

        return Plain()

    team.changes = changes  # type: ignore[method-assign]
    office.capture(("work", "team"))
    team.fetched.clear()
    assert len(listed(office.capture(("work", "team")))) == 2
    assert len(team.fetched) == 2


@pytest.mark.parametrize("size", [0, 500])
def test_a_full_disk_is_told_and_the_next_capture_is_whole(office: Office, team: Counting, size: int) -> None:
    fill(team)
    with full_disk(size), pytest.raises(Permanent, match="cannot be written"):
        office.capture(("work", "team"))
    captured = office.capture(("work", "team"))
    assert captured.files == 5
    assert office.drill(captured).differences == ()
