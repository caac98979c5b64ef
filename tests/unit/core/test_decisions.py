"""What a person decides about conflicts, and bringing back what lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.world import World
from trueup.core import resolving
from trueup.core.restoring import restore_collection
from trueup.model.errors import NotFound, UsageError
from trueup.model.job import ConflictPolicy

Worlds = Callable[..., World]


@pytest.fixture
def fight(world: Worlds) -> World:
    """Three sides; a and b fight over the title, c did nothing."""
    made = world("abc", conflicts=ConflictPolicy.ASK)
    made.put("a", "1", title="old", note="n")
    made.put("a", "2", title="two")
    made.run()
    made.edit("a", "1", title="from a", place="p")
    made.edit("b", "1", title="from b", note="m")
    assert made.run()["state"] == "conflict"
    return made


def the_conflict(world: World, *states: str) -> int:
    [conflict] = world.ledger.conflicts.list("job", states=states or ("open",))
    return conflict.id


@pytest.mark.parametrize(("side", "title"), [("a", "from a"), ("b", "from b"), ("c", "old")])
def test_the_side_that_was_chosen_wins_and_the_rest_is_merged(fight: World, side: str, title: str) -> None:
    resolving.prefer(fight.work, the_conflict(fight), f"{side}/c")
    assert fight.run()["state"] == "done"
    fight.agree()
    assert fight.get("c", "1") == {"title": title, "place": "p", "note": "m"}
    assert next(one.state for one in fight.ledger.conflicts.list("job")) == "resolved"
    fight.quiet()


def test_a_decision_holds_when_an_item_is_edited_before_it_is_carried_out(fight: World) -> None:
    resolving.prefer(fight.work, the_conflict(fight), "a/c")
    fight.edit("a", "1", title="from a, better")
    fight.run()
    fight.agree()
    assert fight.get("b", "1")["title"] == "from a, better"


def test_the_loser_can_be_brought_back(fight: World) -> None:
    resolving.prefer(fight.work, the_conflict(fight), "a/c")
    fight.run()
    conflict = max(one.id for one in fight.ledger.conflicts.list("job", states=("resolved",)))
    resolving.take(fight.work, conflict, "b/c")
    fight.run()
    fight.agree()
    assert fight.get("c", "1") == {"title": "from b", "place": "p", "note": "m"}
    fight.quiet()


def test_an_item_that_was_deleted_everywhere_can_be_brought_back(world: Worlds) -> None:
    made = world("ab", delete_wins=True)
    made.put("a", "1", title="one")
    made.put("a", "2", title="two")
    made.run()
    made.remove("a", "1")
    made.edit("b", "1", title="still needed")
    made.run()
    assert made.uids("b") == ["2"]
    resolving.take(made.work, the_conflict(made, "resolved"), "b/c")
    made.run()
    made.agree()
    assert made.get("a", "1") == {"title": "still needed"}
    made.quiet()


@pytest.mark.parametrize(("side", "left"), [("a", ["2"]), ("b", ["1", "2"])])
def test_an_edit_against_a_deletion_is_decided(world: Worlds, side: str, left: list[str]) -> None:
    made = world("ab", conflicts=ConflictPolicy.ASK)
    made.put("a", "1", title="one")
    made.put("a", "2", title="two")
    made.run()
    made.remove("a", "1")
    made.edit("b", "1", title="edited")
    made.run()
    resolving.prefer(made.work, the_conflict(made), f"{side}/c")
    made.run()
    made.agree()
    assert made.uids("a") == left
    assert not made.ledger.conflicts.list("job", states=("open", "decided"))
    made.quiet()


def test_nonsense_is_refused_with_what_to_do(fight: World) -> None:
    number = the_conflict(fight)
    with pytest.raises(NotFound, match="no collection x/c"):
        resolving.prefer(fight.work, number, "x/c")
    with pytest.raises(NotFound):
        resolving.prefer(fight.work, 999, "a/c")
    with pytest.raises(UsageError, match="still open"):
        resolving.take(fight.work, number, "a/c")
    resolving.prefer(fight.work, number, "a/c")
    fight.run()
    with pytest.raises(UsageError, match="resolved already"):
        resolving.prefer(fight.work, number, "a/c")


def test_a_side_without_a_version_cannot_be_chosen(world: Worlds) -> None:
    made = world("abc", conflicts=ConflictPolicy.ASK)
    made.put("a", "1", title="from a")
    made.put("b", "1", title="from b")
    made.run()
    with pytest.raises(NotFound, match="no version"):
        resolving.prefer(made.work, the_conflict(made), "c/c")


def test_what_vanished_from_a_side_is_restored_from_the_others(world: Worlds) -> None:
    made = world("ab")
    for number in range(10):
        made.put("a", str(number), title=f"event {number}")
    made.run()
    for uid in made.uids("a"):
        made.remove("a", uid)
    assert made.run()["state"] == "awaiting_approval"
    assert restore_collection(made.work, "a/c") == 10
    assert made.run()["state"] == "done"
    made.agree()
    assert len(made.uids("a")) == 10
    made.quiet()
