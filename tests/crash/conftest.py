"""What is killed and cut off from its servers: an office of each kind of job that reconciles."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

import pytest

from tests.crash.world import BookWorld, Build, World
from tests.support.proxy import Proxy
from tests.support.servers import Radicale

FULL = os.environ.get("TRUEUP_CAMPAIGN") == "full"
SPARSER = {"calendar": 1, "contacts": 1 if FULL else 6}
"""Of the points that are tried with calendars every so many-th is tried: what fails is below what an item means."""


@pytest.fixture
def proxy(radicale: Radicale) -> Iterator[Proxy]:
    with Proxy(radicale.url) as proxy:
        yield proxy


@pytest.fixture(params=SPARSER)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def build(kind: str, radicale: Radicale, proxy: Proxy, request: pytest.FixtureRequest) -> Build:
    """Builds an office; see `World.build`."""
    if kind == "calendar":
        return partial(World.build, server=radicale, proxy=proxy)
    return partial(BookWorld.of, server=radicale, proxy=proxy, far=request.getfixturevalue("xandikos"))
