"""What is wrong with a pipeline is found before it runs, all of it, with the place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.graph.specs import DONE, FAILED, job, pipeline, python, sub
from trueup.core.graph import Graph
from trueup.core.graph_check import problems
from trueup.model.pipeline import CacheSpec, ParamSpec, ParamType, PipelineSpec, RetrySpec, StepSpec, When

CHILD = pipeline(
    python("a"),
    name="weekly",
    params=[ParamSpec("region"), ParamSpec("limit", ParamType.INTEGER, required=False, default=3)],
)
PARAMS = [ParamSpec("region", required=False, default="eu")]


def found(*steps: StepSpec, params: object = PARAMS, name: str = "nightly") -> list[tuple[str, str]]:
    """The findings as (place within the pipeline, all that is said)."""
    spec = PipelineSpec(name, steps, tuple(params))  # type: ignore[arg-type]
    listed = problems({"weekly": CHILD, name: spec}, ["team"])
    assert all(one.path[:2] == ("pipelines", name) for one in listed)
    return [("/".join(one.path[2:]), f"{one.what} ({one.hint})") for one in listed]


def test_nothing_is_wrong() -> None:
    assert not found(
        job("team", "team", cache=CacheSpec("${run.started}", 60)),
        python(
            "check", "my_company.steps:Checks.check", needs=["team"], with_={"x": "${params.region}", "y": "${run.id}"}
        ),
        python("each", for_each="${steps.check.output.rows}", with_={"row": "${item}", "n": "${index}"}),
        python("list", for_each=["a", "${params.region}"], cache=CacheSpec("${item}")),
        python("alarm", needs=["team"], when=FAILED, with_={"why": "${steps.team.error}"}),
        python("never", when=False),
        sub("more", "weekly", with_={"region": "${params.region}", "limit": 4}, when="${steps.check.output.n > 0}"),
    )


@pytest.mark.parametrize(
    ("step", "place", "said"),
    [
        (job("a", "tema"), "steps/a/job", "no job 'tema' (did you mean 'team'?"),
        (job("a", "zzz"), "steps/a/job", "there are: team"),
        (job("a", "team", with_={"x": 1}), "steps/a/with", "takes no values"),
        (python("a", "mycompany.steps"), "steps/a/python", "names no function"),
        (python("a", "a b:c"), "steps/a/python", "names no function"),
        (sub("a", "weekyl"), "steps/a/pipeline", "did you mean 'weekly'?"),
        (sub("a", "weekly"), "steps/a", "needs a value for 'region'"),
        (sub("a", "weekly", with_={"region": "x", "limt": 3}), "steps/a/with/limt", "did you mean 'limit'?"),
        (sub("a", "weekly", with_={"region": "x", "limit": "3"}), "steps/a/with/limit", "of type integer"),
        (python("a", parallel=0), "steps/a/parallel", "at least 1"),
        (python("a", timeout=0.0), "steps/a/timeout", "longer than 0"),
        (python("a", retry=RetrySpec(0)), "steps/a/retry", "tried once"),
        (python("a", retry=RetrySpec(2, base=-1.0)), "steps/a/retry", "negative"),
        (python("a", cache=CacheSpec("k", 0.0)), "steps/a/cache", "longer than 0"),
        (python("a", needs=["a"]), "steps/a/needs", "needs itself"),
        (python("a", needs=["bb"]), "steps/a/needs", "no step 'bb'"),
        (python("a", when=When(())), "steps/a/when", "names no outcome"),
        (python("a", when=FAILED), "steps/a/when", "needs none"),
        (python("a", when="${params.region} > 0"), "steps/a/when", "one expression"),
        (python("a", when="yes"), "steps/a/when", "one expression"),
        (python("a", for_each="a,b"), "steps/a/for_each", "a list"),
        (python("a", for_each={"a": 1}), "steps/a/for_each", "a list"),
        (python("a", with_={"x": "${params.rgion}"}), "steps/a/with/x", "did you mean 'region'?"),
        (python("a", with_={"x": "${params}"}), "steps/a/with/x", "alone says nothing"),
        (python("a", with_={"x": ["${params.region +}"]}), "steps/a/with/x", "does not compute"),
        (python("a", with_={"x": "${"}), "steps/a/with/x", "not closed"),
        (python("a", with_={"x": "${item}"}), "steps/a/with/x", "`item` is not there in `with`"),
        (python("a", for_each="${item}"), "steps/a/for_each", "`item` is not there in `for_each`"),
        (python("a", for_each=[1], when="${item > 1}"), "steps/a/when", "`item` is not there in `when`"),
        (python("a", with_={"x": "${run.started_at}"}), "steps/a/with/x", "did you mean 'started'?"),
        (python("a", with_={"x": "${steps.b.output}"}), "steps/a/with/x", "no step 'b'"),
        (python("a", with_={"x": "${steps.a.output}"}), "steps/a/with/x", "refers to itself"),
        (python("a", cache=CacheSpec("${steps.gone.output}")), "steps/a/cache/key", "no step 'gone'"),
        (python("1a"), "steps/1a", "is not a name"),
        (python("a[0]"), "steps/a[0]", "is not a name"),
    ],
)
def test_one_mistake_is_one_finding(step: StepSpec, place: str, said: str) -> None:
    (where, text), *more = found(step)
    assert where == place
    assert said in text
    assert not more


@pytest.mark.parametrize(
    "template", ["${steps.b.result}", "${steps.b}", "${steps['b']['outputs']}", "${steps.b.output > steps.b.x}"]
)
def test_of_a_step_there_is_output_outcome_and_error(template: str) -> None:
    ((place, text),) = found(python("a", with_={"x": template}), python("b"))
    assert place == "steps/a/with/x"
    assert "steps.b.output, .outcome or .error" in text


def test_circles_are_found_also_through_references() -> None:
    steps = [
        python("a", with_={"x": "${steps.c.output}"}),
        python("b", needs=["a"]),
        python("c", needs=["b"]),
        python("d"),
    ]
    ((place, text),) = found(*steps)
    assert place == "steps/a"
    assert "a -> c -> b -> a" in text


def test_pipelines_that_start_themselves_are_refused() -> None:
    one = pipeline(sub("x", "two"), name="one")
    two = pipeline(python("w"), sub("y", "one", needs=["w"]), name="two")
    (problem,) = problems({"one": one, "two": two}, [])
    assert "one -> two -> one" in problem.what
    (problem,) = problems({"self": pipeline(sub("x", "self"), name="self")}, [])
    assert "self -> self" in problem.what


def test_other_mistakes() -> None:
    assert found() == [("steps", "pipeline nightly has no steps ()")]
    ((place, _),) = found(python("a"), params=[ParamSpec("n", ParamType.INTEGER, required=False, default="3")])
    assert place == "params/n/default"
    ((place, text),) = found(python("a"), python("a"))
    assert (place, "twice" in text) == ("steps/a", True)
    ((place, text),) = found(python("a"), name="team")
    assert (place, "a job is called" in text) == ("", True)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_a_graph_without_findings_can_be_ordered_and_one_with_a_circle_has_a_finding(
    edges: list[tuple[int, int]],
) -> None:
    steps = [python(f"s{n}", needs=[f"s{b}" for a, b in edges if a == n and a != b]) for n in range(8)]
    spec = pipeline(*steps)
    listed = problems({"nightly": spec}, [])
    try:
        graph = Graph(spec)
    except Exception:
        assert any("circle" in one.what for one in listed)
    else:
        assert not listed
        place = {name: at for at, name in enumerate(graph.order)}
        assert all(place[f"s{b}"] < place[f"s{a}"] for a, b in edges if a != b)


def test_a_long_chain_is_no_trouble() -> None:
    steps = [python("s0")] + [python(f"s{n}", needs=[f"s{n - 1}"], when=DONE) for n in range(1, 3000)]
    assert not problems({"nightly": pipeline(*reversed(steps))}, [])
