"""The embedded engine runs pipelines: every feature once, on a real ledger, with real functions."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.engines.world import World
from tests.unit.graph.specs import ALWAYS, DONE, FAILED, PARTIAL, SKIPPED, job, pipeline, python, sub
from trueup.core.graph import StepResult
from trueup.core.ledger import open_ledger
from trueup.core.pipeline_runs import definition_digest
from trueup.core.step_runs import pause_before
from trueup.engines.embedded import Resume, Stop
from trueup.model.errors import (
    Cancelled,
    GuardBlocked,
    Locked,
    LoginRefused,
    NotFound,
    StalePlan,
    Transient,
    UsageError,
)
from trueup.model.pipeline import Backoff, CacheSpec, ParamSpec, ParamType, PipelineSpec, RetrySpec, StepSpec, When
from trueup.model.run import RunState

FAST = RetrySpec(3, base=0.001, cap=0.002)


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    return {name: one["outcome"] for name, one in result["steps"].items()}


def step(world: World, name: str, function: str = "say", **more: Any) -> StepSpec:
    return python(name, f"{world.module}:{function}", **more)


# -- the graph ----------------------------------------------------------------------------------------------------------


def test_steps_run_in_order_and_hand_their_output_on(world: World) -> None:
    spec = pipeline(
        step(world, "last", with_={"x": "${steps.middle.output} of ${params.region}"}),
        step(world, "middle", with_={"x": "${steps.first.output.count}"}),
        step(world, "first", "rows", with_={"count": "${params.limit}"}),
        params=[ParamSpec("region", required=False, default="eu"), ParamSpec("limit", ParamType.INTEGER)],
    )
    result = world.run(spec, {"limit": 3})
    assert result["state"] == "done"
    assert result["exit_code"] == 0
    assert result["output"] == {"first": {"rows": [0, 1, 2], "count": 3}, "middle": 3, "last": "3 of eu"}
    assert world.effects() == ["rows", "middle", "last"]
    run = world.ledger.journal.get(result["run"])
    assert (run.kind, run.subject, run.state, run.parent) == ("pipeline", "nightly", RunState.DONE, "")
    assert run.plan is not None
    assert run.plan["params"] == {"region": "eu", "limit": 3}
    assert run.ended is not None
    assert run.report["steps"]["last"]["outcome"] == "done"
    assert world.states("middle") == ["running", "done"]
    assert [one["state"] for one in world.events if one["event"] == "pipeline"] == ["running", "done"]


def test_independent_steps_run_at_once(world: World) -> None:
    spec = pipeline(*(step(world, f"s{n}", "meet", with_={"others": 5}) for n in range(5)))
    assert world.run(spec)["state"] == "done"


def test_a_failure_stops_what_needs_it_and_nothing_else(world: World) -> None:
    spec = pipeline(
        step(world, "a", "fail"),
        step(world, "b", needs=["a"]),
        step(world, "c", needs=["b"]),
        step(world, "alarm", needs=["c"], when=FAILED, with_={"x": "${steps.a.error}"}),
        step(world, "calm", needs=["d"], when=FAILED),
        step(world, "tidy", needs=["c"], when=ALWAYS),
        step(world, "good_enough", needs=["a", "d"], when=(DONE, FAILED)),
        step(world, "d"),
        step(world, "e", needs=["d"]),
    )
    result = world.run(spec)
    assert outcomes(result) == {
        "a": "failed", "b": "skipped", "c": "skipped", "alarm": "done", "calm": "skipped", "tidy": "done",
        "good_enough": "done", "d": "done", "e": "done",
    }  # fmt: skip
    assert result["state"] == "failed"
    assert result["exit_code"] == 1
    assert result["steps"]["b"]["error"] == "a failed"
    assert result["steps"]["c"]["error"] == "b was skipped"
    assert result["steps"]["calm"]["error"] == "none of d ended failed"
    assert "ValueError: no" in result["error"]
    assert "ValueError: no" in result["output"]["alarm"]


def test_a_condition_on_data(world: World) -> None:
    spec = pipeline(
        step(world, "check", "rows", with_={"count": "${params.n}"}),
        step(world, "some", when="${steps.check.output.count > 0}"),
        step(world, "none", when="${steps.check.output.count == 0}"),
        step(world, "join", needs=["some", "none"], when=(DONE, SKIPPED)),
        step(world, "broken", when="${steps.check.output.cuont > 0}"),
        params=[ParamSpec("n", ParamType.INTEGER)],
    )
    result = world.run(spec, {"n": 2})
    assert outcomes(result) == {"check": "done", "some": "done", "none": "skipped", "join": "done", "broken": "failed"}
    assert result["steps"]["none"]["error"] == "its condition is not met: ${steps.check.output.count == 0}"
    assert "it has rows, count" in result["steps"]["broken"]["error"]
    assert outcomes(world.run(spec, {"n": 0}))["none"] == "done"


# -- maps ---------------------------------------------------------------------------------------------------------------


def test_a_map_keeps_the_items_order(world: World) -> None:
    spec = pipeline(
        step(world, "rows", "rows", with_={"count": 20}),
        step(world, "each", for_each="${steps.rows.output.rows}", with_={"x": ["${item}", "${index}"]}, parallel=5),
        step(world, "after", with_={"x": "${len(steps.each.output)}"}),
    )
    result = world.run(spec)
    assert result["output"]["each"] == [[n, n] for n in range(20)]
    assert result["output"]["after"] == 20
    rows = {row.key: row for row in world.ledger.steps.all(result["run"])}
    assert rows["each[7]"].output == [7, 7]
    assert rows["each"].state == "done"


def test_an_empty_map_is_done(world: World) -> None:
    spec = pipeline(step(world, "each", for_each=[]), step(world, "after", needs=["each"]))
    result = world.run(spec)
    assert result["output"]["each"] == []
    assert outcomes(result) == {"each": "done", "after": "done"}


def test_no_more_items_at_once_than_allowed(world: World) -> None:
    spec = pipeline(step(world, "each", "count_busy", for_each=list(range(12)), parallel=3))
    busy = world.run(spec)["output"]["each"]
    assert max(busy) <= 3
    assert max(busy) >= 2


@pytest.mark.parametrize(
    ("bad", "outcome", "state", "exit_code"),
    [([1], "partial", "partial", 3), ([0, 1, 2], "failed", "failed", 1), ([], "done", "done", 0)],
)
def test_one_bad_item_does_not_stop_the_others(
    world: World, bad: list[int], outcome: str, state: str, exit_code: int
) -> None:
    spec = pipeline(
        step(world, "each", "fail_on", for_each=[0, 1, 2], with_={"x": "${item}", "bad": bad}),
        step(world, "strict", needs=["each"]),
        step(world, "lenient", needs=["each"], when=(DONE, PARTIAL), with_={"x": "${steps.each.output}"}),
    )
    result = world.run(spec)
    assert result["steps"]["each"]["outcome"] == outcome
    assert (result["state"], result["exit_code"]) == (state, exit_code)
    assert result["output"]["each"] == [None if n in bad else n * 10 for n in range(3)]
    assert outcomes(result)["strict"] == ("done" if not bad else "skipped")
    assert outcomes(result)["lenient"] == ("done" if outcome != "failed" else "skipped")
    if bad == [1]:
        assert result["steps"]["each"]["error"].startswith("1 of 3 failed; [1]: ")


def test_a_map_over_something_else_fails(world: World) -> None:
    spec = pipeline(step(world, "one"), step(world, "each", for_each="${steps.one.output}"), step(world, "other"))
    result = world.run(spec)
    assert "needs a list" in result["steps"]["each"]["error"]
    assert outcomes(result)["other"] == "done"


def test_an_item_whose_values_cannot_be_had_fails_alone(world: World) -> None:
    items = [{"id": 1}, {}, {"id": 3}]
    result = world.run(pipeline(step(world, "each", for_each=items, with_={"x": "${item.id}"})))
    assert result["output"]["each"] == [1, None, 3]
    assert result["state"] == "partial"


# -- retry, time-out, cache ---------------------------------------------------------------------------------------------


def test_retried_until_it_succeeds(world: World) -> None:
    with_ = {"file": "failures", "times": 2}
    result = world.run(pipeline(step(world, "it", "fail_until", retry=FAST, with_=with_)))
    assert result["output"]["it"] == {"attempt": 3}
    assert world.states("it") == ["running", "retrying", "running", "retrying", "running", "done"]


def test_given_up_after_the_last_attempt(world: World) -> None:
    with_ = {"file": "failures", "times": 9}
    result = world.run(pipeline(step(world, "it", "fail_until", retry=FAST, with_=with_)))
    assert world.effects() == ["it"] * 3
    assert "3 of 9" in result["error"]


@pytest.mark.parametrize(
    ("function", "with_"),
    [("nothing", {}), ("say", {"y": 1}), ("effect", {"line": {1, 2}})],
    ids=["gone", "args", "json"],
)
def test_what_trying_again_cannot_help_is_not_tried_again(world: World, function: str, with_: dict[str, Any]) -> None:
    source = world.root / f"{world.module}.py"
    source.write_text(source.read_text() + "\n\ndef not_json(context):\n    effect('x')\n    return {1}\n")
    name = "not_json" if function == "effect" else function
    given = {} if function == "effect" else with_
    result = world.run(pipeline(step(world, "it", name, retry=FAST, with_=given)))
    assert result["state"] == "failed"
    assert world.states("it") == ["running", "failed"]
    assert len(world.effects()) == (1 if function == "effect" else 0)


def test_pauses_grow_with_full_jitter_up_to_the_cap() -> None:
    exponential = RetrySpec(9, base=1.0, cap=10.0)
    for failures, most in [(1, 1.0), (2, 2.0), (4, 8.0), (5, 10.0), (5000, 10.0)]:
        drawn = [pause_before(exponential, failures) for _ in range(300)]
        assert 0 <= min(drawn) < most * 0.2
        assert most * 0.8 < max(drawn) <= most
    assert pause_before(RetrySpec(9, Backoff.FIXED, base=3.0), 7) == 3.0


def test_a_time_out_ends_the_step_and_can_be_retried(world: World) -> None:
    spec = pipeline(
        step(world, "slow", "sleep", timeout=1.0, with_={"seconds": 60}, retry=RetrySpec(2, base=0.01)),
        step(world, "quick", "sleep", timeout=60.0, with_={"seconds": 0}),
        step(world, "alarm", needs=["slow"], when=FAILED),
    )
    start = time.monotonic()
    result = world.run(spec)
    assert time.monotonic() - start < 15
    assert outcomes(result) == {"slow": "failed", "quick": "done", "alarm": "done"}
    assert "did not end within 1 s" in result["error"]
    assert world.counted()["slow"] == 2


def test_what_was_done_for_the_same_key_is_not_done_again(world: World) -> None:
    def spec(**more: Any) -> PipelineSpec:
        cache = CacheSpec("${params.day}", more.pop("seconds", None))
        one = step(world, "it", with_={"x": "result of ${params.day}"}, cache=cache, **more)
        return pipeline(one, params=[ParamSpec("day")])

    assert world.run(spec(), {"day": "mon"})["output"]["it"] == "result of mon"
    assert world.run(spec(), {"day": "mon"})["output"]["it"] == "result of mon"
    assert world.effects() == ["it"]
    assert [one for one in world.events if one.get("cached")]
    world.run(spec(), {"day": "tue"})
    assert len(world.effects()) == 2
    world.run(spec(seconds=3600.0), {"day": "tue"})
    assert len(world.effects()) == 2
    time.sleep(0.02)
    world.run(spec(seconds=0.01), {"day": "tue"})
    assert len(world.effects()) == 3


def test_a_failure_is_not_cached_and_a_map_is_cached_item_by_item(world: World) -> None:
    def run(items: list[int], bad: list[int]) -> dict[str, Any]:
        with_ = {"x": "${item}", "bad": "${params.bad}"}
        one = step(world, "each", "fail_on", for_each=items, with_=with_, cache=CacheSpec("${item}"))
        return world.run(pipeline(one, params=[ParamSpec("bad", ParamType.LIST)]), {"bad": bad})

    assert run([1, 2], [2])["output"]["each"] == [10, None]
    assert run([1, 2, 3], [])["output"]["each"] == [10, 20, 30]
    assert world.counted() == {"each[0]": 1, "each[1]": 2, "each[2]": 1}
    assert run([3, 1], [1, 2, 3])["output"]["each"] == [30, 10]


# -- other pipelines and jobs -------------------------------------------------------------------------------------------


def test_a_pipeline_as_a_step(world: World) -> None:
    world.pipelines["weekly"] = pipeline(
        step(world, "inner", with_={"x": "${params.region}-${run.pipeline}"}),
        name="weekly",
        params=[ParamSpec("region"), ParamSpec("n", ParamType.INTEGER, required=False, default=1)],
    )
    spec = pipeline(
        sub("more", "weekly", with_={"region": "eu"}),
        sub("wrong", "weekly", with_={"region": "${len('abc')}"}),
        sub("each", "weekly", for_each=["a", "b"], with_={"region": "${item}"}),
        step(world, "after", with_={"x": "${steps.more.output.inner}"}),
    )
    result = world.run(spec)
    assert result["output"]["after"] == "eu-weekly"
    assert result["output"]["each"] == [{"inner": "a-weekly"}, {"inner": "b-weekly"}]
    assert "must be a text, not 3" in result["steps"]["wrong"]["error"]
    child = world.ledger.journal.latest("weekly", parent=f"{result['run']}/more", kind="pipeline")
    assert child is not None
    assert child.state is RunState.DONE


def test_a_pipeline_that_fails_fails_its_step(world: World) -> None:
    world.pipelines["weekly"] = pipeline(step(world, "inner", "fail"), name="weekly")
    result = world.run(pipeline(sub("more", "weekly"), step(world, "alarm", needs=["more"], when=FAILED)))
    assert outcomes(result) == {"more": "failed", "alarm": "done"}
    assert "pipeline weekly failed: step inner: " in result["error"]


def test_a_pipeline_that_is_late_is_stopped_between_its_steps(world: World) -> None:
    inner = [step(world, "s0", "sleep", with_={"seconds": 0.2})]
    inner += [step(world, f"s{n}", "sleep", needs=[f"s{n - 1}"], with_={"seconds": 0.2}) for n in range(1, 20)]
    world.pipelines["long"] = pipeline(*inner, name="long")
    result = world.run(pipeline(sub("more", "long", timeout=0.5), step(world, "other")))
    assert outcomes(result) == {"more": "failed", "other": "done"}
    assert "pipeline long did not end within 0.5 s" in result["error"]
    assert 2 <= len(world.effects()) <= 6


@pytest.mark.parametrize(("state", "outcome"), [("done", "done"), ("partial", "partial"), ("conflict", "partial")])
def test_a_job_as_a_step(world: World, state: str, outcome: str) -> None:
    calls: list[dict[str, Any]] = []

    def team(**given: Any) -> dict[str, Any]:
        calls.append(given)
        return {"state": state, "run": "r1", "counts": {"create": 2}}

    world.jobs["team"] = team
    spec = pipeline(
        job("team", "team"),
        step(world, "after", needs=["team"], when=(DONE, PARTIAL), with_={"x": "${steps.team.output.counts.create}"}),
    )
    result = world.run(spec)
    assert outcomes(result) == {"team": outcome, "after": "done"}
    assert result["output"]["after"] == 2
    assert calls[0]["parent"] == f"{result['run']}/team"


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (Transient("the server is away"), 3),
        (Locked("another process works on it"), 3),
        (ValueError("a bug"), 3),
        (LoginRefused("wrong password"), 1),
        (GuardBlocked("too many deletions"), 1),
    ],
)
def test_a_job_is_tried_again_where_that_can_help(world: World, error: Exception, attempts: int) -> None:
    calls: list[int] = []

    def team(**given: Any) -> dict[str, Any]:
        calls.append(1)
        raise error

    world.jobs["team"] = team
    result = world.run(pipeline(job("team", "team", retry=FAST)))
    assert outcomes(result) == {"team": "failed"}
    assert len(calls) == attempts


def test_a_job_that_waits_for_approval_makes_the_pipeline_wait(world: World) -> None:
    state = "awaiting_approval"
    world.jobs["team"] = lambda **given: {"state": state, "run": "r1", "counts": {"delete": 9}}
    spec = pipeline(
        job("team", "team"),
        step(world, "after", needs=["team"]),
        step(world, "always", needs=["team"], when=ALWAYS),
        step(world, "other"),
        step(world, "items", for_each=[1, 2]),
    )
    result = world.run(spec)
    assert (result["state"], result["exit_code"]) == ("awaiting_approval", 4)
    assert outcomes(result) == {
        "team": "waiting",
        "after": "pending",
        "always": "pending",
        "other": "done",
        "items": "done",
    }
    again = world.run(spec, run=result["run"])
    assert again["state"] == "awaiting_approval"
    state = "done"
    third = world.run(spec, run=result["run"])
    assert third["run"] == result["run"]
    assert third["state"] == "done"
    assert world.counted() == {"after": 1, "always": 1, "other": 1, "items[0]": 1, "items[1]": 1}
    with pytest.raises(NotFound, match="nothing to go on with"):
        world.run(spec, run=result["run"])


def test_a_run_that_waits_is_given_up_by_the_next(world: World) -> None:
    world.jobs["team"] = lambda **given: {"state": "awaiting_approval", "run": "r1"}
    spec = pipeline(job("team", "team"))
    first, second = world.run(spec), world.run(spec)
    assert first["run"] != second["run"]
    assert world.ledger.journal.get(first["run"]).state is RunState.SUPERSEDED
    assert world.ledger.journal.get(second["run"]).state is RunState.AWAITING_APPROVAL


def test_an_item_that_waits_makes_the_map_wait(world: World) -> None:
    waiting = True

    def team(*, parent: str, **given: Any) -> dict[str, Any]:
        return {"state": "awaiting_approval" if waiting and parent.endswith("[1]") else "done", "parent": parent[-3:]}

    world.jobs["team"] = team
    spec = pipeline(job("each", "team", for_each=[1, 2, 3], parallel=1), step(world, "after", needs=["each"]))
    result = world.run(spec)
    assert outcomes(result) == {"each": "waiting", "after": "pending"}
    waiting = False
    result = world.run(spec, run=result["run"])
    assert [one["parent"] for one in result["output"]["each"]] == ["[0]", "[1]", "[2]"]
    assert outcomes(result) == {"each": "done", "after": "done"}


# -- stopping and going on ----------------------------------------------------------------------------------------------


def stopped(world: World, spec: PipelineSpec, params: dict[str, Any] | None = None) -> str:
    """Runs until step "wait" is under way, asks to stop, lets it end; returns the run's id."""
    stop = Stop()

    def ask() -> None:
        while not (world.root / "go.waiting").exists():
            time.sleep(0.01)
        stop.ask()
        (world.root / "go").touch()

    asker = threading.Thread(target=ask)
    asker.start()
    with pytest.raises(Cancelled) as caught:
        world.run(spec, params, stop=stop)
    asker.join()
    assert caught.value.exit_code == 130
    run = world.ledger.journal.latest(spec.name, (RunState.RUNNING,))
    assert run is not None
    assert run.phase == "stopped"
    assert run.id in caught.value.hint
    return run.id


