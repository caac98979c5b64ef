"""Transactions, the hook around commits, threads, forks, and connections that break."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.unit.ledger.conftest import JOB, Sides
from trueup.core.ledger import Ledger, open_ledger
from trueup.model.errors import Bug, LedgerError
from trueup.model.items import Entry, digest


class Stopped(Exception):
    """Raised by a test inside a transaction."""


def test_a_transaction_is_committed_whole_or_not_at_all(ledger: Ledger, url: str) -> None:
    def stopped_half_way() -> None:
        with ledger.transaction():
            ledger.blobs.put(b"one")
            ledger.state.save_job("j", "d", "s", ())
            raise Stopped

    with pytest.raises(Stopped):
        stopped_half_way()
    with ledger.transaction():
        ledger.blobs.put(b"two")
        with open_ledger(url) as other, pytest.raises(LedgerError):
            other.blobs.get(digest(b"two"))
    assert ledger.state.job("j") is None
    with open_ledger(url) as other:
        assert other.blobs.get(digest(b"two")) == b"two"
        with pytest.raises(LedgerError):
            other.blobs.get(digest(b"one"))


def test_the_hook_is_called_around_the_outermost_commit_only(ledger: Ledger) -> None:
    seen: list[str] = []
    ledger.on_write = seen.append
    with ledger.transaction("batch"):
        ledger.blobs.put(b"one")
        ledger.state.collection(JOB, "a")
        assert seen == []
    ledger.state.park(1, None)
    assert seen == ["before:batch", "after:batch", "before:state.park", "after:state.park"]


def test_reading_calls_no_hook(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    number = sides.row("a").id
    seen: list[str] = []
    sides.ledger.on_write = seen.append
    sides.state.begin_listing(number)
    sides.state.add_listing(number, [Entry("1.ics", "x")], [])
    sides.state.to_fetch(number, "", 10)
    sides.state.due_links(JOB, 0, 0, 10)
    sides.ledger.journal.history()
    assert seen == []


@pytest.mark.parametrize(("when", "kept"), [("before", False), ("after", True)])
def test_a_kill_in_the_hook_is_a_kill_there(ledger: Ledger, url: str, when: str, kept: bool) -> None:
    def stop(moment: str) -> None:
        if moment.startswith(when):
            raise Stopped

    ledger.on_write = stop
    with pytest.raises(Stopped):
        ledger.state.save_job("j", "d", "s", ())
    ledger.on_write = None
    with open_ledger(url) as other:
        assert (other.state.job("j") is not None) is kept
    ledger.state.save_job("k", "d", "s", ())  # the session can go on
    assert ledger.state.job("k") is not None


def test_half_of_an_inner_transaction_is_never_committed(ledger: Ledger) -> None:
    def caught_inside() -> None:
        with ledger.transaction():
            ledger.state.save_job("outer", "d", "s", ())
            with contextlib.suppress(Stopped), ledger.transaction():
                ledger.state.save_job("inner", "d", "s", ())
                raise Stopped

    with pytest.raises(Bug, match="went on after an error"):
        caught_inside()
    assert ledger.state.job("outer") is None
    assert ledger.state.job("inner") is None
    ledger.state.save_job("later", "d", "s", ())
    assert ledger.state.job("later") is not None


def test_a_statement_that_fails_says_so_and_the_session_goes_on(ledger: Ledger) -> None:
    with pytest.raises(LedgerError) as caught, ledger.transaction():
        ledger._database.write("INSERT INTO replica (collection) VALUES (1)")
    assert caught.value.why
    assert caught.value.where == ledger.where
    assert ledger.state.job("j") is None


def test_writing_outside_a_transaction_is_a_bug(ledger: Ledger) -> None:
    with pytest.raises(Bug, match="outside a transaction"):
        ledger._database.write("DELETE FROM job")


def test_a_closed_ledger_is_not_used(url: str) -> None:
    ledger = open_ledger(url)
    ledger.close()
    ledger.close()
    with pytest.raises(Bug, match="closed"):
        ledger.state.job("j")


def test_threads_write_at_once(ledger: Ledger) -> None:
    run = ledger.journal.start("pipeline", "p").id

    def work(number: int) -> None:
        for turn in range(5):
            with ledger.transaction():
                ledger.blobs.put(f"{number} {turn}".encode())
                ledger.steps.start(run, f"{number}", turn)
            assert ledger.steps.get(run, f"{number}").input == turn

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(12)))
    assert [(step.attempts, step.input) for step in ledger.steps.all(run)] == [(5, 4)] * 12


def test_a_thread_gives_its_connection_back_when_it_ends(ledger: Ledger) -> None:
    def work() -> None:
        ledger.state.job("j")

    for _ in range(5):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    gc.collect()
    assert len(ledger._database._sessions) == 1


def test_another_threads_transaction_is_not_joined(ledger: Ledger) -> None:
    with ledger.transaction():
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda: ledger._database.session.depth).result() == 0
        assert ledger._database.session.depth == 1


def test_a_forked_child_has_a_connection_of_its_own(ledger: Ledger) -> None:
    ledger.state.save_job("before", "d", "s", ())
    child = os.fork()
    if child == 0:
        status = 1
        try:
            assert ledger.state.job("before") is not None
            ledger.state.save_job("in the child", "d", "s", ())
            ledger.close()
            gc.collect()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert ledger.state.job("in the child") is not None
    ledger.state.save_job("after", "d", "s", ())


def test_a_child_that_is_forked_while_a_thread_is_about_to_write_does_not_wait_for_it(ledger: Ledger) -> None:
    with ledger._database.line.lock:
        child = os.fork()
        if child == 0:
            writing = threading.Thread(target=lambda: ledger.state.save_job("in the child", "d", "s", ()), daemon=True)
            writing.start()
            writing.join(20)
            os._exit(int(writing.is_alive()))
        assert os.waitpid(child, 0)[1] == 0
    assert ledger.state.job("in the child") is not None


def test_many_threads_write_one_after_another(ledger: Ledger) -> None:
    def write(number: int) -> None:
        with ledger.transaction(), ledger.transaction():
            ledger.state.save_job(f"job {number}", "d", "s", ())

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(64)))
    assert all(ledger.state.job(f"job {number}") is not None for number in range(64))


# --- PostgreSQL: the connection


on_a_server = pytest.mark.parametrize("url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)


def hang_up(ledger: Ledger, url: str) -> None:
    """Ends the ledger's connections as a restart of the server would."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trueup' AND datname = current_database()"
        )


