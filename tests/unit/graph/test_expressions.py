"""The `${…}` language."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.core.expressions import ExpressionError, ValueMissing, parse, references, render

SCOPE: dict[str, Any] = {
    "params": {"region": "eu", "limit": 3, "empty": "", "on": True, "odd name": "x"},
    "steps": {
        "check": {
            "outcome": "done",
            "error": "",
            "output": {"count": 2, "rows": ["a", "b"], "nested": {"deep": [1, {"x": None}]}},
        },
        "never-ran": {"outcome": "skipped", "error": "why", "output": None},
    },
    "item": {"id": 7},
    "index": 1,
    "run": {"id": "r1", "pipeline": "nightly", "started": "2026-11-21T00:00:00+00:00"},
}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        (5, 5),
        (None, None),
        ("${params.region}", "eu"),
        ("${ params.limit }", 3),
        ("a ${params.region} b ${params.limit}", "a eu b 3"),
        ("rows: ${steps.check.output.rows}", 'rows: ["a", "b"]'),
        ("on: ${params.on}", "on: true"),
        ("$${params.region}", "${params.region}"),
        ("x$${y}${params.limit}", "x${y}3"),
        ("$5", "$5"),
        ("${steps.check.output.rows}", ["a", "b"]),
        ("${steps.check.output.rows[0]}", "a"),
        ("${steps.check.output.rows[-1]}", "b"),
        ("${steps.check.output.rows.1}", "b"),
        ("${steps.check.output.rows[index]}", "b"),
        ("${steps.check.output.nested.deep[1].x}", None),
        ("${steps.never-ran.outcome}", "skipped"),
        ("${steps['never-ran'].error}", "why"),
        ("${params['odd name']}", "x"),
        ("${item.id}", 7),
        ("${run.id}", "r1"),
        ("${steps.check.output.count > 0}", True),
        ("${steps.check.output.count > params.limit}", False),
        ("${steps.check.output.count <= 2 and params.on}", True),
        ("${params.empty or 'nothing'}", "nothing"),
        ("${not params.on}", False),
        ("${not (params.limit == 4)}", True),
        ("${params.limit == 3.0}", True),
        ("${params.on == 1}", False),
        ('${params.region == "eu"}', True),
        ("${params.region != 'eu'}", False),
        ("${'e' in params.region}", True),
        ("${'c' not in steps.check.output.rows}", True),
        ("${'count' in steps.check.output}", True),
        ("${len(steps.check.output.rows) == 2}", True),
        ("${len('')}", 0),
        ("${default(steps.check.output.missing, 0)}", 0),
        ("${default(steps.never-ran.output.count, 0) > 0}", False),
        ("${default(params.region, 'us')}", "eu"),
        ("${default(item.nothing.at.all, default(item.x, 'y'))}", "y"),
        ("${-1 < 0}", True),
        ("${'}'}", "}"),
        ("${null}", None),
        ("${true or steps.check.output.missing}", True),
        ("${false and steps.check.output.missing}", False),
        ("${1 == 1 and 2 == 2 or false}", True),
        ({"a": ["${params.limit}", {"b": "${item.id}"}]}, {"a": [3, {"b": 7}]}),
        (("${index}",), [1]),
    ],
)
def test_values(template: Any, value: Any) -> None:
    result = render(template, SCOPE)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${params.region", "not closed"),
        ("${}", "ends too early"),
        ("${params.a + 1}", "does not compute"),
        ("${params.a && params.b}", "write `and`"),
        ("${params.a || params.b}", "write `or`"),
        ("${!params.a}", "write `not`"),
        ("${params.a = 1}", "write `==`"),
        ("${region}", "'region'"),
        ("${secrets.x}", "params, steps, item, index, run"),
        ("${upper(params.a)}", "len(), default()"),
        ("${len(params.a, params.b)}", "takes 1"),
        ("${default(params.a)}", "takes 2"),
        ("${params.a params.b}", "was not expected"),
        ("${params.}", "too early"),
        ("${params.a[0}", "']'"),
        ("${(params.a}", "')'"),
        ("${params.a == }", "too early"),
        ("${1 < 2 < 3}", "was not expected"),
        ("${params.__class__.__mro__ ; 1}", "';'"),
        ("${- params.a}", "does not compute"),
        ("${" + "(" * 200 + "1" + ")" * 200 + "}", "too deeply"),
        ("${" + "not " * 200 + "true}", "too deeply"),
        ("${" + "params.a or " * 400 + "1}", "longer than"),
    ],
)
def test_what_is_no_expression_is_refused_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        list(references(text))
    error = caught.value
    assert said in f"{error} {error.hint}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${steps.check.output.cuont}", "it has count, rows, nested"),
        ("${steps.check.output.rows[2]}", "it has 2 members"),
        ("${steps.never-ran.output.count}", "it is null"),
        ("${params.region.x}", "it is a text"),
        ("${steps.check.output.rows.first}", "it is a list"),
        ("${steps.check.output.rows[true]}", "it is a list"),
        ("${params.limit < 'a'}", "does not compare"),
        ("${params.on < 1}", "does not compare"),
        ("${steps.check.output < steps.check.output}", "does not compare"),
        ("${1 in 2}", "does not compare"),
        ("${params in params}", "does not compare"),
        ("${len(1)}", "was given 1"),
        ("${params.__class__}", "has no `__class__`"),
    ],
)
def test_what_is_not_there_is_an_error_that_says_what_is(text: str, said: str) -> None:
    with pytest.raises(ValueMissing) as caught:
        render(text, SCOPE)
    assert said in f"{caught.value} {caught.value.hint}"


def test_an_item_outside_a_map_is_an_error() -> None:
    with pytest.raises(ValueMissing, match="item"):
        render("${item}", {"params": {}})


def test_references_are_found_everywhere() -> None:
    template = {"a": "x ${steps.one.output} ${params.p}", "b": ["${len(steps.two.output[steps.three.output]) > index}"]}
    assert set(references(template)) == {
        ("steps", "one", "output"),
        ("params", "p"),
        ("steps", "two", "output"),
        ("steps", "three", "output"),
        ("index",),
    }


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_is_refused(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        parse(text)


@given(st.text(alphabet="${}ab'", max_size=12))
def test_a_template_that_is_accepted_renders_or_says_why(text: str) -> None:
    with contextlib.suppress(ExpressionError, ValueMissing):
        render(text, SCOPE)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_reference_hands_over_the_value_itself(value: Any) -> None:
    assert render("${steps.a.output}", {"steps": {"a": {"output": value}}}) is value
    assert render(["${item}"], {"item": value}) == [value]
