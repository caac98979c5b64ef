"""The restore drill: a dump goes into a throw-away server and is measured there as it was measured when it was made."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trueup.core.supervision import child_env, run_child
from trueup.jobs.backup.sources.postgresql import measuring
from trueup.jobs.backup.sources.postgresql.capture import ROLES
from trueup.jobs.backup.sources.postgresql.cluster import Cluster, creation, folder_size, started
from trueup.jobs.backup.sources.postgresql.compare import compared, differences
from trueup.jobs.backup.sources.postgresql.faults import explained
from trueup.jobs.backup.sources.postgresql.loading import errors_in, growing
from trueup.jobs.backup.sources.postgresql.measuring import Reading, Table
from trueup.jobs.backup.sources.postgresql.programs import for_drill
from trueup.jobs.backup.sources.postgresql.session import connected, session
from trueup.jobs.backup.sources.postgresql.words import identifier, listed
from trueup.model.backup import MANIFEST, Drilled
from trueup.model.errors import CannotDrill
from trueup.model.repository import Watch

_NO_SUCH_LOCALE = {"42809", "22023", "0A000"}


def manifest_of(about: Path) -> dict[str, Any]:
    """The manifest of a snapshot."""
    found: dict[str, Any] = json.loads((about / MANIFEST).read_text(encoding="utf-8"))
    return found


def drill(about: Path, data: Path, scratch: Path, watch: Watch) -> Drilled:
    """See `SourceKind.drill`."""
    return _Drill(manifest_of(about), data, scratch, watch).run()


class _Drill:
    def __init__(self, manifest: Mapping[str, Any], data: Path, scratch: Path, watch: Watch) -> None:
        self._manifest = manifest
        self._data = data
        self._scratch = scratch
        self._watch = watch
        self._differences: list[str] = []
        self._seconds = {"start": 0.0, "restore": 0.0, "compare": 0.0}
        self._compared: dict[str, int] = {}

    def run(self) -> Drilled:
        """Restores and compares one database after the other."""
        server = self._manifest["server"]
        programs = for_drill(max(server["major"], self._manifest["pg_dump"]), self._watch)
        began = time.monotonic()
        with started(programs, server["superuser"], self._scratch, self._watch) as cluster:
            self._seconds["start"] = time.monotonic() - began
            self._available(cluster)
            self._roles(cluster)
            for number, database in enumerate(self._manifest["databases"]):
                name = f"drill_{number}"
                began = time.monotonic()
                self._told(database["name"], self._restored(cluster, database, name))
                middle = time.monotonic()
                self._told(database["name"], self._compare(cluster, database, name))
                self._seconds["restore"] += middle - began
                self._seconds["compare"] += time.monotonic() - middle
        return Drilled(tuple(self._differences), self._compared, self._seconds)

    def _told(self, database: str, sentences: Iterator[str]) -> None:
        several = len(self._manifest["databases"]) > 1
        self._differences += [f"database {database}: {one}" if several else one for one in sentences]

    def _available(self, cluster: Cluster) -> None:
        """A missing extension is no fault of the backup's."""
        wanted = {one for database in self._manifest["databases"] for one in database["extensions"]}
        with session(cluster.address, self._watch) as one:
            there = {
                name
                for (name,) in one.rows(
                    "SELECT name::text FROM pg_available_extensions", what="could not list extensions"
                )
            }
        if missing := sorted(wanted - there):
            raise CannotDrill(
                f"the extensions {listed(missing)} of PostgreSQL {cluster.programs.major} are not installed here",
                hint=f"apt-get install the package of each (as postgresql-{cluster.programs.major}-postgis-3)",
            )

    def _roles(self, cluster: Cluster) -> None:
        """Restores the roles, or makes those that own something where the backup has none."""
        superuser = self._manifest["server"]["superuser"]
        if self._manifest["roles"]:
            arguments = [
                *(cluster.programs.path("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=0"),
                *("--dbname", cluster.address.conninfo(), "--file", str(self._data / ROLES)),
                # The first superuser may be barred or limited there; here everything is done as it.
                *("--command", f"ALTER ROLE {identifier(superuser)} LOGIN SUPERUSER CONNECTION LIMIT -1"),
                *("--command", f"ALTER ROLE {identifier(superuser)} RESET ALL"),
            ]
            ended = run_child(arguments, watch=self._watch, env=child_env(), stdout=None)
            # initdb has made this one already.
            known = f'role "{superuser}" already exists'
            self._differences += [f"roles: {one}" for one in errors_in(ended.stderr) if one != known]
        used = {role for database in self._manifest["databases"] for role in database["roles"]}
        with (
            connected(cluster.address, self._watch, autocommit=True) as connection,
            explained("could not make roles", ""),
        ):
            there = {name for (name,) in connection.execute("SELECT rolname::text FROM pg_roles").fetchall()}
            for role in sorted(used - there):
                if self._manifest["roles"]:
                    self._differences.append(f"role {role} did not come back")
                connection.execute(f"CREATE ROLE {identifier(role)}".encode())

    def _restored(self, cluster: Cluster, database: Mapping[str, Any], name: str) -> Iterator[str]:
        """Restores one database; what pg_restore complains of."""
        note = self._make(cluster, database, name)
        arguments = [
            *(cluster.programs.path("pg_restore"), "--no-tablespaces", f"--jobs={min(4, os.cpu_count() or 1)}"),
            *("--dbname", cluster.address.of(name).conninfo(), str(self._data / database["file"])),
        ]
        with growing(lambda: folder_size(cluster.data), self._watch):
            ended = run_child(arguments, watch=self._watch, env=child_env())
        if "No space left on device" in ended.stderr:
            raise CannotDrill(
                "no room for the restored database", where=str(cluster.data.parent), hint="room for it and its indexes"
            )
        errors = errors_in(ended.stderr)
        if ended.code and not errors:
            errors = [f"pg_restore ended with code {ended.code}: {ended.stderr.strip()[-200:]}"]
        for one in errors:
            yield f"the restore failed in part: {one}{note}"

    def _make(self, cluster: Cluster, database: Mapping[str, Any], name: str) -> str:
        """Makes the database; returns what is to be added to errors where its locale is not installed here."""
        import psycopg

        with connected(cluster.address, self._watch, autocommit=True) as connection:
            try:
                connection.execute(creation(identifier(name), database, cluster.programs.major).encode())
                return ""
            except psycopg.Error as error:
                if error.sqlstate not in _NO_SUCH_LOCALE:
                    raise CannotDrill("could not make a database for the drill", why=str(error).strip()) from None
            with explained("could not make a database for the drill", ""):
                plain = creation(identifier(name), database, cluster.programs.major, plain=True)
                connection.execute(plain.encode())
        return f" (the locale {database['collate']} is not installed here, C was used)"

    def _compare(self, cluster: Cluster, database: Mapping[str, Any], name: str) -> Iterator[str]:
        before = database["tables"]

        def how(one: Table) -> Reading:
            told = before.get(one.title)
            if told is None or told["rows"] is None:
                return Reading.NONE
            return Reading.COUNT if told["sum"] is None else Reading.SUM

        with session(cluster.address.of(name), self._watch) as one:
            after = {
                **measuring.contents(one),
                "tables": measuring.measure(one, measuring.tables(one), how),
                "large_objects": measuring.large_objects(one),
                "sequences": measuring.sequence_values(one),
            }
        for key, count in compared(database).items():
            self._compared[key] = self._compared.get(key, 0) + count
        same = cluster.programs.major == self._manifest["server"]["major"]
        yield from differences(database, after, same_version=same)
