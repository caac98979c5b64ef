"""Speed by construction: the questions of every run are answered through indexes, whatever the ledger's size."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.ledger.conftest import JOB, Sides
from trueup.core.ledger import Ledger, open_ledger
from trueup.model.items import Entry


@pytest.fixture
def asked(tmp_path: Path) -> Callable[[Callable[[Ledger], Any]], list[str]]:
    """How SQLite answers the statements of a call."""

    def ask(call: Callable[[Ledger], Any]) -> list[str]:
        with open_ledger(str(tmp_path / "ledger.db")) as ledger:
            ledger.state.collection(JOB, "a")
            connection = ledger._database.session.connection
            statements: list[str] = []
            connection.set_trace_callback(statements.append)
            call(ledger)
            connection.set_trace_callback(None)
            selects = [one for one in statements if one.startswith(("SELECT", "UPDATE", "DELETE", "INSERT"))]
            return [row[3] for one in selects for row in ledger._database.rows(f"EXPLAIN QUERY PLAN {one}")]

    return ask


CALLS: dict[str, tuple[Callable[[Ledger], Any], str]] = {
    "due_links": (lambda ledger: ledger.state.due_links(JOB, 1.0, 0, 10), "link_due"),
    "quarantined": (lambda ledger: ledger.state.quarantined(JOB, 1.0), "link_failed"),
    "unlinked": (lambda ledger: ledger.state.unlinked(JOB, ["a"], ("u", 1), 10), "replica_unlinked"),
    "refused": (lambda ledger: ledger.state.refused(JOB, 0, 10), "replica_refused"),
    "lonely": (lambda ledger: ledger.state.lonely(JOB, 0, 10), "replica_new"),
    "adopt_renamed": (lambda ledger: ledger.state.adopt_renamed(JOB), "replica_gone"),
    "attach_known": (lambda ledger: ledger.state.attach_known(JOB, ["a"]), "replica_unlinked"),
    "release_duplicates": (lambda ledger: ledger.state.release_duplicates(JOB), "replica_refused"),
    "to_fetch": (lambda ledger: (ledger.state.begin_listing(1), ledger.state.to_fetch(1, "", 10)), "replica_withheld"),
    "unfinished": (lambda ledger: ledger.journal.unfinished(JOB, "a"), "change_open"),
    "changed_since": (lambda ledger: ledger.state.changed_since(1, 5, 10), "replica_revision"),
    "counts": (lambda ledger: ledger.state.counts(1), "replica_gone"),
    "replicas": (lambda ledger: ledger.state.replicas([1, 2]), "replica_link"),
    "latest": (lambda ledger: ledger.journal.latest(JOB), "run_subject"),
    "batch": (lambda ledger: ledger.journal.batch("x", 1), "change_batch"),
    "settle": (lambda ledger: ledger.state.settle("x"), "change_link"),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_table_is_read_whole(name: str, asked: Callable[[Callable[[Ledger], Any]], list[str]]) -> None:
    call, index = CALLS[name]
    plan = asked(call)
    tables = ("replica", "link", "change", "blob", "run")
    assert not [step for step in plan if step in {f"SCAN {table}" for table in tables}], plan
    assert [step for step in plan if index in step], plan


def test_nothing_changed_in_ten_thousand_items_is_found_at_once(tmp_path: Path) -> None:
    """20 to 40 ms on an idle machine; the limit leaves room for a busy one."""
    with open_ledger(str(tmp_path / "ledger.db")) as ledger:
        sides, number = Sides(ledger), ledger.state.collection(JOB, "a").id
        names = [f"/calendars/user/team/event-{n:05}.ics" for n in range(10_000)]
        body = sides.observed("x", "body")
        ledger.blobs.put(b"body")
        ledger.state.begin_listing(number)
        entries = [Entry(name, f'"{name[-9:]}"') for name in names]
        ledger.state.observe(number, [replace(body, href=one.href, etag=one.etag, uid=one.href) for one in entries])
        started = time.process_time()
        for at in range(0, len(entries), 1000):
            ledger.state.add_listing(number, entries[at : at + 1000], [])
        assert ledger.state.to_fetch(number, "", 1000) == []
        assert ledger.state.end_listing(number, True, None, 1.0)[1] == 0
        assert time.process_time() - started < 0.25
