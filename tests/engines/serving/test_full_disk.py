"""A ledger whose disk is full: `trueup serve` says so, and goes on by itself when there is room again."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.engines.serving.office import Office

PIPELINES = """\
  tick:
    steps: {note: {python: "steps:note", with: {what: tick}}}
    triggers: [{file: "inbox/*.txt", settle: 0.1s}]
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here (needs root)")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> None:
    """Takes all the room there is, to the last block."""
    with suppress(OSError), (place / "filler").open("ab", buffering=0) as file:
        while True:
            file.write(b"x" * min(4096, max(1, shutil.disk_usage(place).free)))


def empty_log(ledger: Path) -> None:
    """Gives the disk the room back that the ledger's log has taken already: then the next commits need some."""
    with closing(sqlite3.connect(ledger, timeout=30)) as database:
        while database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            time.sleep(0.05)


@pytest.mark.slow
def test_a_full_disk_is_told_and_outlived(tmp_path: Path, small_disk: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    office = Office(tmp_path, PIPELINES, ledger=f"ledger: {small_disk}/ledger.db\n")
    serve = office.serve()
    try:
        (inbox / "first.txt").write_text("x")
        serve.wait(event="run", state="ended", outcome="done")
        empty_log(small_disk / "ledger.db")
        fill(small_disk)
        (inbox / "second.txt").write_text("x")
        (trouble, *_) = serve.wait(event="serve", state="trouble")
        assert trouble["error"]["what"] == "the disk is full", trouble
        assert "make room" in trouble["error"]["hint"]
        (small_disk / "filler").unlink()
        (inbox / "third.txt").write_text("x")
        serve.wait(event="run", state="ended", outcome="done", count=3)
        assert serve.stop() in (0, 130)
        assert [state for _, state in office.runs("tick")] == ["done"] * 3
        assert len(office.notes("begin")) == len(office.notes("end")) == 3
    finally:
        serve.close()
