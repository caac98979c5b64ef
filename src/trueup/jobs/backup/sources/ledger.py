"""The source kind "ledger": trueup's own memory, which is a SQLite file or a PostgreSQL database."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from trueup.jobs.backup.contents import Content, Lists
from trueup.jobs.backup.sources import filing
from trueup.jobs.backup.sources.sqlite import KIND as SQLITE
from trueup.model.backup import Captured, Drilled, RestoreStep, RestoreTarget, SourceContext, SourceKind, SourceSpec
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import CannotDrill, LedgerError
from trueup.model.repository import Watch

_STORED_AS = "stored_as"


class LedgerKind:
    """The ledger, taken while this very run writes to it. No options: the context says where it is."""

    name = "ledger"

    def probe(self, spec: SourceSpec, context: SourceContext) -> Iterator[Diagnostic]:
        """As the database that it is kept in."""
        kind, inner = _inner(spec, context)
        return kind.probe(inner, context)

    def capture(self, spec: SourceSpec, context: SourceContext, spool: Path, watch: Watch) -> Captured:
        """As the database that it is kept in."""
        kind, inner = _inner(spec, context)
        captured = kind.capture(inner, context, spool, watch)
        manifest = filing.read_manifest(captured.about)
        filing.write_manifest(
            captured.about, spec, manifest["taken"], {**manifest, "kind": self.name, _STORED_AS: kind.name}
        )
        return captured

    def settle(self, spec: SourceSpec, context: SourceContext, captured: Captured, watch: Watch) -> Captured:
        """Nothing: the copy does not change."""
        return captured

    def drill(self, about: Path, data: Path, scratch: Path, context: SourceContext, watch: Watch) -> Drilled:
        """As the database's own drill; then trueup opens a copy of it, brings it up to date, and checks it (`trueup doctor`)."""
        manifest = filing.read_manifest(about)
        kind = _kind(manifest[_STORED_AS])
        drilled = kind.drill(about, data, scratch, context, watch)
        if kind is not SQLITE or drilled.differences:
            return drilled
        began = time.monotonic()
        differences = tuple(_checked(data / manifest["file"], scratch))
        return replace(drilled, differences=differences, seconds={**drilled.seconds, "check": time.monotonic() - began})

    def wanted(self, about: Path, target: RestoreTarget) -> tuple[str, ...]:
        """As the database."""
        return _kind(filing.read_manifest(about)[_STORED_AS]).wanted(about, target)

    def plan_restore(self, about: Path, target: RestoreTarget, context: SourceContext | None) -> Iterator[RestoreStep]:
        """As the database."""
        return _kind(filing.read_manifest(about)[_STORED_AS]).plan_restore(about, target, context)

    def restore(
        self, about: Path, data: Path, target: RestoreTarget, context: SourceContext | None, watch: Watch
    ) -> Iterator[RestoreStep]:
        """As the database."""
        return _kind(filing.read_manifest(about)[_STORED_AS]).restore(about, data, target, context, watch)

    def contents(self, about: Path) -> Iterator[Content]:
        """As the database."""
        kind = _kind(filing.read_manifest(about)[_STORED_AS])
        return kind.contents(about) if isinstance(kind, Lists) else iter(())


def _inner(spec: SourceSpec, context: SourceContext) -> tuple[SourceKind, SourceSpec]:
    """The kind of database, and the source as that kind knows it."""
    if "://" in context.ledger:
        return _kind("postgresql"), replace(spec, kind="postgresql", options={"url": context.ledger, "roles": False})
    return SQLITE, replace(spec, kind="sqlite", options={"path": context.ledger})


def _kind(name: str) -> SourceKind:
    if name == SQLITE.name:
        return SQLITE
    from trueup.jobs.backup.sources.postgresql import KIND as POSTGRESQL

    return POSTGRESQL


def _checked(file: Path, scratch: Path) -> Iterator[str]:
    """What trueup itself finds wrong with a ledger; it works on a copy, which opening may change."""
    from trueup.core.ledger import open_ledger

    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        copy = Path(folder) / "ledger.db"
        try:
            shutil.copyfile(file, copy)
            copy.chmod(0o600)
            with open_ledger(str(copy)) as ledger:
                found: list[Diagnostic] = ledger.check()
        except OSError as error:
            raise CannotDrill(
                "there is no room for a copy of the ledger", where=str(scratch), why=str(error)
            ) from error
        except LedgerError as error:
            yield str(error)
            return
    for one in found:
        if one.severity is Severity.ERROR:
            yield f"{one.what}: {one.why}"


KIND = LedgerKind()
