"""Address books on a real Airflow: done, and a task killed half-way."""

from __future__ import annotations

import pytest

from tests.engines.airflow.office import Office
from tests.engines.airflow.test_here import run as run_here
from tests.support import contacts_office
from tests.support.airflow_server import Airflow
from tests.support.contacts_office import check
from tests.support.servers import Radicale
from trueup.engines.airflow import dags


@pytest.mark.usefixtures("database")
def test_a_contacts_job(office: Office, radicale: Radicale) -> None:
    """In this process, for the slice of every `make test`."""
    world = contacts_office.office(office.folder, radicale)
    state, tasks = run_here(dags(office.config, prefix=office.prefix)[office.dag()])
    assert state == "success", tasks
    assert (tasks["apply"], tasks["delete"]) == ("success,success", "success,success")
    check(world)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_task_is_killed_half_way(airflow: Airflow, large: Office, radicale: Radicale) -> None:
    """After a batch took effect, and before Airflow hears of it."""
    world = contacts_office.office(large.folder, radicale, large.ledger)
    large.deploy(airflow)
    large.hold("apply_batch.after")
    run = airflow.trigger(large.dag())
    large.wait_held("apply_batch.after", 180)
    assert large.kill_held() == ["apply_batch.after"]
    airflow.assert_success(large.dag(), run, seconds=400)
    check(world)