def waiting(world: World, *more: StepSpec) -> PipelineSpec:
    wait = step(world, "wait", "wait_for", needs=["a"], with_={"file": "go"})
    after = step(world, "after", needs=["wait"], with_={"x": "${params.region}"})
    return pipeline(step(world, "a"), wait, after, *more, params=[ParamSpec("region", required=False, default="eu")])


def test_stopping_finishes_what_is_under_way_and_the_next_run_goes_on(world: World) -> None:
    spec = waiting(world)
    run = stopped(world, spec, {"region": "us"})
    assert world.effects() == ["a", "wait"]
    rows = {row.key: row.state for row in world.ledger.steps.all(run)}
    assert rows == {"a": "done", "wait": "done"}
    result = world.run(spec)
    assert (result["run"], result["resumed"], result["state"]) == (run, True, "done")
    assert result["output"]["after"] == "us"
    assert result["output"]["wait"] is True, "the function could see that it was asked to stop"
    assert world.counted() == {"a": 1, "wait": 1, "after": 1}


def test_a_changed_pipeline_is_refused_or_started_anew(world: World) -> None:
    run = stopped(world, waiting(world))
    changed = waiting(world, step(world, "new"))
    with pytest.raises(StalePlan, match="changed since it began") as caught:
        world.run(changed)
    assert "--resume anew" in caught.value.hint
    result = world.run(changed, resume=Resume.ANEW)
    assert result["run"] != run
    assert world.ledger.journal.get(run).state is RunState.SUPERSEDED
    assert world.counted() == {"a": 2, "wait": 2, "after": 1, "new": 1}


