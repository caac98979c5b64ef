"""What fails on the real server while a run is under way: workers, the server, the ledger. The calendars themselves are compared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.world import EXPECTED, World
from tests.engines.temporal.office import Office
from tests.support.proxy import Exchange, Proxy
from tests.support.servers import PostgreSQL, Radicale
from tests.support.temporal_server import TemporalServer

PHASES = ("begin_job", "read", "plan", "guard", "start_apply", "apply_batch", "verify", "report", "end_job")
QUICK = (("apply_batch", "after"),)


class Edited:
    """A calendar on a CalDAV server and a folder, with edits of every kind waiting on both sides."""

    def __init__(self, office: Office, radicale: Radicale, ledger: str = "") -> None:
        self.office = office
        self.proxy = Proxy(radicale.url).start()
        folder = office.folder / "office"
        self.world = World.build(folder, server=radicale, proxy=self.proxy, ledger=ledger)
        office.folder = folder

    def close(self) -> None:
        self.proxy.close()

    def check(self) -> None:
        """Both sides show what they must; nothing is lost, nothing doubled."""
        server, laptop = self.world.sides()
        assert server == EXPECTED
        assert laptop == EXPECTED
        assert self.world.debris() == []


@pytest.fixture
def edited(office: Office, radicale: Radicale) -> Iterator[Edited]:
    made = Edited(office, radicale)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("call", "moment"),
    [
        pytest.param(call, moment, marks=[] if (call, moment) in QUICK else [pytest.mark.slow])
        for call in PHASES
        for moment in ("before", "after")
    ],
)
def test_a_worker_is_killed_in_a_phase(edited: Edited, call: str, moment: str) -> None:
    """After its effect and before the server hears of it, or before it does anything; another worker goes on."""
    office = edited.office
    first = office.worker(heartbeat=1, die=call, moment=moment)

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "team")
        assert await asyncio.to_thread(first.wait) == -9
        office.worker(heartbeat=1)
        report = await asyncio.wait_for(handle.result(), 60)
        assert report["state"] == "done"

    office.with_client(scenario)
    edited.check()


@pytest.mark.slow
def test_a_batch_is_given_to_a_second_worker_while_the_first_still_works(edited: Edited) -> None:
    """The first is not heard of (its process is stopped, as by a suspend) until the second is through; then it wakes up and
    sends the same batch."""
    office = edited.office
    first = office.worker(heartbeat=1, hang="apply_batch")

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "team")

        async def stopped() -> bool:
            return (office.folder / "died").exists()

        await office.until(stopped)
        office.worker(heartbeat=1)
        batches = asyncio.create_task(_tried_again(office, handle))
        await asyncio.wait_for(batches, 40)
        await asyncio.sleep(1)
        first.resume()
        report = await asyncio.wait_for(handle.result(), 60)
        assert report["state"] == "done"
        await asyncio.sleep(1)

    office.with_client(scenario)
    edited.check()


@pytest.mark.slow
def test_a_worker_that_slept_in_the_middle_of_a_batch_does_no_harm_when_it_wakes_up(edited: Edited) -> None:
    """It is stopped with a request on its way; another one waits for its lease to run out, and sends what is left. What the
    first still sends when it wakes up is refused by the store: its preconditions do not hold any more."""
    office, proxy = edited.office, edited.proxy
    first = office.worker(heartbeat=1)

    def suspend(exchange: Exchange) -> None:
        time.sleep(3)  # by then nothing else of it is under way, and it holds no lock of the ledger's file
        first.suspend()

    asleep = proxy.on("PUT", nth=1).call(received=suspend)

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "team")

        async def stopped() -> bool:
            return bool(asleep.hits)

        await office.until(stopped)
        office.worker(heartbeat=1)
        report = await asyncio.wait_for(handle.result(), 180)
        assert report["state"] == "done"
        before = len(proxy.exchanges)
        first.resume()
        await asyncio.sleep(4)
        late = [one for one in proxy.exchanges[before:] if one.request.method in ("PUT", "DELETE")]
        assert all(one.response is not None and one.response.status == 412 for one in late), late

    office.with_client(scenario)
    edited.check()


async def _tried_again(office: Office, handle: Any) -> None:
    """Until the server has given a batch to another worker."""

    async def again() -> bool:
        pending = (await handle.describe()).raw_description.pending_activities
        return any(one.activity_type.name.startswith("apply") and one.attempt > 1 for one in pending)

    await office.until(again)


@pytest.mark.slow
def test_the_server_is_killed_and_started_again(
    tmp_path: Path, radicale: Radicale, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TemporalServer() as server:
        office = Office(tmp_path, server)
        for name, value in office.environment.items():
            monkeypatch.setenv(name, value)
        edited = Edited(office, radicale)
        edited.proxy.on("PUT", times=2).delay(1.5)
        office.worker(heartbeat=2)

        async def begin(client: Any) -> str:
            handle = await office.start(client, "team")

            async def sending() -> bool:
                return edited.proxy.count("PUT") > 0

            await office.until(sending)
            return str(handle.id)

        async def end(client: Any) -> None:
            report = await asyncio.wait_for(client.get_workflow_handle(run).result(), 90)
            assert report["state"] == "done"

        try:
            run = office.with_client(begin)
            server.kill()
            server.start()
            office.with_client(end)
            edited.check()
        finally:
            office.close()
            edited.close()


@pytest.mark.slow
def test_the_ledgers_postgresql_is_restarted(office: Office, radicale: Radicale) -> None:
    if not PostgreSQL.available():
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with PostgreSQL() as postgresql:
        edited = Edited(office, radicale, postgresql.make_database())
        edited.proxy.on("PUT", times=2).delay(1.5)
        office.worker(heartbeat=2)

        async def scenario(client: Any) -> None:
            handle = await office.start(client, "team")

            async def sending() -> bool:
                return edited.proxy.count("PUT") > 0

            await office.until(sending)
            await asyncio.to_thread(postgresql.stop)
            await asyncio.sleep(3)
            await asyncio.to_thread(postgresql.start)
            report = await asyncio.wait_for(handle.result(), 120)
            assert report["state"] == "done"

        office.with_client(scenario)
        edited.check()
        edited.close()
        office.close()


@pytest.mark.slow
def test_the_network_to_a_store_is_cut_for_a_minute(edited: Edited) -> None:
    """Longer than the HTTP client is patient: the run ends right, with a round of its own for what was left."""
    office, proxy = edited.office, edited.proxy
    office.worker(heartbeat=2)
    cut = proxy.on("PUT", times=1_000_000).reset_before_forwarding()
    others = proxy.on(when=lambda request: bool(cut.hits)).reset_before_forwarding()

    async def scenario(client: Any) -> None:
        handle = await office.start(client, "team")

        async def sending() -> bool:
            return bool(cut.hits)

        await office.until(sending)
        await asyncio.sleep(60)
        cut.remove()
        others.remove()
        report = await asyncio.wait_for(handle.result(), 150)
        assert report["state"] == "done"

    office.with_client(scenario)
    edited.check()
