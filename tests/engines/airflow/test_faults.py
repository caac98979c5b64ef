"""What a company's Airflow goes through: killed tasks, a killed scheduler, a task done twice at once, a ledger and a network that are away.

Compared are the calendars themselves: nothing is lost, nothing is there twice.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.airflow.office import Office
from tests.support.airflow_server import Airflow, descendants
from tests.support.proxy import Proxy
from tests.support.servers import PostgreSQL, Radicale

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PHASES = ("begin_job", "read", "plan", "guard", "start_apply", "apply_batch", "verify", "report", "end_job")


def one_run(office: Office, state: str = "done") -> None:
    """trueup has one run, whatever Airflow had to repeat."""
    with office.app() as app:
        assert [one["state"] for one in app.history("team")] == [state]


def go_on(office: Office, point: str) -> None:
    """Lets a held process go on."""
    (office.folder / f"held-{point}").unlink()


@pytest.mark.parametrize("where", ["before", "after"])
def test_killed_in_each_phase(airflow: Airflow, large: Office, where: str) -> None:
    uids = [*large.fill(5), *large.fill(5, "laptop")]
    large.deploy(airflow)
    large.hold(*(f"{one}.{where}" for one in PHASES))
    run = airflow.trigger(large.dag())
    killed: list[str] = []

    def ended() -> str:
        killed.extend(large.kill_held())
        state = airflow.state(large.dag(), run)
        return state if state in ("success", "failed") else ""

    assert airflow.wait_for(ended, "the run to end", 600) == "success", airflow.task_states(large.dag(), run)
    assert sorted(killed) == sorted(f"{one}.{where}" for one in PHASES)
    large.assert_same(uids)
    one_run(large)


def test_killed_between_an_effect_and_its_record(airflow: Airflow, large: Office, radicale: Radicale) -> None:
    uids = large.fill(6, "laptop")
    with Proxy(radicale.url) as proxy:
        large.write(url=proxy.url)
        large.deploy(airflow)
        large.hold("apply_batch.before")
        run = airflow.trigger(large.dag())
        pid = large.wait_held("apply_batch.before", 180)
        rule = proxy.on("PUT", nth=3).hang_before_answering()
        go_on(large, "apply_batch.before")
        airflow.wait_for(lambda: rule.hits, "the third PUT")
        os.kill(pid, signal.SIGKILL)
        rule.release()
        airflow.assert_success(large.dag(), run)
        assert any(
            one["try_number"] == 2 for (task, _), one in airflow.tasks(large.dag(), run).items() if task == "apply"
        )
    large.assert_same(uids)
    one_run(large)


def test_the_scheduler_and_its_tasks_die_in_the_middle(airflow: Airflow, large: Office) -> None:
    uids = [*large.fill(4), *large.fill(4, "laptop")]
    large.deploy(airflow)
    large.hold("apply_batch.after")
    run = airflow.trigger(large.dag())
    large.wait_held("apply_batch.after", 180)
    airflow.kill_part("scheduler")
    time.sleep(2)
    airflow.start_part("scheduler")
    airflow.assert_success(large.dag(), run, seconds=400)
    large.assert_same(uids)
    one_run(large)


def test_a_batch_given_to_two_workers(airflow: Airflow, large: Office) -> None:
    """Airflow takes a worker for dead that is only cut off, and gives its batch to another one."""
    uids = large.fill(5, "laptop")
    large.deploy(airflow)
    large.hold("apply_batch.before")
    run = airflow.trigger(large.dag())
    first = large.wait_held("apply_batch.before", 180)
    supervisor = parent_of(first)
    assert supervisor in descendants(airflow.processes["scheduler"].pid)
    os.kill(supervisor, signal.SIGSTOP)
    try:

        def second() -> bool:
            tries = [one["try_number"] for (task, _), one in airflow.tasks(large.dag(), run).items() if task == "apply"]
            return max(tries, default=0) > 1

        airflow.wait_for(second, "Airflow to give the batch to another worker", 180)
        go_on(large, "apply_batch.before")  # both are at it now
        airflow.assert_success(large.dag(), run, seconds=300)
    finally:
        os.kill(supervisor, signal.SIGCONT)
    large.assert_same(uids)
    one_run(large)


def parent_of(pid: int) -> int:
    """The parent of a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture
def own_ledger(tmp_path: Path, radicale: Radicale) -> Iterator[tuple[Office, PostgreSQL]]:
    """An office whose ledger is on a database server of its own."""
    with PostgreSQL() as server:
        made = Office(tmp_path, radicale, server.make_database())
        yield made, server
        made.close()


def test_the_ledgers_database_is_restarted(airflow: Airflow, own_ledger: tuple[Office, PostgreSQL]) -> None:
    office, server = own_ledger
    uids = [*office.fill(4), *office.fill(4, "laptop")]
    office.deploy(airflow)
    office.hold("apply_batch.before", "plan.after")
    run = airflow.trigger(office.dag())
    for point in ("plan.after", "apply_batch.before"):
        office.wait_held(point, 180)
        server.stop()
        go_on(office, point)
        time.sleep(2)
        server.start()
    airflow.assert_success(office.dag(), run, seconds=300)
    office.assert_same(uids)
    one_run(office)


def test_the_network_is_cut_for_a_minute(airflow: Airflow, large: Office, radicale: Radicale) -> None:
    uids = large.fill(6, "laptop")
    with Proxy(radicale.url) as proxy:
        large.write(url=proxy.url)
        large.deploy(airflow)
        large.hold("apply_batch.before")
        run = airflow.trigger(large.dag())
        large.wait_held("apply_batch.before", 180)
        cut = proxy.on().reset_before_forwarding()
        timer = threading.Timer(60, cut.remove)
        timer.start()
        go_on(large, "apply_batch.before")
        airflow.assert_success(large.dag(), run, seconds=400)
        assert cut.hits
        timer.join()
        assert airflow.task_states(large.dag(), run)["rounds"] == "success"
    large.assert_same(uids)


def test_a_store_that_is_away_for_a_while_is_read_later(airflow: Airflow, large: Office, radicale: Radicale) -> None:
    uids = large.fill(3)
    with Proxy(radicale.url) as proxy:
        large.write(url=proxy.url)
        large.deploy(airflow)
        away = proxy.on().reset_before_forwarding()
        run = airflow.trigger(large.dag())

        def tried_again() -> bool:
            reads = [one for (task, _), one in airflow.tasks(large.dag(), run).items() if task == "read"]
            return any(one["try_number"] > 1 for one in reads)

        airflow.wait_for(tried_again, "a second try", 120)
        away.remove()
        airflow.assert_success(large.dag(), run)
    large.assert_same(uids)