def test_a_changed_description_is_no_change_but_a_changed_child_is_one(world: World) -> None:
    inner = pipeline(step(world, "inner"), name="weekly")
    outer = pipeline(sub("more", "weekly"))
    known = {"weekly": inner, "nightly": outer}
    digest = definition_digest(outer, known)
    described = PipelineSpec("nightly", outer.steps, description="runs at night")
    assert definition_digest(described, {**known, "nightly": described}) == digest
    changed = pipeline(step(world, "inner", timeout=3.0), name="weekly")
    assert definition_digest(outer, {**known, "weekly": changed}) != digest


def test_other_parameters_are_refused_for_a_run_that_goes_on(world: World) -> None:
    spec = waiting(world)
    run = stopped(world, spec)
    with pytest.raises(StalePlan, match="other parameters"):
        world.run(spec, {"region": "us"})
    with pytest.raises(UsageError):
        world.run(spec, {"regoin": "us"})
    assert world.run(spec, {"region": "eu"})["run"] == run


def test_parameters_are_checked_before_anything_runs(world: World) -> None:
    spec = pipeline(step(world, "a"), params=[ParamSpec("n", ParamType.INTEGER)])
    with pytest.raises(UsageError):
        world.run(spec, {"n": "x"}, text=True)
    assert world.ledger.journal.latest("nightly") is None
    assert world.run(spec, {"n": "5"}, text=True)["state"] == "done"


