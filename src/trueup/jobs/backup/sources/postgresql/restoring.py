"""Restoring into a real server: databases that are not there or are empty, or single tables."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.core.supervision import Deadline, run_child
from trueup.jobs.backup.sources.postgresql import archive, catalogue, measuring, roles, selecting
from trueup.jobs.backup.sources.postgresql.address import Address, parse
from trueup.jobs.backup.sources.postgresql.capture import ROLES, TABLESPACES
from trueup.jobs.backup.sources.postgresql.cluster import creation
from trueup.jobs.backup.sources.postgresql.drill import manifest_of
from trueup.jobs.backup.sources.postgresql.faults import said
from trueup.jobs.backup.sources.postgresql.loading import growing
from trueup.jobs.backup.sources.postgresql.programs import for_restore
from trueup.jobs.backup.sources.postgresql.session import administering, connected, session
from trueup.jobs.backup.sources.postgresql.words import identifier, rows
from trueup.model.backup import RestoreStep, RestoreTarget
from trueup.model.errors import Permanent
from trueup.model.repository import Watch

_LOOK = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """One database that is to be restored, and what stands where it goes.

    Attributes:
        database: its part of the manifest.
        address: where it goes.
        exists: whether that database is there.
        tables: its tables (titles).
        bare: whether it has no table, view or sequence.
        create, replace, keep: titles of tables that are made, overwritten, or left as they are.
        whole: everything is restored, and not single tables.
        refused: why nothing is done; "".
    """

    database: Mapping[str, Any]
    address: Address
    exists: bool
    tables: frozenset[str]
    bare: bool
    create: tuple[str, ...]
    replace: tuple[str, ...]
    keep: tuple[str, ...]
    whole: bool
    refused: str = ""


def wanted(about: Path, target: RestoreTarget) -> tuple[str, ...]:
    """See `SourceKind.wanted`."""
    manifest = manifest_of(about)
    found = [one for one, _ in selecting.databases(manifest, _address(target))]
    if target.only:
        found = [one for one, names in zip(found, selecting.chosen(found, target.only), strict=True) if names]
    return (*(one["file"] for one in found), *((ROLES, TABLESPACES) if manifest["roles"] else ()))


def plan(about: Path, target: RestoreTarget) -> Iterator[RestoreStep]:
    """See `SourceKind.plan_restore`."""
    watch = Deadline("could not look at the target of the restore", timeout=_LOOK)
    manifest = manifest_of(about)
    for place in _places(manifest, target, watch):
        if not place.refused:
            yield from (
                RestoreStep("create", f"role {role}", _where(place))
                for role in roles.missing(place.database, place.address, watch)
            )
        yield from _steps(place)


def restore(about: Path, data: Path, target: RestoreTarget, watch: Watch) -> Iterator[RestoreStep]:
    """See `SourceKind.restore`."""
    manifest = manifest_of(about)
    for place in _places(manifest, target, watch):
        if not place.refused and (place.create or place.replace or place.whole):
            yield from _Restore(manifest, place, data, watch).run()
        yield from _steps(place)


def _address(target: RestoreTarget) -> Address:
    return parse(target.to, "the target of the restore").with_password(target.secret)


def _places(manifest: Mapping[str, Any], target: RestoreTarget, watch: Watch) -> Iterator[Place]:
    address = _address(target)
    found = selecting.databases(manifest, address)
    names: Sequence[Sequence[str] | None] = [None for _ in found]
    if target.only:
        names = selecting.chosen([one for one, _ in found], target.only)
    for (database, name), tables in zip(found, names, strict=True):
        if tables is None or tables:
            yield _place(database, address.of(name), tables, target.overwrite, watch)


def _place(
    database: Mapping[str, Any], address: Address, tables: Sequence[str] | None, overwrite: bool, watch: Watch
) -> Place:
    exists = _exists(address, watch)
    there: frozenset[str] = frozenset()
    bare = True
    if exists:
        with session(address, watch) as one:
            there = frozenset(found.title for found in measuring.tables(one))
            query = f"SELECT NOT EXISTS ({catalogue.ANY_RELATION})"
            (bare,) = one.row(query, what="could not look at the target")
    if tables is None:
        refused = "" if bare else "the database has tables; name those to restore, or another database"
        return Place(database, address, exists, there, bare, tuple(database["tables"]), (), (), True, refused)
    create = tuple(one for one in tables if one not in there)
    known = tuple(one for one in tables if one in there)
    replace, keep = (known, ()) if overwrite else ((), known)
    return Place(database, address, exists, there, bare, create, replace, keep, False)


def _exists(address: Address, watch: Watch) -> bool:
    try:
        with connected(address, watch):
            return True
    except Permanent:
        with connected(address.of("postgres"), watch) as connection:
            query = "SELECT FROM pg_catalog.pg_database WHERE datname = %s"
            if connection.execute(query, (address.database,)).fetchone() is None:
                return False
        raise


def _where(place: Place) -> str:
    return str(place.address)


def _steps(place: Place) -> Iterator[RestoreStep]:
    """What is done to a database, as a plan and as a report."""
    where = _where(place)
    if place.refused:
        yield RestoreStep("skip", f"database {place.address.database}", where, place.refused)
        return
    if not place.exists:
        yield RestoreStep("create", f"database {place.address.database}", where)
    tables = place.database["tables"]
    for title in place.create:
        yield RestoreStep("create", _title(title, tables[title]), where)
    for title in place.replace:
        yield RestoreStep("update", _title(title, tables[title]), where, "replaced by what was backed up")
    for title in place.keep:
        yield RestoreStep("skip", f"table {title}", where, "it is there already, and may not be overwritten")


def _title(title: str, one: Mapping[str, Any]) -> str:
    kind = {"m": "materialised view", "f": "foreign table", "p": "partitioned table"}.get(one["kind"], "table")
    if one["kind"] != "r":
        return f"{kind} {title}"
    return f"table {title} ({'empty: its rows were left out' if one['rows'] is None else rows(one['rows'])})"


class _Restore:
    """The restore of one database."""

    def __init__(self, manifest: Mapping[str, Any], place: Place, data: Path, watch: Watch) -> None:
        self._manifest = manifest
        self._place = place
        self._data = data
        self._dump = data / place.database["file"]
        self._watch = watch
        self._programs = for_restore(manifest["pg_dump"], watch)

    def run(self) -> Iterator[RestoreStep]:
        """Restores it; yields what is not told by `_steps`: roles, and what had to be left out."""
        self._fits()
        with tempfile.TemporaryDirectory(prefix="trueup-restore-") as folder:
            self._folder = Path(folder)
            owning = yield from self._roles()
            if self._place.exists:
                left_out = self._load([*owning, "--single-transaction"])
            else:
                with self._made():
                    left_out = self._load([*owning, f"--jobs={min(4, os.cpu_count() or 1)}"])
                    self._settings()
        for one in left_out:
            what = " ".join(one.line.split(" ")[3:-1]).lower().replace("fk constraint", "foreign key", 1)
            yield RestoreStep("skip", what, _where(self._place), "it refers to a table that is not there")
        spaces = self._data / TABLESPACES
        if self._place.whole and spaces.exists() and b"\nCREATE TABLESPACE" in spaces.read_bytes():
            why = f"everything is in the default tablespace; {TABLESPACES} of the snapshot has the others"
            yield RestoreStep("skip", "tablespaces", _where(self._place), why)

    def _fits(self) -> None:
        with session(self._place.address.of(self._maintenance()), self._watch) as one:
            self._major = one.major
        if self._major < self._manifest["server"]["major"]:
            raise Permanent(
                f"the server is older ({self._major}) than the one that was backed up ({self._manifest['server']['major']})",
                where=_where(self._place),
                hint="a server of the same version or newer",
            )

    def _maintenance(self) -> str:
        return self._place.address.database if self._place.exists else "postgres"

    def _roles(self) -> Generator[RestoreStep, None, list[str]]:
        """Makes roles that are missing where that is allowed; returns the options for owners and grants."""
        address, where = self._place.address.of(self._maintenance()), _where(self._place)
        missing = roles.missing(self._place.database, address, self._watch)
        with administering(address, self._watch, "could not make the roles") as connection:
            query = "SELECT rolsuper, rolcreaterole FROM pg_catalog.pg_roles WHERE rolname = current_user"
            superuser, may = connection.execute(query).fetchone() or (False, False)
            allowed = superuser or may
            for statement in roles.statements(self._data / ROLES, missing) if allowed else ():
                connection.execute(statement.encode())
        for role in missing:
            why = "" if allowed else "the user may not make roles: owners and grants are left out"
            yield RestoreStep("create" if allowed else "skip", f"role {role}", where, why)
        if superuser:
            return []
        if allowed or not missing:
            yield RestoreStep("skip", "owners", where, "only a superuser may set them: all belongs to the user")
        return ["--no-owner", *([] if allowed or not missing else ["--no-privileges"])]

    @contextmanager
    def _made(self) -> Iterator[None]:
        """The new database; removed again where the restore fails: half of one must not be taken for a whole."""
        address = self._place.address
        name = identifier(address.database)
        what = f"could not make the database {address.database}"
        with administering(address.of("postgres"), self._watch, what) as connection:
            statement = creation(name, self._place.database, connection.info.server_version // 10000)
            connection.execute(statement.encode())
        try:
            yield
        except BaseException:
            what = f"could not remove the half-restored database {address.database}"
            with administering(address.of("postgres"), Deadline(what, timeout=_LOOK), what) as connection:
                connection.execute(f"DROP DATABASE {name}".encode())
            raise

    def _load(self, options: list[str]) -> list[archive.Entry]:
        """Runs pg_restore; returns the entries it had to leave out."""
        place = self._place
        if place.whole:
            self._run([*options, "--exit-on-error"])
            return []
        tables = place.database["tables"]
        titles = {*place.create, *place.replace}
        entries, left_out = selecting.entries_of(
            archive.read(self._dump, self._programs, self._watch),
            {tables[one]["oid"] for one in titles},
            {one["oid"] for title, one in tables.items() if title in place.tables},
            alone=place.bare,
        )
        clean = ["--clean", "--if-exists"] if place.replace else []
        with archive.listing(entries, self._folder) as file:
            self._run([*options, "--exit-on-error", *clean, f"--use-list={file}"])
        return left_out

    def _run(self, options: Sequence[str]) -> None:
        address = self._place.address
        what = f"could not restore into the database {address.database}"
        with growing(self._size(), self._watch), address.environment(self._folder) as env:
            arguments = [
                *(self._programs.path("pg_restore"), "--no-password", "--no-tablespaces", "--verbose", *options),
                *("--dbname", address.conninfo(application_name="trueup"), str(self._dump)),
            ]
            ended = run_child(arguments, watch=self._watch, env=env, secrets=[address.password])
        if ended.code:
            raise said(what, str(address), _complaint(ended.stderr), self._advice())

    def _advice(self) -> str:
        told = "nothing was changed"
        if self._programs.major > self._major:
            told += f"; pg_restore {self._programs.major} is newer than the server: apt-get install postgresql-client-{self._major}"
        return told

    def _size(self) -> Callable[[], int]:
        watch = Deadline("could not ask for the size of the database")
        query = "SELECT pg_catalog.pg_database_size(current_database())"

        def size_now() -> int:
            with session(self._place.address, watch) as one:
                return int(one.row(query, what="could not ask for the size of the database")[0])

        return size_now

    def _settings(self) -> None:
        """ALTER DATABASE … SET and ALTER ROLE … IN DATABASE … SET, which pg_restore sets only for the name that was dumped."""
        if not self._place.whole:
            return
        entries = archive.read(self._dump, self._programs, self._watch)
        statements = archive.settings(self._dump, entries, self._programs, self._folder, self._watch)
        address = self._place.address
        with administering(address, self._watch, "could not set the database's own settings") as connection:
            for one in statements:
                connection.execute(one.format(identifier(address.database)).encode())


def _complaint(text: str) -> str:
    """What pg_restore says without what it only reports."""
    lines = text.splitlines()
    return "\n".join(one for one in lines if "error:" in one or "DETAIL" in one or "HINT" in one) or text
