"""These tests run in .venv-temporal (`make test-temporal`), against the real server."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.engines.temporal.office import Office
from tests.support.temporal_server import TemporalServer

if find_spec("temporalio") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def temporal() -> Iterator[TemporalServer]:
    with TemporalServer() as server:
        yield server


@pytest.fixture
def office(temporal: TemporalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A folder with trueup.yaml and a task queue of its own; workers that a test has started are ended."""
    made = Office(tmp_path, temporal)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()
