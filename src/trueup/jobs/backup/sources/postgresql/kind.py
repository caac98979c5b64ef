"""The source kind `postgresql`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trueup.jobs.backup.contents import Content
from trueup.model.backup import Captured, Drilled, RestoreStep, RestoreTarget, SourceContext, SourceSpec
from trueup.model.diagnostics import Diagnostic
from trueup.model.repository import Watch


class PostgreSQL:
    """See `SourceKind`. A snapshot's data: a `NAME.dump` (pg_dump's custom format, uncompressed) a database, `roles.sql`, `tablespaces.sql`."""

    name = "postgresql"

    def probe(self, spec: SourceSpec, context: SourceContext) -> Iterator[Diagnostic]:
        """Reachable, a pg_dump that fits, all tables readable, and whether a drill can run here."""
        from trueup.jobs.backup.sources.postgresql.probing import probe

        return probe(spec, context)

    def capture(self, spec: SourceSpec, context: SourceContext, spool: Path, watch: Watch) -> Captured:
        """Dumps databases, roles and tablespaces."""
        from trueup.jobs.backup.sources.postgresql.capture import take
        from trueup.jobs.backup.sources.postgresql.options import options

        return take(spec, options(spec, context), spool, watch)

    def settle(self, spec: SourceSpec, context: SourceContext, captured: Captured, watch: Watch) -> Captured:
        """A dump does not change."""
        return captured

    def drill(self, about: Path, data: Path, scratch: Path, context: SourceContext, watch: Watch) -> Drilled:
        """Restores into a throw-away server."""
        from trueup.jobs.backup.sources.postgresql.drill import drill

        return drill(about, data, scratch, watch)

    def wanted(self, about: Path, target: RestoreTarget) -> tuple[str, ...]:
        """The dumps of the databases that are wanted, and the roles."""
        from trueup.jobs.backup.sources.postgresql.restoring import wanted

        return wanted(about, target)

    def plan_restore(self, about: Path, target: RestoreTarget, context: SourceContext | None) -> Iterator[RestoreStep]:
        """What would be made, overwritten or left alone."""
        from trueup.jobs.backup.sources.postgresql.restoring import plan

        return plan(about, target)

    def restore(
        self, about: Path, data: Path, target: RestoreTarget, context: SourceContext | None, watch: Watch
    ) -> Iterator[RestoreStep]:
        """Into a database that does not exist, or is empty; tables that are there only where they are named and may be overwritten."""
        from trueup.jobs.backup.sources.postgresql.restoring import restore

        return restore(about, data, target, watch)

    def contents(self, about: Path) -> Iterator[Content]:
        """The tables of its databases."""
        from trueup.jobs.backup.sources.postgresql.drill import manifest_of

        databases = manifest_of(about)["databases"]
        for found in databases:
            for title, one in found["tables"].items():
                note = f"database {found['name']}" if len(databases) > 1 else ""
                yield Content(title, "table", rows=one["rows"], note=note, also=(one["name"],))
