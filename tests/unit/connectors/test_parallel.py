"""Work spread over threads: bounded, in order of completion, and cleaned up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from trueup.connectors.parallel import spread


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def test_every_input_is_answered_once(threads: ThreadPoolExecutor) -> None:
    assert sorted(spread(threads, lambda n: n * n, range(500), 8)) == [n * n for n in range(500)]


def test_nothing_of_nothing(threads: ThreadPoolExecutor) -> None:
    assert list(spread(threads, str, [], 8)) == []


def test_the_fast_do_not_wait_for_the_slow(threads: ThreadPoolExecutor) -> None:
    answers = spread(threads, lambda seconds: time.sleep(seconds) or seconds, [0.3, 0.0], 2)
    assert list(answers) == [0.0, 0.3]


def test_takes_no_more_than_agreed(threads: ThreadPoolExecutor) -> None:
    taken = []

    def inputs() -> Iterator[int]:
        for n in range(100):
            taken.append(n)
            yield n

    answers = spread(threads, lambda n: n, inputs(), 5)
    for seen in range(1, 21):
        next(answers)
        assert len(taken) <= seen + 5


def test_an_error_comes_through_and_the_rest_is_dropped(threads: ThreadPoolExecutor) -> None:
    done = []

    def work(n: int) -> int:
        if n == 3:
            raise ValueError("three")
        time.sleep(0.01)
        done.append(n)
        return n

    with pytest.raises(ValueError, match="three"):
        list(spread(threads, work, range(1000), 8))
    count = len(done)
    assert count < 20
    time.sleep(0.05)
    assert len(done) == count, "nothing goes on behind the caller's back"


def test_a_caller_that_stops_waits_for_what_is_under_way(threads: ThreadPoolExecutor) -> None:
    running = threading.Semaphore(0)

    def work(n: int) -> int:
        time.sleep(0.02)
        running.release()
        return n

    answers = spread(threads, work, range(1000), 6)
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    finished = 0
    while running.acquire(blocking=False):
        finished += 1
    time.sleep(0.06)
    assert not running.acquire(blocking=False)
    assert finished <= 7
