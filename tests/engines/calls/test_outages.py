"""The ledger's server restarts in the middle, and many workers share a run."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.office import InFolder, Office, OnServer, event
from tests.engines.calls.careless import Careless, Failed, Habit, once
from tests.engines.calls.office import Folders
from tests.support.proxy import Proxy
from tests.support.servers import PostgreSQL, Radicale
from trueup.engines import calls
from trueup.engines.calls.jobs import PAUSES

pytestmark = pytest.mark.slow


class Restarting(PostgreSQL):
    """A server that a test may restart; nobody else's."""

    def restart(self) -> None:
        self.stop()
        self.start()


def patiently(engine: Careless, name: str, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """As an engine's own retry: what may help is tried again, in this very process, whose connections are the old ones."""
    end = time.monotonic() + 60
    while True:
        try:
            return dict(getattr(calls, name)(engine.config, *arguments))
        except Exception as error:
            if not calls.retryable(error) or time.monotonic() > end:
                raise
            engine.deaths += 1
            time.sleep(0.05)


def restarting(server: PostgreSQL, every: int) -> Habit:
    """Restarts the ledger's server before every n-th call: the connections of the worker are gone."""

    def habit(engine: Careless, name: str, arguments: tuple[Any, ...]) -> dict[str, Any]:
        if len(engine.made) % every == 0:
            server.restart()
        return patiently(engine, name, arguments)

    return habit


def test_the_ledgers_server_restarts_between_calls(tmp_path: Path) -> None:
    with Restarting() as server:
        folders = Folders(tmp_path, more=f'ledger: "{server.make_database()}"\n')
        engine = Careless(folders.config, restarting(server, 3))
        report = engine.run_job("team", "key")
        assert (report["state"], report["counts"]) == ("done", {"create": 5})
        assert folders.equal
        calls.end_job(folders.config, report["run"])


def test_the_ledgers_server_restarts_within_calls(tmp_path: Path) -> None:
    """Again and again, whatever is under way then; more and more seldom, so that a slow machine comes to an end too."""
    with Restarting() as server:
        folders = Folders(tmp_path, items=800, more=f'ledger: "{server.make_database()}"\n')
        engine = Careless(folders.config, patiently)
        over = threading.Event()

        def restart() -> None:
            pause = 0.3
            while not over.wait(pause):
                server.restart()
                pause *= 1.3

        trouble = threading.Thread(target=restart)
        trouble.start()
        try:
            report = engine.run_job("team", "key")
        finally:
            over.set()
            trouble.join()
        assert engine.deaths > 0, "no call was hit"
        assert (report["state"], report["counts"]) == ("done", {"create": 800})
        assert folders.equal
        assert all(len(titles) == 1 for titles in folders.side("b").values())


def test_an_error_of_the_ledger_says_whether_it_may_pass(tmp_path: Path) -> None:
    server = Restarting()
    with server:
        folders = Folders(tmp_path, more=f'ledger: "{server.make_database()}"\n')
        calls.begin_job(folders.config, "team", "key")
    with pytest.raises(Failed) as away:
        Careless(folders.config, once).call("begin_job", "team", "key", [], "")
    assert (away.value.type, away.value.retryable) == ("LedgerError", True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "ledger.db").write_bytes(b"not a ledger" * 1000)
    damaged = Folders(tmp_path / "other" / "place", more='ledger: "../ledger.db"\n')
    with pytest.raises(Failed) as broken:
        Careless(damaged.config, once).call("begin_job", "team", "key", [], "")
    assert (broken.value.type, broken.value.retryable) == ("LedgerError", False)


@pytest.mark.parametrize("ledger", ["sqlite", "postgresql"])
def test_many_batches_by_many_workers(tmp_path: Path, ledger: str, request: pytest.FixtureRequest) -> None:
    """All batches of a wave at the same time, by four workers, each batch to two of them; into a folder that is not there yet."""
    where = f'ledger: "{request.getfixturevalue("postgresql").make_database()}"\n' if ledger == "postgresql" else ""
    folders = Folders(tmp_path, items=1500, more=where)
    (tmp_path / "b" / "team").rmdir()
    (tmp_path / "b").rmdir()
    engine = Careless(folders.config, once)
    found = engine.call("begin_job", "team", "key", [], "")
    run, refs = found["run"], found["collections"]
    engine.call("plan", run, [engine.call("read", run, ref) for ref in refs])
    assert not engine.call("guard", run)["blocked"]
    (wave,) = engine.call("start_apply", run)["waves"]
    assert len(wave) >= 3
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda one: engine.call("apply_batch", run, one["batch"]), wave * 2))
    assert sum(one["done"] for one in answers) == 1500
    assert not [one for one in answers if one["failed"] or one["errors"]]
    report = engine.call("report", run, [engine.call("verify", run, ref) for ref in refs])
    assert (report["state"], report["counts"]) == ("done", {"create": 1500})
    assert folders.equal


def test_a_store_that_does_not_answer_is_given_time_and_another_round(tmp_path: Path, radicale: Radicale) -> None:
    """What it did not take is sent once it is back, in the same run to whoever began it."""
    with Proxy(radicale.url) as proxy:
        office, place, folder = Office(tmp_path), OnServer.make("away", radicale), InFolder("here", tmp_path / "here")
        office.configure([Behind(**vars(place), address=proxy.url), folder])
        for number in range(5):
            folder.put(f"{number}.ics", event(f"e{number}", f"Event {number}"))
        engine = Careless(tmp_path / "trueup.yaml", once)
        begun = engine.call("begin_job", "team", "key", [], "")
        run, refs = begun["run"], begun["collections"]
        engine.call("plan", run, [engine.call("read", run, ref) for ref in refs])
        engine.call("guard", run)
        away = proxy.on().reset_before_forwarding()
        for wave in engine.call("start_apply", run)["waves"]:
            for one in wave:
                engine.call("apply_batch", run, one["batch"])
        report = engine.call("report", run, [engine.call("verify", run, ref) for ref in refs])
        assert (report["state"], report["again"], report["pause"]) == ("partial", True, PAUSES[0])
        away.remove()
        engine.run_job("team", "key")
        ended = engine.call("end_job", run)
        assert (ended["state"], ended["counts"]) == ("done", {"create": 5})
        assert len(place.side().raw) == 5


@dataclass
class Behind(OnServer):
    """A calendar at another address than its server's."""

    address: str = ""

    def store(self) -> dict[str, Any]:
        return {**super().store(), "url": self.address}
