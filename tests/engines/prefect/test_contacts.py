"""Address books on a real Prefect server: done, and a process killed while it writes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engines.prefect.plant import Plant
from tests.engines.prefect.test_faults import kill, once
from tests.support import contacts_office
from tests.support.contacts_office import check
from tests.support.proxy import Proxy
from tests.support.servers import Radicale


def begun(plant: Plant) -> Any:
    """The job under way."""
    plant.deploy()
    plant.work()
    return plant.start("team")


def test_a_contacts_job_is_a_flow_run(plant: Plant, radicale: Radicale) -> None:
    world = contacts_office.office(plant.folder, radicale, plant.ledger)
    state = plant.wait(begun(plant))
    assert (state.name, state.message) == ("Completed", "2 create, 2 delete, 3 update")
    check(world)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_whose_process_is_killed_half_way(plant: Plant, radicale: Radicale) -> None:
    with Proxy(radicale.url) as proxy:
        world = contacts_office.office(plant.folder, radicale, plant.ledger, proxy)
        now, killed = once(lambda: kill(plant, run))
        proxy.on("PUT", nth=2).call(answered=now)
        run = begun(plant)
        assert killed.wait(90), plant.worker_log()
        assert plant.wait(run, "Completed", seconds=300).name == "Completed"
        assert plant.run(run).run_count == 2
        check(world)
