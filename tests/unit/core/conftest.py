"""Worlds for the tests of the core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes worlds: `world("abc", conflicts=…)`."""
    made: list[World] = []

    def make(names: str = "ab", **more: Any) -> World:
        made.append(World(tmp_path / f"ledger{len(made)}.db", names, **more))
        return made[-1]

    yield make
    for one in made:
        one.ledger.close()
