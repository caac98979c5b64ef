"""Guards: each of them, in both directions, and what they leave alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.support.world import World
from trueup.core.guard import Population, Tally, findings
from trueup.model.job import Guards

Worlds = Callable[..., World]
NONE = Guards(None, None, None, empty=False, changed_filter=False)


def fired(guards: Guards, tally: Tally, *, shape_changed: bool = False, **people: Population) -> list[tuple[str, str]]:
    return [(one.guard, one.collection) for one in findings(guards, tally, people, shape_changed=shape_changed)]


def deletes(**counts: int) -> Tally:
    return Tally(deletes=Counter(counts))


def updates(**counts: int) -> Tally:
    return Tally(updates=Counter(counts))


def full(items: int) -> Population:
    return Population(items, items, items)


@pytest.mark.parametrize(("count", "fires"), [(50, False), (51, True)])
def test_share_of_deletions(count: int, fires: bool) -> None:
    found = fired(Guards(), deletes(a=count), a=full(100), b=full(100))
    assert found == ([("max_delete", "a")] if fires else [])


@pytest.mark.parametrize(("vanished", "fires"), [(50, False), (51, True)])
def test_share_of_what_vanished_from_the_side_it_comes_from(vanished: int, fires: bool) -> None:
    left = Population(100 - vanished, 100, 100 - vanished)
    found = fired(Guards(), deletes(b=1), a=left, b=full(1000))
    assert found == ([("max_delete", "a")] if fires else [])


def test_what_vanished_is_no_matter_while_nothing_is_deleted_for_it() -> None:
    assert fired(Guards(), deletes(), a=Population(0, 100, 0), b=full(100)) == []


def test_number_of_deletions() -> None:
    guards = Guards(max_delete_share=None, max_delete=10)
    assert fired(guards, deletes(a=10), a=full(100_000)) == []
    assert fired(guards, deletes(a=11), a=full(100_000)) == [("max_delete", "a")]


def test_a_guard_fires_once_for_a_collection() -> None:
    assert fired(Guards(max_delete=10), deletes(a=90), a=full(100)) == [("max_delete", "a")]


def test_share_of_updates() -> None:
    assert fired(Guards(), updates(a=80), a=full(100)) == []
    assert fired(Guards(), updates(a=81), a=full(100)) == [("max_update", "a")]


def test_small_numbers_say_nothing() -> None:
    assert fired(Guards(), deletes(a=4), a=full(5)) == []
    assert fired(Guards(), updates(a=4), a=full(4)) == []
    assert fired(Guards(small=2), deletes(a=4), a=full(5)) == [("max_delete", "a")]


def test_a_side_that_came_up_empty() -> None:
    empty = Population(0, 3, 0)
    assert fired(Guards(), deletes(b=3), a=empty, b=full(3)) == [("empty", "a")]
    assert fired(Guards(), deletes(b=3), a=Population(0, 0, 0), b=full(3)) == [], "it never had any"


def test_a_filter_that_changed_and_deletes() -> None:
    assert fired(Guards(), deletes(b=1), b=full(100), shape_changed=True) == [("changed_filter", "b")]
    assert fired(Guards(), updates(b=1), b=full(100), shape_changed=True) == []


def test_each_can_be_turned_off() -> None:
    assert fired(NONE, deletes(b=99), shape_changed=True, a=Population(0, 99, 0), b=full(99)) == []
    assert fired(NONE, updates(b=99), b=full(99)) == []


# --- end to end


def filled(world: World, count: int = 10) -> World:
    for number in range(count):
        world.put("a", f"u{number}", title=f"event {number}")
    world.run()
    return world


@pytest.mark.parametrize("emptied", ["a", "b"])
def test_an_emptied_side_stops_the_run_in_both_directions(world: Worlds, emptied: str) -> None:
    made = filled(world())
    for uid in made.uids(emptied):
        made.remove(emptied, uid)
    assert made.run()["state"] == "awaiting_approval"
    assert made.run()["state"] == "awaiting_approval", "asking again is no permission"
    other = "b" if emptied == "a" else "a"
    assert len(made.uids(other)) == 10


@pytest.mark.parametrize("emptied", ["a", "b"])
def test_most_items_of_a_side_gone_stops_the_run(world: Worlds, emptied: str) -> None:
    made = filled(world())
    for uid in made.uids(emptied)[:6]:
        made.remove(emptied, uid)
    report = made.run()
    assert report["state"] == "awaiting_approval"
    assert {one["guard"] for one in report["guards"]} == {"max_delete"}
    assert made.run(allow=["max_delete"])["counts"] == {"delete": 6}
    made.agree()


def test_allowing_one_guard_allows_no_other(world: Worlds) -> None:
    made = filled(world())
    for uid in made.uids("a"):
        made.remove("a", uid)
    assert made.run(allow=["max_delete"])["state"] == "awaiting_approval"
    assert made.run(allow=["all"])["state"] == "done"


def test_everything_edited_at_once_stops_the_run(world: Worlds) -> None:
    made = filled(world())
    for uid in made.uids("a"):
        made.edit("a", uid, title="broken")
    report = made.run()
    assert [one["guard"] for one in report["guards"]] == ["max_update"]
    assert made.get("b", "u1")["title"] == "event 1"


def test_a_blocked_plan_is_not_applied_behind_the_guards_back(world: Worlds) -> None:
    from tests.support import driver
    from trueup.core import phases
    from trueup.model.errors import GuardBlocked

    made = filled(world())
    for uid in made.uids("a"):
        made.remove("a", uid)
    run, answer = driver.plan(made.work)
    assert answer["blocked"]
    with pytest.raises(GuardBlocked, match="waits for your word"):
        phases.start_apply(made.work, run)
