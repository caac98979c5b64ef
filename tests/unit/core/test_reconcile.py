"""The two-way planner, end to end on stores in memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.world import World

Worlds = Callable[..., World]


@pytest.fixture
def settled(world: Worlds) -> Callable[..., World]:
    """A world whose sides agree on item 1."""

    def make(names: str = "abc", **more: object) -> World:
        made = world(names, **more)
        made.put("a", "1", modified=1, title="one", note="n", when="Mon", tag=["x"])
        assert made.run()["state"] == "done"
        return made

    return make


def test_a_new_item_comes_to_all_sides(settled: Worlds) -> None:
    world = settled()
    world.agree()
    assert world.uids("b") == ["1"]
    world.quiet()


def test_an_edit_comes_to_all_sides(settled: Worlds) -> None:
    world = settled()
    world.edit("b", "1", title="two")
    assert world.run()["counts"] == {"update": 2}
    world.agree()
    assert world.get("c", "1")["title"] == "two"
    world.quiet()


def test_edits_of_different_fields_meet(settled: Worlds) -> None:
    world = settled()
    world.edit("a", "1", title="two")
    world.edit("b", "1", note="m")
    world.edit("c", "1", tag=["x", "y"])
    assert world.run()["state"] == "done"
    world.agree()
    assert world.get("a", "1") == {"title": "two", "note": "m", "tag": ["x", "y"], "when": "Mon"}
    world.quiet()


def test_a_deletion_comes_to_all_sides(settled: Worlds) -> None:
    world = settled()
    world.put("a", "2", title="stays")
    world.run()
    world.remove("b", "1")
    assert world.run()["counts"] == {"delete": 2}
    world.agree()
    assert world.uids("a") == ["2"]
    world.quiet()
