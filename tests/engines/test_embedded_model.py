"""Random graphs, random outcomes, random crashes: what ran and what was skipped is what an independent model says, and nothing that
was recorded as done is done again."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engines.world import World
from tests.unit.graph.specs import ALWAYS, DONE, FAILED, PARTIAL, SKIPPED, pipeline, python
from trueup.model.pipeline import PipelineSpec, StepOutcome, StepSpec, When
from trueup.model.run import RunState

WHENS = [
    (DONE,),
    (DONE,),
    (DONE,),
    (FAILED,),
    ALWAYS,
    (DONE, SKIPPED),
    (DONE, PARTIAL),
    (FAILED, PARTIAL),
    (SKIPPED,),
    (PARTIAL,),
]


@dataclass(frozen=True)
class Node:
    """A step of a random graph: what it needs, when it runs, how it ends (a map has one letter for each item)."""

    needs: tuple[int, ...]
    when: tuple[StepOutcome, ...]
    ends: str
    mapped: bool


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    nodes = []
    for place in range(draw(st.integers(1, 8))):
        needs = tuple(sorted(draw(st.sets(st.integers(0, place - 1), max_size=3)))) if place else ()
        when = draw(st.sampled_from(WHENS)) if needs else draw(st.sampled_from([(DONE,), ALWAYS]))
        mapped = draw(st.booleans())
        ends = draw(st.text("dddf", min_size=0 if mapped else 1, max_size=3 if mapped else 1))
        nodes.append(Node(needs, when, ends, mapped))
    return nodes


def spec_of(world: World, nodes: list[Node]) -> PipelineSpec:
    return pipeline(*reversed([step_of(world, place, node) for place, node in enumerate(nodes)]))


def step_of(world: World, place: int, node: Node) -> StepSpec:
    needs = [f"s{need}" for need in node.needs]
    target = f"{world.module}:fail_on"
    if node.mapped:
        with_ = {"x": "${item}", "bad": ["f"]}
        return python(
            f"s{place}", target, needs=needs, when=When(node.when), for_each=list(node.ends), with_=with_, parallel=2
        )
    return python(f"s{place}", target, needs=needs, when=When(node.when), with_={"x": node.ends, "bad": ["f"]})


def model(nodes: list[Node]) -> tuple[dict[str, str], Counter[str]]:
    """Outcome of every step and how often everything takes effect, by the rules as they are written in docs/reference/pipelines.md:
    first who is "as good as" what, then who may run."""
    outcome: list[str] = []
    as_good_as: list[str] = []
    effects: Counter[str] = Counter()
    for place, node in enumerate(nodes):
        needed = [as_good_as[need] for need in node.needs]
        wanted = [one.value for one in node.when]
        if "done" in wanted:
            runs = not [one for one in needed if one not in wanted]
        else:
            runs = len([one for one in needed if one in wanted]) > 0
        if not runs:
            outcome.append("skipped")
            as_good_as.append("failed" if "failed" in needed else "partial" if "partial" in needed else "skipped")
            continue
        failed = node.ends.count("f")
        if not failed:
            end = "done"
        elif failed == len(node.ends):
            end = "failed"
        else:
            end = "partial"
        outcome.append(end)
        as_good_as.append(end)
        keys = [f"s{place}[{at}]" for at in range(len(node.ends))] if node.mapped else [f"s{place}"]
        effects.update(keys)
    return {f"s{place}": one for place, one in enumerate(outcome)}, effects


@contextmanager
def new_world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            yield world
        finally:
            world.close()


def whole(outcomes: dict[str, str]) -> str:
    found = set(outcomes.values())
    return "failed" if "failed" in found else "partial" if "partial" in found else "done"


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_what_runs_is_what_the_model_says(nodes: list[Node]) -> None:
    outcomes, effects = model(nodes)
    with new_world() as world:
        result = world.run(spec_of(world, nodes))
        assert {name: one["outcome"] for name, one in result["steps"].items()} == outcomes
        assert world.counted() == effects
        assert result["state"] == whole(outcomes)


class Crash(BaseException):
    """The process dies here: nothing is written after it."""


class Bomb:
    """A hook that lets so many events pass, and then no write any more."""

    def __init__(self, events: int) -> None:
        self.left = events

    def __call__(self, label: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise Crash(label)


def ended(world: World, run: str) -> set[str]:
    """What the ledger holds as ended."""
    return {row.key for row in world.ledger.steps.all(run) if row.state in {one.value for one in StepOutcome}}


@settings(max_examples=60, deadline=None)
@given(graphs(), st.lists(st.integers(0, 30), max_size=5))
def test_crashes_change_nothing(nodes: list[Node], crashes: list[int]) -> None:
    outcomes, effects = model(nodes)
    with new_world() as world:
        spec = spec_of(world, nodes)
        result = None
        for events in crashes:
            over = _over(world)
            before = world.counted()
            world.ledger.on_write = Bomb(events)
            try:
                result = world.run(spec)
            except Crash:
                result = None
            finally:
                world.ledger.on_write = None
            after = world.counted()
            assert all(before[key] == after[key] for key in over), "done again"
            if result is not None:
                break
            world.free_lease(
                "pipeline/nightly"
            )  # here the process lives on, and would be taken for one that still runs
            last = world.ledger.journal.latest("nightly")
            if last is not None and last.state is not RunState.RUNNING:
                return  # the run was over: only giving the lease back was left
        over, before = _over(world), world.counted()
        result = result or world.run(spec)
        assert all(before[key] == world.counted()[key] for key in over), "done again"
        assert {name: one["outcome"] for name, one in result["steps"].items()} == outcomes
        assert result["state"] == whole(outcomes)
        assert set(world.counted()) == set(effects)
        assert all(world.counted()[key] >= number for key, number in effects.items())


def _over(world: World) -> set[str]:
    run = world.ledger.journal.latest("nightly", (RunState.RUNNING,))
    return ended(world, run.id) if run else set()
