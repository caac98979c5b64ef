"""Opening SQLite files, and what SQLite's errors mean for a backup."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from trueup.model.errors import Permanent, StoreError, Transient
from trueup.model.repository import Watch

BUSY_SECONDS = 30.0
"""How long another program may lock the database before it is told."""

_STEPS = 20_000  # instructions of SQLite's machine between two looks at the watch: about a millisecond

# Primary result code (https://www.sqlite.org/rescode.html) -> what it is, and what to do.
_MEANING = {
    sqlite3.SQLITE_NOTADB: (
        Permanent,
        "this is no SQLite database, or an encrypted one",
        "check `path`; for an encrypted database, let a `command` source take its own export",
    ),
    sqlite3.SQLITE_CORRUPT: (
        Permanent,
        "the database is damaged",
        "bring it back from the newest good snapshot (trueup restore)",
    ),
    sqlite3.SQLITE_BUSY: (
        Transient,
        "the database is locked by another program",
        "end the program that holds it, or run the backup at another time",
    ),
    sqlite3.SQLITE_LOCKED: (Transient, "the database is locked by another program", "run the backup at another time"),
    sqlite3.SQLITE_FULL: (Permanent, "the disk is full", "make room on the disk that is written to"),
    sqlite3.SQLITE_IOERR: (Permanent, "a disk gave an error", "look for a full or failing disk, or a quota"),
    sqlite3.SQLITE_CANTOPEN: (
        Permanent,
        "the database cannot be opened",
        "give the user that runs trueup the right to read it, and to write to its folder where it is in WAL mode",
    ),
    sqlite3.SQLITE_READONLY: (Permanent, "the file cannot be written", "check who owns it and its folder"),
}


def error_of(error: sqlite3.Error, where: Path) -> StoreError:
    """What SQLite said, in words."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    kind, what, hint = _MEANING.get(code, (Permanent, "the database could not be read", ""))
    return kind(what, where=str(where), why=str(error), hint=hint)


@contextmanager
def told(where: Path) -> Iterator[None]:
    """Turns SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise error_of(error, where) from error


def require_database(path: Path) -> None:
    """Returns where the path may be a SQLite database; that it is one shows when it is read as such.

    It is not opened here: closing a file takes away all locks that this process has on it (https://www.sqlite.org/howtocorrupt.html, 2.2), and
    where it is the ledger, trueup itself is at work on it.

    Raises:
        Permanent: missing, a folder, not readable, empty.
    """
    try:
        if path.is_dir():
            raise Permanent(
                "this is a folder, not a SQLite database", where=str(path), hint="give the database's file in `path`"
            )
        size = path.stat().st_size
        if not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        hint = "check `path`; if it is on another disk or a network drive, connect it"
        why = (error.strerror or str(error)).lower()
        raise Permanent("the SQLite database cannot be read", where=str(path), why=why, hint=hint) from error
    if not size:
        raise Permanent("the SQLite database is empty: not even a header", where=str(path), hint="look what emptied it")


def open_live(path: Path, *, write: bool = False) -> sqlite3.Connection:
    """A database that others may use; never made. Without `write` it is opened for reading where that is enough.

    A database in WAL mode, or one whose writer crashed, may need files beside it that only a writing connection makes
    (https://www.sqlite.org/wal.html, "Read-Only Databases").
    """
    if not write:
        with suppress(_NeedsToWrite):
            return _opened(path, "ro")
    return _opened(path, "rw")


class _NeedsToWrite(sqlite3.OperationalError):
    """It can be read only by who may write beside it."""


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    """A connection that has read something, or would have, were the database not locked."""
    connection = sqlite3.connect(_uri(path, f"mode={mode}"), uri=True, timeout=0.1, isolation_level=None)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_BUSY:
            return connection
        connection.close()
        if mode == "ro" and code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise _NeedsToWrite from error
        raise
    return connection


def open_copy(path: Path) -> sqlite3.Connection:
    """A copy that nobody writes to; nothing is made beside it."""
    connection = sqlite3.connect(_uri(path, "mode=ro&immutable=1"), uri=True, isolation_level=None)
    connection.text_factory = (
        bytearray  # text that is not UTF-8 is read as it is, and differs from a blob of the same bytes
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _uri(path: Path, query: str) -> str:
    return f"file:{quote(str(path.absolute()))}?{query}"


@contextmanager
def watched(connection: sqlite3.Connection, watch: Watch) -> Iterator[None]:
    """Asks the watch while SQLite works; what it raises comes out of here, and not as SQLite's "interrupted"."""
    stopped: list[BaseException] = []

    def look() -> int:
        try:
            watch.ok()
        except BaseException as error:  # SQLite would swallow it
            stopped.append(error)
            return 1
        watch.moved()
        return 0

    connection.set_progress_handler(look, _STEPS)
    try:
        yield
    except sqlite3.Error:
        if stopped:
            raise stopped[0] from None
        raise
    finally:
        connection.set_progress_handler(None, 0)
