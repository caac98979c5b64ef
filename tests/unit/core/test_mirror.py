"""The one-way planner: copies follow their source, and nothing else in a target is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.support import driver
from tests.support.trouble import Switches, troubled
from tests.support.world import World, Writing
from tests.unit.core.conftest import plain_only
from trueup.core import resolving
from trueup.model.job import Guards
from trueup.model.ports import Verdict

Worlds = Callable[..., World]


@dataclass(frozen=True)
class Busy:
    """Shows only that there is something."""

    writing: Writing
    title: str = "Busy"
    identity: bool = False

    @property
    def digest(self) -> str:
        return self.title

    def apply(self, data: bytes) -> bytes:
        return self.writing.changed(data, title=self.title, note=None)


@dataclass(frozen=True)
class Public:
    """Lets items through that say so, from and until a day of theirs."""

    writing: Writing
    word: str = "public"

    @property
    def digest(self) -> str:
        return self.word

    def verdict(self, data: bytes, now: float) -> Verdict:
        values = self.writing.shown(data)
        until, since = float(values.get("until", "inf")), float(values.get("since", "-inf"))
        if values.get("access") != self.word:
            return Verdict(False, f"it is not {self.word}")
        if now < since:
            return Verdict(False, "it is too far ahead", wake=since)
        if now >= until:
            return Verdict(False, "it is over", aged=True)
        return Verdict(True, wake=until if until != float("inf") else None)


def copies(world: World, name: str = "b") -> list[str]:
    """The titles in a target."""
    return sorted(world.writing.shown(body)["title"] for body in world[name].items.values())


def only(world: World, name: str = "b") -> str:
    """The key of the only item there."""
    [uid] = world.uids(name)
    return uid


def test_copies_follow_their_source(world: Worlds) -> None:
    made = world("ab", targets="b")
    made.put("a", "1", title="one", note="n")
    assert made.run()["counts"] == {"create": 1}
    assert made.get("b", "1") == {"title": "one", "note": "n"}, "a plain copy keeps its key"
    made.quiet()
    made.edit("a", "1", title="edited", note=None)
    assert made.run()["counts"] == {"update": 1}
    assert made.get("b", "1") == {"title": "edited"}
    made.put("a", "2", title="two")
    made.remove("a", "1")
    assert made.run()["counts"] == {"create": 1, "delete": 1}
    assert copies(made) == ["two"]
    made.quiet()


def test_what_else_a_target_holds_is_not_touched(world: Worlds) -> None:
    made = world("ab", targets="b")
    made.put("b", "own", title="b's own")
    made["b"].put("broken.txt", b"not mine to judge")
    made.put("a", "1", title="one")
    assert made.run()["state"] == "done"
    made.remove("a", "1")
    made.put("a", "2", title="two")
    assert made.run()["state"] == "done"
    assert made.get("b", "own") == {"title": "b's own"}
    assert made["b"].items["broken.txt"] == b"not mine to judge"
    assert made.uids("a") == ["2"], "nothing goes the other way"


def test_drift_is_shown_as_such_and_put_back(world: Worlds) -> None:
    made = world("ab", targets="b")
    made.put("a", "1", title="one", note="n")
    made.run()
    made.edit("b", "1", title="scribbled")
    run, [change] = made.plan()
    assert (change.action.value, change.drift) == ("update", True)
    driver.apply(made.work, run)
    assert made.get("b", "1") == {"title": "one", "note": "n"}
    made.quiet()


def test_an_edit_of_the_source_beside_drift_is_an_edit(world: Worlds) -> None:
    made = world("ab", targets="b")
    made.put("a", "1", title="one", note="n")
    made.run()
    made.edit("b", "1", title="scribbled")
    made.edit("a", "1", note="m")
    _, [change] = made.plan()
    assert not change.drift
    made.run()
    assert made.get("b", "1") == {"title": "one", "note": "m"}


def test_a_copy_that_was_deleted_comes_back_as_drift(world: Worlds) -> None:
    made = world("ab", targets="b")
    made.put("a", "1", title="one")
    made.run()
    made.remove("b", "1")
    _, [change] = made.plan(allow=["all"])
    assert (change.action.value, change.drift) == ("create", True)
    made.run()
    assert copies(made) == ["one"]


def test_a_copy_that_was_changed_just_like_its_source_needs_nothing(world: Worlds) -> None:
    made = world("ab", targets="b")
    made.put("a", "1", title="one")
    made.run()
    for name in "ab":
        made.edit(name, "1", title="edited")
    assert made.run()["counts"] == {"link": 1}
    made.edit("a", "1", title="one")
    made.run()
    assert made.get("b", "1")["title"] == "one", "back to what was once sent is an edit, too"
    made.quiet()


def test_what_a_server_loses_is_no_drift(world: Worlds) -> None:
    made = world("ab", targets="b")
    made.wrap(
        "b", lambda inner: troubled(inner, Switches(), ["rewrites"], lambda body: made.writing.changed(body, note=None))
    )
    made.put("a", "1", title="one", note="n")
    made.run()
    made.quiet()
    made.edit("a", "1", title="edited")
    made.run()
    assert made.get("b", "1") == {"title": "edited"}
    made.quiet()


def test_two_targets_are_brought_in_step_each(world: Worlds) -> None:
    made = world("abc", targets="bc")
    switches = Switches(dead=True)
    made.wrap("c", lambda inner: troubled(inner, switches, [], lambda body: body))
    made.put("a", "1", title="one")
    assert made.run()["state"] == "partial"
    assert copies(made, "b") == ["one"]
    made.edit("a", "1", title="edited")
    made.run()
    switches.dead = False
    assert made.run()["state"] == "done"
    assert copies(made, "b") == copies(made, "c") == ["edited"]
    made.quiet()


class TestManyIntoOne:
    def test_sources_share_a_target_without_deleting_each_others(self, world: Worlds) -> None:
        made = world("abc", targets="c")
        made.put("a", "1", title="from a")
        made.put("b", "1", title="from b")
        made.run()
        assert copies(made, "c") == ["from a", "from b"]
        made.remove("a", "1")
        made.put("a", "2", title="more")
        made.run()
        assert copies(made, "c") == ["from b", "more"]

    def test_a_source_that_is_down_loses_no_copies(self, world: Worlds) -> None:
        made = world("abc", targets="c")
        switches = Switches()
        made.wrap("b", lambda inner: troubled(inner, switches, [], lambda body: body))
        made.put("a", "1", title="from a")
        made.put("b", "2", title="from b")
        made.run()
        switches.dead = True
        made.edit("a", "1", title="edited")
        assert made.run()["state"] == "partial"
        assert copies(made, "c") == ["edited", "from b"]

    def test_an_empty_source_stops_the_run(self, world: Worlds) -> None:
        made = world("abc", targets="c")
        for number in range(9):
            made.put("a", f"a{number}", title=f"a {number}")
            made.put("b", f"b{number}", title=f"b {number}")
        made.run()
        for uid in made.uids("a"):
            made.remove("a", uid)
        report = made.run()
        assert report["state"] == "awaiting_approval"
        assert len(made.uids("c")) == 18


def busy(world: Worlds, **more: Any) -> World:
    """b gets transformed copies."""
    made = world("ab", targets="b", **more)
    made.transform = Busy(made.writing)
    return made


class TestTransform:
    def test_copies_get_keys_of_their_own(self, world: Worlds) -> None:
        made = busy(world)
        made.put("a", "1", title="secret", note="very")
        made.run()
        assert only(made) != "1"
        assert made.get("b", only(made)) == {"title": "Busy"}
        made.quiet()
        made.edit("a", "1", title="another secret")
        made.run()
        assert made.get("b", only(made)) == {"title": "Busy"}
        made.quiet()

    def test_a_lost_ledger_finds_the_copies_again(self, world: Worlds) -> None:
        made = busy(world)
        made.put("a", "1", title="secret")
        made.run()
        made.ledger.close()
        for file in made.path.parent.glob(made.path.name + "*"):
            file.unlink()
        made.reopen()
        made.run()
        assert copies(made) == ["Busy"]
        made.quiet()

    def test_another_transform_goes_through_all_copies(self, world: Worlds) -> None:
        made = busy(world, shape="busy")
        made.put("a", "1", title="secret")
        made.run()
        made.transform, made.spec = Busy(made.writing, "Away"), replace(made.spec, shape="away")
        made.run()
        assert copies(made) == ["Away"]
        made.quiet()

    def test_a_renamed_source_file_keeps_its_copy(self, world: Worlds) -> None:
        made = busy(world)
        made.put("a", "1", title="secret")
        made.run()
        before = only(made)
        made.move("a", "1", "other.txt")
        made.run()
        assert only(made) == before


class TestFilter:
    def world(self, world: Worlds, **more: Any) -> World:
        made = world("ab", targets="b", shape="public", **more)
        made.filter = Public(made.writing)
        made.put("a", "1", title="shown", access="public")
        made.put("a", "2", title="hidden", access="private")
        made.run()
        return made

    def test_only_what_belongs_is_copied(self, world: Worlds) -> None:
        made = self.world(world)
        assert copies(made) == ["shown"]
        made.quiet()

    def test_an_item_that_is_edited_in_or_out_comes_or_goes(self, world: Worlds) -> None:
        made = self.world(world)
        made.edit("a", "2", access="public")
        made.run()
        assert copies(made) == ["hidden", "shown"]
        made.edit("a", "1", access="private")
        made.run()
        assert copies(made) == ["hidden"]
        made.quiet()

    def test_an_item_that_only_time_puts_out_keeps_its_copy(self, world: Worlds) -> None:
        made = self.world(world)
        made.edit("a", "1", until=made.now + 100)
        made.run()
        made.now += 200
        made.run()
        made.edit("a", "1", title="corrected long after")
        made.run()
        assert copies(made) == ["shown"]
        made.quiet()

    def test_an_item_comes_when_its_time_comes(self, world: Worlds) -> None:
        made = self.world(world)
        made.put("a", "3", title="next year", since=made.now + 100, access="public")
        made.run()
        assert copies(made) == ["shown"]
        made.quiet()
        made.now += 101
        made.run()
        assert copies(made) == ["next year", "shown"], "though nothing was edited"

    def test_an_item_out_of_the_window_is_not_copied(self, world: Worlds) -> None:
        made = self.world(world)
        made.put("a", "3", title="over", until=made.now - 1, access="public")
        made.run()
        assert copies(made) == ["shown"]

    def test_a_changed_filter_that_deletes_asks_until_it_is_allowed(self, world: Worlds) -> None:
        made = self.world(world)
        made.filter, made.spec = Public(made.writing, "private"), replace(made.spec, shape="private")
        for _ in range(2):
            report = made.run()
            assert {one["guard"] for one in report["guards"]} == {"changed_filter"}
        assert copies(made) == ["shown"]
        made.run(allow=["changed_filter"])
        assert copies(made) == ["hidden"]
        made.put("a", "3", title="more", access="private")
        made.run()
        made.edit("a", "2", access="public")
        assert made.run()["state"] == "done", "the new filter is known now"
        assert copies(made) == ["more"]

    def test_a_skip_by_rule_does_not_keep_a_new_filter_from_becoming_known(self, world: Worlds) -> None:
        made = self.world(world, guards=Guards(empty=False))
        made["a"].put("broken.txt", made.writing.broken)
        made.filter, made.spec = Public(made.writing, "private"), replace(made.spec, shape="private")
        made.run(allow=["all"])
        made.edit("a", "2", access="public")
        assert made.run()["state"] == "partial", "for the broken item, and nothing else"
        assert copies(made) == []


def test_what_was_undone_waits_for_a_word(world: Worlds) -> None:
    from trueup.core import phases
    from trueup.core.undo import plan_undo

    made = world("ab", targets="b")
    made.put("a", "1", title="one")
    run = made.run()["run"]
    work = made.work
    undo = phases.begin(work, "undo")
    readings = {str(ref): phases.read(work, undo, str(ref)) for ref in made.spec.collections}
    plan_undo(work, undo, run, readings)
    driver.apply(work, undo)
    assert made.uids("b") == []
    for _ in range(2):
        assert made.run(allow=["all"])["state"] == "conflict"
    assert made.uids("b") == [], "a timer does not do it again"
    [conflict] = made.ledger.conflicts.list("job", states=("open",))
    resolving.prefer(made.work, conflict.id, "a/c")
    assert made.run(allow=["all"])["state"] == "done"
    assert made.uids("b") == ["1"]


@plain_only
def test_an_item_without_a_key_is_named(world: Worlds) -> None:
    made = world("ab", targets="b")
    made["a"].put("x.txt", b"title: nameless\n")
    made["a"].put("y.txt", made.writing.item("1", title="one"))
    report = made.run()
    assert [one["code"] for one in report["left"]] == ["no-uid"]
    assert copies(made) == ["one"]


@pytest.mark.parametrize("where", ["source", "target"])
def test_an_item_that_breaks_loses_no_copy(world: Worlds, where: str) -> None:
    made = world("ab", targets="b")
    made.put("a", "1", title="one")
    made.put("a", "2", title="two")
    made.run()
    name = "a" if where == "source" else "b"
    href = made.href(name, "1")
    assert href is not None
    made[name].put(href, made.writing.broken)
    made.edit("a", "2", title="goes on")
    made.run()
    assert len(made["b"].items) == 2
    assert made.get("b", "2")["title"] == "goes on"
    made.remove("a", "2")
    made["a"].remove(href if where == "source" else str(made.href("a", "1")))
    made.run(allow=["all"])
