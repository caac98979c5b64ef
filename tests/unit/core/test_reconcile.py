"""The two-way planner, end to end on stores in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.trouble import Switches, troubled
from tests.support.world import NAME, World
from tests.unit.core.conftest import plain_only
from trueup.connectors.wrappers.faults import Poisoned
from trueup.model.capabilities import Capabilities
from trueup.model.job import CollectionRef, ConflictPolicy

Worlds = Callable[..., World]
Settled = Callable[..., World]


@pytest.fixture
def settled(world: Worlds) -> Settled:
    """A world whose sides agree on items 1 and 2."""

    def make(names: str = "abc", **more: Any) -> World:
        made = world(names, **more)
        made.put("a", "1", modified=1, title="one", note="n", when="Mon", tag=["x"])
        made.put("a", "2", modified=1, title="two")
        assert made.run()["state"] == "done"
        return made

    return make


def switched(world: World, name: str, *habits: str, rewrite: Callable[[bytes], bytes] = lambda body: body) -> Switches:
    switches = Switches()
    world.wrap(name, lambda inner: troubled(inner, switches, habits, rewrite))
    return switches


def without(world: World, field: str) -> Callable[[bytes], bytes]:
    """A server that drops a field, and stamps what it stores."""
    return lambda body: world.writing.changed(body, **{field: None, "stamp": len(body)})


class TestChanges:
    def test_a_new_item_comes_to_all_sides(self, settled: Settled) -> None:
        world = settled()
        world.agree()
        assert world.uids("b") == ["1", "2"]
        world.quiet()

    def test_an_edit_comes_to_all_sides(self, settled: Settled) -> None:
        world = settled()
        world.edit("b", "1", title="edited")
        assert world.run()["counts"] == {"update": 2}
        world.agree()
        assert world.get("c", "1")["title"] == "edited"
        world.quiet()

    def test_edits_of_different_fields_meet(self, settled: Settled) -> None:
        world = settled()
        world.edit("a", "1", title="edited")
        world.edit("b", "1", note="m")
        world.edit("c", "1", tag=["x", "y"])
        assert world.run()["state"] == "done"
        world.agree()
        assert world.get("a", "1") == {"title": "edited", "note": "m", "tag": ["x", "y"], "when": "Mon"}
        world.quiet()

    def test_members_of_a_list_meet(self, settled: Settled) -> None:
        world = settled()
        world.edit("a", "1", tag=["x", "a"])
        world.edit("b", "1", tag=["b"])
        world.run()
        world.agree()
        assert world.get("c", "1")["tag"] == ["a", "b"]

    def test_a_deletion_comes_to_all_sides(self, settled: Settled) -> None:
        world = settled()
        world.remove("b", "1")
        assert world.run()["counts"] == {"delete": 2}
        world.agree()
        assert world.uids("a") == ["2"]
        world.quiet()

    def test_the_same_on_all_sides_needs_no_write(self, settled: Settled) -> None:
        world = settled("ab")
        for name in "ab":
            world.edit(name, "1", title="edited")
        report = world.run()
        assert report["counts"] == {"link": 1}
        world.quiet()
        world.edit("a", "1", note="later")
        assert world.run()["counts"] == {"update": 1}

    def test_deleted_on_all_sides(self, settled: Settled) -> None:
        world = settled("ab")
        for name in "ab":
            world.remove(name, "1")
        assert world.run()["counts"] == {"link": 1}
        world.quiet()

    def test_a_renamed_file_is_the_same_item(self, settled: Settled) -> None:
        world = settled("ab")
        world.move("a", "1", "other.txt")
        world.edit("b", "1", title="edited")
        assert world.run()["counts"] == {"update": 1}
        assert world.href("a", "1") == "other.txt"
        world.agree()
        world.quiet()

    def test_files_that_exchange_their_names_stay_what_they_are(self, settled: Settled) -> None:
        world = settled("ab")
        one, two = world.href("a", "1"), world.href("a", "2")
        assert one is not None
        assert two is not None
        bodies = world["a"].items[one], world["a"].items[two]
        world["a"].put(one, bodies[1])
        world["a"].put(two, world.writing.changed(bodies[0], title="edited"))
        assert world.run()["counts"] == {"link": 1, "update": 1}
        world.agree()
        assert world.get("b", "1")["title"] == "edited"
        assert world.get("b", "2")["title"] == "two"
        world.quiet()

    def test_another_item_under_the_same_name_replaces_the_one_that_was_there(self, settled: Settled) -> None:
        world = settled("ab")
        href = world.href("a", "1")
        assert href is not None
        world["a"].put(href, world.writing.item("3", title="three"))
        assert world.run()["counts"] == {"create": 1, "delete": 1}
        world.agree()
        assert world.uids("b") == ["2", "3"]

    def test_a_place_that_is_taken_is_not_written_to(self, world: Worlds) -> None:
        made = world("ab")
        made["b"].put(made["b"].new_href("1"), made.writing.item("9", title="something else"))
        made.put("a", "1", title="one")
        made.run()
        made.agree()
        assert made.uids("b") == ["1", "9"]
        made.quiet()

    @plain_only
    def test_unknown_lines_survive_on_their_side(self, settled: Settled) -> None:
        world = settled("ab")
        href = world.href("b", "1")
        assert href is not None
        world["b"].put(href, world["b"].items[href] + b"stamp: b's own\n")
        world.edit("a", "1", title="edited")
        world.run()
        assert b"stamp: b's own" in world["b"].items[href]


class TestFirstContact:
    def test_the_same_key_is_the_same_item(self, world: Worlds) -> None:
        made = world("abc")
        made.put("a", "1", title="one", note="n")
        made.put("b", "1", title="one", place="p")
        assert made.run()["counts"] == {"create": 1, "update": 2}
        made.agree()
        assert made.get("c", "1") == {"title": "one", "note": "n", "place": "p"}
        made.quiet()

    @plain_only
    def test_the_same_meaning_is_the_same_item(self, world: Worlds) -> None:
        made = world("ab")
        made.put("a", "1", title="Dentist", when="Mon 9", note="bring card")
        made.put("b", "7", title="dentist", when="Mon 9")
        made.run()
        assert (made.uids("a"), made.uids("b")) == (["1"], ["7"])
        assert made.get("b", "7")["note"] == "bring card"
        made.quiet()
        made.edit("b", "7", when="Tue 9")
        made.run()
        assert made.get("a", "1")["when"] == "Tue 9"

    @plain_only
    def test_two_of_the_same_meaning_on_one_side_stay_two(self, world: Worlds) -> None:
        made = world("ab")
        made.put("a", "1", title="Call", when="Mon 9")
        made.put("a", "2", title="Call", when="Mon 9")
        made.put("b", "3", title="Call", when="Mon 9")
        made.run()
        assert len(made.uids("a")) == len(made.uids("b")) == 2
        made.quiet()

    @plain_only
    def test_a_side_that_joins_later_is_matched_by_meaning_too(self, world: Worlds) -> None:
        made = world("abc")
        refs = made.spec.sources
        made.spec = replace(made.spec, sources=refs[:2])
        made.put("a", "1", title="Dentist", when="Mon 9")
        made.put("a", "2", title="Shared", when="Mon 10")
        made.run()
        made.spec = replace(made.spec, sources=refs)
        made.put("c", "7", title="Dentist", when="Mon 9", note="from c")
        made.put("c", "2", title="Shared", when="Mon 10")
        made.run()
        assert made.uids("c") == ["2", "7"]
        assert made.uids("a") == ["1", "2"]
        assert made.get("b", "1")["note"] == "from c"
        made.quiet()

    def test_a_lost_ledger_is_rebuilt_without_doubles(self, settled: Settled) -> None:
        world = settled()
        world.ledger.close()
        for file in world.path.parent.glob(world.path.name + "*"):
            file.unlink()
        from trueup.core.ledger import open_ledger

        world.ledger = open_ledger(str(world.path))
        assert world.run()["counts"] == {"link": 2}
        world.agree()
        world.quiet()

    def test_different_values_are_a_conflict_and_the_loser_is_kept(self, world: Worlds) -> None:
        made = world("ab")
        made.put("a", "1", modified=1, title="older")
        made.put("b", "1", modified=2, title="newer")
        made.run()
        made.agree()
        assert made.get("a", "1")["title"] == "newer"
        [conflict] = made.ledger.conflicts.list("job")
        assert b"older" in made.ledger.blobs.get(conflict.versions["a/c"])


class TestDeletions:
    def test_an_edit_beats_a_deletion_and_that_is_told(self, settled: Settled) -> None:
        world = settled()
        world.remove("a", "1")
        world.edit("b", "1", title="still needed")
        world.run()
        world.agree()
        assert world.get("a", "1")["title"] == "still needed"
        [conflict] = world.ledger.conflicts.list("job")
        assert conflict.state == "resolved"
        world.quiet()

    def test_unless_the_job_says_otherwise(self, settled: Settled) -> None:
        world = settled(delete_wins=True)
        world.remove("a", "1")
        world.edit("b", "1", title="lost")
        world.run()
        world.agree()
        assert world.uids("a") == ["2"]
        [conflict] = world.ledger.conflicts.list("job")
        assert b"lost" in world.ledger.blobs.get(conflict.versions["b/c"])

    def test_ask_asks(self, settled: Settled) -> None:
        world = settled(conflicts=ConflictPolicy.ASK)
        world.remove("a", "1")
        world.edit("b", "1", title="edited")
        assert world.run()["state"] == "conflict"
        assert "1" not in world.uids("a")
        assert world.get("c", "1")["title"] == "one"
        assert [one.code for one in world.ledger.conflicts.list("job", states=("open",))] == ["edit-against-delete"]

    def test_an_edit_that_the_deleter_had_before_him_is_no_edit_against_him(self, settled: Settled) -> None:
        """One side is down, so there is no agreement; the others got the edit, and one of them deletes the item."""
        world = settled()
        switches = switched(world, "c")
        world.edit("a", "1", title="edited")
        switches.dead = True
        world.run()
        world.remove("b", "1")
        switches.dead = False
        world.run()
        world.agree()
        assert world.uids("c") == ["2"]
        assert world.ledger.conflicts.list("job") == []

    def test_who_edits_and_then_deletes_means_it(self, settled: Settled) -> None:
        """One side is down, another got the edit: it has nothing of its own that would stand against the deletion."""
        world = settled()
        switches = switched(world, "c")
        world.edit("a", "1", title="edited")
        switches.dead = True
        world.run()
        world.remove("a", "1")
        switches.dead = False
        world.run()
        world.agree()
        assert world.uids("c") == ["2"]
        assert world.ledger.conflicts.list("job") == []

    def test_an_item_deleted_before_a_dead_side_ever_had_it(self, settled: Settled) -> None:
        world = settled()
        switches = switched(world, "c")
        switches.dead = True
        world.put("a", "3", title="three")
        world.run()
        assert world.uids("b") == ["1", "2", "3"]
        world.remove("b", "3")
        world.run()
        assert world.uids("a") == ["1", "2"]
        switches.dead = False
        world.run()
        world.agree()
        world.quiet()

    def test_our_own_deletion_is_nobodys_wish(self, settled: Settled) -> None:
        """A listing hid a renamed item; what was deleted for it on one side is no reason to delete the rest."""
        world = settled()
        switches = switched(world, "a")
        world.remove("c", "1")
        switches.before = 1
        world.run()
        assert "1" in world.uids("a")
        assert "1" not in world.uids("b")
        world["c"].put("again.txt", world["a"].items[str(world.href("a", "1"))])
        world.run()
        world.run()
        world.agree()
        assert world.uids("b") == ["1", "2"]


class TestPolicies:
    def fight(self, settled: Settled, policy: ConflictPolicy, **more: Any) -> World:
        world = settled(conflicts=policy, **more)
        world.edit("a", "1", title="from a", note="note of a", modified=5)
        world.edit("b", "1", title="from b", place="place of b", modified=9)
        return world

    def test_merge_takes_the_newest_for_the_field_in_conflict_only(self, settled: Settled) -> None:
        world = self.fight(settled, ConflictPolicy.MERGE)
        world.run()
        world.agree()
        found = world.get("c", "1")
        assert (found["title"], found["note"], found["place"]) == ("from b", "note of a", "place of b")
        [conflict] = world.ledger.conflicts.list("job")
        assert (conflict.state, conflict.winner) == ("resolved", "b/c")
        assert b"from a" in world.ledger.blobs.get(conflict.versions["a/c"])
        world.quiet()

    def test_newest_takes_the_whole_item(self, settled: Settled) -> None:
        world = self.fight(settled, ConflictPolicy.NEWEST)
        world.run()
        world.agree()
        found = world.get("c", "1")
        assert (found["title"], found["note"], found["place"]) == ("from b", "n", "place of b")
        [conflict] = world.ledger.conflicts.list("job")
        assert b"note of a" in world.ledger.blobs.get(conflict.versions["a/c"])
        world.quiet()

    def test_prefer(self, settled: Settled) -> None:
        world = self.fight(settled, ConflictPolicy.PREFER, prefer="a")
        world.run()
        world.agree()
        found = world.get("c", "1")
        assert (found["title"], found["place"]) == ("from a", "place of b")

    def test_prefer_of_a_side_that_did_nothing_falls_back_to_the_newest(self, settled: Settled) -> None:
        world = self.fight(settled, ConflictPolicy.PREFER, prefer="c")
        world.run()
        assert world.get("c", "1")["title"] == "from b"

    def test_keep_both_makes_an_item_of_the_loser_on_all_sides(self, settled: Settled) -> None:
        world = self.fight(settled, ConflictPolicy.KEEP_BOTH)
        world.run()
        world.agree()
        titles = sorted(world.get("c", uid)["title"] for uid in world.uids("c"))
        assert titles == ["from a (a)", "from b", "two"]
        world.quiet()

    def test_ask_touches_nothing(self, settled: Settled) -> None:
        world = self.fight(settled, ConflictPolicy.ASK)
        report = world.run()
        assert (report["state"], report["conflicts"]) == ("conflict", 1)
        assert world.get("c", "1")["title"] == "one"
        assert world.run()["state"] == "conflict"
        assert len(world.ledger.conflicts.list("job")) == 1, "asking again makes no second conflict"

    def test_ask_does_not_hold_up_other_items(self, settled: Settled) -> None:
        world = self.fight(settled, ConflictPolicy.ASK)
        world.edit("a", "2", title="goes on")
        world.run()
        assert world.get("c", "2")["title"] == "goes on"

    def test_a_conflict_that_the_owners_mend_themselves_is_over(self, settled: Settled) -> None:
        world = self.fight(settled, ConflictPolicy.ASK)
        world.run()
        for name in "ab":
            world.edit(name, "1", title="agreed by phone")
        assert world.run()["state"] == "done"
        world.agree()
        assert [one.state for one in world.ledger.conflicts.list("job")] == ["resolved"]


class TestServers:
    """What a server does to a body is nobody's edit."""

    def test_a_field_that_a_server_drops_is_not_taken_from_the_others(self, world: Worlds) -> None:
        made = world("ab")
        switched(made, "b", "rewrites", rewrite=without(made, "note"))
        made.put("a", "1", title="one", note="n")
        assert made.run()["state"] == "done"
        made.quiet()
        made.edit("b", "1", title="edited")
        made.run()
        assert made.get("a", "1") == {"title": "edited", "note": "n"}
        made.quiet()
        made.edit("a", "1", note="m")
        made.run()
        made.quiet()
        assert made.get("a", "1")["note"] == "m"

    @pytest.mark.parametrize("habit", ["null-etags", "flapping-etags", "doubles", "no-preconditions"])
    def test_odd_servers_come_to_rest(self, world: Worlds, habit: str) -> None:
        made = world("ab")
        switched(made, "b", "rewrites", habit, rewrite=without(made, "note"))
        made.put("a", "1", modified=1, title="one", note="n")
        made.put("b", "2", modified=1, title="two")
        assert made.run()["state"] == "done"
        made.quiet()
        made.edit("b", "1", title="edited", modified=2)
        made.edit("a", "2", title="edited too", modified=2)
        assert made.run()["state"] == "done"
        made.quiet()
        assert made.get("a", "1") == {"title": "edited", "note": "n"}
        assert made.get("b", "2")["title"] == "edited too"

    def test_a_copy_is_made_of_the_side_that_kept_most(self, world: Worlds) -> None:
        made = world("abc")
        switched(made, "a", "rewrites", rewrite=without(made, "note"))
        third = made.spec.sources
        made.spec = replace(made.spec, sources=third[:2])
        made.put("b", "1", title="one", note="n")
        made.run()
        made.spec = replace(made.spec, sources=third)
        made.edit("a", "1", title="edited")
        made.run()
        assert made.get("c", "1") == {"title": "edited", "note": "n"}

    def test_a_listing_that_is_cut_off_deletes_nothing(self, world: Worlds) -> None:
        made = world("ab", delta=False)
        for number in range(8):
            made.put("a", str(number), title=f"event {number}")
        switches = switched(made, "a")
        made.run()
        switches.cut, switches.cut_to = 1, 2
        assert made.run()["counts"] == {}
        assert len(made.uids("b")) == 8

    def test_a_listing_that_lags_behind_deletes_nothing(self, world: Worlds) -> None:
        made = world("ab", delta=False)
        switches = switched(made, "b")
        made.run()
        switches.stale = True
        made.put("a", "1", title="one")
        made.run()
        made.run()
        assert made.uids("a") == made.uids("b") == ["1"]

    def test_a_user_who_edits_right_after_our_write_is_heard(self, settled: Settled) -> None:
        world = settled("ab")
        switches = switched(world, "b", "rewrites", rewrite=without(world, "place"))

        def edit(what: str) -> None:
            if what == "after write":
                switches.calls = lambda what: None
                world.edit("b", "1", note="by a user", modified=99)

        switches.calls = edit
        world.edit("a", "1", title="edited", place="p")
        world.run()
        world.run()
        assert world.get("a", "1") == {
            "title": "edited",
            "place": "p",
            "note": "by a user",
            "when": "Mon",
            "tag": ["x"],
        }
        world.quiet()

    @pytest.mark.parametrize("habit", ["", "null-etags", "no-preconditions"])
    def test_what_changed_since_the_plan_is_not_overwritten(self, settled: Settled, habit: str) -> None:
        world = settled("ab")
        switches = switched(world, "b", *([habit] if habit else []))

        def edit(what: str) -> None:
            if what == "changes":
                return
            switches.calls = lambda what: None
            world.edit("b", "1", title="by a user", modified=99)

        world.edit("a", "1", title="edited")
        run, _ = world.plan()
        switches.calls = edit
        from tests.support import driver

        assert driver.apply(world.work, run)["again"]
        assert world.get("b", "1")["title"] == "by a user"

    def test_an_item_that_somebody_else_just_created_is_met_and_not_refused(self, settled: Settled) -> None:
        world = settled("ab")
        switches = switched(world, "b")

        def create(what: str) -> None:
            if what == "before write":
                switches.calls = lambda what: None
                world["b"].put(
                    world["b"].new_href("3"), world.writing.item("3", modified=2, title="three", place="by another")
                )

        switches.calls = create
        world.put("a", "3", modified=1, title="three", note="n")
        assert world.run()["state"] == "done"
        world.agree()
        assert world.get("a", "3") == {"title": "three", "note": "n", "place": "by another"}


