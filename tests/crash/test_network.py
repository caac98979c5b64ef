"""A network that fails in every way at every request: the run says what it could not do, and the next one does it."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crash.conftest import SPARSER
from tests.crash.test_kill import check_recovery
from tests.crash.world import Build
from tests.support.proxy import Proxy

FULL = os.environ.get("TRUEUP_CAMPAIGN") == "full"
SLICE = 1 if FULL else 6

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600 if FULL else 300)]

FAULTS: dict[str, Callable[[Any], object]] = {
    "reset before the server sees it": lambda rule: rule.reset_before_forwarding(),
    "reset after the server acted": lambda rule: rule.reset_before_answering(),
    "429 with Retry-After": lambda rule: rule.too_many_requests(1),
    "503": lambda rule: rule.unavailable(),
    "500 after the server acted": lambda rule: rule.answer_instead(500),
    "answer cut off": lambda rule: rule.truncate(40),
    "no answer in time": lambda rule: rule.hang_before_answering(),
}
SLOW = {"no answer in time"}
ENDINGS = {"done", "partial", "failed"}
COUNTED: dict[str, int] = {}


@pytest.fixture
def requests(build: Build, kind: str, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many requests a run makes."""
    if kind not in COUNTED:
        world = build(tmp_path_factory.mktemp(kind) / "reference")
        proxy.clear()
        world.run()
        COUNTED[kind] = len(proxy.exchanges)
        proxy.clear()
    return COUNTED[kind]


@pytest.mark.parametrize("fault", FAULTS)
def test_once_at_every_request(
    tmp_path: Path, build: Build, kind: str, proxy: Proxy, requests: int, fault: str
) -> None:
    """A single failure is either got over within the run, or told and made good by the next one."""
    step = SLICE * SPARSER[kind] * (3 if fault in SLOW and not FULL else 1)
    shift = datetime.date.today().timetuple().tm_yday + 5 * list(FAULTS).index(fault)
    for number in range(1 + shift % min(step, requests), requests + 1, step):
        world = build(tmp_path / f"request-{number}", timeout="1s")
        proxy.clear()
        rule = FAULTS[fault](proxy.on(nth=number, times=1))
        report = world.attempt()
        assert report["state"] in ENDINGS, report
        assert rule.hits, f"request {number} was not sent"  # type: ignore[attr-defined]
        proxy.clear()
        check_recovery(world, f"{fault} at request {number}: {report['state']}")


@pytest.mark.parametrize("fault", ["reset before the server sees it", "503"])
def test_for_the_whole_run(tmp_path: Path, build: Build, proxy: Proxy, kind: str, fault: str) -> None:
    """A server that is down changes nothing: no deletion, no conflict, nothing that the next run would have to take back."""
    sparsely(kind, fault, "reset before the server sees it")
    world = build(tmp_path / "world", timeout="1s")
    before = world.sides()
    proxy.clear()
    FAULTS[fault](proxy.on())
    report = world.attempt()
    assert report["state"] in {"partial", "failed"}, report
    assert world.sides() == before
    proxy.clear()
    check_recovery(world, fault)


@pytest.mark.parametrize("fault", ["reset after the server acted", "503", "answer cut off"])
def test_every_second_request(tmp_path: Path, build: Build, proxy: Proxy, kind: str, fault: str) -> None:
    """A line that drops half of everything: retries get through, or the run is partly done."""
    sparsely(kind, fault, "reset after the server acted")
    world = build(tmp_path / "world", timeout="2s")
    proxy.clear()
    seen = iter(range(10_000))
    FAULTS[fault](proxy.on(when=lambda *_: next(seen) % 2 == 0))
    report = world.attempt()
    assert report["state"] in ENDINGS, report
    proxy.clear()
    check_recovery(world, fault)


def sparsely(kind: str, fault: str, enough: str) -> None:
    """Of kinds but the first, one fault is tried beside the campaign."""
    if SPARSER[kind] > 1 and fault != enough:
        pytest.skip("the client's waiting is the same for calendars; make crash tries it with contacts too")
