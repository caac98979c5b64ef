"""`PathKind`: all that a backup knows of folders. Each part is imported when it is first needed."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from trueup.model.errors import Permanent, Transient, TrueupError
from trueup.model.repository import Watch

if TYPE_CHECKING:
    from trueup.jobs.backup.sources.path.listing import PathListing
    from trueup.jobs.backup.sources.path.looking import Counts, Looking
    from trueup.jobs.backup.sources.path.places import Place


class PathKind:
    """A folder with all that is in it, or a single file; implements `model.backup.SourceKind`."""

    name = "path"

    def probe(self, spec: SourceSpec, context: SourceContext) -> Iterator[Diagnostic]:
        """See `SourceKind.probe`: it is there, can be listed, and is not empty where it was not."""
        from trueup.jobs.backup.sources.path.looking import SETTLED
        from trueup.jobs.backup.sources.path.places import place_of
        from trueup.jobs.backup.sources.path.words import reason

        try:
            place = place_of(spec, context)
        except TrueupError as error:
            yield Diagnostic(Severity.ERROR, error.what, error.where, error.why, error.hint)
            return
        where = str(place.path)
        try:
            empty = place.is_dir and not os.listdir(place.path)
            if not place.is_dir and not os.access(place.path, os.R_OK):
                raise PermissionError(13, "")
        except OSError as error:
            hint = "give the user that runs trueup the right to read it"
            yield Diagnostic(Severity.ERROR, f"source {spec.name} cannot be read", where, reason(error), hint)
            return
        if empty and (context.cache / SETTLED).exists():
            yield Diagnostic(Severity.ERROR, f"the folder of source {spec.name} is empty", where, "", "is it mounted?")
        else:
            yield Diagnostic(Severity.INFO, f"source {spec.name} can be read", where)

    def capture(self, spec: SourceSpec, context: SourceContext, spool: Path, watch: Watch) -> Captured:
        """See `SourceKind.capture`. Nothing is copied: the data is the folder itself."""
        from trueup.jobs.backup.sources.path.places import place_of
        from trueup.jobs.backup.sources.path.words import failure

        place = place_of(spec, context, spool)
        try:
            return _capture(spec, place, context.cache, spool, watch)
        except OSError as error:  # the tree's own errors are told otherwise
            raise failure(f"the list of files of source {spec.name} cannot be written", str(spool), error) from error

    def listing(
        self, spec: SourceSpec, context: SourceContext, spool: Path, watch: Watch, whole: Callable[[Captured], None]
    ) -> PathListing:
        """See `model.backup.Lister`."""
        from trueup.jobs.backup.sources.path.listing import PathListing
        from trueup.jobs.backup.sources.path.places import place_of

        place, taken = place_of(spec, context, spool), time.time()

        def finish(listing: PathListing) -> Captured:
            captured = _captured(spec, place, listing, context.cache, about, taken)
            whole(captured)
            return captured

        about = spool / "about"
        about.mkdir()
        return PathListing(place, context.cache, about, watch, finish)

    def settle(self, spec: SourceSpec, context: SourceContext, captured: Captured, watch: Watch) -> Captured:
        """See `SourceKind.settle`: what changed meanwhile is told, and written to `volatile.json` in the about folder."""
        from dataclasses import replace

        from trueup.jobs.backup.sources.path.looking import ATTEMPT, SETTLED
        from trueup.jobs.backup.sources.path.places import place_of
        from trueup.jobs.backup.sources.path.records import manifest_of
        from trueup.jobs.backup.sources.path.settle import Volatile, compare, state

        place = place_of(spec, context, captured.about.parent)
        with place.walk() as entries:
            still = captured.state is not None and state(entries, watch) == captured.state
        if still:
            found = Volatile()
        else:
            with place.walk() as entries:
                found = compare(captured.about, entries, watch)
        if place.is_dir and manifest_of(captured.about).get("state") != list(place_of(spec, context).state):
            found.changed.add("")
        if captured.files and place.is_dir and not os.listdir(place.path):
            raise Transient(
                f"the folder of source {spec.name} was emptied or unmounted while it was backed up",
                where=str(place.path),
                why="nothing is in it any more",
                hint="is it mounted?",
            )
        found.write(captured.about)
        with suppress(FileNotFoundError):
            os.replace(context.cache / ATTEMPT, context.cache / SETTLED)
        return replace(captured, notes=(*captured.notes, *found.notes()))

    def drill(self, about: Path, data: Path, scratch: Path, context: SourceContext, watch: Watch) -> Drilled:
        """See `SourceKind.drill`: the data is compared where it was restored to."""
        from dataclasses import replace

        from trueup.jobs.backup.sources.path.compare import Comparison

        began = time.monotonic()
        drilled = Comparison(about, data, watch).run()
        return replace(drilled, seconds={"compare": time.monotonic() - began})

    def wanted(self, about: Path, target: RestoreTarget) -> tuple[str, ...]:
        """See `SourceKind.wanted`."""
        from trueup.jobs.backup.sources.path.selection import Selection

        return Selection(about, target.only).top()

    def plan_restore(self, about: Path, target: RestoreTarget, context: SourceContext | None) -> Iterator[RestoreStep]:
        """See `SourceKind.plan_restore`: by the list alone."""
        from trueup.jobs.backup.sources.path.restore import plan

        return plan(about, target)

    def restore(
        self, about: Path, data: Path, target: RestoreTarget, context: SourceContext | None, watch: Watch
    ) -> Iterator[RestoreStep]:
        """See `SourceKind.restore`: files are moved to the target, or copied where that is on another file system."""
        from trueup.jobs.backup.sources.path.restore import Restore

        return Restore(about, data, target, watch).run()


KIND = PathKind()


def _capture(spec: SourceSpec, place: Place, cache: Path, spool: Path, watch: Watch) -> Captured:
    from trueup.jobs.backup.sources.path.capture import Capture

    taken = time.time()
    about = spool / "about"
    about.mkdir()
    capture = Capture(place, cache, about, watch)
    capture.run()
    return _captured(spec, place, capture, cache, about, taken)


def _captured(spec: SourceSpec, place: Place, walked: Looking, cache: Path, about: Path, taken: float) -> Captured:
    """What a walk came to, with its manifest.

    Raises:
        Permanent, Transient: it is not whole.
    """
    from trueup.jobs.backup.sources.path.looking import ATTEMPT, entropy_of
    from trueup.jobs.backup.sources.path.records import FILES

    counts = walked.counts
    _require_whole(spec, place, counts, walked.had_some)
    with suppress(OSError):  # without it, the next capture reads everything again
        _replace(about / FILES, cache / ATTEMPT)
    files = counts.types["file"]
    measures = {"bytes": float(counts.bytes), "files": float(files)}
    if not counts.first:
        measures["changed"] = counts.changed / files if files else 0.0
    entropy = entropy_of(walked.sample, place)
    if entropy is not None:
        measures["entropy"] = entropy
    notes = tuple(_notes(place, counts))
    _write_manifest(about, spec, place, counts, taken, notes)
    return Captured(
        root=place.path,
        about=about,
        bytes=counts.bytes,
        files=files,
        measures=measures,
        exclude=place.exclude,
        one_file_system=place.one_file_system,
        notes=notes,
        state=None if counts.volatile else walked.state,
    )


def _require_whole(spec: SourceSpec, place: Place, counts: Counts, had_some: bool) -> None:
    if counts.unread and not place.warn:
        from trueup.jobs.backup.sources.path.words import failure, reason

        fault = counts.fault or OSError(0, "")
        error = failure(f"{counts.unread.count:,} files or folders of source {spec.name} cannot be read", "", fault)
        error.where = str(place.path)
        error.why = f"{counts.unread} ({reason(fault)})"
        instead = "leave them out with `exclude`, or say `unreadable: warn` to back up the rest"
        error.hint = f"{error.hint}; or {instead}" if error.hint else instead
        raise error
    if had_some and not counts.types.total():
        raise Permanent(
            f"the folder of source {spec.name} is empty",
            where=str(place.path),
            why="the last backup found files in it",
            hint="is it mounted? If it is really meant to be empty, or `exclude` to leave out everything, take the source out of the job",
        )


def _notes(place: Place, counts: Counts) -> Iterator[str]:
    from trueup.jobs.backup.sources.path.words import some

    if counts.odd:
        yield f"FIFOs, sockets and devices are not read: {counts.odd}"
    if counts.mounts:
        yield f"on another file system, and left out: {counts.mounts}"
    if place.own:
        yield f"trueup's own, and left out: {some(place.own)}"
    if counts.unread:
        yield f"cannot be read, and missing from the backup: {counts.unread}"
    if counts.vanished:
        yield f"vanished while the folder was read: {counts.vanished}"
    if counts.volatile:
        yield f"changed while they were read, twice: {counts.volatile}"


def _write_manifest(
    about: Path, spec: SourceSpec, place: Place, counts: Counts, taken: float, notes: tuple[str, ...]
) -> None:
    manifest: dict[str, Any] = {
        "version": MANIFEST_VERSION,
        "kind": "path",
        "source": spec.name,
        "taken": taken,
        "root": str(place.path),
        "root_type": "dir" if place.is_dir else "file",
        "bytes": counts.bytes,
        "files": counts.types["file"],
        "types": dict(sorted(counts.types.items())),
        "exclude": list(place.exclude),
        "one_file_system": place.one_file_system,
        "own": list(place.own),
        "state": list(place.state),
        "notes": list(notes),
    }
    (about / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="ascii")


def _replace(source: Path, target: Path) -> None:
    """Copies a file over another one; there is the old one or the new one at any time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_suffix(".new")
    shutil.copyfile(source, beside)
    os.replace(beside, target)
