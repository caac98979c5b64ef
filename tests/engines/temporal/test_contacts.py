"""Address books on the real server: done, and a worker killed half-way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.crash.world import BookWorld
from tests.engines.temporal.office import Office
from tests.support import contacts_office
from tests.support.contacts_office import COUNTS, check
from tests.support.servers import Radicale


def books(office: Office, radicale: Radicale) -> BookWorld:
    """The office with address books instead of its calendars."""
    return contacts_office.office(office.folder, radicale)


def test_a_contacts_job_is_a_workflow(office: Office, radicale: Radicale) -> None:
    world = books(office, radicale)
    office.worker()

    async def scenario(client: Any) -> None:
        report = await office.result(await office.start(client, "team"))
        assert (report["state"], report["counts"]) == ("done", COUNTS)

    office.with_client(scenario)
    check(world)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_is_killed_half_way(office: Office, radicale: Radicale, moment: str) -> None:
    """Before or after the effect of a batch; another worker goes on."""
    world = books(office, radicale)
    first = office.worker(heartbeat=1, die="apply_batch", moment=moment)

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "team")
        assert await asyncio.to_thread(first.wait) == -9
        office.worker(heartbeat=1)
        assert (await office.result(handle))["state"] == "done"

    office.with_client(scenario)
    check(world)
