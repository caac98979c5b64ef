"""A backup on the real server: what its screen shows, a worker killed or stopped in the middle of a source, a closed window."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.engines.temporal.office import Office
from tests.support import backup_office
from tests.support.backup_office import ONCE_HANGING, TITLES, check, sleeping


def backed_up(office: Office, **more: Any) -> Path:
    """The office with a backup instead of its calendars; returns the configuration."""
    return backup_office.office(office.folder, **more)


def test_a_backup_is_a_workflow_with_an_activity_for_all_it_does(office: Office) -> None:
    config = backed_up(office)
    office.worker()

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "office")
        report = await office.result(handle)
        assert report["state"] == "done", report
        shown = await office.activities(handle)
        titles = [one for wave in TITLES for one in wave]
        assert [one for one in shown if one[0] in titles] == [(one, one) for one in titles]
        progress = await handle.query("progress")
        assert progress["units"]["drill files"] == {"state": "done", "done": 1, "of": 1}

    office.with_client(scenario)
    check(config)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_worker_ends_in_the_middle_of_a_source(office: Office, how: str) -> None:
    """Its programs end with it, and another worker takes the source."""
    config = backed_up(office, command=ONCE_HANGING)
    first = office.worker(heartbeat=2)

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "office")
        await office.until(_is(lambda: sleeping(office.folder)))
        if how == "killed":
            await asyncio.to_thread(first.kill)
            await office.until(_is(lambda: not sleeping(office.folder)), 5)
        else:
            assert await asyncio.to_thread(first.stop) == 0
            assert not sleeping(office.folder)
        office.worker(heartbeat=2)
        assert (await office.result(handle))["state"] == "done"

    office.with_client(scenario)
    check(config)


@pytest.mark.slow
def test_a_cancelled_run_ends_the_programs_of_its_sources(office: Office) -> None:
    """And the next run of the job goes on with it."""
    config = backed_up(office, command=ONCE_HANGING)
    office.worker()

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "office")
        await office.until(_is(lambda: sleeping(office.folder)))
        await handle.signal("cancel")
        await office.until(_is(lambda: not sleeping(office.folder)))
        await office.state(handle, "failed")

    office.with_client(scenario)
    assert office.run("office")["state"] == "done"
    check(config)


@pytest.mark.slow
def test_a_run_outside_of_its_window_waits_for_a_person(office: Office) -> None:
    config = backed_up(office, command="touch taken; echo said", job={"window": backup_office.closed()})
    office.worker()

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "office")
        await office.state(handle, "awaiting_approval")
        assert not (office.folder / "taken").exists()
        await handle.signal("approve", {"allow": ["window"], "who": "ana"})
        assert (await office.result(handle))["state"] == "done"

    office.with_client(scenario)
    check(config)


def _is(condition: Any) -> Any:
    async def asked() -> bool:
        return bool(condition())

    return asked