def test_the_failed_steps_are_repeated_and_what_was_done_is_kept(world: World) -> None:
    world.pipelines["weekly"] = pipeline(
        step(world, "inner_good"),
        step(world, "inner_bad", "fail_until", with_={"file": "f2", "times": 1}),
        name="weekly",
    )
    spec = pipeline(
        step(world, "good", "rows", with_={"count": 3}),
        step(world, "bad", "fail_until", with_={"file": "f1", "times": 1}),
        step(world, "after", needs=["bad", "good"]),
        step(world, "alarm", needs=["bad"], when=FAILED),
        step(
            world,
            "each",
            "fail_until",
            for_each="${steps.good.output.rows}",
            with_={"file": "f3-${item}", "times": "${item}"},
        ),
        sub("child", "weekly"),
        params=[ParamSpec("region", required=False, default="eu")],
    )
    first = world.run(spec, {"region": "us"})
    assert outcomes(first) == {
        "good": "done", "bad": "failed", "after": "skipped", "alarm": "done", "each": "partial", "child": "failed",
    }  # fmt: skip
    second = world.run(spec, resume=Resume.FAILED)
    assert second["run"] != first["run"]
    assert outcomes(second) == {
        "good": "done", "bad": "done", "after": "done", "alarm": "skipped", "each": "partial", "child": "done",
    }  # fmt: skip
    third = world.run(spec, resume=Resume.FAILED)
    assert third["state"] == "done"
    assert world.counted() == {
        "rows": 1, "bad": 2, "after": 1, "alarm": 1, "each[0]": 1, "each[1]": 2, "each[2]": 3, "inner_good": 1, "inner_bad": 2,
    }  # fmt: skip
    assert world.ledger.journal.get(third["run"]).plan["params"] == {"region": "us"}  # type: ignore[index]
    with pytest.raises(NotFound, match="no failed steps to repeat"):
        world.run(spec, resume=Resume.FAILED)