class TestTrouble:
    def test_a_dead_store_stops_nobody_and_catches_up(self, settled: Settled) -> None:
        world = settled()
        switches = switched(world, "c")
        switches.dead = True
        world.edit("a", "1", title="edited")
        world.put("b", "3", title="three")
        report = world.run()
        assert report["state"] == "partial"
        assert world.get("b", "1")["title"] == "edited"
        assert world.uids("a") == ["1", "2", "3"]
        assert world.uids("c") == ["1", "2"]
        world.edit("b", "1", title="edited again")
        world.run()
        assert world.get("a", "1")["title"] == "edited again"
        switches.dead = False
        assert world.run()["state"] == "done"
        world.agree()
        assert world.get("c", "1")["title"] == "edited again"
        assert world.ledger.conflicts.list("job") == []
        world.quiet()

    def test_a_store_that_dies_while_it_is_written_to(self, settled: Settled) -> None:
        world = settled("ab")
        switches = switched(world, "b")

        def die(what: str) -> None:
            switches.dead = switches.dead or what == "after write"

        switches.calls = die
        for number in range(5):
            world.put("a", f"n{number}", title=f"new {number}")
        assert world.run()["state"] == "partial"
        switches.calm()
        assert world.run()["state"] == "done"
        world.agree()
        assert not world.ledger.journal.unfinished("job", "b/c")
        assert list(world.ledger.state.quarantined("job", world.now)) == []

    def test_an_answer_that_is_lost_with_the_store_is_found_out_later(self, settled: Settled) -> None:
        """The write took effect, the store rewrote it and died: that must not look like somebody's edit afterwards."""
        world = settled("ab")

        def shout(body: bytes) -> bytes:
            place = world.writing.shown(body).get("place", "")
            return world.writing.changed(body, place=f"P!{place[1:]}") if place.startswith("p") else body

        switches = switched(world, "b", "rewrites", rewrite=shout)
        world.edit("a", "1", place="p")
        world.run()
        world.edit("a", "1", place="pp", title="edited")
        switches.after = 1

        def die(what: str) -> None:
            switches.dead = switches.dead or what == "after write"

        switches.calls = die
        assert world.run()["state"] == "partial"
        assert [row.state.value for rows in world.ledger.journal.unfinished("job", "b/c").values() for row in rows] == [
            "sent"
        ]
        switches.calm()
        world.run()
        assert world.get("a", "1")["place"] == "pp"
        assert world.get("b", "1")["place"] == "P!p"
        assert world.ledger.conflicts.list("job") == []
        world.quiet()

    def test_a_read_only_side_is_followed_and_never_written(self, world: Worlds) -> None:
        made = world("ab")
        made["b"]._capabilities = Capabilities(writable=False)
        made.put("b", "1", title="holiday")
        made.put("a", "2", title="mine")
        assert made.run()["state"] == "done"
        assert made.uids("a") == ["1", "2"]
        assert made.uids("b") == ["1"]
        made.edit("b", "1", title="bank holiday")
        made.edit("a", "2", title="edited")
        made.run()
        assert made.get("a", "1")["title"] == "bank holiday"
        made.remove("a", "1")
        report = made.run()
        assert report["state"] == "done"
        assert [one["code"] for one in report["left"]] == ["not-deleted"]
        made.spec = replace(made.spec, shape="everything is looked at again")
        made.run()
        assert made.uids("a") == ["2"], "the deletion is not forgotten"

    @plain_only
    def test_an_item_that_one_side_does_not_take_is_in_step_on_the_others(self, world: Worlds) -> None:
        made = world("abc")
        made["c"]._capabilities = Capabilities(components=frozenset({"event"}))
        made.put("a", "1", type="todo", title="paint")
        report = made.run()
        assert report["state"] == "done"
        assert [one["code"] for one in report["left"]] == ["component"]
        made.quiet()
        made.remove("b", "1")
        made.put("a", "2", type="event", title="stays")
        made.run(allow=["empty"])
        assert made.uids("a") == made.uids("b") == ["2"]

    def test_one_bad_item_does_not_stop_the_rest(self, settled: Settled) -> None:
        world = settled("ab")
        world["a"].put("broken.txt", world.writing.broken)
        world["a"].put("torn.txt", b"no colon here")
        world.put("a", "3", title="three")
        report = world.run()
        assert report["state"] == "partial"
        assert len(report["left"]) == 2
        assert world.uids("b") == ["1", "2", "3"]

    def test_an_item_that_breaks_keeps_its_copies_and_is_taken_up_when_it_is_mended(self, settled: Settled) -> None:
        world = settled("ab")
        href = world.href("a", "1")
        assert href is not None
        good = world["a"].items[href]
        world["a"].put(href, world.writing.broken)
        world.edit("b", "1", note="meanwhile")
        assert world.run()["state"] == "partial"
        assert world.get("b", "1")["note"] == "meanwhile"
        world["a"].put(href, world.writing.changed(good, title="mended"))
        assert world.run()["state"] == "done"
        assert world.get("b", "1")["title"] == "mended"
        assert world.get("a", "1")["note"] == "meanwhile"

    def test_an_item_that_is_not_handed_out_is_left_alone_until_it_is(self, settled: Settled) -> None:
        world = settled("ab")
        href = world.href("a", "1")
        assert href is not None
        world.edit("a", "1", title="edited")
        world.wrap("a", lambda inner: Poisoned(inner, href))
        world.edit("b", "2", title="goes on")
        report = world.run()
        assert report["state"] == "partial"
        assert [one["code"] for one in report["left"]] == ["unreadable"]
        assert world.get("a", "2")["title"] == "goes on"
        world.mend("a")
        assert world.run()["state"] == "done"
        assert world.get("b", "1")["title"] == "edited"

    def test_a_refused_item_backs_off_and_comes_in_the_end(self, settled: Settled) -> None:
        world = settled("ab")
        switches = switched(world, "b")
        switches.refuses = {b"bad"}
        world.put("a", "3", title="bad")
        world.put("a", "4", title="good")
        tries = []
        for _ in range(6):
            report = world.run()
            tries.append([one["code"] for one in report["left"]])
            assert report["state"] == "partial"
            world.now += 200
        assert tries == [["refused"], ["quarantined"], ["refused"], ["quarantined"], ["quarantined"], ["refused"]]
        assert world.uids("b") == ["1", "2", "4"]
        switches.refuses = set()
        world.now += 100_000
        assert world.run()["state"] == "done"
        world.agree()

    def test_an_edit_ends_the_back_off(self, settled: Settled) -> None:
        world = settled("ab")
        switched(world, "b").refuses = {b"bad"}
        world.put("a", "3", title="bad")
        world.run()
        world.edit("a", "3", title="better")
        assert world.run()["state"] == "done"
        world.agree()

    def test_a_collection_that_vanished_is_not_taken_for_an_empty_one(self, settled: Settled) -> None:
        world = settled("ab")
        del world.memory["b"].open_collections[NAME]
        report = world.run()
        assert report["state"] == "partial"
        assert world.uids("a") == ["1", "2"]
        assert NAME not in world.memory["b"].open_collections, "it is not made anew either"

    def test_a_collection_that_never_was_is_made(self, world: Worlds) -> None:
        made = world("ab")
        del made.memory["b"].open_collections[NAME]
        made.put("a", "1", title="one")
        run, _ = made.plan()
        assert made.ledger.journal.get(run).plan["creates"] == ["b/c"]
        assert NAME not in made.memory["b"].open_collections, "a plan writes nothing"
        made.run()
        made.agree()
        made.quiet()

    def test_duplicates_are_named_and_not_guessed_about(self, settled: Settled) -> None:
        world = settled("ab")
        href = world.href("a", "1")
        assert href is not None
        world["a"].put("copy.txt", world["a"].items[href])
        report = world.run()
        assert [one["code"] for one in report["left"]] == ["duplicate-uid"]
        assert world.uids("b") == ["1", "2"]
        world["a"].remove(href)
        assert world.run()["state"] == "done"
        world.agree()
        assert world.uids("b") == ["1", "2"]


@plain_only
def test_nobody_gets_mailed(world: Worlds) -> None:
    made = world("ab")
    made["b"]._capabilities = Capabilities(schedules=True)
    made.put("a", "1", title="meeting", person=["ann", "bob"])
    made.run()
    assert "person" not in made.get("b", "1")
    made.edit("a", "1", person=["ann", "carl"], title="moved")
    made.run()
    assert made.get("b", "1") == {"title": "moved"}
    assert made.get("a", "1")["person"] == ["ann", "carl"]
    made.quiet()


def test_a_job_that_loses_a_collection_forgets_it_and_takes_it_up_again(settled: Settled) -> None:
    world = settled()
    refs = world.spec.sources
    world.spec = replace(world.spec, sources=refs[:2])
    world.run()
    world.edit("c", "1", note="edited while it was out")
    world.spec = replace(world.spec, sources=(*refs[:2], CollectionRef("c", NAME)))
    world.run()
    assert sorted(world.uids("a")) == ["1", "2"]
    world.agree()
    world.quiet()
