"""Bringing a SQLite database back: all of it into a file, or some tables into a new or an existing one."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from trueup.jobs.backup.sources import filing
from trueup.jobs.backup.sources.sqlite.describing import columns, quoted
from trueup.jobs.backup.sources.sqlite.opening import BUSY_SECONDS, open_live, require_database, told, watched
from trueup.model.backup import RestoreStep, RestoreTarget
from trueup.model.errors import NotFound, Permanent
from trueup.model.repository import Watch

_SIDE_FILES = ("-journal", "-wal", "-shm")
_CHUNK = 1 << 20
_ROWID_NAMES = ("rowid", "_rowid_", "oid")
_NOT_UTF8 = "surrogateescape"


def plan(manifest: Mapping[str, Any], target: RestoreTarget) -> Iterator[RestoreStep]:
    """What `restore` would do; changes nothing.

    Raises:
        NotFound: a table is not in the snapshot. Permanent: there is no such folder, or a folder is in the file's place.
    """
    path = _place(target)
    wanted = _tables(manifest, target)
    if not path.exists():
        yield RestoreStep("create", _what(target), str(path))
    elif not target.overwrite:
        yield RestoreStep(
            "skip", _what(target), str(path), "there is a file already; say that it may be overwritten, or name another"
        )
    elif not target.only:
        yield RestoreStep("update", "the database", str(path), "the file is replaced")
    else:
        there = _there(path)
        for name in wanted:
            yield RestoreStep("update" if name in there else "create", f"table {name}", str(path))


def restore(manifest: Mapping[str, Any], copy: Path, target: RestoreTarget, watch: Watch) -> Iterator[RestoreStep]:
    """Does what `plan` says.

    Raises:
        NotFound, Permanent: as `plan`. Transient: another program uses the database that is to be overwritten.
    """
    steps = list(plan(manifest, target))
    path = _place(target)
    if any(step.action == "skip" for step in steps):
        pass
    elif target.only and path.exists():
        with told(path):
            _into_existing(path, copy, _tables(manifest, target), watch)
    else:
        with told(path), filing.beside(path) as temporary:
            if target.only:
                _new_with(temporary, copy, manifest, _tables(manifest, target), watch)
            else:
                _copy_bytes(copy, temporary, watch)
            _settle_old(path)
            _like_old(path, temporary)
    yield from steps


def _place(target: RestoreTarget) -> Path:
    path = Path(target.to).expanduser()
    if path.is_dir():
        raise Permanent("a folder is in the place of the file", where=str(path), hint="give the path of a file")
    if not path.parent.is_dir():
        raise Permanent("there is no such folder", where=str(path.parent), hint="make it first, or name another")
    return path


def names(manifest: Mapping[str, Any]) -> list[str]:
    """The tables that can be asked for."""
    found = (key.partition(" ")[2] for key in manifest["schema"] if key.startswith("table "))
    return [name for name in found if not name.startswith("sqlite_")]


def _tables(manifest: Mapping[str, Any], target: RestoreTarget) -> list[str]:
    wanted = filing.chosen(target.only, names(manifest), "table")
    for name in target.only:
        if name not in manifest["tables"]:  # its rows are in tables that only it can make
            raise Permanent(
                f"the virtual table {name} cannot be restored alone",
                hint="restore the whole database into a file of its own",
            )
    return wanted


def _what(target: RestoreTarget) -> str:
    return f"table {', '.join(target.only)}" if target.only else "the database"


def _there(path: Path) -> set[str]:
    require_database(path)
    with told(path), closing(open_live(path)) as live:
        return {row[0] for row in live.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _copy_bytes(copy: Path, temporary: Path, watch: Watch) -> None:
    with (
        copy.open("rb") as source,
        open(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as target,
    ):
        while chunk := source.read(_CHUNK):
            watch.ok()
            target.write(chunk)
            watch.moved(len(chunk))


def _settle_old(path: Path) -> None:
    """Makes sure that nobody uses the file that is replaced, and removes its journals: SQLite would play them into the new one."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as old:
            old.execute("PRAGMA journal_mode = DELETE").fetchall()
            old.execute("BEGIN EXCLUSIVE")
            old.execute("ROLLBACK")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
        # It is damaged, or no database: that is why it is replaced.
    for suffix in _SIDE_FILES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _like_old(path: Path, temporary: Path) -> None:
    """Gives the new file the mode and the owner of the one that it replaces, whose programs must be able to use it."""
    if path.exists():
        old = path.stat()
        temporary.chmod(stat.S_IMODE(old.st_mode))
        with suppress(PermissionError):
            os.chown(temporary, old.st_uid, old.st_gid)


