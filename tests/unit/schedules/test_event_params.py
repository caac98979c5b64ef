"""Parameters in the description of an event."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.core.event_params import params_of, written
from trueup.model.errors import UsageError
from trueup.model.pipeline import ParamSpec, ParamType, PipelineSpec

SPEC = PipelineSpec(
    "close",
    (),
    (
        ParamSpec("region", ParamType.STRING),
        ParamSpec("days", ParamType.INTEGER, False, 7),
        ParamSpec("to", ParamType.LIST, False, []),
    ),
)


def test_lines_between_other_text() -> None:
    text = "Please close the books.\r\n\r\nregion: EMEA: north\ndays: 3\nNote: ask Ana, see http://example.com:80/x\nat 10:30: go"
    assert params_of(text, {}, SPEC) == {"region": "EMEA: north", "days": 3, "to": []}


def test_the_events_own_come_before_the_schedules() -> None:
    assert params_of("days: 3", {"region": "APAC", "days": 9}, SPEC) == {"region": "APAC", "days": 3, "to": []}


def test_a_slip_of_the_pen_is_told() -> None:
    with pytest.raises(UsageError, match="regoin") as error:
        params_of("regoin: EMEA", {"region": "APAC"}, SPEC)
    assert error.value.hint == "did you mean `region`?"


def test_a_block() -> None:
    assert params_of('{"region": "EMEA", "to": ["a", "b"]}', {}, SPEC) == {
        "region": "EMEA",
        "days": 7,
        "to": ["a", "b"],
    }
    text = 'Read this first.\n```json\n{"region": "EMEA"}\n```\ndays: 9'
    assert params_of(text, {}, SPEC) == {"region": "EMEA", "days": 7, "to": []}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{region: 1", "cannot be read"),
        ("```\n[1]\n```", "names and values"),
        ('{"regio": 1}', "no parameter 'regio'"),
        ("days: soon\nregion: x", "must be a whole number"),
        ("", "needs a value for 'region'"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        params_of(text, {}, SPEC)


def test_html_as_some_calendars_keep_it() -> None:
    text = "<html-blob>Close<br>region: EMEA &amp; co<br/><b>days</b>:&nbsp;3</html-blob>"
    assert params_of(text, {}, SPEC) == {"region": "EMEA & co", "days": 3, "to": []}


def test_a_job_has_none() -> None:
    assert params_of("region: x", {}, None) == {}


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = written(text, ["region", "days"])
    except UsageError:
        return
    assert isinstance(found, dict)


@given(
    st.dictionaries(st.sampled_from(["region", "days"]), st.text().map(lambda text: " ".join(text.split())), min_size=1)
)
def test_lines_give_back_what_was_written(values: dict[str, str]) -> None:
    text = "\n".join(f"{name}: {value}" for name, value in values.items())
    if "<" not in text and "```" not in text:
        assert written(text, ["region", "days"]) == values


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_a_block_gives_back_what_was_written(values: dict[str, object]) -> None:
    text = json.dumps(values)
    assert written(text, []) == values
