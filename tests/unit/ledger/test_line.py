"""Threads in front of a database with one writer at a time: one commits for all, and none is forgotten."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from trueup.core.ledger import Ledger
from trueup.core.ledger.line import MOST, Action, Line
from trueup.model.errors import NotFound


class Commits:
    """Does actions, and remembers which together."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []

    def __call__(self, group: Sequence[Action]) -> None:
        self.groups.append([one.label for one in group])
        for one in group:
            one.result, one.done = one.do(), True


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it does not come to be"
        time.sleep(0.002)


def test_one_thread_alone_does_it_itself() -> None:
    line, commits = Line(), Commits()
    assert line.pass_through(Action(lambda: 1, "1", True), commits) == 1
    assert line.pass_through(Action(lambda: 2, "2", True), commits) == 2
    assert commits.groups == [["1"], ["2"]]


def test_what_waits_at_the_same_moment_is_committed_together() -> None:
    line, commits, number = Line(), Commits(), MOST + 10
    with ThreadPoolExecutor(number) as pool:
        with line.lock:
            found = [
                pool.submit(line.pass_through, Action(lambda n=n: n, f"{n}", True), commits)  # type: ignore[misc]
                for n in range(number)
            ]
            wait_until(lambda: len(line._waiting) == number)
        assert [one.result(20) for one in found] == list(range(number))
    assert [len(one) for one in commits.groups] == [MOST, 10]
    assert not line._led


def test_a_thread_that_is_interrupted_leaves_the_others_to_each_other() -> None:
    line, commits = Line(), Commits()
    interrupted = threading.Event()

    def stop(group: Sequence[Action]) -> None:
        if not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt
        commits(group)

    with ThreadPoolExecutor(3) as pool:
        with line.lock:
            found = [pool.submit(line.pass_through, Action(lambda: 1, f"{n}", True), stop) for n in range(3)]
            wait_until(lambda: len(line._waiting) == 3)
        ends = [one.exception(20) for one in found]
    assert sorted(str(type(one).__name__) for one in ends) == ["KeyboardInterrupt", "NoneType", "NoneType"]
    assert [len(one) for one in commits.groups] == [2]
    assert line.pass_through(Action(lambda: 5, "later", True), commits) == 5


# -- in front of a ledger ---------------------------------------------------------------------------------------------------


def together(ledger: Ledger, work: Sequence[Callable[[], object]]) -> list[object]:
    """What each gives or raises, all of them waiting when the first begins; on PostgreSQL each goes its own way."""
    line = ledger._database.line

    def one(do: Callable[[], object]) -> object:
        try:
            return ledger.commit("together", do)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(work)) as pool:
        with line.lock:
            found = [pool.submit(one, do) for do in work]
            if ledger._database.dialect.queues:
                wait_until(lambda: len(line._waiting) == len(work))
        return [each.result(60) for each in found]


def test_one_commit_for_all(ledger: Ledger) -> None:
    commits: list[str] = []
    ledger.on_write = commits.append

    def save(number: int) -> Callable[[], object]:
        def do() -> int:
            ledger.state.save_job(f"job {number}", "d", "s", ())
            return number

        return do

    assert together(ledger, [save(number) for number in range(8)]) == list(range(8))
    ledger.on_write = None
    assert all(ledger.state.job(f"job {number}") is not None for number in range(8))
    assert len(commits) == (2 if ledger._database.dialect.queues else 16)


def test_who_fails_fails_alone(ledger: Ledger) -> None:
    def good(number: int) -> Callable[[], object]:
        return lambda: ledger.state.save_job(f"job {number}", "d", "s", ())

    def bad() -> None:
        ledger.state.save_job("bad", "d", "s", ())
        raise NotFound("no such thing")

    results = together(ledger, [good(1), good(2), bad, good(3)])
    assert [type(one) for one in results] == [type(None), type(None), NotFound, type(None)]
    assert all(ledger.state.job(f"job {number}") is not None for number in (1, 2, 3))
    assert ledger.state.job("bad") is None


def test_inside_a_transaction_it_is_part_of_that(ledger: Ledger) -> None:
    def outer() -> None:
        with ledger.transaction():
            ledger.commit("inner", lambda: ledger.state.save_job("job", "d", "s", ()))
            raise NotFound("no such thing")

    with pytest.raises(NotFound):
        outer()
    assert ledger.state.job("job") is None
