"""Address books driven by a careless engine, on a real server: nothing lost, nothing doubled, whatever is repeated or killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.calls.careless import Careless, Habit, killed
from tests.support.contacts_office import COUNTS, check, office
from tests.support.servers import Radicale

pytestmark = pytest.mark.slow

HABITS: dict[str, Habit] = {
    "killed-at-writes": killed("write", 4),
    "killed-when-the-server-has-acted": killed("request"),
}


@pytest.mark.parametrize("habit", HABITS)
def test_a_contacts_job(tmp_path: Path, radicale: Radicale, habit: str) -> None:
    world = office(tmp_path, radicale)
    engine = Careless(tmp_path / "trueup.yaml", HABITS[habit])
    report = engine.run_job("team", "key")
    assert (report["state"], report["counts"], report["left"]) == ("done", COUNTS, [])
    check(world)
    assert engine.deaths > 5
