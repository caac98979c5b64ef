"""Copying a live SQLite database: a whole state of it, while others write."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from trueup.jobs.backup.sources.sqlite.opening import BUSY_SECONDS, open_live, told
from trueup.model.errors import Transient
from trueup.model.repository import Watch

_PAGES = 1000  # a step: at most a few milliseconds for which a writer waits
_PAUSE = 0.002
_BUSY_PAUSE = 0.02
_KEPT_OUT = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
RESTARTS = 3
"""So often may writers throw the copy back to its beginning before it holds them off."""


class _Restarted(Exception):
    """A writer has thrown the copy back too often."""


def copy(source: Path, target: Path, watch: Watch) -> None:
    """Writes one state of a database into a new file, with SQLite's online backup (https://www.sqlite.org/backup.html).

    In WAL mode a read transaction is held while copying: it sees one state and blocks nobody. Without WAL it would keep writers from
    committing; so the copy is made in short steps, which a writer throws back to the beginning. Where that has happened some times,
    the last try holds the read lock, and writers wait for as long as a plain copy takes. (VACUUM INTO holds the same lock, for
    longer, and gives other bytes every time, which no repository can de-duplicate.)

    Raises:
        Transient: locked by another program for too long. Permanent: damaged, no database, disk full; what the watch raises.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    with told(source), closing(_connect(source, watch)) as live:
        if live.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            return _held(live, source, target, watch)
        try:
            _run(live, source, target, watch, hold=False)
        except _Restarted:
            target.write_bytes(b"")
            _held(live, source, target, watch)


def _connect(source: Path, watch: Watch) -> sqlite3.Connection:
    """The source, once nobody keeps readers out."""
    live = open_live(source)
    try:
        _when_free(live, source, watch)
    except BaseException:
        live.close()
        raise
    return live


def _held(live: sqlite3.Connection, source: Path, target: Path, watch: Watch) -> None:
    """The copy while a read transaction is held: the backup uses it, and nothing throws it back."""
    _when_free(live, source, watch, "BEGIN")
    _run(live, source, target, watch, hold=True)
    live.rollback()


def _when_free(live: sqlite3.Connection, source: Path, watch: Watch, *before: str) -> None:
    """Runs statements and reads something, as soon as nobody keeps readers out."""
    busy = _Busy(source, watch)
    while True:
        try:
            for statement in (*before, "SELECT 1 FROM sqlite_master LIMIT 1"):
                live.execute(statement).fetchall()
            return
        except sqlite3.OperationalError as error:
            live.rollback()
            if error.sqlite_errorcode & 0xFF not in _KEPT_OUT:
                raise
            busy.wait()


def _run(live: sqlite3.Connection, source: Path, target: Path, watch: Watch, *, hold: bool) -> None:
    busy = _Busy(source, watch)
    wal = live.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    least, restarts = 1 << 62, 0

    def step(status: int, remaining: int, _total: int) -> None:
        nonlocal least, restarts
        watch.ok()
        if status in _KEPT_OUT:
            busy.check()
            return
        busy.over()
        watch.moved()
        if remaining > least:
            restarts += 1
        least = remaining
        if restarts >= RESTARTS and not hold:
            raise _Restarted
        if wal or not hold:
            time.sleep(_PAUSE)

    with closing(sqlite3.connect(target, isolation_level=None)) as copy_of:
        copy_of.execute("PRAGMA synchronous = OFF")  # the spool need not outlive the machine
        copy_of.execute("PRAGMA journal_mode = OFF")
        live.backup(copy_of, pages=_PAGES, progress=step, sleep=_BUSY_PAUSE)


class _Busy:
    """How long another program has kept us out."""

    def __init__(self, source: Path, watch: Watch) -> None:
        self._source = source
        self._watch = watch
        self._since: float | None = None

    def over(self) -> None:
        self._since = None

    def check(self) -> None:
        """Raises Transient where it is too long."""
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since > BUSY_SECONDS:
            raise Transient(
                "the database is locked by another program",
                where=str(self._source),
                why=f"for more than {BUSY_SECONDS:g} s",
                hint="end the program that holds it, or run the backup at another time",
            )

    def wait(self) -> None:
        self._watch.ok()
        self.check()
        time.sleep(_BUSY_PAUSE)
