"""Plans as frozen objects, stale plans, and phases that are called twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support import driver
from tests.support.trouble import Switches, troubled
from tests.support.world import World
from tests.unit.core.conftest import plain_only
from trueup.core import phases
from trueup.core.staleness import refuse_stale
from trueup.model.change import Action, Change, ChangeState
from trueup.model.errors import LedgerError, StalePlan
from trueup.model.plan import Plan

Worlds = Callable[..., World]


@pytest.fixture
def planned(world: Worlds) -> tuple[World, str]:
    made = world("ab")
    made.put("a", "1", title="one")
    made.put("b", "2", title="two")
    made.run()
    made.edit("a", "1", title="edited")
    made.put("b", "3", title="three")
    run, _ = made.plan()
    return made, run


def plan_of(world: World, run: str) -> Plan:
    header = world.ledger.journal.get(run).plan
    assert header is not None
    return Plan.from_json(header)


def readings(world: World, run: str) -> list[dict[str, object]]:
    return [phases.read(world.work, run, str(ref)) for ref in world.spec.collections]


class TestPlan:
    def test_it_survives_json_with_its_hash(self, planned: tuple[World, str]) -> None:
        world, run = planned
        plan = plan_of(world, run)
        changes = driver.changes(world.work, run)
        header, again = json.loads(json.dumps([plan.to_json(), [one.to_json() for one in changes]]))
        assert Plan.from_json(header) == plan
        assert [Change.from_json(one) for one in again] == changes
        assert Plan.from_json(header).compute_hash(world.ledger.journal.texts(run)) == plan.hash

    def test_it_says_what_it_is(self, planned: tuple[World, str]) -> None:
        world, run = planned
        plan = plan_of(world, run)
        assert (plan.complete, plan.applyable, plan.errored) == (True, True, False)
        assert plan.counts == {"update": 1, "create": 1}
        assert [(one.collection, one.items, one.read) for one in plan.based_on] == [("a/c", 2, True), ("b/c", 3, True)]

    def test_an_empty_one_is_not_applyable(self, world: Worlds) -> None:
        made = world("ab")
        run, _ = made.plan()
        assert not plan_of(made, run).applyable

    def test_one_with_a_dead_store_is_not_complete(self, world: Worlds) -> None:
        made = world("abc")
        made.wrap("c", lambda inner: troubled(inner, Switches(dead=True), [], lambda body: body))
        made.put("a", "1", title="one")
        run, _ = made.plan()
        plan = plan_of(made, run)
        assert (plan.complete, plan.applyable) == (False, True)
        assert "c/c could not be read" in plan.diagnostics[0].what

    def test_a_permission_leaves_the_hash_alone(self, world: Worlds) -> None:
        made = world("ab")
        for number in range(9):
            made.put("a", str(number), title=f"event {number}")
        made.run()
        for uid in made.uids("a"):
            made.remove("a", uid)
        run, _ = made.plan()
        before = plan_of(made, run)
        assert before.blocked
        assert not phases.guard(made.work, run, ["all"])["blocked"]
        assert plan_of(made, run).hash == before.hash
        driver.apply(made.work, run)
        assert made.uids("b") == []

    @pytest.mark.parametrize("what", ["change", "header"])
    def test_one_that_was_tampered_with_is_refused(self, planned: tuple[World, str], what: str) -> None:
        world, run = planned
        if what == "header":
            plan = replace(plan_of(world, run), counts={"update": 1})
            world.ledger.journal.update(run, plan=plan.to_json())
        else:
            changes = [replace(one, action=Action.DELETE) for one in driver.changes(world.work, run)]
            world.ledger.journal.clear_changes(run)
            world.ledger.journal.add_changes(run, [(one, ChangeState.PLANNED) for one in changes])
        with pytest.raises(LedgerError, match="is not the one that was made"):
            phases.start_apply(world.work, run)

    def test_two_plans_of_the_same_say_the_same(self, planned: tuple[World, str]) -> None:
        world, run = planned
        again, _ = world.plan()
        assert driver.changes(world.work, run) == driver.changes(world.work, again)


class TestStale:
    def test_nothing_changed(self, planned: tuple[World, str]) -> None:
        world, run = planned
        refuse_stale(world.work, plan_of(world, run), readings(world, run))

    @pytest.mark.parametrize("what", ["edit", "new", "gone"])
    def test_it_is_refused_with_what_changed(self, planned: tuple[World, str], what: str) -> None:
        world, run = planned
        if what == "edit":
            world.edit("b", "2", title="moved on")
        elif what == "new":
            world.put("b", "9", title="moved on")
        else:
            world.remove("b", "2")
        name = "two" if what == "gone" else "moved on"
        with pytest.raises(StalePlan, match=f"“{name}”"):
            refuse_stale(world.work, plan_of(world, run), readings(world, run))

    def test_another_configuration(self, planned: tuple[World, str]) -> None:
        world, run = planned
        world.spec = replace(world.spec, digest="another")
        with pytest.raises(StalePlan, match="configuration"):
            refuse_stale(world.work, plan_of(world, run), readings(world, run))

    def test_a_store_that_went_down_or_came_back(self, planned: tuple[World, str]) -> None:
        world, run = planned
        switches = Switches(dead=True)
        world.wrap("b", lambda inner: troubled(inner, switches, [], lambda body: body))
        with pytest.raises(StalePlan, match="cannot be read now"):
            refuse_stale(world.work, plan_of(world, run), readings(world, run))
        run, _ = world.plan()
        switches.dead = False
        with pytest.raises(StalePlan, match="can be now"):
            refuse_stale(world.work, plan_of(world, run), readings(world, run))


class TestTwice:
    """Engines may call a phase again, whether it came to its end or not."""

    def test_every_phase(self, world: Worlds) -> None:
        made = world("ab", delta=False)
        made.put("a", "1", title="one")
        made.put("b", "2", title="two")
        made.run()
        made.edit("a", "1", title="edited")
        made.remove("b", "2")
        made.put("b", "3", title="three")
        work = made.work
        run = phases.begin(work)
        for _ in range(2):
            found = readings(made, run)
        for _ in range(2):
            phases.plan(work, run, found)
        for _ in range(2):
            phases.guard(work, run)
        for _ in range(2):
            waves = phases.start_apply(work, run)["waves"]
        for wave in waves:
            for batch in [*wave, *wave]:
                phases.apply_batch(work, run, batch)
        for _ in range(2):
            verified = [phases.verify(work, run, str(ref)) for ref in made.spec.collections]
        reports = [phases.report(work, run, verified) for _ in range(2)]
        assert reports[0] == reports[1]
        assert reports[0]["counts"] == {"update": 1, "delete": 1, "create": 1}
        made.agree()
        made.quiet()

    def test_a_report_keeps_its_conflicts_once(self, world: Worlds) -> None:
        made = world("ab")
        made.put("a", "1", title="from a")
        made.put("b", "1", title="from b")
        run = made.run()["run"]
        made.ledger.on_write = None
        phases.report(made.work, run)
        assert len(made.ledger.conflicts.list("job")) == 1


@plain_only
def test_unchanged_items_are_neither_fetched_nor_parsed(world: Worlds) -> None:
    from tests.support.plainkind import PlainKind

    class Counting(PlainKind):
        parsed = 0

        def fields(self, data: bytes) -> object:  # type: ignore[override]
            Counting.parsed += 1
            return super().fields(data)

    made = world("ab")
    made.kind = Counting()
    for number in range(50):
        made.put("a", str(number), title=f"event {number}")
    made.run()
    assert Counting.parsed == 0, "a first pull compares bytes"
    made.edit("a", "7", title="edited")
    made.run()
    assert 0 < Counting.parsed < 12
