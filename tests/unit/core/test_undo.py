"""Undo: what a run changed is put back where it can be, and what cannot is said."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support import driver
from tests.support.world import World
from trueup.core import phases, resolving
from trueup.core.undo import plan_undo
from trueup.model.change import Change

Worlds = Callable[..., World]


def undo(world: World, run: str) -> tuple[list[Change], dict[str, object]]:
    """Undoes a run; what was planned, and the report."""
    work = world.work
    made = phases.begin(work, "undo")
    readings = {str(ref): phases.read(work, made, str(ref)) for ref in world.spec.collections}
    plan_undo(work, made, run, readings)
    return driver.changes(work, made), driver.apply(work, made)


@pytest.fixture
def settled(world: Worlds) -> World:
    made = world("abc")
    made.put("a", "1", title="one", note="n")
    made.put("a", "2", title="two")
    made.run()
    return made


def snapshot(world: World) -> dict[str, dict[str, bytes]]:
    return {name: world[name].items for name in world.names}


def decide(world: World, side: str) -> None:
    for one in world.ledger.conflicts.list("job", states=("open",)):
        resolving.prefer(world.work, one.id, f"{side}/c")


def test_an_update_is_put_back_to_the_byte(settled: World) -> None:
    settled.edit("a", "1", title="edited")
    before = snapshot(settled)
    run = settled.run()["run"]
    _, report = undo(settled, run)
    assert report["counts"] == {"update": 2}
    assert snapshot(settled) == before


def test_a_creation_is_deleted(settled: World) -> None:
    settled.put("a", "3", title="three")
    run = settled.run()["run"]
    undo(settled, run)
    assert settled.uids("a") == ["1", "2", "3"]
    assert settled.uids("b") == settled.uids("c") == ["1", "2"]


def test_a_deletion_is_created_again(settled: World) -> None:
    settled.remove("a", "1")
    run = settled.run()["run"]
    undo(settled, run)
    assert settled.uids("a") == ["2"]
    assert settled.get("b", "1") == settled.get("c", "1") == {"title": "one", "note": "n"}


@pytest.mark.parametrize("what", ["update", "create", "delete"])
@pytest.mark.parametrize("side", ["a", "b"])
def test_the_item_waits_until_a_person_says_which_side_is_right(settled: World, what: str, side: str) -> None:
    if what == "update":
        settled.edit("a", "1", title="edited")
    elif what == "create":
        settled.put("a", "3", title="three")
    else:
        settled.remove("a", "1")
    run = settled.run()["run"]
    undo(settled, run)
    after = snapshot(settled)
    for _ in range(2):
        assert settled.run(allow=["all"])["state"] == "conflict"
    assert snapshot(settled) == after, "a timer does not do it again"
    wanted = {one: settled.get(side, one) for one in settled.uids(side)}
    decide(settled, side)
    settled.run(allow=["all"])
    settled.agree()
    assert {one: settled.get("c", one) for one in settled.uids("c")} == wanted
    assert not settled.ledger.conflicts.list("job", states=("open", "decided"))
    settled.quiet()


def test_other_items_go_on_meanwhile(settled: World) -> None:
    settled.edit("a", "1", title="edited")
    undo(settled, settled.run()["run"])
    settled.edit("b", "2", title="goes on")
    settled.run()
    assert settled.get("c", "2")["title"] == "goes on"


def test_what_was_changed_since_is_not_undone_and_that_is_said(settled: World) -> None:
    settled.edit("a", "1", title="edited")
    settled.edit("a", "2", title="edited too")
    run = settled.run()["run"]
    settled.edit("b", "1", note="by a user")
    settled.remove("c", "2")
    changes, report = undo(settled, run)
    told = {(one.collection, one.title): one.reason for one in changes if one.code == "changed-since"}
    assert told == {
        ("b/c", "edited"): "cannot be undone: was changed in b/c since",
        ("c/c", "edited too"): "cannot be undone: was deleted in c/c since",
    }
    assert report["state"] == "partial"
    assert settled.get("b", "1") == {"title": "edited", "note": "by a user"}
    assert settled.get("c", "1")["title"] == "one"


def test_a_deleted_item_that_is_there_again_is_not_created_again(settled: World) -> None:
    settled.remove("a", "1")
    run = settled.run()["run"]
    settled["b"].put(str(settled["b"].new_href("1")), settled.writing.item("1", title="again"))
    changes, _ = undo(settled, run)
    assert [one.reason for one in changes if one.collection == "b/c"] == [
        "cannot be undone: stands in b/c again already"
    ]
    assert settled.get("b", "1")["title"] == "again"


def test_a_store_that_cannot_be_read_is_said(settled: World) -> None:
    from tests.support.trouble import Switches, troubled

    settled.edit("a", "1", title="edited")
    run = settled.run()["run"]
    settled.wrap("c", lambda inner: troubled(inner, Switches(dead=True), [], lambda body: body))
    changes, report = undo(settled, run)
    assert [one.reason for one in changes if one.code == "unavailable"] == ["cannot be undone: c/c could not be read"]
    assert report["state"] == "partial"
    assert settled.get("b", "1")["title"] == "one"


def test_an_undo_can_be_undone(settled: World) -> None:
    settled.edit("a", "1", title="edited")
    run = settled.run()["run"]
    after = snapshot(settled)
    _, report = undo(settled, run)
    undo(settled, str(report["run"]))
    assert snapshot(settled) == after


def test_an_undo_adopts_no_filter(settled: World) -> None:
    from dataclasses import replace

    settled.edit("a", "1", title="edited")
    run = settled.run()["run"]
    settled.spec = replace(settled.spec, shape="another")
    undo(settled, run)
    assert settled.ledger.state.job("job").shape == ""
