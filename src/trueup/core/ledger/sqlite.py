"""SQLite: how it is opened, and what its errors mean."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trueup.core.ledger.database import Database
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import LedgerError

OLDEST = (3, 35, 0)  # RETURNING, UPDATE … FROM, window functions
BUSY_SECONDS = 30.0
LITTLE_ROOM = 100_000_000  # bytes

_PRAGMAS = (
    f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}",
    "PRAGMA synchronous = FULL",  # in WAL mode: a commit that returned survives a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA mmap_size = 0",  # a mapped file counts as memory, and a disk error in it kills the process
    "PRAGMA cache_size = -4096",  # KiB: memory does not grow with the ledger
    "PRAGMA temp.cache_size = -1024",
    "PRAGMA journal_size_limit = 33554432",
)

# Primary result code (https://www.sqlite.org/rescode.html) -> what it is, and what to do.
_MEANING = {
    sqlite3.SQLITE_FULL: ("the disk is full", "make room on the disk of the ledger and run the same command again; nothing was lost"),
    sqlite3.SQLITE_READONLY: ("the ledger cannot be written", "check who owns the file and its folder, and that the disk is not mounted read-only"),
    sqlite3.SQLITE_PERM: ("the ledger cannot be written", "check who owns the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: ("the ledger cannot be opened", "check that its folder exists and that you may write to it"),
    sqlite3.SQLITE_BUSY: (
        "the ledger is locked by another process",
        "another trueup, a backup program or a database browser has it open for writing; end it and try again",
    ),
    sqlite3.SQLITE_LOCKED: ("the ledger is locked by another process", "end the other process and try again"),
    sqlite3.SQLITE_CORRUPT: (
        "the ledger is damaged",
        "put back a backup of it, or move it away: the next run makes a new one and matches everything by its UID, without duplicates",
    ),
    sqlite3.SQLITE_NOTADB: ("this file is not a ledger", "check `ledger:` in trueup.yaml; move the file away if it is what a crash left"),
    sqlite3.SQLITE_IOERR: (
        "the disk of the ledger gave an error",
        "look for a failing disk, a quota or a file size limit, then run the same command again",
    ),
}  # fmt: skip

_TEMPORARY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class SQLite:
    """The dialect of a ledger in a file."""

    name = "SQLite"
    types: Mapping[str, str] = {
        "id": "INTEGER PRIMARY KEY AUTOINCREMENT",  # a number is never given twice: the journal keeps numbers of what is gone
        "text": "TEXT",
        "int": "INTEGER",
        "real": "REAL",
        "blob": "BLOB",
        "clustered": " WITHOUT ROWID",
    }
    # A transaction that reads first and asks for the write lock later can fail half-way; this one waits at the start.
    begin = "BEGIN IMMEDIATE"
    queues = True
    # In WAL mode NORMAL flushes at checkpoints only, and the next FULL commit flushes what came before it.
    relaxed: tuple[tuple[str, ...], tuple[str, ...]] = (
        ("PRAGMA synchronous = NORMAL", "BEGIN IMMEDIATE"),
        ("PRAGMA synchronous = FULL",),
    )
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = str(path)

    def connect(self) -> sqlite3.Connection:
        """Opens the file; makes it, and its folder, where they do not exist, readable by their owner only.

        Raises:
            LedgerError: it cannot be opened, or is no SQLite file.
        """
        if sqlite3.sqlite_version_info < OLDEST:
            raise LedgerError(
                f"SQLite {sqlite3.sqlite_version} is too old for the ledger",
                why=f"it needs {'.'.join(map(str, OLDEST))} or later",
                hint="use a newer Python: it brings its own SQLite",
            )
        self._make_file()
        connection = None
        try:
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            _use_wal(connection)
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise self.error(error) from error
        return connection

    def sql(self, statement: str) -> str:
        """SQLite's own style is `?`."""
        return statement

    def error(self, error: Exception) -> LedgerError:
        """What went wrong, in words."""
        code = getattr(error, "sqlite_errorcode", 0)
        what, hint = _MEANING.get(code & 0xFF, ("the ledger could not be read or written", "run `trueup doctor`"))
        return LedgerError(what, where=self.where, why=str(error), hint=hint, temporary=code & 0xFF in _TEMPORARY)

    def lost(self, connection: Any, error: Exception) -> bool:
        """A file does not go away like a server."""
        return False

    def lock_schema(self, database: Database) -> None:
        """BEGIN IMMEDIATE has done it."""

    def tables(self, database: Database) -> set[str]:
        """Every table of the file but SQLite's own."""
        found = database.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'")
        return {row[0] for row in found}

    def committed(self, database: Database, inserted: Mapping[str, int]) -> None:
        """SQLite finds the right indexes without statistics."""

    def faults(self, database: Database) -> Iterator[str]:
        """The integrity check and the foreign keys."""
        try:
            for row in database.rows("PRAGMA integrity_check"):
                if row[0] != "ok":
                    yield str(row[0])
            for row in database.rows("PRAGMA foreign_key_check"):
                yield f"row {row[1]} of {row[0]} refers to a {row[2]} that is not there"
        except LedgerError as error:
            yield error.why

    def warnings(self, database: Database) -> Iterator[Diagnostic]:
        """Who may read it, how much room there is, and whether others can read while one writes."""
        mode = stat.S_IMODE(self.path.stat().st_mode)
        if mode & 0o077:
            why = f"its mode is {mode:04o}"
            hint = f"chmod 600 {self.path}"
            yield Diagnostic(
                Severity.WARNING, "others may read the ledger, and with it every event", self.where, why, hint
            )
        free = shutil.disk_usage(self.path.parent).free
        if free < LITTLE_ROOM:
            why = f"{free // 1_000_000} MB are free"
            yield Diagnostic(Severity.WARNING, "the disk of the ledger is nearly full", self.where, why, "make room")
        journal = database.value("PRAGMA journal_mode")
        if journal != "wal":
            why = f"the journal mode is {journal}, not wal: the file system may be a network share"
            hint = "keep the ledger on a local disk, or on PostgreSQL"
            yield Diagnostic(
                Severity.WARNING, "the ledger is slow, and locked while it is written", self.where, why, hint
            )

    def clock(self, database: Database) -> float:
        """All users of a file are on one machine."""
        return database.now()

    def now(self, database: Database) -> tuple[str, tuple[float, ...]]:
        """See `clock`."""
        return "?", (database.now(),)

    def _make_file(self) -> None:
        try:
            # Another process may make it at the same time.
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.path.exists():
                # SQLite gives its -wal and -shm files the mode of this one.
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise LedgerError(
                "the ledger cannot be made",
                where=self.where,
                why=error.strerror or str(error),
                hint="check the path in `ledger:` of trueup.yaml, and that you may write to its folder",
            ) from error


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switches to write-ahead logging once; SQLite does not wait (busy_timeout) when two processes do that to a new file at once."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
