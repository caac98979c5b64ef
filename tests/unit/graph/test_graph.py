"""Readiness, verdicts and outcomes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.graph.specs import ALWAYS, DONE, FAILED, PARTIAL, SKIPPED, pipeline, python
from trueup.core.graph import Graph, StepResult, items_of, outcome_of, outcome_of_map, scope_of
from trueup.core.graph_drawing import to_mermaid, to_text
from trueup.core.params import bind
from trueup.model.errors import UsageError, UserError
from trueup.model.pipeline import CacheSpec, ParamSpec, ParamType, RetrySpec, StepOutcome, When


def verdict(when: Any, *needed: StepResult, data: Any = None) -> StepResult | None:
    names = [f"n{place}" for place in range(len(needed))]
    step = python("it", needs=names, when=When(when, data))
    graph = Graph(pipeline(*map(python, names), step))
    results = dict(zip(names, needed, strict=True))
    return graph.verdict("it", results, scope_of({"yes": True}, {}, results))


R = {one: StepResult(one, error=f"it {one}") for one in StepOutcome}
AFTER_FAILURE = StepResult(SKIPPED, cause=FAILED)
AFTER_PARTIAL = StepResult(SKIPPED, cause=PARTIAL)


@pytest.mark.parametrize(
    ("when", "needed", "runs"),
    [
        ((DONE,), (), True),
        ((DONE,), (R[DONE], R[DONE]), True),
        ((DONE,), (R[DONE], R[PARTIAL]), False),
        ((DONE,), (R[DONE], R[SKIPPED]), False),
        ((DONE, PARTIAL), (R[DONE], R[PARTIAL]), True),
        ((DONE, PARTIAL), (R[DONE], R[FAILED]), False),
        ((DONE, SKIPPED), (R[DONE], R[SKIPPED]), True),
        ((DONE, SKIPPED), (R[DONE], AFTER_FAILURE), False),
        ((FAILED,), (R[DONE], R[FAILED]), True),
        ((FAILED,), (R[DONE], R[DONE]), False),
        ((FAILED,), (R[DONE], AFTER_FAILURE), True),
        ((FAILED,), (R[PARTIAL],), False),
        ((FAILED, PARTIAL), (R[DONE], R[PARTIAL]), True),
        ((PARTIAL,), (AFTER_PARTIAL,), True),
        ((SKIPPED,), (R[SKIPPED], R[DONE]), True),
        ((SKIPPED,), (AFTER_FAILURE,), False),
        (ALWAYS, (R[FAILED], AFTER_FAILURE, R[DONE]), True),
        (ALWAYS, (), True),
    ],
)
def test_on_outcome(when: tuple[StepOutcome, ...], needed: tuple[StepResult, ...], runs: bool) -> None:
    result = verdict(when, *needed)
    assert (result is None) is runs
    assert result is None or result.outcome is SKIPPED


def test_a_skipped_step_says_why_and_passes_the_cause_on() -> None:
    result = verdict((DONE,), R[DONE], R[SKIPPED], R[FAILED])
    assert result == StepResult(SKIPPED, error="n2 failed", cause=FAILED)
    assert result.counts_as is FAILED
    assert verdict((DONE,), R[SKIPPED]) == StepResult(SKIPPED, error="n0 was skipped")
    assert verdict((DONE,), AFTER_FAILURE) == StepResult(SKIPPED, error="n0 was skipped", cause=FAILED)
    assert verdict((FAILED,), R[DONE], R[SKIPPED]) == StepResult(SKIPPED, error="none of n0, n1 ended failed")


def test_on_data() -> None:
    assert verdict((DONE,), data="${params.yes}") is None
    result = verdict((DONE,), data="${not params.yes}")
    assert result == StepResult(SKIPPED, error="its condition is not met: ${not params.yes}")
    assert result.counts_as is SKIPPED
    # The outcome is asked first: data of a step that failed is not looked at.
    assert verdict((DONE,), R[FAILED], data="${steps.n0.output.count > 0}") is not None
    with pytest.raises(UserError, match="is null"):
        verdict((DONE,), R[DONE], data="${steps.n0.output.count > 0}")


def test_a_reference_is_a_need() -> None:
    graph = Graph(
        pipeline(
            python("z", for_each="${steps.b.output}", with_={"x": "${steps.a.output[steps.c.output]}"}),
            python("c", cache=CacheSpec("${steps.a.output}")),
            python("b", when="${steps.a.outcome == 'done'}"),
            python("a"),
        )
    )
    assert graph.needs == {"z": ("c", "b", "a"), "c": ("a",), "b": ("a",), "a": ()}
    assert graph.order == ("a", "c", "b", "z")
    assert graph.ready([], []) == ["a"]
    assert graph.ready(["a"], ["b"]) == ["c"]
    assert graph.ready(["a", "b"], ["c"]) == []
    assert graph.below(["b"]) == {"b", "z"}


def test_a_circle_is_refused() -> None:
    with pytest.raises(UserError, match=r"a -> b -> a|b -> a -> b"):
        Graph(pipeline(python("a", needs=["b"]), python("b", with_={"x": "${steps.a.output}"})))


def test_outcomes_of_the_whole() -> None:
    assert outcome_of([]) is DONE
    assert outcome_of([R[DONE], R[SKIPPED]]) is DONE
    assert outcome_of([R[SKIPPED]]) is DONE
    assert outcome_of([R[DONE], R[PARTIAL], R[SKIPPED]]) is PARTIAL
    assert outcome_of([R[DONE], R[PARTIAL], R[FAILED], AFTER_FAILURE]) is FAILED
    assert outcome_of_map([]) is DONE
    assert outcome_of_map([DONE, DONE]) is DONE
    assert outcome_of_map([DONE, FAILED]) is PARTIAL
    assert outcome_of_map([PARTIAL]) is PARTIAL
    assert outcome_of_map([FAILED, FAILED]) is FAILED


def test_items_must_be_a_list() -> None:
    step = python("it", for_each="${params.rows}")
    assert items_of(step, {"params": {"rows": [1]}}) == [1]
    assert items_of(python("it", for_each=["a", "${params.x}"]), {"params": {"x": 1}}) == ["a", 1]
    for wrong in ({}, "ab", None, 3):
        with pytest.raises(UserError, match="needs a list"):
            items_of(step, {"params": {"rows": wrong}})


PARAMS = pipeline(
    python("a"),
    params=[
        ParamSpec("region", required=False, default="eu"),
        ParamSpec("limit", ParamType.INTEGER),
        ParamSpec("on", ParamType.BOOLEAN, required=False, default=False),
        ParamSpec("share", ParamType.NUMBER, required=False, default=0.5),
        ParamSpec("rows", ParamType.LIST, required=False, default=[]),
        ParamSpec("options", ParamType.OBJECT, required=False, default={}),
    ],
)


def test_parameters_get_their_defaults_and_types() -> None:
    whole = {"region": "eu", "limit": 3, "on": False, "share": 0.5, "rows": [], "options": {}}
    assert bind(PARAMS, {"limit": 3}) == whole
    typed = {"limit": "4", "on": "true", "share": "1", "rows": '["a"]', "options": '{"a": 1}', "region": "5"}
    assert bind(PARAMS, typed, text=True) == {
        "region": "5", "limit": 4, "on": True, "share": 1, "rows": ["a"], "options": {"a": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "text", "said"),
    [
        ({}, False, "needs a value for 'limit'"),
        ({"limit": 1, "regoin": "x"}, False, "no parameter 'regoin'"),
        ({"limit": "4"}, False, 'a whole number, not "4"'),
        ({"limit": True}, False, "a whole number, not true"),
        ({"limit": 1.5}, False, "a whole number, not 1.5"),
        ({"limit": float("nan")}, False, "a whole number, not NaN"),
        ({"limit": "four"}, True, 'a whole number, not "four"'),
        ({"limit": "1", "on": "yes"}, True, 'true or false, not "yes"'),
        ({"limit": "1", "rows": "a,b"}, True, "a list"),
        ({"limit": 1, "region": None}, False, "a text, not null"),
        ({"limit": 1, "region": 3}, False, "a text, not 3"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(given: dict[str, Any], text: bool, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        bind(PARAMS, given, text=text)
    assert said in str(caught.value)


DRAWN = pipeline(
    python("send", for_each="${steps.check.output.rows}", parallel=2),
    python("check", "shop.steps:check", timeout=600.0, retry=RetrySpec(3)),
    python("alarm", needs=["send"], when=(FAILED, PARTIAL)),
    python("tidy", needs=["send"], when=ALWAYS, cache=CacheSpec("${params.region}")),
    python("more", when="${steps.check.output.count > 0 and 'a<b' != \"c\"}"),
    params=[ParamSpec("region", required=False, default="eu"), ParamSpec("limit", ParamType.INTEGER)],
)


def test_drawn_as_text() -> None:
    assert to_text(DRAWN).splitlines() == [
        "nightly(region: string = 'eu', limit: integer)",
        "  1. check  python shop.steps:check  up to 3 attempts  within 600 s",
        "  2. send   python m:f  after check  for each of steps.check.output.rows, 2 at once",
        "  3. more   python m:f  after check  if steps.check.output.count > 0 and 'a<b' != \"c\"",
        "  4. alarm  python m:f  after send  on failed or partial",
        "  5. tidy   python m:f  after send  on always  cached",
    ]


def test_drawn_as_mermaid() -> None:
    lines = to_mermaid(DRAWN).splitlines()
    assert lines[0] == "flowchart TD"
    assert '    s0("check<br/>python shop.steps:check<br/>up to 3 attempts<br/>within 600 s")' in lines
    assert "    s0 --> s1" in lines
    assert "    s1 -->|failed or partial| s3" in lines
    assert "    s1 -->|always| s4" in lines
    assert any("'a#lt;b' != #quot;c#quot;" in line for line in lines)