@on_a_server
def test_a_lost_connection_is_replaced(ledger: Ledger, url: str) -> None:
    ledger.state.save_job("j", "d", "s", ())
    hang_up(ledger, url)
    assert ledger.state.job("j") is not None
    hang_up(ledger, url)
    ledger.state.save_job("k", "d", "s", ())
    assert ledger.state.job("k") is not None


@on_a_server
def test_a_connection_lost_inside_a_transaction_loses_all_of_it(ledger: Ledger, url: str) -> None:
    def cut_half_way() -> None:
        with ledger.transaction():
            ledger.state.save_job("j", "d", "s", ())
            hang_up(ledger, url)
            ledger.state.save_job("k", "d", "s", ())

    with pytest.raises(LedgerError, match="server of the ledger is gone") as caught:
        cut_half_way()
    assert "run the same command again" in caught.value.hint
    assert ledger.state.job("j") is None
    assert ledger.state.job("k") is None


@on_a_server
def test_a_connection_lost_during_a_listing_does_not_look_like_an_empty_collection(ledger: Ledger, url: str) -> None:
    sides = Sides(ledger)
    sides.read("a", {"1.ics": "one", "2.ics": "two"})
    number = sides.row("a").id
    ledger.state.begin_listing(number)
    ledger.state.add_listing(number, [Entry("1.ics", "x"), Entry("2.ics", "y")], [])
    hang_up(ledger, url)
    for _ in range(2):
        with pytest.raises(LedgerError):
            ledger.state.end_listing(number, True, None, 1.0)
    assert ledger.state.counts(number).live == 2
    assert sides.read("a", {"1.ics": "one", "2.ics": "two"}) == (0, 0)


@on_a_server
def test_another_threads_listing_is_explained_on_a_server(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="connection to the ledger was lost"):
        ledger.state.to_fetch(ledger.state.collection(JOB, "a").id, "", 1)
