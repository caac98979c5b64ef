"""What the state machines found, by name: our process dies between an effect and its record, and users go on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from tests.support.trouble import Crash, Switches, troubled
from tests.support.world import World
from tests.unit.core.conftest import plain_only
from trueup.model.job import ConflictPolicy

Worlds = Callable[..., World]


def killed_after(world: World, what: str, name: str) -> None:
    """A run that dies right after this call to a store."""
    switches = Switches()

    def die(call: str) -> None:
        if call == what:
            raise Crash(call)

    switches.calls = die
    world.wrap(name, lambda inner: troubled(inner, switches, [], lambda body: body))
    with contextlib.suppress(Crash):
        world.run(allow=["all"])
        raise AssertionError("it was not killed")
    world.mend(name)
    world.reopen()


def test_a_creation_that_nobody_recorded_is_not_repeated(world: Worlds) -> None:
    made = world("ab")
    made.put("a", "1", title="one")
    killed_after(made, "after write", "b")
    assert made.run()["state"] == "done"
    made.agree()
    made.quiet()


@pytest.mark.parametrize("policy", [ConflictPolicy.MERGE, ConflictPolicy.PREFER])
def test_an_edit_of_what_nobody_recorded_is_no_conflict(world: Worlds, policy: ConflictPolicy) -> None:
    made = world("ab", conflicts=policy, prefer="a")
    made.put("a", "1", title="one", modified=1)
    killed_after(made, "after write", "b")
    made.edit("b", "1", title="edited", modified=2)
    made.run()
    made.agree()
    assert made.get("a", "1")["title"] == "edited"
    assert made.ledger.conflicts.list("job") == []


def test_a_removal_from_what_nobody_recorded_leaves_no_difference(world: Worlds) -> None:
    made = world("abc")
    made.put("a", "1", title="one", tag=["x"], modified=1)
    killed_after(made, "after write", "b")
    made.edit("b", "1", tag=[], modified=2)
    made.run()
    made.agree()
    made.quiet()


def test_an_update_that_nobody_recorded_is_no_edit(world: Worlds) -> None:
    made = world("ab")
    made.put("a", "1", title="one", modified=1)
    made.run()
    made.edit("a", "1", title="edited", modified=2)
    killed_after(made, "after write", "b")
    made.edit("a", "1", title="edited again", modified=3)
    made.run()
    made.agree()
    assert made.get("b", "1")["title"] == "edited again"
    assert made.ledger.conflicts.list("job") == []


def test_a_deletion_that_nobody_recorded_is_done(world: Worlds) -> None:
    made = world("ab")
    made.put("a", "1", title="one")
    made.put("a", "2", title="two")
    made.run()
    made.remove("a", "1")
    killed_after(made, "after write", "b")
    assert made.run()["state"] == "done"
    made.agree()
    assert made.uids("a") == ["2"]


def test_scribbling_in_a_copy_that_was_not_read_back_is_drift(world: Worlds) -> None:
    made = world("ab", targets="b")
    made.put("a", "1", title="one", modified=1)
    killed_after(made, "after write", "b")
    made.edit("b", "1", note="scribbled", modified=2)
    made.run()
    made.agree()
    made.quiet()


@plain_only
def test_killed_at_every_write_to_the_ledger(world: Worlds) -> None:
    """One story, killed at each place in turn: the end is always the same."""
    number, died = 0, True
    while died:
        made = world("ab")
        made.put("a", "1", title="one", modified=1)
        made.put("b", "2", title="two", modified=1)
        made.run()
        made.edit("a", "1", title="edited", modified=2)
        made.edit("b", "1", note="n", modified=2)
        made.remove("a", "2")
        made.put("b", "3", title="three", modified=1)
        left = number

        def die(what: str) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Crash(what)

        made.ledger.on_write = die
        try:
            made.run()
            died = False
        except Crash:
            made.reopen()
            assert made.run()["state"] == "done"
        made.ledger.on_write = None
        made.agree()
        assert made.uids("a") == ["1", "3"]
        assert made.get("a", "1") == {"title": "edited", "note": "n"}
        made.quiet()
        made.ledger.close()
        number += 1
    assert number > 30
