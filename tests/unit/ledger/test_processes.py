"""Several processes on one ledger, and kill -9 at every write."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.ledger.conftest import JOB, Sides
from trueup.core.ledger import open_ledger
from trueup.core.ledger.rows import Counts

ROOT = Path(__file__).parents[3]

COME = """
import sys
from trueup.core.ledger import open_ledger
sys.stdin.readline()
with open_ledger(sys.argv[1]) as ledger:
    run = ledger.journal.start("run", "shared").id
    for turn in range(10):
        with ledger.transaction():
            ledger.blobs.put(f"{sys.argv[2]} {turn}".encode())
            ledger.steps.start(run, "step", turn)
    ledger.state.collection("shared", "work/team")
"""


def test_processes_that_come_at_once_make_one_ledger(url: str) -> None:
    command = [sys.executable, "-c", COME, url]
    processes = [subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, text=True) for number in range(5)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
    with open_ledger(url) as ledger:
        runs = ledger.journal.history("shared")
        assert len({run.id for run in runs}) == 5
        assert [ledger.steps.get(run.id, "step").attempts for run in runs] == [10] * 5
        assert len(ledger.state.collections("shared")) == 1
        assert [one.severity for one in ledger.check()] == ["info"]


# A child does a whole small run and is killed at the n-th call of the hook; it says each call first.
KILLED = """
import json, os, signal, sys
from tests.unit.ledger.conftest import Sides
from tests.unit.ledger.test_processes import small_run
from trueup.core.ledger import open_ledger
countdown = int(sys.argv[2])
def hook(moment):
    global countdown
    countdown -= 1
    print(moment, flush=True)
    if countdown == 0:
        os.kill(os.getpid(), signal.SIGKILL)
ledger = open_ledger(sys.argv[1])
ledger.on_write = hook
small_run(Sides(ledger))
ledger.close()
"""


def small_run(sides: Sides) -> None:
    """Reads two collections, identifies, and agrees; may be repeated."""
    sides.read("a", {"1.ics": "one", "2.ics": "two"})
    sides.read("b", {"1.ics": "one"})
    sides.identify("a", "b")
    sides.settle_all()


def run_killed(url: str, at: int) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, url, str(at)], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )
    return done.returncode, done.stdout.split()


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_write_ends_right_when_it_is_repeated(url: str) -> None:
    """One ledger, killed at the first write, then at the second of what is left to do, and so on."""
    moments: set[str] = set()
    for at in range(1, 60):
        code, seen = run_killed(url, at)
        moments |= set(seen)
        if code == 0:
            break
        assert code == -signal.SIGKILL
    else:
        pytest.fail("it never came to an end")
    assert {"before:state.observe", "after:state.end_listing", "before:state.attach", "after:state.settle"} <= moments
    with open_ledger(url) as ledger:
        a, b = ledger.state.collection(JOB, "a"), ledger.state.collection(JOB, "b")
        assert ledger.state.counts(a.id) == Counts(2, 2, 2)
        assert ledger.state.counts(b.id) == Counts(1, 1, 1)
        assert ledger.state.due_links(JOB, 1e12, 0, 10) == []
        links = {one.link for one in ledger.state.each_agreed(a.id, "", 10)}
        assert len(links) == 2
        assert a.revision >= 1
        assert [one.severity for one in ledger.check()] == ["info"]


@pytest.mark.slow
def test_what_was_committed_before_a_kill_is_there(url: str) -> None:
    code, seen = run_killed(url, 6)
    assert code == -signal.SIGKILL
    done = [moment.removeprefix("after:") for moment in seen if moment.startswith("after:")]
    with open_ledger(url) as ledger:
        assert len(ledger.state.collections(JOB)) == done.count("state.collection"), json.dumps(seen)
        held = ledger._database.value("SELECT count(*) FROM blob")
        assert held == done.count("blobs.put")
