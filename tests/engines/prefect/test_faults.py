"""Processes killed with SIGKILL, servers away in the middle of a run: it ends right by itself, and the calendars hold each event once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from prefect.states import Crashed

from tests.e2e.office import OnServer
from tests.engines.prefect.plant import Plant, planted
from tests.support.postgresql import PostgreSQL
from tests.support.prefect_server import PrefectServer
from tests.support.proxy import Proxy
from tests.support.servers import Radicale

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EVENTS = 30


@dataclass
class Behind(OnServer):
    """A calendar on a server behind a proxy."""

    proxy: Any = field(default=None)

    def store(self) -> dict[str, Any]:
        return {**super().store(), "url": self.proxy.url}


def behind(plant: Plant, radicale: Radicale, proxy: Proxy) -> None:
    """Puts calendar `b` on a server, as seen through a proxy."""
    calendar = radicale.make_calendar(f"prefect-{time.monotonic_ns()}")
    plant.b = Behind("b", radicale, calendar, radicale.dav(), proxy)
    plant.configure()


@pytest.fixture
def proxy(plant: Plant, radicale: Radicale) -> Iterator[Proxy]:
    with Proxy(radicale.url) as made:
        behind(plant, radicale, made)
        yield made


def check(plant: Plant, run: Any) -> None:
    """It ended right, and each event stands once in both calendars."""
    assert plant.wait(run, "Completed", seconds=300).name == "Completed"
    assert len(plant.uids(plant.a)) == EVENTS
    plant.agree()


def begun(plant: Plant) -> Any:
    plant.fill(EVENTS)
    plant.deploy()
    plant.work()
    return plant.start("team")


def kill(plant: Plant, run: Any) -> None:
    os.kill(plant.pid(run), signal.SIGKILL)


def once(act: Callable[[], None]) -> tuple[Callable[[Any], None], threading.Event]:
    """A hook for the proxy's thread that acts at its first call, with Prefect's settings of this one; and whether it has."""
    context, done = copy_context(), threading.Event()

    def hook(exchange: Any) -> None:
        if not done.is_set():
            context.run(act)
            done.set()

    return hook, done


@pytest.mark.parametrize(
    ("phase", "method", "nth"), [("read", "PROPFIND", 2), ("apply", "PUT", EVENTS // 2), ("verify", "REPORT", 1)]
)
def test_a_run_whose_process_is_killed_goes_on(plant: Plant, proxy: Proxy, phase: str, method: str, nth: int) -> None:
    found: list[Any] = []

    def act() -> None:
        found.append(plant.history()[0]["phase"])
        kill(plant, run)

    now, killed = once(act)
    proxy.on(method, nth=nth).call(answered=now)
    run = begun(plant)
    assert killed.wait(90), plant.worker_log()
    check(plant, run)
    assert found == [phase]
    assert plant.run(run).run_count == 2


def test_a_run_whose_process_is_killed_where_it_speaks_to_nobody(plant: Plant) -> None:
    """After each of the phases that send no request."""
    points = ["begin_job.after", "plan.after", "guard.before", "start_apply.after", "report.after", "end_job.before"]
    plant.hold(*points)
    run = begun(plant)
    killed: list[str] = []
    deadline = time.monotonic() + 500
    while sorted(killed) != sorted(points):
        assert time.monotonic() < deadline, (killed, plant.worker_log())
        killed += plant.kill_held()
        time.sleep(0.2)
    check(plant, run)
    assert plant.run(run).run_count == len(points) + 1
    assert [one["state"] for one in plant.history()] == ["done"]


def test_a_pipeline_whose_process_is_killed_repeats_nothing_that_had_ended(plant: Plant) -> None:
    steps = {
        "team": {"job": "team"},
        "rows": {"python": "usersteps:rows", "with": {"n": 3}, "needs": ["team"]},
        "send": {"python": "usersteps:send", "for_each": "${steps.rows.output.rows}", "with": {"row": "${item}"}},
        "gate": {"python": "usersteps:wait_for", "with": {"file": "open"}, "needs": ["send"]},
    }
    plant.pipeline(steps)
    plant.fill(EVENTS)
    plant.deploy()
    plant.work()
    run = plant.start("monthly")
    deadline = time.monotonic() + 90
    while not (plant.folder / "open.waiting").exists():
        assert time.monotonic() < deadline, plant.worker_log()
        time.sleep(0.1)
    kill(plant, run)
    (plant.folder / "open").touch()
    assert plant.wait(run, "Completed", seconds=300).name == "Completed"
    assert plant.effects() == ["gate", "gate", "rows", "send[0]", "send[1]", "send[2]"]
    assert len(plant.children(run)) == 1  # the job was not run again
    plant.agree()


def test_a_run_goes_on_that_was_killed_with_its_worker(plant: Plant, proxy: Proxy) -> None:
    def act() -> None:
        plant.workers[0].kill()
        kill(plant, run)

    now, killed = once(act)
    proxy.on("PUT", nth=EVENTS // 2).call(answered=now)
    run = begun(plant)
    assert killed.wait(90), plant.worker_log()
    assert plant.run(run).state.name == "Running"  # and would stay so for ever
    plant.work()
    check(plant, run)
    assert {one for states in plant.tasks(run).values() for one in states} == {"Completed", "Crashed"}


def test_without_the_keeper_the_silence_of_a_run_is_noticed(plant: Plant, proxy: Proxy) -> None:
    """Prefect's own worker, and nothing of ours beside it: heartbeats and automations bring the run back."""

    def act() -> None:
        plant.workers[0].kill()
        kill(plant, run)

    now, killed = once(act)
    proxy.on("PUT", nth=EVENTS // 2).call(answered=now)
    plant.fill(EVENTS)
    plant.deploy()
    plant.work(keeper=False)
    run = plant.start("team")
    assert killed.wait(90), plant.worker_log()
    plant.work(keeper=False)
    check(plant, run)


def test_two_processes_that_work_on_the_same_run_do_nothing_twice(plant: Plant, proxy: Proxy) -> None:
    """A run is taken for dead that lives: it is started a second time beside itself."""
    proxy.on("PUT").delay(0.4)
    halfway = threading.Event()
    proxy.on("PUT", nth=3).call(answered=lambda exchange: halfway.set())
    run = begun(plant)
    assert halfway.wait(90), plant.worker_log()
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run, Crashed(message="taken for dead"), force=True)
    check(plant, run)
    created = [one for one in proxy.exchanges if one.method == "PUT" and one.status in (200, 201, 204)]
    assert len(created) == EVENTS


