"""These tests run in .venv-prefect: `make test-prefect`, and the quick ones with `make test`. Prefect's server is one for the session."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("prefect") is None:
    collect_ignore_glob = ["test_*.py"]
else:
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    from tests.engines.prefect.plant import Plant, planted
    from tests.support.prefect_server import PrefectServer

    @pytest.fixture(scope="session")
    def prefect_server() -> Iterator[PrefectServer]:
        with PrefectServer() as server:
            yield server

    @pytest.fixture
    def plant(tmp_path: Path, prefect_server: PrefectServer, database_url: str) -> Iterator[Plant]:
        """Two calendars and a job between them, its ledger on PostgreSQL."""
        settings = {PREFECT_API_URL: prefect_server.url, PREFECT_HOME: str(prefect_server.directory / "home")}
        with temporary_settings(settings), planted(tmp_path, prefect_server, database_url) as made:
            yield made
