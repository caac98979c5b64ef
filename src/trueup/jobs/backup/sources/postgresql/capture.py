"""Taking a backup: dumps of databases, each with a manifest from the very snapshot it was dumped in, and what belongs to the whole server."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from trueup.core.supervision import run_child
from trueup.jobs.backup.sources.postgresql import archive, measuring
from trueup.jobs.backup.sources.postgresql.faults import disk_full, said
from trueup.jobs.backup.sources.postgresql.measuring import Reading, Table
from trueup.jobs.backup.sources.postgresql.options import Options
from trueup.jobs.backup.sources.postgresql.programs import Programs, for_dump
from trueup.jobs.backup.sources.postgresql.session import Session, session
from trueup.jobs.backup.sources.postgresql.words import listed
from trueup.model.backup import MANIFEST, MANIFEST_VERSION, Captured, SourceSpec
from trueup.model.errors import NotFound, Permanent, Transient
from trueup.model.repository import Watch

ROLES = "roles.sql"
TABLESPACES = "tablespaces.sql"
OLDEST = 12
"""The oldest server whose catalogues are read here."""

_ATTEMPTS = 6
_BEHIND_US = "2s"
"""How long pg_dump waits for a lock on a table that we have locked before it."""

_MAGIC = b"PGDMP"


def take(spec: SourceSpec, chosen: Options, spool: Path, watch: Watch) -> Captured:
    """Dumps what is chosen into `spool/data`, and writes `spool/about`. See `SourceKind.capture`."""
    data, about = spool / "data", spool / "about"
    data.mkdir()
    about.mkdir()
    began = time.time()
    names = chosen.databases or _all_databases(chosen, watch)
    with session(chosen.address.of(names[0]), watch) as one:
        programs, server = _fitting(chosen, one, watch), _server(one)
    databases = [_uncontended(partial(_taken, name, chosen, programs, data, spool, watch), watch) for name in names]
    notes = [f"{one['name']}: {note}" for one in databases for note in [*one.pop("warnings"), *measuring.notes(one)]]
    if chosen.roles:
        notes += _globals(chosen, names[0], programs, server, data, spool, watch)
    manifest = {
        "version": MANIFEST_VERSION,
        "kind": "postgresql",
        "source": spec.name,
        "taken": began,
        "server": server,
        "pg_dump": programs.major,
        "roles": chosen.roles,
        "databases": databases,
    }
    (about / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=True, indent=1), encoding="utf-8")
    files = list(data.iterdir())
    measures = {"bytes": sum(one.stat().st_size for one in files), "files": len(files), "rows": _rows(databases)}
    return Captured(data, about, measures["bytes"], measures["files"], measures, notes=tuple(notes))


def _taken(name: str, chosen: Options, programs: Programs, data: Path, spool: Path, watch: Watch) -> dict[str, Any]:
    halves = _Halves(watch)
    with session(chosen.address.of(name), halves) as one:
        return _Database(chosen, one, programs, data, spool, halves).take(name)


class _Contended(Transient):
    """pg_dump waits for a lock although we hold all locks that it needs."""


def _uncontended(take: Callable[[], dict[str, Any]], watch: Watch) -> dict[str, Any]:
    """Takes a database, again where somebody's TRUNCATE or ALTER came between our locks and those of pg_dump.

    It then waits for us, and pg_dump waits behind it, for ever: no deadlock in the server's eyes, since pg_dump would wait for us willingly.
    """
    for attempt in range(_ATTEMPTS - 1):
        try:
            return take()
        except _Contended:
            watch.ok()
            time.sleep(random.uniform(0.1, 0.5) * (attempt + 1))
    return take()


def _rows(databases: Sequence[dict[str, Any]]) -> int:
    return sum(one["rows"] or 0 for database in databases for one in database["tables"].values())


def _all_databases(chosen: Options, watch: Watch) -> tuple[str, ...]:
    query = "SELECT datname::text FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"
    with session(chosen.address.of(chosen.address.database or "postgres"), watch) as one:
        return tuple(name for (name,) in one.rows(query, what="could not list the databases"))


def _fitting(chosen: Options, one: Session, watch: Watch) -> Programs:
    if one.major < OLDEST:
        raise Permanent(
            f"PostgreSQL {one.major} is not supported", where=str(one.address), hint=f"upgrade to {OLDEST} or later"
        )
    return for_dump(chosen.bin, one.major, watch)


def _server(one: Session) -> dict[str, Any]:
    """Of the whole server; its first superuser bears the number 10 and is made by initdb."""
    query = "SELECT version(), (SELECT rolname::text FROM pg_roles WHERE oid = 10)"
    text, superuser = one.row(query, what="could not ask for the version")
    return {"version": one.version, "major": one.major, "text": text, "superuser": superuser}


class _Database:
    """The capture of one database."""

    def __init__(
        self, chosen: Options, open_session: Session, programs: Programs, data: Path, spool: Path, watch: _Halves
    ) -> None:
        self._chosen = chosen
        self._session = open_session
        self._programs = programs
        self._spool = spool
        self._data = data
        self._watch = watch

    def take(self, name: str) -> dict[str, Any]:
        """Dumps it and measures it at the same time, in the same snapshot; its part of the manifest, with `warnings` beside."""
        (snapshot,) = self._session.row("SELECT pg_export_snapshot()", what="could not export a snapshot")
        tables = measuring.tables(self._session)
        measuring.lock(self._session, tables)
        self._check(tables)
        path = self._data / f"{quote(name, safe='')}.dump"
        before = measuring.sequence_values(self._session)
        told, warnings = self._both(snapshot, tables, path)
        after = measuring.sequence_values(self._session)
        entries = archive.read(path, self._programs, self._watch)
        self._compare(path, entries, tables, told["tables"])
        told["sequences"] = self._sequences(path, entries, before, after)
        return {"name": name, "file": path.name, "bytes": path.stat().st_size, **told, "warnings": warnings}

    def _check(self, tables: Sequence[Table]) -> None:
        """Every pattern must mean something: one with a mistake would let in what was to be left out."""
        for pattern in self._chosen.exclude:
            if (
                self._chosen.databases
                and len(self._chosen.databases) == 1
                and not any(one.excluded([pattern]) for one in tables)
            ):
                raise NotFound(
                    f"`exclude_tables` names {pattern}, and there is no such table",
                    where=str(self._session.address),
                    hint="schema.table, or table in any schema; * and ? as in a shell",
                )

    def _both(self, snapshot: str, tables: Sequence[Table], path: Path) -> tuple[dict[str, Any], list[str]]:
        with ThreadPoolExecutor(1, thread_name_prefix="pg_dump") as pool:
            dumped = pool.submit(self._dump, snapshot, tables, path)
            dumped.add_done_callback(lambda done: self._watch.failed(done.exception()))
            try:
                told = self._measure(tables)
            except BaseException as error:
                self._watch.failed(error)
                raise
            return told, dumped.result()

    def _measure(self, tables: Sequence[Table]) -> dict[str, Any]:
        one, chosen = self._session, self._chosen
        return {
            **_properties(one),
            **measuring.contents(one),
            "tables": measuring.measure(one, tables, self._reading),
            "large_objects": measuring.large_objects(one),
            "checksum_limit": chosen.limit,
        }

    def _reading(self, one: Table) -> Reading:
        if one.excluded(self._chosen.exclude):
            return Reading.NONE
        limit = self._chosen.limit
        return Reading.SUM if limit is None or one.bytes <= limit else Reading.COUNT

    def _dump(self, snapshot: str, tables: Sequence[Table], path: Path) -> list[str]:
        """Runs pg_dump to its good end; returns its warnings."""
        address = self._session.address
        what = f"could not dump the database {address.database}"
        without = [one for one in tables if one.kind == "r" and self._reading(one) is Reading.NONE]
        with address.environment(self._spool) as env:
            arguments = [
                *(self._programs.path("pg_dump"), "--format=custom", "--compress=0", "--no-password"),
                *(f"--snapshot={snapshot}", f"--lock-wait-timeout={_BEHIND_US}"),
                *(f"--exclude-table-data={one.sql}" for one in without),
                *("--dbname", address.conninfo(application_name="trueup")),
            ]
            ended = run_child(arguments, watch=self._watch, env=env, stdout=path, secrets=[address.password], grace=2.0)
        if ended.code:
            if "canceling statement due to" in ended.stderr:
                raise _Contended(
                    what, where=str(address), why="tables are changed or emptied again and again (ALTER, TRUNCATE)"
                )
            if "No space left" in ended.stderr or "Disk quota" in ended.stderr:
                raise disk_full(what, self._spool, path.stat().st_size)
            raise said(what, str(address), ended.stderr)
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise Permanent(what, where=str(address), why="pg_dump ended well and wrote no dump")
        return [line.partition("warning: ")[2] for line in ended.stderr.splitlines() if "warning: " in line]

    def _compare(
        self, path: Path, entries: Sequence[archive.Entry], tables: Sequence[Table], told: dict[str, Any]
    ) -> None:
        """The dump must have the rows of all tables that were measured, and at least a byte for each row."""
        there = {one.oid for one in entries if one.about("TABLE DATA")}
        missing = [one.title for one in tables if told[one.title]["rows"] is not None and one.oid not in there]
        if missing:
            raise Permanent(
                f"the dump of {self._session.address.database} lacks tables",
                where=str(self._session.address),
                why=listed(missing),
            )
        rows = sum(one["rows"] or 0 for one in told.values())
        if path.stat().st_size < rows:
            raise Permanent(
                f"the dump of {self._session.address.database} is too small",
                where=str(self._session.address),
                why=f"{path.stat().st_size:,} bytes for {rows:,} rows",
            )

    def _sequences(
        self,
        path: Path,
        entries: Sequence[archive.Entry],
        before: dict[str, tuple[int, bool]],
        after: dict[str, tuple[int, bool]],
    ) -> dict[str, tuple[int, bool]]:
        """Where the dump leaves sequences. They move while it is made; one that stood still must be in it as it stood."""
        titles = measuring.sequence_titles(self._session)
        dumped = archive.sequence_values(path, entries, self._programs, self._spool, self._watch)
        values = {titles[oid]: value for oid, value in dumped.items() if oid in titles}
        wrong = [name for name, value in before.items() if after.get(name) == value and values.get(name) != value]
        if wrong:
            raise Transient(
                f"the dump of {self._session.address.database} has other sequences than the server",
                where=str(self._session.address),
                why=listed(wrong),
            )
        return values


def _properties(one: Session) -> dict[str, Any]:
    """How the database is made: what CREATE DATABASE needs."""
    query = """SELECT pg_encoding_to_char(encoding)::text, datcollate::text, datctype::text, to_jsonb(d) ->> 'datlocprovider',
      coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), pg_get_userbyid(datdba)::text
      FROM pg_database d WHERE datname = current_database()"""
    encoding, collate, ctype, provider, locale, owner = one.row(query, what="could not read the database's properties")
    return {
        "encoding": encoding,
        "collate": collate,
        "ctype": ctype,
        "provider": provider or "c",
        "locale": locale,
        "owner": owner,
    }


class _Halves(Watch):
    """The watch of two halves of a work: where one fails, the other need not go on, and ends with the same error."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._error: BaseException | None = None

    def failed(self, error: BaseException | None) -> None:
        """One half ended; None: well."""
        self._error = self._error or error

    def moved(self, amount: int = 1) -> None:
        self._watch.moved(amount)

    def ok(self) -> None:
        if self._error is not None:
            raise self._error
        self._watch.ok()

    def left(self) -> float | None:
        return self._watch.left()


