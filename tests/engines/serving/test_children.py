"""Runs as processes of their own."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from threading import Event

import pytest

from trueup.engines.embedded.serving.children import Child, Children
from trueup.model.occurrence import OccurrenceRecord, OccurrenceState

STUBBORN = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', file=sys.stderr, flush=True); time.sleep(600)"


def one(key: str, subject: str = "tick") -> OccurrenceRecord:
    return OccurrenceRecord(subject, key, "s", 0, 0, 0, "", {}, OccurrenceState.FIRED, "", "", 0)


def wait_for(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def told() -> Event:
    return Event()


@pytest.fixture
def children(told: Event) -> Iterator[Children]:
    made = Children(told.set)
    yield made
    made.kill()
    wait_for(lambda: all(child.code is not None for child in made.running()))
    for child in made.reap():
        child.log.close()


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def reaped(children: Children) -> Child:
    wait_for(lambda: any(child.code is not None for child in children.running()))
    (child,) = children.reap()
    return child


def test_one_that_ends_is_told_with_its_code_and_its_last_words(children: Children, told: Event) -> None:
    children.start(one("a"), python("import sys; [print('line', n, file=sys.stderr) for n in range(5)]; sys.exit(3)"))
    assert children.has("tick", "a")
    assert told.wait(20)
    child = reaped(children)
    assert (child.code, child.last_words()) == (3, "line 2 | line 3 | line 4")
    assert not children.has("tick", "a")
    child.log.close()


def test_what_cannot_be_started_leaves_nothing(children: Children) -> None:
    with pytest.raises(OSError, match="No such file"):
        children.start(one("a"), ["/nowhere/trueup"])
    assert len(children) == 0


def test_ctrl_c_at_the_terminal_does_not_reach_a_run(children: Children) -> None:
    children.start(one("a"), python("import time; time.sleep(600)"))
    (child,) = children.running()
    assert os.getpgid(child.process.pid) == child.process.pid != os.getpgid(0)
    children.stop()
    assert reaped(children).code == -signal.SIGTERM
    child.log.close()


def test_only_the_runs_of_one_are_stopped_and_one_that_is_deaf_is_ended(children: Children) -> None:
    children.start(one("a"), python(STUBBORN))
    children.start(one("b", "other"), python("import time; time.sleep(600)"))
    deaf = next(child for child in children.running() if child.one.key == "a")
    wait_for(lambda: deaf.last_words() == "deaf")
    children.stop("tick", cancelled=True)
    children.kill_late(60.0)
    time.sleep(0.2)
    assert deaf.code is None
    children.kill_late(0.1)
    child = reaped(children)
    assert (child.one.key, child.code) == ("a", -signal.SIGKILL)
    child.log.close()
    (other,) = children.running()
    assert (other.one.key, other.code, other.cancelled) == ("b", None, None)