def test_a_new_run_after_one_that_ended(world: World) -> None:
    spec = pipeline(step(world, "a", "fail"))
    assert world.run(spec)["run"] != world.run(spec)["run"]
    assert world.counted() == {"a": 2}


# -- leases -------------------------------------------------------------------------------------------------------------


def test_the_same_pipeline_is_not_run_twice_at_once(world: World) -> None:
    spec = waiting(world)
    other = World(world.root)
    first = threading.Thread(target=world.run, args=(spec,))
    first.start()
    while not (world.root / "go.waiting").exists():
        time.sleep(0.01)
    with pytest.raises(Locked, match="pipeline nightly is being worked on by another process"):
        other.run(spec)
    (world.root / "go").touch()
    first.join()
    assert other.run(spec)["state"] == "done"
    assert world.counted() == {"a": 2, "wait": 2, "after": 2}
    other.ledger.close()


def test_a_lost_lease_stops_before_the_next_step(world: World) -> None:
    world.lease_seconds = 0.6
    spec = waiting(world)

    def steal() -> None:
        while not (world.root / "go.waiting").exists():
            time.sleep(0.01)
        world.take_lease("pipeline/nightly")
        time.sleep(0.6)
        (world.root / "go").touch()

    thief = threading.Thread(target=steal)
    thief.start()
    with pytest.raises(Locked, match="stopped before its next step"):
        world.run(spec)
    thief.join()
    assert world.effects() == ["a", "wait"]
    assert world.holder("pipeline/nightly") == "a thief", "a lease that is not ours is not given back"


