"""docs/reference/pipelines.md says what the code does: its example is a good configuration, and nothing is missing from its tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trueup.app import App
from trueup.config.load import InvalidConfig
from trueup.config.models import StepModel
from trueup.core.expressions import ROOTS, render
from trueup.core.functions import Context
from trueup.core.graph_drawing import to_mermaid, to_text
from trueup.model.pipeline import ParamType, StepOutcome

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "pipelines.md").read_text()

GROUND = """
version: 1
stores:
  a: {connector: vdir, path: a}
  b: {connector: vdir, path: b}
jobs:
  team: {kind: calendar, collections: [{store: a, name: t}, {store: b, name: t}]}
"""

WEEKLY = """
  weekly:
    params: {region: {type: string}}
    steps:
      x: {python: "mycompany.steps:weekly"}
"""


def test_the_example_is_a_good_configuration(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "trueup.yaml").write_text(GROUND + example + WEEKLY)
    with App.load(tmp_path) as app:
        spec = app.config.pipeline("nightly")
    assert [one.name for one in spec.steps] == ["team", "check", "each", "alarm", "weekly", "report"]
    assert len(to_text(spec).splitlines()) == 7
    assert "-->|failed|" in to_mermaid(spec)


def test_a_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    text = GROUND + example.replace("${steps.check.output.rows}", "${steps.chekc.output.rows}") + WEEKLY
    (tmp_path / "trueup.yaml").write_text(text)
    line = 1 + next(number for number, one in enumerate(text.splitlines()) if "chekc" in one)
    with pytest.raises(InvalidConfig) as caught:
        App.load(tmp_path)
    (found,) = caught.value.diagnostics
    assert found.source is not None
    assert found.source.line == line
    assert "chekc" in found.what
    assert found.hint == "did you mean 'check'?"


def test_every_key_of_a_step_is_explained() -> None:
    for name, field in StepModel.model_fields.items():
        assert f"`{field.alias or name}`" in PAGE, name


def test_every_word_is_explained() -> None:
    for word in (*StepOutcome, *ROOTS, *ParamType):
        assert re.search(rf"\b{word}\b", PAGE), word
    for name in (*Context.__dataclass_fields__, "log"):
        assert f"`{name}" in PAGE, name


def test_what_the_page_says_of_expressions_holds() -> None:
    scope = {"steps": {"team": {"output": {"counts": {"update": 2}}}}}
    assert render("${default(steps.team.output.counts.create, 0)}", scope) == 0