def _new_with(path: Path, copy: Path, manifest: Mapping[str, Any], tables: Sequence[str], watch: Watch) -> None:
    settings = manifest["settings"]
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(f"file:{_escaped(path)}", uri=True, isolation_level=None)) as new:
        new.execute(f"PRAGMA page_size = {int(settings['page_size'])}")
        new.execute(f"PRAGMA encoding = {quoted(settings['encoding'])}")
        for name in ("user_version", "application_id"):
            new.execute(f"PRAGMA {name} = {int(settings[name])}")
        _take(new, copy, tables, watch)


def _into_existing(path: Path, copy: Path, tables: Sequence[str], watch: Watch) -> None:
    """All tables in one transaction: other programs see the old ones or the new ones."""
    with closing(open_live(path, write=True)) as live:
        live.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        live.execute("PRAGMA synchronous = FULL")
        _take(live, copy, tables, watch)


def _take(into: sqlite3.Connection, copy: Path, tables: Sequence[str], watch: Watch) -> None:
    into.text_factory = lambda data: data.decode("utf-8", _NOT_UTF8)
    into.execute("ATTACH ? AS snapshot", (f"file:{_escaped(copy)}?mode=ro&immutable=1",))
    with watched(into, watch):
        into.execute("BEGIN IMMEDIATE")
        try:
            for table in tables:
                _take_table(into, table)
            into.execute("COMMIT")
        except BaseException:
            if into.in_transaction:
                into.execute("ROLLBACK")
            raise


def _take_table(into: sqlite3.Connection, table: str) -> None:
    """Makes the table, its rows, its indexes and then its triggers, which must not fire for old rows."""
    name = quoted(table)
    into.execute(f"DROP TABLE IF EXISTS main.{name}")
    into.execute(_made("table", table, into))
    named = columns(into, table, "snapshot")
    listed = [quoted(one) for one in named]
    taken = {one.lower() for one in named}
    hidden = next((one for one in _ROWID_NAMES if one not in taken), "")
    if hidden and _has_rowid(into, table, hidden):
        listed.append(hidden)  # what refers to rows by it (a full-text index) still finds them
    text = ", ".join(listed)
    into.execute(f"INSERT INTO main.{name} ({text}) SELECT {text} FROM snapshot.{name}")
    _take_counter(into, table)
    for kind in ("index", "trigger"):
        query = "SELECT name FROM snapshot.sqlite_master WHERE type = ? AND tbl_name = ? AND sql IS NOT NULL"
        for (one,) in into.execute(query, (kind, table)).fetchall():
            into.execute(_made(kind, one, into))


def _made(kind: str, name: str, into: sqlite3.Connection) -> str:
    query = "SELECT sql FROM snapshot.sqlite_master WHERE type = ? AND name = ?"
    row = into.execute(query, (kind, name)).fetchone()
    if row is None:
        raise NotFound(f"there is no {kind} {name} in this snapshot")
    return str(row[0])


def _has_rowid(into: sqlite3.Connection, table: str, hidden: str) -> bool:
    try:
        into.execute(f"SELECT {hidden} FROM snapshot.{quoted(table)} LIMIT 0")
    except sqlite3.OperationalError:  # WITHOUT ROWID
        return False
    keys = [row for row in into.execute(f"PRAGMA snapshot.table_info({quoted(table)})") if row[5]]
    return not (len(keys) == 1 and str(keys[0][2]).upper() == "INTEGER")  # else that column is the rowid


def _take_counter(into: sqlite3.Connection, table: str) -> None:
    """AUTOINCREMENT never gives a number twice: its counter comes along."""
    query = "SELECT 1 FROM snapshot.sqlite_master WHERE name = 'sqlite_sequence'"
    if into.execute(query).fetchone() is None:
        return
    row = into.execute("SELECT seq FROM snapshot.sqlite_sequence WHERE name = ?", (table,)).fetchone()
    if row is not None:
        into.execute("DELETE FROM main.sqlite_sequence WHERE name = ?", (table,))
        into.execute("INSERT INTO main.sqlite_sequence (name, seq) VALUES (?, ?)", (table, row[0]))


def _escaped(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path.absolute()))
