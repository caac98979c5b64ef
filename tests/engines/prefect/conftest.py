"""Prefect's server, one for the session; it runs where Prefect is installed: .venv-prefect (make test-prefect)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("prefect", reason="Prefect is in an environment of its own: make test-prefect")

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
