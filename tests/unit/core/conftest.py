"""Worlds for the tests of the core, of plain items and of contacts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cardkind import CARDS
from tests.support.plainkind import PLAIN
from tests.support.world import World

WRITINGS = {"plain": PLAIN, "contacts": CARDS}
PLAIN_ONLY = "plain_only"


def plain_only(test: Any) -> Any:
    """Marks a test that is about what plain items alone have: exceptions of series, people, types; or about nothing that items mean."""
    setattr(test, PLAIN_ONLY, True)
    return test


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests with a world run for every kind of item."""
    if "world" in metafunc.fixturenames:
        kinds = ["plain"] if getattr(metafunc.function, PLAIN_ONLY, False) else list(WRITINGS)
        metafunc.parametrize("world", kinds, indirect=True)


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., World]]:
    """Makes worlds: `world("abc", conflicts=…)`."""
    made: list[World] = []

    def make(names: str = "ab", **more: Any) -> World:
        made.append(World(tmp_path / f"ledger{len(made)}.db", names, writing=WRITINGS[request.param], **more))
        return made[-1]

    yield make
    for one in made:
        one.ledger.close()
