"""The ledger as a source: taken while it is written to, opened and checked by trueup itself."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.servers import PostgreSQL
from tests.support.sources import Trial, context, manifest_of, watch
from trueup.core.ledger import open_ledger
from trueup.jobs.backup.sources.ledger import KIND
from trueup.model.backup import RestoreTarget, SourceSpec


def trial(tmp_path: Path, ledger: str) -> Trial:
    return Trial(KIND, SourceSpec("ledger", "ledger"), tmp_path, context(tmp_path, ledger))


def test_it_is_taken_while_it_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    one = trial(tmp_path, str(path))
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            ledger.blobs.put(f"body {number}".encode() * 50)
            number += 1

    with open_ledger(str(path)) as ledger:
        ledger.blobs.put(b"first")
        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(3):
                captured = one.capture()
                drilled = one.drill(captured)
                assert drilled.differences == ()
                assert drilled.compared["tables"] > 5
                assert set(drilled.seconds) == {"compare", "check"}
        finally:
            stop.set()
            writer.join()
    found = manifest_of(captured)
    assert (found["kind"], found["source"], found["stored_as"], found["file"]) == (
        "ledger",
        "ledger",
        "sqlite",
        "ledger.db",
    )


def test_what_only_trueup_can_see_is_found(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(str(path)) as ledger:
        ledger.blobs.put(b"a body that is long enough to be told from another" * 20)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE blob SET data = (SELECT zeroblob(length(data)) FROM blob)")
        db.commit()
    one = trial(tmp_path, str(path))
    assert "bodies are not what they were" in one.drill(one.capture()).differences[0]


def test_it_is_brought_back_and_opens(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(str(path)) as ledger:
        names = ledger.blobs.put(b"a body")
    captured = trial(tmp_path, str(path)).capture()
    target = RestoreTarget(str(tmp_path / "back.db"))
    assert KIND.wanted(captured.about, target) == ()
    planned = list(KIND.plan_restore(captured.about, target, None))
    assert list(KIND.restore(captured.about, captured.root, target, None, watch())) == planned
    with open_ledger(target.to) as ledger:
        assert ledger.blobs.put(b"a body") == names
        assert not [one for one in ledger.check() if one.severity == "error"]


def test_a_ledger_that_is_not_there_is_told(tmp_path: Path) -> None:
    one = trial(tmp_path, str(tmp_path / "none.db"))
    assert [finding.severity for finding in KIND.probe(one.spec, one.context)] == ["error"]
    assert not (tmp_path / "none.db").exists()


@pytest.mark.slow
def test_a_ledger_on_postgresql(tmp_path: Path, postgresql: PostgreSQL) -> None:
    url = postgresql.make_database()
    with open_ledger(url) as ledger:
        ledger.blobs.put(b"a body")
    one = trial(tmp_path, url)
    captured = one.capture()
    assert manifest_of(captured)["stored_as"] == "postgresql"
    for file in (*captured.about.rglob("*"), *captured.root.rglob("*")):
        assert not file.is_file() or postgresql.password.encode() not in file.read_bytes()
    assert one.drill(captured).differences == ()