def test_a_lease_is_renewed_while_work_goes_on(world: World) -> None:
    world.lease_seconds = 0.4
    spec = pipeline(step(world, "long", "sleep", with_={"seconds": 1.2}), step(world, "after", needs=["long"]))
    assert world.run(spec)["state"] == "done"


# -- what a user sees of mistakes ---------------------------------------------------------------------------------------


def test_a_module_that_is_not_there(world: World, tmp_path: Path) -> None:
    result = world.run(pipeline(python("a", "my_compny.steps:check")))
    assert "there is no module my_compny" in result["error"]
    assert str(world.root) in result["error"]


def test_messages_of_a_function_are_told(world: World) -> None:
    source = world.root / f"{world.module}.py"
    source.write_text(source.read_text() + "\n\ndef tells(x, context):\n    context.emit('at', row=x)\n")
    world.run(pipeline(step(world, "each", "tells", for_each=[5], with_={"x": "${item}"})))
    (event,) = [one for one in world.events if one["event"] == "message"]
    assert (event["step"], event["index"], event["message"], event["data"]) == ("each", 0, "at", {"row": 5})


def test_a_result_knows_what_it_counts_as() -> None:
    assert StepResult(SKIPPED, cause=FAILED).counts_as is FAILED
    assert When().outcomes == (DONE,)


