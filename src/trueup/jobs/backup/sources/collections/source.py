"""`CollectionsKind`: all that a backup knows of calendars and address books. Each part is imported when it is first needed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.jobs.backup.contents import Content
from trueup.model.backup import (
    MANIFEST,
    MANIFEST_VERSION,
    Captured,
    Drilled,
    RestoreStep,
    RestoreTarget,
    SourceContext,
    SourceSpec,
)
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import Permanent, TrueupError
from trueup.model.repository import Watch

if TYPE_CHECKING:
    from trueup.jobs.backup.sources.collections.cache import Cache
    from trueup.jobs.backup.sources.collections.capture import Taken

NAMED = 5


class CollectionsKind:
    """Collections of any store; implements `model.backup.SourceKind`."""

    name = "collections"

    def probe(self, spec: SourceSpec, context: SourceContext) -> Iterator[Diagnostic]:
        """See `SourceKind.probe`: the stores answer, and have what is named."""
        from trueup.jobs.backup.sources.collections.choice import chosen

        try:
            found = list(chosen(spec, context))
        except TrueupError as error:
            yield Diagnostic(Severity.ERROR, error.what, error.where, error.why, error.hint)
            return
        names = ", ".join(one.what for one in found[:NAMED]) + (" …" if len(found) > NAMED else "")
        yield Diagnostic(Severity.INFO, f"source {spec.name}: {len(found)} collections: {names}")

    def capture(self, spec: SourceSpec, context: SourceContext, spool: Path, watch: Watch) -> Captured:
        """See `SourceKind.capture`. Only what changed since the last capture is fetched."""
        try:
            return _capture(spec, context, spool, watch)
        except OSError as error:
            raise Permanent(
                f"the items of source {spec.name} cannot be written",
                where=str(spool),
                why=error.strerror or str(error),
                hint="make room on the disk",
            ) from error

    def settle(self, spec: SourceSpec, context: SourceContext, captured: Captured, watch: Watch) -> Captured:
        """See `SourceKind.settle`: what is in the spool does not change."""
        return captured

    def drill(self, about: Path, data: Path, scratch: Path, context: SourceContext, watch: Watch) -> Drilled:
        """See `SourceKind.drill`: the files, and where the source names a `drill_store`, through a scratch collection there."""
        from trueup.jobs.backup.sources.collections.drill import drill

        return drill(about, data, context, watch)

    def wanted(self, about: Path, target: RestoreTarget) -> tuple[str, ...]:
        """See `SourceKind.wanted`."""
        if not target.only:
            return ()
        from trueup.jobs.backup.sources.collections.selection import selected

        return tuple(one.file for one in selected(about, target.only))

    def plan_restore(self, about: Path, target: RestoreTarget, context: SourceContext | None) -> Iterator[RestoreStep]:
        """See `SourceKind.plan_restore`."""
        from trueup.jobs.backup.sources.collections.restore import plan

        return plan(about, target, context)

    def restore(
        self, about: Path, data: Path, target: RestoreTarget, context: SourceContext | None, watch: Watch
    ) -> Iterator[RestoreStep]:
        """See `SourceKind.restore`: into a collection of a store, or a folder. Nothing is deleted, and nobody is invited."""
        from trueup.jobs.backup.sources.collections.restore import restore

        return restore(about, data, target, context, watch)

    def contents(self, about: Path) -> Iterator[Content]:
        """Its events, tasks and contacts."""
        from trueup.jobs.backup.sources.collections.selection import selected

        for one in selected(about, ()):
            kind = "contact" if one.component == "VCARD" else "event"
            note = ", ".join(part for part in (one.starts, one.place) if part)
            yield Content(one.title or one.href, kind, one.size, note=note, also=(one.uid, one.place, one.collection))


KIND = CollectionsKind()


def _capture(spec: SourceSpec, context: SourceContext, spool: Path, watch: Watch) -> Captured:
    from trueup.jobs.backup.sources.collections.cache import Cache
    from trueup.jobs.backup.sources.collections.capture import Capture
    from trueup.jobs.backup.sources.collections.choice import chosen
    from trueup.jobs.backup.sources.collections.index import ITEMS, Kinds

    began = time.time()
    data, about = spool / "data", spool / "about"
    data.mkdir()
    about.mkdir()
    cache = Cache(context.cache)
    with open(about / ITEMS, "w", encoding="ascii") as out:
        capture = Capture(data, out, cache, Kinds(context.item_kind), watch)
        taken = [capture.take(one) for one in chosen(spec, context)]
    notes = tuple(_notes(taken, cache))
    with suppress(OSError):  # without it, the next capture fetches everything again
        cache.replace(about / ITEMS)
    _write_manifest(about, spec, taken, began, notes)
    items, size = sum(one.items for one in taken), sum(one.bytes for one in taken)
    measures = {"items": float(items), "bytes": float(size), "files": float(items)}
    return Captured(root=data, about=about, bytes=size, files=items, measures=measures, notes=notes)


def _notes(taken: Sequence[Taken], cache: Cache) -> Iterator[str]:
    for one in taken:
        if one.odd:
            some = "; ".join(one.odd[:NAMED]) + (f"; and {len(one.odd) - NAMED} more" if len(one.odd) > NAMED else "")
            yield f"{one.store}/{one.name}: kept as it is, though it could not be understood: {some}"
        if one.gone:
            yield f"{one.store}/{one.name}: {one.gone} items were deleted while it was read"
    names = {(one.store, one.name) for one in taken}
    for store in sorted({one.store for one in taken}):
        for name in cache.collections(store):
            if (store, name) not in names:
                yield f"{store}/{name} was in the last backup, and is not there any more"


def _write_manifest(about: Path, spec: SourceSpec, taken: Sequence[Taken], began: float, notes: Sequence[str]) -> None:
    from trueup import __version__

    manifest = {
        "version": MANIFEST_VERSION,
        "kind": "collections",
        "source": spec.name,
        "taken": began,
        "normal": __version__,  # whose normal form the digests are of
        "items": sum(one.items for one in taken),
        "bytes": sum(one.bytes for one in taken),
        "collections": [
            {key: value for key, value in asdict(one).items() if key not in ("odd", "gone", "fetched")} for one in taken
        ],
        "drill_store": str(spec.options.get("drill_store") or ""),
        "notes": list(notes),
    }
    (about / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="ascii")