def test_the_ledgers_postgresql_is_restarted_in_the_middle(plant: Plant, proxy: Proxy, postgresql: PostgreSQL) -> None:
    proxy.on("PUT").delay(0.1)
    halfway = threading.Event()
    proxy.on("PUT", nth=5).call(answered=lambda exchange: halfway.set())
    run = begun(plant)
    assert halfway.wait(90), plant.worker_log()
    postgresql.stop()
    time.sleep(3)
    postgresql.start()
    check(plant, run)


def test_the_network_is_cut_in_the_middle(plant: Plant, proxy: Proxy) -> None:
    cut = threading.Event()
    proxy.on("PUT", nth=5).call(answered=lambda exchange: cut.set())
    run = begun(plant)
    assert cut.wait(90), plant.worker_log()
    rule = proxy.on().reset_before_forwarding()
    time.sleep(60)
    rule.remove()
    check(plant, run)
    created = [one for one in proxy.exchanges if one.method == "PUT" and one.status in (200, 201, 204)]
    assert len(created) == EVENTS


def test_prefects_server_is_restarted_in_the_middle(tmp_path: Path, radicale: Radicale, database_url: str) -> None:
    with PrefectServer() as server, Proxy(radicale.url) as proxy:
        settings = {PREFECT_API_URL: server.url, PREFECT_HOME: str(server.directory / "home")}
        with temporary_settings(settings), planted(tmp_path, server, database_url) as plant:
            behind(plant, radicale, proxy)
            proxy.on("PUT").delay(0.3)
            halfway = threading.Event()
            proxy.on("PUT", nth=3).call(answered=lambda exchange: halfway.set())
            run = begun(plant)
            assert halfway.wait(90), plant.worker_log()
            server.stop()
            time.sleep(10)
            server.start()
            check(plant, run)
