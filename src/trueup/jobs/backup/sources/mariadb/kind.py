"""The source kind "mariadb": MariaDB and MySQL.

Options: {"url": secret or text, mysql://user:password@host:3306/database (mariadb:// too, ?socket=/path, ?ssl_ca=/path), "databases": names, "all"
or None for the one in `url`, "users": with "all", accounts and grants as well, "lock": keep writers off for the whole dump, "bin": a folder}.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from trueup.core.supervision import Deadline
from trueup.jobs.backup.contents import Content
from trueup.jobs.backup.sources import filing
from trueup.jobs.backup.sources.mariadb import describing, loading, programs, restoring, scratchserver, users
from trueup.jobs.backup.sources.mariadb.address import Address, parse
from trueup.jobs.backup.sources.mariadb.link import Link, pulse
from trueup.jobs.backup.sources.mariadb.taking import take
from trueup.model.backup import Captured, Drilled, RestoreStep, RestoreTarget, SourceContext, SourceSpec
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import CannotDrill, ConfigError, Permanent, TrueupError
from trueup.model.repository import Watch

_LOOK_SECONDS = 20.0
_HELPER = "trueup_drill"
_READ = "could not read the throw-away server"
_RIGHTS = ("ALL PRIVILEGES ON *.*", "RELOAD", "LOCK TABLES", "ALL PRIVILEGES ON")


class MariadbKind:
    """Databases of a MariaDB or MySQL server."""

    name = "mariadb"

    def probe(self, spec: SourceSpec, context: SourceContext) -> Iterator[Diagnostic]:
        """Whether the dump program and the databases are there, and the user may hold writers off for a moment."""
        watch = Deadline("looking at the server", timeout=_LOOK_SECONDS)
        try:
            programs.dump_program(spec.options.get("bin"))
            address = _address(spec, context)
            with Link(address.of(""), watch, "could not look at the server") as link:
                describing.databases(link, spec.options.get("databases"), address.database)
                grants = [str(row[0]) for row in link.rows("SHOW GRANTS")]
        except TrueupError as error:
            yield Diagnostic(Severity.ERROR, error.what, error.where, error.why, error.hint)
            return
        if (missing := scratchserver.missing()) is not None:
            yield Diagnostic(
                Severity.WARNING, "a restore cannot be tried on this machine", spec.name, missing.what, missing.hint
            )
        if not any(right in grant for right in _RIGHTS for grant in grants):
            hint = "GRANT RELOAD ON *.* TO the user, or GRANT LOCK TABLES on the databases"
            why = "it may neither FLUSH TABLES nor LOCK TABLES, so that dump and manifest could differ"
            yield Diagnostic(Severity.ERROR, "the user's rights do not suffice for a backup", address.shown, why, hint)

    def capture(self, spec: SourceSpec, context: SourceContext, spool: Path, watch: Watch) -> Captured:
        """See `taking.take`."""
        return take(spec, _address(spec, context), spool, watch)

    def settle(self, spec: SourceSpec, context: SourceContext, captured: Captured, watch: Watch) -> Captured:
        """Nothing: the dump does not change."""
        return captured

    def drill(self, about: Path, data: Path, scratch: Path, context: SourceContext, watch: Watch) -> Drilled:
        """Loads everything into a throw-away server, describes it there and compares."""
        manifest = filing.read_manifest(about)
        try:
            client = programs.client_program(None)
        except Permanent as error:
            raise CannotDrill("a MariaDB dump cannot be tried here", why=error.what, hint=error.hint) from error
        clock = [time.monotonic()]
        with scratchserver.running(scratch, manifest["server"]["lower_case_table_names"], watch) as server:
            clock.append(time.monotonic())
            differences = list(loading.load_all(manifest, data, server, client, watch))
            clock.append(time.monotonic())
            with Link(server.address, watch, _READ) as link, pulse(link, server.address, watch):
                alike = loading.same_release(manifest, link)
                differences += loading.compare(manifest, link, watch)
                if manifest["users"] and alike:
                    users.add_helper(link, _HELPER)
                    with Link(replace(server.address, user=_HELPER), watch, _READ) as helper:
                        differences += restoring.users_differences(manifest, data, helper)
            clock.append(time.monotonic())
        compared = describing.totals(manifest["databases"])
        seconds = {name: clock[place + 1] - clock[place] for place, name in enumerate(("start", "restore", "compare"))}
        if not alike:
            compared["definitions"] = 0
        return Drilled(tuple(differences), compared, seconds)

    def wanted(self, about: Path, target: RestoreTarget) -> tuple[str, ...]:
        """The files of the tables that are asked for."""
        return restoring.files(filing.read_manifest(about), target)

    def plan_restore(self, about: Path, target: RestoreTarget, context: SourceContext | None) -> Iterator[RestoreStep]:
        """Looks at the server that `to` names."""
        manifest = filing.read_manifest(about)
        programs.client_program(None)
        watch = Deadline("looking at the server", timeout=_LOOK_SECONDS)
        with Link(restoring.address_of(target).of(""), watch, "could not look at the server") as link:
            yield from [part.step for part in restoring.parts(manifest, target, link)]

    def restore(
        self, about: Path, data: Path, target: RestoreTarget, context: SourceContext | None, watch: Watch
    ) -> Iterator[RestoreStep]:
        """Into the server that `to` names; `only` are tables ("orders", or "shop.orders"), and "users.sql" for accounts."""
        return restoring.restore(filing.read_manifest(about), data, target, programs.client_program(None), watch)

    def contents(self, about: Path) -> Iterator[Content]:
        """The tables of its databases, and the accounts."""
        manifest = filing.read_manifest(about)
        alone = len(manifest["databases"]) == 1
        for database, found in manifest["databases"].items():
            for name, one in found["tables"].items():
                yield Content(f"{database}.{name}", "table", rows=one["rows"], also=(name,) if alone else ())
        if manifest["users"]:
            yield Content(users.FILE, "accounts", rows=len(manifest["users"]))


def _address(spec: SourceSpec, context: SourceContext) -> Address:
    url = spec.options.get("url")
    if not url:
        raise ConfigError(
            "a mariadb source needs the address of its server", where=spec.name, hint="mariadb: {url: {env: SHOP_URL}}"
        )
    return parse(context.secret(url, f"address of source {spec.name}"))


KIND = MariadbKind()