HOSTILE = ("\x00", "\udc80", "ü\u2028", "'; DROP TABLE step; --")


def test_texts_of_any_kind_come_back_as_they_were(world: World) -> None:
    spec = pipeline(
        step(world, "each", for_each=list(HOSTILE), with_={"x": ["${item}", "say ${item}"]}),
        step(world, "bad", "fail", with_={"message": "".join(HOSTILE)}),
        step(world, "late", "fail", with_={"message": "".join(HOSTILE)}, timeout=30.0),
    )
    result = world.run(spec)
    assert result["output"]["each"] == [[one, f"say {one}"] for one in HOSTILE]
    assert "ValueError" in result["steps"]["bad"]["error"]
    assert "ValueError" in result["steps"]["late"]["error"]
    again = {row.key: row.output for row in world.ledger.steps.all(result["run"])}
    assert again["each"] == result["output"]["each"]


@pytest.mark.postgres
def test_on_postgresql_too(world: World, database_url: str) -> None:
    world.ledger.close()
    world.ledger = open_ledger(database_url)
    world.pipelines["weekly"] = pipeline(step(world, "inner", "rows", with_={"count": 2}), name="weekly")
    more = [
        sub("child", "weekly", for_each=[1, 2, 3]),
        step(
            world,
            "each",
            for_each="${steps.child.output[0].inner.rows}",
            with_={"x": "${item}"},
            cache=CacheSpec("${item}"),
        ),
        step(world, "hostile", "fail", with_={"message": "".join(HOSTILE)}),
    ]
    spec = waiting(world, *more)
    run = stopped(world, spec)
    result = world.run(spec)
    assert result["run"] == run
    assert outcomes(result) == {
        "a": "done", "wait": "done", "after": "done", "child": "done", "each": "done", "hostile": "failed",
    }  # fmt: skip
    assert world.counted()["a"] == 1
    assert world.counted()["rows"] == 3
