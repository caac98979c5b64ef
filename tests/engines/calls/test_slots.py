"""How many workers talk to a store at once, whichever process they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.crash.world import event
from tests.engines.calls.careless import Careless, once, wait_until
from tests.support.proxy import Proxy
from tests.support.servers import Radicale
from trueup.core.leasing import process_name
from trueup.core.ledger import Ledger, open_ledger
from trueup.core.store_slots import take
from trueup.model.errors import Cancelled

CONFIG = """\
version: 1
stores:
  work: {{connector: caldav, url: "{url}", username: user, password: any, parallel: 1, workers: {workers}}}
  laptop: {{connector: vdir, path: calendars}}
jobs:
{jobs}
"""


class Busy:
    """How many requests were at the server at once, at most."""

    def __init__(self, proxy: Proxy) -> None:
        self.most = self._now = 0
        self._lock = threading.Lock()
        # Counted off before the client has its answer: with it the client may let another worker in at once.
        proxy.on().call(received=self._came, passing=lambda exchange: self._went())

    def _came(self, exchange: Any) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        exchange.wait(0.02)

    def _went(self) -> None:
        with self._lock:
            self._now -= 1


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_no_more_workers_than_the_store_allows(tmp_path: Path, radicale: Radicale, workers: int) -> None:
    """Six jobs of one account, read by six workers; each sends one request at a time."""
    jobs = []
    for number in range(6):
        calendar = radicale.make_calendar()
        radicale.dav().put(f"{calendar}x.ics", event(f"item-{number}", "Title"), if_none_match="*").expect(201)
        name = calendar.rstrip("/").rsplit("/", 1)[-1]
        sides = f"{{store: work, name: {name}}}, {{store: laptop, name: at-{number}}}"
        jobs.append(f"  job-{number}: {{kind: calendar, collections: [{sides}]}}")
    (tmp_path / "calendars").mkdir()
    with Proxy(radicale.url) as proxy:
        config = tmp_path / "trueup.yaml"
        config.write_text(CONFIG.format(url=proxy.url, workers=workers, jobs="\n".join(jobs)))
        engine = Careless(config, once)
        begun = [engine.call("begin_job", f"job-{number}", "key", [], "") for number in range(6)]
        busy = Busy(proxy)
        with ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(lambda one: engine.call("read", one["run"], one["collections"][0]), begun))
        assert [one["items"] for one in answers] == [1] * 6
        assert 1 <= busy.most <= workers


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(str(tmp_path / "ledger.db")) as opened:
        yield opened


def test_each_takes_another_slot_and_the_next_one_waits(ledger: Ledger) -> None:
    owners = [process_name() for _ in range(4)]
    taken = [take(ledger, "office", 3, owner)[0] for owner in owners[:3]]
    assert sorted(taken) == ["store/office/1", "store/office/2", "store/office/3"]
    waiting: list[str] = []
    late = threading.Thread(target=lambda: waiting.append(take(ledger, "office", 3, owners[3])[0]))
    late.start()
    time.sleep(0.3)
    assert not waiting
    ledger.leases.release(taken[1], owners[1])
    wait_until(lambda: bool(waiting))
    late.join()
    assert waiting == [taken[1]]


def test_who_waits_in_vain_is_told(ledger: Ledger) -> None:
    take(ledger, "office", 1, process_name())

    def check() -> None:
        raise Cancelled("no more")

    with pytest.raises(Cancelled):
        take(ledger, "office", 1, process_name(), check)


def test_the_slot_of_a_worker_that_was_killed_is_free_at_once(ledger: Ledger) -> None:
    ledger.leases.acquire("store/office/1", f"{process_name().split(':')[0]}:999999999:x", 60)
    assert take(ledger, "office", 1, process_name())[0] == "store/office/1"
