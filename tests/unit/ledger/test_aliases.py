"""Keys that differ from side to side."""

from __future__ import annotations

from tests.unit.ledger.conftest import JOB, Sides


def link_of(sides: Sides, ref: str, href: str) -> int:
    found = sides.state.replica(sides.row(ref).id, href)
    assert found is not None
    assert found.link is not None
    return found.link


def test_an_item_is_known_by_its_key_and_on_each_side_by_its_own(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one", "2.ics": "two"})
    sides.read("b", {"7.ics": "one, typed in again", "2.ics": "two"})
    sides.identify("a", "b")
    sides.state.merge_links(link_of(sides, "a", "1.ics"), link_of(sides, "b", "7.ics"))
    known = sides.state.link_keys(JOB, ["1", "7", "2", "nobody"])
    assert {uid: key for uid, (key, _) in known.items()} == {"1": "1", "7": "1", "2": "2"}
    assert known["7"][1] == "title of 7"
    assert sides.state.own_keys(JOB, "a", ["1", "2", "nobody"]) == {"1": "1", "2": "2"}
    assert sides.state.own_keys(JOB, "b", ["1", "2"]) == {"1": "7", "2": "2"}
    assert sides.state.own_keys(JOB, "c", ["1"]) == {}
    sides.read("b", {"2.ics": "two"})
    assert sides.state.own_keys(JOB, "b", ["1", "2"]) == {"2": "2"}, "what is gone there has no key there"


def test_a_key_of_two_different_items_says_nothing(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    sides.read("b", {"1.ics": "another"})
    sides.identify("a", "b")
    sides.state.separate(link_of(sides, "a", "1.ics"))
    with sides.ledger.transaction("test"):
        other = sides.state.new_link(JOB, "other")
        sides.ledger._database.write("UPDATE replica SET link = ? WHERE collection = ?", (other, sides.row("b").id))
        first = sides.state.new_link(JOB, "1")
        sides.ledger._database.write("UPDATE replica SET link = ? WHERE collection = ?", (first, sides.row("a").id))
    assert sides.state.link_keys(JOB, ["1"]) == {}
