"""These tests run in .venv-airflow: `make test-airflow`, and the quick ones with `make test`.

Everything that needs a scheduler shares one Airflow, because it takes 15 to 60 s to start; what needs none runs in this process, with a
database of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("airflow") is None:
    collect_ignore_glob = ["test_*.py"]
else:
    # Airflow reads this when it is imported, and makes files there.
    HOME = Path(tempfile.mkdtemp(prefix="trueup-airflow-here-"))
    os.environ.update(
        AIRFLOW_HOME=str(HOME), AIRFLOW__CORE__LOAD_EXAMPLES="False", AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING"
    )

    from tests.engines.airflow.office import Office
    from tests.support.airflow_server import Airflow
    from tests.support.servers import Radicale

    def pytest_sessionfinish() -> None:
        shutil.rmtree(HOME, ignore_errors=True)

    @pytest.fixture(scope="session")
    def database() -> None:
        """Airflow's database for this process."""
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.utils.db import initdb

        (HOME / "dags").mkdir()
        initdb()
        DagBundlesManager().sync_bundles_to_db()

    @pytest.fixture(scope="session")
    def airflow() -> Iterator[Airflow]:
        """All parts of Airflow, as processes."""
        with Airflow() as server:
            yield server

    @pytest.fixture
    def office(tmp_path: Path, radicale: Radicale) -> Iterator[Office]:
        """An office with its ledger in a file."""
        made = Office(tmp_path, radicale)
        yield made
        made.close()

    @pytest.fixture
    def large(tmp_path: Path, radicale: Radicale, database_url: str) -> Iterator[Office]:
        """An office with its ledger on PostgreSQL, as it has to be for several workers."""
        made = Office(tmp_path, radicale, database_url)
        yield made
        made.close()
