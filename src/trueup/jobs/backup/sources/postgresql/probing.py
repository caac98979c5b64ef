"""What `doctor` shows of a PostgreSQL source."""

from __future__ import annotations

from collections.abc import Iterator

from trueup.core.supervision import Deadline
from trueup.jobs.backup.sources.postgresql.capture import OLDEST
from trueup.jobs.backup.sources.postgresql.faults import READ_ALL
from trueup.jobs.backup.sources.postgresql.options import Options, options
from trueup.jobs.backup.sources.postgresql.programs import for_drill, for_dump
from trueup.jobs.backup.sources.postgresql.session import Session, session
from trueup.jobs.backup.sources.postgresql.words import listed
from trueup.model.backup import SourceContext, SourceSpec
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import TrueupError
from trueup.model.repository import Watch

_SECONDS = 20.0

_UNREADABLE = """SELECT format('%s.%s', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't' AND c.relkind IN ('r', 'p', 'S')
    AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ORDER BY 1"""


def probe(spec: SourceSpec, context: SourceContext) -> Iterator[Diagnostic]:
    """See `SourceKind.probe`: reachable, a pg_dump that fits, tables readable, and whether a drill can be held here."""
    watch = Deadline(f"could not look at source {spec.name}", timeout=_SECONDS)
    try:
        chosen = options(spec, context)
        yield from _databases(spec, chosen, watch)
    except TrueupError as error:
        yield _told(Severity.ERROR, error, spec)


def _databases(spec: SourceSpec, chosen: Options, watch: Watch) -> Iterator[Diagnostic]:
    names = chosen.databases or (chosen.address.database or "postgres",)
    major = 0
    for name in names:
        with session(chosen.address.of(name), watch) as one:
            major = one.major
            yield from _rights(spec, one)
    if major < OLDEST:
        yield Diagnostic(
            Severity.ERROR, f"PostgreSQL {major} is not supported", f"source {spec.name}", hint=f"{OLDEST} or later"
        )
    programs = for_dump(chosen.bin, major, watch)
    told = f"PostgreSQL {major} at {chosen.address}, pg_dump {programs.major} in {programs.bin}"
    yield Diagnostic(Severity.INFO, told, f"source {spec.name}")
    try:
        for_drill(programs.major, watch)
    except TrueupError as error:
        yield _told(Severity.WARNING, error, spec)


def _rights(spec: SourceSpec, one: Session) -> Iterator[Diagnostic]:
    unreadable = [name for (name,) in one.rows(_UNREADABLE, what="could not look at the rights")]
    if unreadable:
        yield Diagnostic(
            Severity.ERROR,
            f"not all tables of {one.address.database} may be read: {listed(unreadable)}",
            f"source {spec.name}",
            hint=READ_ALL,
        )


def _told(severity: Severity, error: TrueupError, spec: SourceSpec) -> Diagnostic:
    where = f"source {spec.name}" + (f", {error.where}" if error.where else "")
    return Diagnostic(severity, error.what, where, error.why, error.hint)