def _globals(
    chosen: Options, database: str, programs: Programs, server: dict[str, Any], data: Path, spool: Path, watch: Watch
) -> list[str]:
    """Writes roles and tablespaces, apart: a throw-away server must not touch the folders of real tablespaces. Returns notes."""
    address = chosen.address.of(database)
    with session(address, watch) as one:
        query = "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')"
        (passwords,) = one.row(query, what="could not look at the rights")
    for what, option, name in (("roles", "--roles-only", ROLES), ("tablespaces", "--tablespaces-only", TABLESPACES)):
        path = data / name
        arguments = [
            programs.path("pg_dumpall"),
            option,
            "--no-password",
            *([] if passwords else ["--no-role-passwords"]),
        ]
        with address.environment(spool) as env:
            place = address.conninfo(application_name="trueup")
            ended = run_child(
                [*arguments, "--dbname", place], watch=watch, env=env, stdout=path, secrets=[address.password]
            )
        if ended.code:
            if "No space left" in ended.stderr:
                raise disk_full(f"could not dump the {what}", spool, path.stat().st_size)
            raise said(f"could not dump the {what}", str(address), ended.stderr, "`roles: false` leaves them out")
        if b"\n-- PostgreSQL database cluster dump complete\n" not in path.read_bytes():
            raise Permanent(f"could not dump the {what}", where=str(address), why="the output of pg_dumpall is cut off")
    return [] if passwords else ["roles come back without their passwords: the user of the backup may not read these"]
