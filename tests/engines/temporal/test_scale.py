"""Several workers: the work spreads, and rates hold for all of them together."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from tests.engines.scale import Target, many_jobs
from tests.engines.temporal.office import Office, spread
from tests.support.servers import Radicale

MAP = """
rows: {python: "office:rows", with: {count: ROWS}}
send: {python: "office:send", for_each: "${steps.rows.output}", with: {x: "${item}", seconds: SECONDS}, parallel: 8}
"""


def mapped(rows: int, seconds: float) -> str:
    return MAP.replace("ROWS", str(rows)).replace("SECONDS", str(seconds))


def test_a_map_spreads_over_two_workers(office: Office) -> None:
    office.pipeline(mapped(24, 0.3))
    workers = [office.worker(threads=2), office.worker(threads=2)]
    assert office.run("nightly")["state"] == "done"
    shares = spread(office.effects())
    assert shares.keys() == {str(one.pid) for one in workers}
    assert min(shares.values()) >= 6
    assert office.counted() == {"rows": 1, **{f"send[{number}]": 1 for number in range(24)}}


@pytest.mark.slow
def test_long_calls_do_not_hold_up_the_decisions_of_other_runs(office: Office) -> None:
    """All of a worker's threads are taken by calls that wait; another run still gets as far as to its own."""
    office.pipeline("""
rows: {python: "office:rows", with: {count: 2}}
hold: {python: "office:wait_for", for_each: "${steps.rows.output}", with: {file: "go"}, parallel: 2}
""")
    office.worker(threads=2)

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "nightly")

        async def taken() -> bool:
            return office.effects().count("waiting for go") == 2

        await office.until(taken)
        other = await office.start(client, "nobody")  # fails by its first look
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(other.result(), 15)
        (office.folder / "go").touch()
        assert (await office.result(handle))["state"] == "done"

    office.with_client(scenario)


@pytest.mark.slow
def test_a_rate_holds_over_all_workers(office: Office) -> None:
    office.pipeline(mapped(24, 0))
    office.worker(rate=4)
    office.worker(rate=4)

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "nightly")
        await handle.result()
        history = await handle.fetch_history()
        begun = sorted(
            event.event_time.ToDatetime()
            for event in history.events
            if event.HasField("activity_task_started_event_attributes")
        )
        # 24 items at 4 a second take 6 s; the server lets a burst of about a second's worth pass.
        assert begun[-1] - begun[0] > timedelta(seconds=4)

    office.with_client(scenario)
    assert len(office.counted()) == 25


def test_a_store_with_a_rate_has_a_task_queue_of_its_own(office: Office) -> None:
    office.event("laptop", "l", "Laptop")
    office.worker(store_rate=["work=50"])

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "team")
        assert (await handle.result())["state"] == "done"
        scheduled = await office.events(handle, "activity_task_scheduled")
        queues = {one.activity_type.name: one.task_queue.name for one in scheduled}
        own = {name for name, queue in queues.items() if queue == f"{office.queue}/work"}
        assert own == {"read work/team", "apply work/team", "verify work/team"}
        assert {queue for name, queue in queues.items() if name not in own} == {office.queue}

    office.with_client(scenario)
    assert office.titles("work") == ["Laptop"]


@pytest.mark.slow
def test_a_stores_limit_holds_over_all_workers(office: Office, radicale: Radicale) -> None:
    """Eight jobs of one account, on four workers, with room for two at the store: measured there."""
    with Target(radicale, 2) as target:
        stores, jobs = many_jobs(target, office.folder, 8)
        office.write(json.dumps({"version": 1, "stores": stores, "jobs": jobs}))
        workers = [office.worker(threads=2) for _ in range(4)]

        async def scenario(client: Any) -> list[Any]:
            handles = [await office.start(client, name) for name in jobs]
            return [await office.result(one) for one in handles]

        assert {one["state"] for one in office.with_client(scenario)} == {"done"}
        assert target.most == 2
        assert target.arrived(office.folder, jobs)
        assert all(one.process.poll() is None for one in workers)
