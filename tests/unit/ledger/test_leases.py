"""Leases: one process at a time, and none for ever."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from trueup.core.ledger import Ledger, leases, open_ledger
from trueup.core.ledger.leases import host_name
from trueup.model.errors import ExitCode, Locked

HOST = host_name()
ME = f"{HOST}:{os.getpid()}:mine"
ELSEWHERE = "elsewhere.example:4711:n"


def test_a_lease_is_had_by_one(ledger: Ledger) -> None:
    ledger.leases.acquire("job/team", ELSEWHERE, 60)
    with pytest.raises(Locked) as caught:
        ledger.leases.acquire("job/team", ME, 60)
    assert "job team is being worked on" in caught.value.what
    assert "process 4711 on elsewhere.example" in caught.value.why
    assert caught.value.exit_code is ExitCode.LOCKED
    ledger.leases.acquire("job/other", ME, 60)
    ledger.leases.release("job/team", ME)  # not mine: nothing happens
    with pytest.raises(Locked):
        ledger.leases.acquire("job/team", ME, 60)
    ledger.leases.release("job/team", ELSEWHERE)
    ledger.leases.acquire("job/team", ME, 60)


def test_ones_own_lease_may_be_taken_again(ledger: Ledger) -> None:
    ledger.leases.acquire("job/team", ME, 60)
    ledger.leases.acquire("job/team", ME, 60)


def test_an_expired_lease_is_taken_over_and_its_holder_told(ledger: Ledger) -> None:
    ledger.leases.acquire("job/team", ELSEWHERE, 0.05)
    assert ledger.leases.renew("job/team", ELSEWHERE, 0.2)
    with pytest.raises(Locked):
        ledger.leases.acquire("job/team", ME, 60)
    time.sleep(0.25)
    ledger.leases.acquire("job/team", ME, 60)
    assert not ledger.leases.renew("job/team", ELSEWHERE, 60)
    assert ledger.leases.renew("job/team", ME, 60)


def test_the_lease_of_a_process_that_died_here_is_taken_over_at_once(ledger: Ledger) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    ledger.leases.acquire("job/team", f"{HOST}:{child.pid}:n", 3600)
    ledger.leases.acquire("job/team", ME, 60)


def test_the_lease_of_a_process_that_lives_here_is_not(ledger: Ledger) -> None:
    ledger.leases.acquire("job/team", f"{HOST}:{os.getpid()}:another-thread", 3600)
    with pytest.raises(Locked, match="being worked on"):
        ledger.leases.acquire("job/team", ME, 60)


@pytest.mark.parametrize("owner", ["no colons", "a:b", f"{HOST}:not-a-number:n", f"{HOST}:0:n", f"{HOST}:-1:n"])
def test_an_owner_of_another_form_is_believed_to_live(ledger: Ledger, owner: str) -> None:
    ledger.leases.acquire("job/team", owner, 3600)
    with pytest.raises(Locked):
        ledger.leases.acquire("job/team", ME, 60)


def test_of_many_who_come_at_once_one_gets_it(url: str) -> None:
    got: list[int] = []
    with open_ledger(url) as ledger:
        start = threading.Barrier(8)

        def come(number: int) -> None:
            start.wait()
            try:
                ledger.leases.acquire("job/team", f"elsewhere:1:{number}", 60)
                got.append(number)
            except Locked:
                pass

        threads = [threading.Thread(target=come, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(got) == 1


def test_the_holder_of_a_lease_is_told(ledger: Ledger) -> None:
    assert ledger.leases.holder("job/team") is None
    ledger.leases.acquire("job/team", ELSEWHERE, 60)
    holder = ledger.leases.holder("job/team")
    assert holder.owner == ELSEWHERE
    assert holder.expires - holder.since == pytest.approx(60)
    assert abs(ledger.now() - holder.since) < 5


def test_a_run_holds_a_lease_like_a_process(ledger: Ledger) -> None:
    ledger.leases.acquire("job/team", "20261126-034512-k3f9", 60)
    ledger.leases.acquire("job/team", "20261126-034512-k3f9", 60)
    with pytest.raises(Locked) as caught:
        ledger.leases.acquire("job/team", ME, 60)
    assert "job team is being worked on by another run" in caught.value.what
    assert "run 20261126-034512-k3f9" in caught.value.why


def test_a_lease_costs_no_flush_and_the_next_commit_does_again(tmp_path: Path) -> None:
    """https://www.sqlite.org/pragma.html#pragma_synchronous: 2 is FULL, 1 is NORMAL."""
    with open_ledger(str(tmp_path / "ledger.db")) as ledger:
        database = ledger._database
        asked: list[int] = []
        database.on_write = lambda label: asked.append(database.value("PRAGMA synchronous"))
        ledger.leases.acquire("job/team", ME, 60)
        assert asked[0] == 1
        assert database.value("PRAGMA synchronous") == 2
        with pytest.raises(Locked):
            ledger.leases.acquire("job/team", ELSEWHERE, 60)
        assert database.value("PRAGMA synchronous") == 2
        asked.clear()
        with ledger.transaction():
            ledger.leases.release("job/team", ME)
        assert asked[0] == 2


def test_a_container_counts_processes_for_itself(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two containers of one name: a process that is not here may be alive there."""
    ledger.leases.acquire("job/team", f"{HOST}:999999999:n", 3600)
    here = os.stat("/proc/self/ns/pid")
    monkeypatch.setattr(leases, "FIRST_NAMESPACE", here.st_ino + 1)
    assert host_name() == f"{socket.gethostname()}/{here.st_ino}"
    with pytest.raises(Locked):
        ledger.leases.acquire("job/team", ME, 60)
    monkeypatch.undo()
    ledger.leases.acquire("job/team", ME, 60)
