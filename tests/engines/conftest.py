from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def given_back() -> Iterator[None]:
    """The calls of a test keep its configuration open for the next call, as a worker does; another test has another one."""
    yield
    if (module := sys.modules.get("trueup.engines.calls.opened")) is not None:
        module.close_unused()
