"""kill -9 anywhere, then run again: the right result, nothing lost, nothing doubled.

At every write to the ledger (before and after its commit), and at every request: before it is forwarded, after the server has acted, and while the
answer is on its way. `make crash` tries every point; the ordinary test a slice of them that moves with the day.
"""

from __future__ import annotations

import datetime
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.conftest import SPARSER
from tests.crash.world import Build, World, count_writes, die_at_write, kill
from tests.support.proxy import Proxy
from tests.support.servers import PostgreSQL

FULL = os.environ.get("TRUEUP_CAMPAIGN") == "full"
SLICE = 1 if FULL else 8
POINTS = ("received", "answered", "passing")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600 if FULL else 300)]


def points(count: int, step: int = SLICE) -> list[int]:
    """Every point of the campaign, or every `step`-th, shifted by the day of the year."""
    shift = datetime.date.today().timetuple().tm_yday % step
    return [one for one in range(1, count + 1) if (one + shift) % step == 0]


def check_recovery(world: World, where: str) -> None:
    """One more run makes everything right, and the one after it has nothing to do."""
    report = world.run()
    assert report["state"] == "done", (where, report)
    server, folder = world.sides()
    assert server == world.expected, where
    assert folder == world.expected, where
    assert not world.debris() or all(name.startswith(".") for name in world.debris()), where
    again = world.run()
    assert not any(again["counts"].get(one) for one in ("create", "update", "delete")), (where, again)
    assert again["state"] == "done", (where, again)


def test_without_a_kill(tmp_path: Path, build: Build) -> None:
    """What the other tests rely on: the run itself is right."""
    check_recovery(build(tmp_path / "world"), "no kill")


def ledger_kills(tmp_path: Path, build: Callable[[str], World], step: int = SLICE) -> int:
    """Kills a run at its writes to the ledger, one after the other, each in a world of its own."""
    reference = build("reference")
    reference.finished(reference.start(count_writes, str(tmp_path / "labels")))
    labels = (tmp_path / "labels").read_text().splitlines()
    tried = points(len(labels), step)
    for number in tried:
        world = build(f"write-{number}")
        process = world.start(die_at_write, number)
        process.join(60)
        assert process.exitcode == -9, f"{labels[number - 1]} was not reached"
        check_recovery(world, f"ledger write {number}: {labels[number - 1]}")
    return len(tried)


def test_killed_at_ledger_writes(tmp_path: Path, build: Build, kind: str) -> None:
    step = SLICE * (1 if FULL else min(3, SPARSER[kind]))
    assert ledger_kills(tmp_path, lambda name: build(tmp_path / name), step) > 1


@pytest.mark.skipif(
    not FULL, reason="the ledger's writes are the same on SQLite; make crash tries them on PostgreSQL too"
)
def test_killed_at_ledger_writes_on_postgresql(tmp_path: Path, build: Build, postgresql: PostgreSQL) -> None:

    def on_postgresql(name: str) -> World:
        return build(tmp_path / name, ledger=postgresql.make_database())

    assert ledger_kills(tmp_path, on_postgresql) > 10


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_requests(tmp_path: Path, build: Build, kind: str, proxy: Proxy, point: str) -> None:
    """The process dies while the n-th request is where `point` says; the server may have acted on it."""
    reference = build(tmp_path / "reference")
    proxy.clear()
    reference.run()
    requests = [f"{one.method} {one.path}" for one in proxy.exchanges]
    assert any(one.startswith("PUT") for one in requests)
    assert any(one.startswith("DELETE") for one in requests)
    for number in points(len(requests), SLICE * SPARSER[kind]):
        world = build(tmp_path / f"request-{number}")
        proxy.clear()
        reached = threading.Event()
        gone = threading.Event()

        def die(*_: object, reached: threading.Event = reached, gone: threading.Event = gone) -> None:
            reached.set()
            gone.wait(30)

        proxy.on(nth=number).call(**{point: die})
        process = world.start()
        assert reached.wait(30), f"request {number} was not sent"
        kill(process)
        gone.set()
        proxy.clear()
        check_recovery(world, f"request {number} ({requests[number - 1]}), killed when {point}")
