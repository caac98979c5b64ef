"""The source kind "sqlite": {"path": the database's file}, or just the path."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trueup.jobs.backup.contents import Content
from trueup.jobs.backup.sources import filing
from trueup.jobs.backup.sources.sqlite import describing, restoring
from trueup.jobs.backup.sources.sqlite.copying import copy
from trueup.jobs.backup.sources.sqlite.opening import open_live, require_database, told
from trueup.model.backup import Captured, Drilled, RestoreStep, RestoreTarget, SourceContext, SourceSpec
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import ConfigError, Permanent, TrueupError
from trueup.model.repository import Watch


class SqliteKind:
    """A SQLite database in a file, copied while it is in use."""

    name = "sqlite"

    def probe(self, spec: SourceSpec, context: SourceContext) -> Iterator[Diagnostic]:
        """Whether the file is a database that can be read."""
        path = _path(spec, context)
        try:
            require_database(path)
            with told(path):
                open_live(path).close()
        except TrueupError as error:
            yield Diagnostic(Severity.ERROR, error.what, error.where, error.why, error.hint)

    def capture(self, spec: SourceSpec, context: SourceContext, spool: Path, watch: Watch) -> Captured:
        """A copy of one state, checked; the manifest is made from the copy."""
        source = _path(spec, context)
        require_database(source)
        return take(spec, source, spool, watch)

    def settle(self, spec: SourceSpec, context: SourceContext, captured: Captured, watch: Watch) -> Captured:
        """Nothing: the copy does not change."""
        return captured

    def drill(self, about: Path, data: Path, scratch: Path, context: SourceContext, watch: Watch) -> Drilled:
        """Opens the restored copy, checks it, and compares it with the manifest."""
        manifest = filing.read_manifest(about)
        began = time.monotonic()
        differences = list(compare(manifest, data / manifest["file"], watch))
        tables = manifest["tables"]
        rows = sum(table["rows"] for table in tables.values())
        return Drilled(tuple(differences), {"tables": len(tables), "rows": rows}, {"compare": time.monotonic() - began})

    def wanted(self, about: Path, target: RestoreTarget) -> tuple[str, ...]:
        """All of it: it is one file. A table that is not there is told."""
        filing.chosen(target.only, restoring.names(filing.read_manifest(about)), "table")
        return ()

    def plan_restore(self, about: Path, target: RestoreTarget, context: SourceContext | None) -> Iterator[RestoreStep]:
        """See `restoring.plan`."""
        return restoring.plan(filing.read_manifest(about), target)

    def restore(
        self, about: Path, data: Path, target: RestoreTarget, context: SourceContext | None, watch: Watch
    ) -> Iterator[RestoreStep]:
        """Into a file: `to` is its path, `only` are tables."""
        manifest = filing.read_manifest(about)
        return restoring.restore(manifest, data / manifest["file"], target, watch)

    def contents(self, about: Path) -> Iterator[Content]:
        """Its tables."""
        manifest = filing.read_manifest(about)
        for name in restoring.names(manifest):
            yield Content(name, "table", rows=manifest["tables"].get(name, {}).get("rows"))


def take(spec: SourceSpec, source: Path, spool: Path, watch: Watch) -> Captured:
    """Copies a database into the spool and describes it."""
    taken = time.time()
    data, about = filing.folders(spool)
    target = data / source.name
    copy(source, target, watch)
    size = target.stat().st_size
    filing.too_small(spec, size, "the copy of the database")
    try:
        note = describing.check(target, watch)
        found = describing.describe(target, watch)
    except Permanent as error:  # the copy is the source, page by page
        raise Permanent(error.what, where=str(source), why=error.why, hint=error.hint) from error
    filing.write_manifest(about, spec, taken, {"file": source.name, "bytes": size, **found})
    rows = sum(table["rows"] for table in found["tables"].values())
    broken = found["foreign_keys"]
    notes = [note, f"{broken} rows refer to a row that is not there (foreign keys)" if broken else ""]
    return Captured(data, about, size, 1, {"bytes": size, "rows": rows}, notes=tuple(filter(None, notes)))


def compare(manifest: Mapping[str, Any], copy_of: Path, watch: Watch) -> Iterator[str]:
    """What a restored database has that the manifest has not, and the other way round, in sentences."""
    try:
        require_database(copy_of)
        describing.check(copy_of, watch)
        found = describing.describe(copy_of, watch)
    except Permanent as error:
        yield f"{error.what}: {error.why}" if error.why else error.what
        return
    if found == {key: manifest[key] for key in found}:
        return
    for name in manifest["settings"]:
        if found["settings"].get(name) != manifest["settings"][name]:
            yield f"{name} is {found['settings'].get(name)}, and was {manifest['settings'][name]}"
    for name in sorted(manifest["schema"].keys() | found["schema"].keys()):
        if name not in found["schema"]:
            yield f"{name} is missing"
        elif name not in manifest["schema"]:
            yield f"{name} was not there"
        elif found["schema"][name] != manifest["schema"][name]:
            yield f"{name} is defined otherwise"
    for name in sorted(manifest["tables"].keys() & found["tables"].keys()):
        was, now = manifest["tables"][name], found["tables"][name]
        if was["rows"] != now["rows"]:
            yield f"table {name} has {now['rows']} rows, and had {was['rows']}"
        elif was != now:
            yield f"table {name} has as many rows ({now['rows']}), but not the same"
    if found["foreign_keys"] != manifest["foreign_keys"]:
        yield f"{found['foreign_keys']} rows refer to nothing, and {manifest['foreign_keys']} did"


def _path(spec: SourceSpec, context: SourceContext) -> Path:
    path = spec.options.get("path")
    if not isinstance(path, str) or not path:
        raise ConfigError("a sqlite source needs the path of the database", where=spec.name, hint="sqlite: data/app.db")
    return context.root / Path(path).expanduser()


KIND = SqliteKind()
