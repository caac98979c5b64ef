"""trueup in a flow of somebody's own: the example of the documentation, as it stands there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.engines.prefect.plant import Plant

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "prefect.md"


def example(plant: Plant) -> Any:
    """The flow of the page, with the configuration of this test."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    path = plant.folder / "own_flows.py"
    path.write_text(code.replace("/etc/trueup/trueup.yaml", plant.config))
    module = ModuleType("own_flows")
    module.__file__ = str(path)
    sys.modules["own_flows"] = module
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    return module.end_of_month


@pytest.fixture
def own(plant: Plant) -> Any:
    job = {"kind": "calendar", "collections": [plant.office.ref(plant.a), plant.office.ref(plant.b)]}
    steps = {"rows": {"python": "usersteps:rows", "with": {"n": "${params.n}"}}}
    plant.configure(
        jobs={"team": job, "rooms": job}, pipelines={"monthly": {"params": {"n": {"type": "integer"}}, "steps": steps}}
    )
    plant.fill(8)
    return example(plant)


def test_a_plan_is_looked_at_and_carried_out(plant: Plant, own: Any) -> None:
    assert own() == {"team": "done", "monthly": "done", "rooms": "done"}
    plant.agree()
    assert len(plant.uids(plant.b)) == 8
    assert plant.effects() == ["rows"]


def test_a_plan_that_a_guard_blocks_is_left_alone(plant: Plant, own: Any) -> None:
    own()
    for number in range(7):
        plant.a.delete(f"e{number}")
    assert own() == {"team": "left alone"}
    assert len(plant.uids(plant.b)) == 8
