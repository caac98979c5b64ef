"""Which replicas are one item: links, renames, duplicates, first contact."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.ledger.conftest import JOB, Sides
from trueup.core.ledger.rows import Replica


def replica(sides: Sides, ref: str, href: str) -> Replica:
    found = sides.state.replica(sides.row(ref).id, href)
    assert found is not None
    return found


def read_with_uids(sides: Sides, ref: str, items: dict[str, tuple[str, str]]) -> None:
    """`items` is href -> (uid, body); everything else is gone."""
    number = sides.row(ref).id
    sides.read(ref, {href: body for href, (_, body) in items.items() if sides.state.replica(number, href) is not None})
    new = {href: one for href, one in items.items() if sides.state.replica(number, href) is None}
    sides.state.observe(number, [sides.observed(href, body, uid) for href, (uid, body) in new.items()])


def test_equal_uids_become_one_link(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one", "2.ics": "two"})
    sides.read("b", {"2.ics": "two", "3.ics": "three"})
    sides.identify("a", "b")
    links = sides.state.due_links(JOB, 0, 0, 10)
    assert sorted(link.key for link in links) == ["1", "2", "3"]
    held = {key: len(sides.state.replicas([link.id])[link.id]) for link in links for key in [link.key]}
    assert held == {"1": 1, "2": 2, "3": 1}


def test_jobs_do_not_share_links(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    sides.identify("a")
    other = sides.state.collection("other", "a")
    sides.state.observe(other.id, [sides.observed("1.ics", "one")])
    found = sides.state.unlinked("other", ["a"], ("", 0), 10)
    sides.state.attach("other", [(found[0].id, "1")])
    assert replica(sides, "a", "1.ics").link != sides.state.replica(other.id, "1.ics").link
    assert sides.state.unlinked(JOB, ["a"], ("", 0), 10) == []


def test_unlinked_items_come_ordered_over_collections_and_pages(sides: Sides) -> None:
    sides.read("a", {f"{n}.ics": "x" for n in ("c", "a", "e")})
    sides.read("b", {f"{n}.ics": "x" for n in ("d", "a", "b")})
    sides.read("c", {"0.ics": "x"})
    seen, after = [], ("", 0)
    while page := sides.state.unlinked(JOB, ["a", "b"], after, 2):
        seen += [(one.uid, one.collection) for one in page]
        after = (page[-1].uid, page[-1].id)
    assert [uid for uid, _ in seen] == ["a", "a", "b", "c", "d", "e"]
    assert len(set(seen)) == 6


def test_a_uid_that_stands_twice_is_refused_and_names_the_other(sides: Sides) -> None:
    read_with_uids(sides, "a", {"1.ics": ("u", "one"), "2.ics": ("u", "two")})
    sides.identify("a")
    first, second = replica(sides, "a", "1.ics"), replica(sides, "a", "2.ics")
    assert first.link is not None
    assert (second.link, second.refused) == (None, "duplicate-uid")
    assert "title of u" in second.refused_why
    assert [one.id for one in sides.state.refused(JOB, 0, 10)] == [second.id]
    assert sides.state.unlinked(JOB, ["a"], ("", 0), 10) == []


def test_a_duplicate_stays_one_while_its_rival_is_there(sides: Sides) -> None:
    read_with_uids(sides, "a", {"1.ics": ("u", "one"), "2.ics": ("u", "two")})
    sides.identify("a")
    sides.state.observe(sides.row("a").id, [replace(sides.observed("2.ics", "two", "u"), etag="moved")])
    assert (replica(sides, "a", "2.ics").refused, replica(sides, "a", "2.ics").etag) == ("duplicate-uid", "moved")
    sides.state.release_duplicates(JOB)
    assert replica(sides, "a", "2.ics").refused == "duplicate-uid"


def test_a_duplicate_takes_the_place_of_a_rival_that_went(sides: Sides) -> None:
    read_with_uids(sides, "a", {"1.ics": ("u", "one"), "2.ics": ("u", "two")})
    sides.identify("a")
    sides.settle_all()
    link = replica(sides, "a", "1.ics").link
    base = replica(sides, "a", "1.ics").base
    sides.read("a", {"2.ics": "two"})
    sides.identify("a")
    heir = replica(sides, "a", "2.ics")
    assert (heir.link, heir.refused, heir.base) == (link, "", base)
    assert sides.state.replica(sides.row("a").id, "1.ics") is None
    assert [one.id for one in sides.state.due_links(JOB, 0, 0, 10)] == [link]


def test_a_renamed_item_keeps_its_link_and_what_was_agreed(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    sides.read("b", {"1.ics": "one"})
    sides.identify("a", "b")
    sides.settle_all()
    before = replica(sides, "a", "1.ics")
    read_with_uids(sides, "a", {"moved.ics": ("1", "one")})
    sides.state.adopt_renamed(JOB)
    after = replica(sides, "a", "moved.ics")
    assert (after.link, after.base, after.seen) == (before.link, before.base, before.seen)
    assert sides.state.replica(sides.row("a").id, "1.ics") is None
    assert replica(sides, "b", "1.ics").link == before.link


def test_an_item_that_moved_to_another_collection_is_not_a_rename(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    sides.identify("a")
    sides.settle_all()
    sides.read("a", {})
    read_with_uids(sides, "b", {"1.ics": ("1", "one")})
    sides.state.adopt_renamed(JOB)
    assert replica(sides, "b", "1.ics").link is None
    assert replica(sides, "a", "1.ics").link is not None


def test_two_heirs_of_one_rename_become_one_and_a_duplicate(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    sides.identify("a")
    sides.settle_all()
    read_with_uids(sides, "a", {"x.ics": ("1", "one"), "y.ics": ("1", "one")})
    sides.identify("a")
    assert replica(sides, "a", "x.ics").link is not None
    assert replica(sides, "a", "y.ics").refused == "duplicate-uid"


def test_attaching_twice_is_attaching_once(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    [one] = sides.state.unlinked(JOB, ["a"], ("", 0), 10)
    sides.state.attach(JOB, [(one.id, "u"), (one.id, "u")])
    sides.settle_all()
    sides.state.attach(JOB, [(one.id, "u"), (999_999, "nobody")])
    assert replica(sides, "a", "1.ics").refused == ""
    assert sides.state.due_links(JOB, 1e12, 0, 10) == []


def test_a_deleted_item_that_comes_back_gets_its_link_back(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    sides.identify("a")
    number = replica(sides, "a", "1.ics").link
    sides.read("a", {})
    sides.settle_all()
    assert sides.state.link(number) is None
    sides.read("a", {"1.ics": "one again"})
    sides.identify("a")
    link = sides.state.link(replica(sides, "a", "1.ics").link)
    assert (link.id, link.due, link.attempts, link.decision) == (number, 0, 0, None)
    assert replica(sides, "a", "1.ics").base is None


def test_targets_of_a_one_way_job_are_linked_only_where_a_source_has_the_item(sides: Sides) -> None:
    sides.read("source", {"1.ics": "one", "2.ics": "two"})
    sides.identify("source")
    read_with_uids(sides, "target", {"x.ics": ("1", "one"), "own.ics": ("own", "mine"), "y.ics": ("1", "copy")})
    sides.state.attach_known(JOB, ["target"])
    assert replica(sides, "target", "x.ics").link == replica(sides, "source", "1.ics").link
    assert replica(sides, "target", "y.ics").refused == "duplicate-uid"
    assert (replica(sides, "target", "own.ics").link, replica(sides, "target", "own.ics").refused) == (None, "")


def test_lonely_links_are_those_never_agreed_that_a_collection_lacks(sides: Sides) -> None:
    sides.read("a", {"both.ics": "x", "agreed.ics": "x"})
    sides.read("b", {"both.ics": "x"})
    sides.identify("a", "b")
    links = {link.key: link.id for link in sides.state.due_links(JOB, 0, 0, 10)}
    sides.settle_all()
    sides.read("a", {"both.ics": "x", "agreed.ics": "x", "only-a.ics": "x", "new-both.ics": "x", "only-a-too.ics": "x"})
    sides.read("b", {"both.ics": "x", "only-b.ics": "x", "new-both.ics": "x"})
    sides.identify("a", "b")
    lonely = sides.state.lonely(JOB, 0, 10)
    names = {link.key: [one.href for one in replicas] for link, replicas in lonely}
    assert names == {name: [f"{name}.ics"] for name in ("only-a", "only-b", "only-a-too")}
    assert [link.id for link, _ in lonely] == sorted(link.id for link, _ in lonely)
    assert not {link.id for link, _ in lonely} & set(links.values())
    first = sides.state.lonely(JOB, 0, 1)
    rest = sides.state.lonely(JOB, first[0][0].id, 10)
    assert [link.id for link, _ in first + rest] == [link.id for link, _ in lonely]


def test_a_page_of_lonely_links_is_found_behind_many_that_are_not(sides: Sides) -> None:
    many = {f"{n:04}.ics": "x" for n in range(1200)}
    numbers = {ref: sides.row(ref).id for ref in "ab"}
    for ref in "ab":
        names = [*many, "zz.ics"] if ref == "a" else [*many]
        sides.state.observe(numbers[ref], [sides.observed(name, "x") for name in names])
    sides.identify("a", "b")
    assert [link.key for link, _ in sides.state.lonely(JOB, 0, 5)] == ["zz"]


def test_merged_links_are_one_and_due(sides: Sides) -> None:
    sides.read("a", {"1.ics": "lunch"})
    sides.read("b", {"2.ics": "lunch"})
    sides.read("c", {"2.ics": "lunch"})
    sides.identify("a", "b", "c")
    keep, drop = replica(sides, "a", "1.ics").link, replica(sides, "b", "2.ics").link
    sides.state.park(keep, None)
    sides.state.merge_links(keep, drop)
    assert {one.href for one in sides.state.replicas([keep])[keep]} == {"1.ics", "2.ics"}
    assert len(sides.state.replicas([keep])[keep]) == 3
    assert sides.state.link(drop) is None
    assert [link.id for link in sides.state.due_links(JOB, 0, 0, 10)] == [keep]


def test_merging_links_that_share_a_collection_leaves_a_duplicate(sides: Sides) -> None:
    sides.read("a", {"1.ics": "x", "2.ics": "x"})
    sides.identify("a")
    keep, drop = replica(sides, "a", "1.ics").link, replica(sides, "a", "2.ics").link
    sides.state.merge_links(keep, drop)
    assert replica(sides, "a", "1.ics").link == keep
    assert replica(sides, "a", "2.ics").refused == "duplicate-uid"


def test_identification_may_be_repeated(sides: Sides) -> None:
    read_with_uids(sides, "a", {"1.ics": ("u", "one"), "2.ics": ("u", "two"), "3.ics": ("v", "three")})
    sides.read("b", {"v.ics": "three"})
    sides.identify("a", "b")

    def picture() -> list[Replica]:
        return [
            replica(sides, ref, href) for ref, href in [("a", "1.ics"), ("a", "2.ics"), ("a", "3.ics"), ("b", "v.ics")]
        ]

    before = picture()
    sides.identify("a", "b")
    assert picture() == before
