"""What people see of a run on Airflow's screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.airflow.office import Office
from tests.engines.airflow.pictures import scenes
from tests.support.airflow_server import Airflow
from tests.support.browser import program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_graph_and_the_question_are_to_be_seen(airflow: Airflow, large: Office, tmp_path: Path) -> None:
    if program() is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    scenes(airflow, large, tmp_path)
    assert (tmp_path / "airflow-graph.png").stat().st_size > 10_000
    assert (tmp_path / "airflow-approval.png").stat().st_size > 10_000
