"""Runs that would meet, and what becomes of the one that comes later."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from trueup.core.collisions import Party, settled, uses_of
from trueup.model.occurrence import Occurrence
from trueup.model.pipeline import PipelineSpec, StepKind, StepSpec
from trueup.model.schedule import Collide


def one(key: str, at: float, until: float | None = None) -> Occurrence:
    return Occurrence(key, at, nominal=at, until=at if until is None else until, title=key)


def party(policy: Collide = Collide.QUEUE, *uses: str) -> Party:
    return Party(frozenset(uses or ("job/team",)), policy)


def pipeline(name: str, *steps: tuple[str, StepKind, str]) -> PipelineSpec:
    return PipelineSpec(name, tuple(StepSpec(step, kind, target) for step, kind, target in steps))


def test_a_pipeline_uses_what_it_reaches() -> None:
    pipelines = {
        "night": pipeline(
            "night", ("a", StepKind.JOB, "team"), ("b", StepKind.PIPELINE, "sub"), ("c", StepKind.PYTHON, "m:f")
        ),
        "sub": pipeline("sub", ("a", StepKind.JOB, "busy")),
    }
    assert uses_of("night", pipelines) == {"pipeline/night", "job/team", "pipeline/sub", "job/busy"}
    assert uses_of("team", pipelines) == {"job/team"}


def test_what_shares_nothing_does_not_meet() -> None:
    found = settled(
        {"a": [one("x", 10, 20)], "b": [one("y", 10, 20)]},
        {"a": party(Collide.SKIP, "job/a"), "b": party(Collide.SKIP, "job/b")},
    )
    assert not found["a"][0].skipped
    assert not found["b"][0].skipped


def test_skip() -> None:
    found = settled(
        {"a": [one("x", 10, 20)], "b": [one("y", 19), one("z", 20)]}, {"a": party(), "b": party(Collide.SKIP)}
    )
    assert [(each.key, each.skipped) for each in found["b"]] == [("y", "it would meet a (“x”)"), ("z", "")]


def test_shift_is_to_the_end_and_on_from_there() -> None:
    parties = {"a": party(), "b": party(), "c": party(Collide.SHIFT)}
    found = settled({"a": [one("x", 10, 20)], "b": [one("y", 20, 35)], "c": [one("z", 15, 18)]}, parties)
    assert [(each.at, each.until, each.note) for each in found["c"]] == [
        (35, 38, "moved to the end of a (“x”); moved to the end of b (“y”)")
    ]


def test_ask_and_queue() -> None:
    parties = {"a": party(), "b": party(Collide.ASK), "c": party(Collide.QUEUE)}
    found = settled({"a": [one("x", 10, 20)], "b": [one("y", 15, 30)], "c": [one("z", 15)]}, parties)
    assert found["b"][0].asks == "a (“x”)"
    assert (found["c"][0].at, found["c"][0].note) == (
        15,
        "waits for a (“x”)",
    )  # and not for the one that is asked about


def test_two_of_the_same_moment_meet_though_nobody_knows_how_long_they_take() -> None:
    found = settled({"a": [one("x", 10)], "b": [one("y", 10)]}, {"a": party(), "b": party(Collide.SKIP)})
    assert found["b"][0].skipped
    assert not settled({"a": [one("x", 10)], "b": [one("y", 11)]}, {"a": party(), "b": party(Collide.SKIP)})["b"][
        0
    ].skipped


def test_events_of_one_calendar_meet_each_other() -> None:
    found = settled({"a": [one("x", 10, 20), one("y", 15, 25)]}, {"a": party(Collide.SHIFT)})
    assert [(each.key, each.at, each.until) for each in found["a"]] == [("x", 10, 20), ("y", 20, 30)]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50), st.integers(0, 20)), max_size=20),
    st.sampled_from([Collide.SHIFT, Collide.SKIP]),
)
def test_no_two_that_run_take_place_at_once(given: list[tuple[str, int, int]], policy: Collide) -> None:
    found = {
        name: [one(str(index), at, at + length) for index, (who, at, length) in enumerate(given) if who == name]
        for name in "abc"
    }
    result = settled(found, {name: party(policy) for name in "abc"})
    assert sorted(each.key for listed in result.values() for each in listed) == sorted(
        each.key for listed in found.values() for each in listed
    )
    running = sorted((each.at, each.until) for listed in result.values() for each in listed if not each.skipped)
    assert all(low[1] <= high[0] for low, high in itertools.pairwise(running))
    for name in "abc":
        for each in result[name]:
            assert each.at >= each.nominal
