"""A job driven by a careless engine, on real stores: nothing lost, nothing doubled, whatever is repeated or killed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.crash.world import EXPECTED, World
from tests.engines.calls.careless import Careless, at_once, killed, once, twice
from tests.support.faults import Exchange
from tests.support.proxy import Proxy
from tests.support.servers import DavServer, PostgreSQL, Radicale, Xandikos

pytestmark = pytest.mark.slow

HABITS = {"once": once, "twice": twice, "at-once": at_once, "killed-at-writes": killed("write")}


def office(folder: Path, server: DavServer, ledger: str = "") -> World:
    """A calendar on a server and one in a folder, with edits of every kind waiting on both sides."""
    direct: Any = SimpleNamespace(url=server.url, clear=lambda: None)
    return World.build(folder, server=server, proxy=direct, ledger=ledger)


def check(world: World, engine: Careless, report: dict[str, Any]) -> None:
    """Both sides are right, and another run has nothing to do."""
    assert report["state"] == "done", report
    assert report["left"] == []
    assert world.sides() == (EXPECTED, EXPECTED)
    counts = {key: report["counts"].get(key, 0) for key in ("create", "update", "delete")}
    assert counts == {"create": 2, "update": 3, "delete": 2}, report
    again = Careless(engine.config, once).run_job("team", "another")
    assert (again["state"], again["counts"]) == ("done", {})


@pytest.mark.parametrize("habit", HABITS)
def test_on_radicale(tmp_path: Path, radicale: Radicale, habit: str) -> None:
    world = office(tmp_path / "world", radicale)
    engine = Careless(world.folder / "trueup.yaml", HABITS[habit])
    report = engine.run_job("team", "key")
    check(world, engine, report)
    if habit.startswith("killed"):
        assert engine.deaths > 40


@pytest.mark.parametrize("habit", ["twice", "killed-at-writes"])
def test_on_xandikos(tmp_path: Path, xandikos: Xandikos, habit: str) -> None:
    world = office(tmp_path / "world", xandikos)
    engine = Careless(world.folder / "trueup.yaml", HABITS[habit])
    check(world, engine, engine.run_job("team", "key"))


@pytest.mark.parametrize("habit", ["at-once", "killed-at-writes"])
def test_with_the_ledger_on_postgresql(tmp_path: Path, radicale: Radicale, postgresql: PostgreSQL, habit: str) -> None:
    world = office(tmp_path / "world", radicale, postgresql.make_database())
    engine = Careless(world.folder / "trueup.yaml", HABITS[habit])
    check(world, engine, engine.run_job("team", "key"))


@pytest.mark.parametrize("server", ["radicale", "xandikos"])
def test_killed_when_the_server_has_acted(tmp_path: Path, server: str, request: pytest.FixtureRequest) -> None:
    world = office(tmp_path / "world", request.getfixturevalue(server))
    engine = Careless(world.folder / "trueup.yaml", killed("request"))
    report = engine.run_job("team", "key")
    assert engine.deaths > 10
    check(world, engine, report)


def test_the_same_key_is_the_same_run(tmp_path: Path, radicale: Radicale) -> None:
    world = office(tmp_path / "world", radicale)
    engine = Careless(world.folder / "trueup.yaml", at_once)
    first = engine.call("begin_job", "team", "key", [], "")
    assert first["next"] == "read"
    assert engine.call("begin_job", "team", "key", [], "") == first
    report = engine.run_job("team", "key")
    assert report["run"] == first["run"]
    over = engine.call("begin_job", "team", "key", [], "")
    assert (over["next"], over["run"], over["report"]["state"]) == ("over", first["run"], "done")
    check(world, engine, report)


def test_every_call_may_come_again_when_all_is_over(tmp_path: Path, radicale: Radicale) -> None:
    """A worker that was cut off comes back with what it was given long ago."""
    world = office(tmp_path / "world", radicale)
    engine = Careless(world.folder / "trueup.yaml", once)
    report = engine.run_job("team", "key")
    run, refs = report["run"], ["work/" + world.calendar.rstrip("/").rsplit("/", 1)[-1], "laptop/team"]
    before = world.sides()
    late: dict[str, Callable[[], Any]] = {
        "read": lambda: [engine.call("read", run, ref) for ref in refs],
        "plan": lambda: engine.call("plan", run, [{"collection": ref} for ref in refs]),
        "guard": lambda: engine.call("guard", run),
        "approve": lambda: engine.call("approve", run, ["all"], "anna"),
        "start": lambda: engine.call("start_apply", run),
        "batch": lambda: engine.call("apply_batch", run, 1),
        "verify": lambda: [engine.call("verify", run, ref) for ref in refs],
        "report": lambda: engine.call("report", run, []),
        "rest": lambda: engine.call("run_rest", run),
        "end": lambda: engine.call("end_job", run),
    }
    answers = {name: call() for name, call in late.items()}
    assert [one["read"] for one in answers["read"]] == [True, True]
    assert answers["plan"]["counts"] == {"create": 2, "update": 3, "delete": 2, "link": 0} or answers["plan"]["counts"]
    assert answers["guard"]["blocked"] is False
    assert answers["start"] == {"waves": []}
    assert answers["batch"]["done"] == 0
    assert answers["report"]["counts"] == answers["rest"]["counts"] == answers["end"]["counts"] == report["counts"]
    assert world.sides() == before


def loses_places(exchange: Exchange) -> None:
    """A server that keeps no LOCATION."""
    body = re.sub(rb"LOCATION:[^\r\n]*\r\n", b"", exchange.request.raw_body)
    exchange.request = replace(exchange.request.with_header("Content-Length", str(len(body))), raw_body=body)


@pytest.mark.parametrize("habit", ["once", "twice", "killed-at-writes"])
def test_what_a_server_lost_is_told_though_the_first_answer_never_came(
    tmp_path: Path, xandikos: Xandikos, habit: str
) -> None:
    with Proxy(xandikos.url) as proxy:
        world = World.build(tmp_path / "world", server=xandikos, proxy=proxy)
        proxy.on("PUT").call(received=loses_places)
        engine = Careless(world.folder / "trueup.yaml", HABITS[habit])
        report = engine.run_job("team", "key")
    told = {one["collection"].partition("/")[0]: one for one in report["verifications"]}
    counts = {side: (one["verified"], one["failed"], one["rewritten"]) for side, one in told.items()}
    assert counts == {"work": (4, 0, 1), "laptop": (3, 0, 0)}
    assert told["work"]["lost"] == {"location": 1}
