"""What is due, what waits, what a person decided."""

from __future__ import annotations

from tests.unit.ledger.conftest import JOB, Sides


def linked(sides: Sides, *names: str) -> dict[str, int]:
    sides.read("a", {f"{name}.ics": name for name in names})
    sides.identify("a")
    return {link.key: link.id for link in sides.state.due_links(JOB, 0, 0, 100)}


def due(sides: Sides, now: float) -> list[int]:
    return [link.id for link in sides.state.due_links(JOB, now, 0, 100)]


def test_due_links_come_page_by_page(sides: Sides) -> None:
    ids = sorted(linked(sides, "1", "2", "3").values())
    first = sides.state.due_links(JOB, 0, 0, 2)
    rest = sides.state.due_links(JOB, 0, first[-1].id, 2)
    assert [link.id for link in first + rest] == ids
    assert sides.state.due_links("other job", 0, 0, 10) == []


def test_a_parked_item_is_due_again_when_its_time_comes(sides: Sides) -> None:
    ids = linked(sides, "1", "2")
    sides.state.park(ids["1"], 100.0)
    sides.state.park(ids["2"], None)
    assert due(sides, 99.9) == []
    assert due(sides, 100.0) == [ids["1"]]
    assert due(sides, 1e12) == [ids["1"]]


def test_quarantine_counts_failures_and_names_the_item(sides: Sides) -> None:
    ids = linked(sides, "1", "2")
    sides.state.quarantine(ids["1"], 100.0, "refused by the server: \0")
    sides.state.quarantine(ids["1"], 200.0, "refused again")
    [(link, replica)] = sides.state.quarantined(JOB, 150.0)
    assert (link.id, link.attempts, link.error, link.due) == (ids["1"], 2, "refused again", 200.0)
    assert replica.title == "title of 1"
    assert sides.state.quarantined(JOB, 200.0) == []
    assert due(sides, 200.0) == sorted(ids.values())


def test_a_quarantined_item_is_named_by_a_side_that_still_has_it(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    sides.read("b", {"1.ics": "one"})
    sides.identify("a", "b")
    sides.settle_all()
    sides.read("a", {})
    [link] = sides.state.due_links(JOB, 0, 0, 10)
    sides.state.quarantine(link.id, 100.0, "x")
    [(_, replica)] = sides.state.quarantined(JOB, 1.0)
    assert replica.collection == sides.row("b").id


def test_a_parked_item_is_not_in_quarantine(sides: Sides) -> None:
    ids = linked(sides, "1")
    sides.state.park(ids["1"], 100.0)
    assert sides.state.quarantined(JOB, 1.0) == []


def test_a_decision_makes_an_item_due(sides: Sides) -> None:
    ids = linked(sides, "1")
    sides.state.park(ids["1"], None)
    sides.state.decide(ids["1"], {"prefer": "work/team", "keys": [["", "WHEN", ""]]})
    assert due(sides, 0) == [ids["1"]]
    assert sides.state.link(ids["1"]).decision == {"prefer": "work/team", "keys": [["", "WHEN", ""]]}
    sides.state.park(ids["1"], None)
    sides.state.decide(ids["1"], None)
    assert sides.state.link(ids["1"]).decision is None
    assert due(sides, 0) == []


def test_a_changed_configuration_makes_everything_due_but_what_is_gone(sides: Sides) -> None:
    ids = linked(sides, "1", "2", "3")
    sides.settle_all()
    sides.read("a", {"1.ics": "1", "2.ics": "2"})
    sides.settle_all()
    assert due(sides, 1e12) == []
    sides.state.mark_all_due(JOB)
    assert due(sides, 0) == sorted([ids["1"], ids["2"]])


def test_refused_items_come_page_by_page_over_collections(sides: Sides) -> None:
    for ref in ("a", "b"):
        number = sides.row(ref).id
        observed = [sides.observed(f"{n}.ics", "x", f"u{n}", refused="no-uid", refused_why="why") for n in range(3)]
        sides.state.observe(number, observed)
    found, after = [], 0
    while page := sides.state.refused(JOB, after, 2):
        found += page
        after = page[-1].id
    assert len({one.id for one in found}) == len(found) == 6
    assert {(one.refused, one.refused_why) for one in found} == {("no-uid", "why")}


def test_what_is_not_there(sides: Sides) -> None:
    assert sides.state.link(1) is None
    assert sides.state.replica(sides.row("a").id, "1.ics") is None
    assert sides.state.replicas([]) == {}
    assert sides.state.replicas([1]) == {}
