"""Restoring: which snapshot, what it would do, and doing it; from a job, or from nothing but a repository and its key."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

from trueup.core.supervision import Deadline
from trueup.jobs.backup.sources import kind_of
from trueup.jobs.backup.words import amount, moment
from trueup.jobs.backup.work import BackupWork
from trueup.model.backup import MANIFEST, RestoreStep, RestoreTarget, SourceContext, SourceKind
from trueup.model.errors import NotFound, UsageError
from trueup.model.repository import Repository, Snapshot, Watch

Json: TypeAlias = dict[str, Any]

FOLDERS = ("path", "collections")
"""Kinds that restore into a folder by themselves; of the others a folder gets the files that were stored."""


@dataclass
class Restore:
    """Restores from repositories.

    Attributes:
        opened: gives a repository by its name, there and usable.
        stores: their names, the first one first.
        work: the job; None where there is none.
    """

    opened: Callable[[str], Repository]
    stores: Sequence[str]
    work: BackupWork | None = None
    _lists: dict[str, list[Snapshot]] = field(default_factory=dict)

    def snapshots(self, store: str = "", source: str = "") -> list[Snapshot]:
        """The snapshots of a store (default: the first), of one source or all; the oldest first."""
        store = self._store(store)
        if store not in self._lists:
            found = self.opened(store).snapshots(self._watch("listing the snapshots"))
            job = self.work.spec.name if self.work else ""
            self._lists[store] = [one for one in found if one.source and (not job or one.job == job)]
        found = self._lists[store]
        if source and not any(one.source == source for one in found):
            raise _not_found(f"there is no snapshot of {source}", source, {one.source for one in found})
        return [one for one in found if not source or one.source == source]

    def choose(self, source: str, at: str = "", store: str = "") -> Snapshot:
        """The snapshot that is meant.

        Args:
            source: whose.
            at: "" (the newest whole one), the beginning of a snapshot's id, or a time: the newest that is not younger than it.
            store: the store; "": the first.

        Raises:
            NotFound: there is none; says which there are.
        """
        found = self.snapshots(store, source)
        whole = [one for one in found if one.complete and self._good(store, one)]
        if not at:
            if not whole:
                raise NotFound(f"there is no whole snapshot of {source}", hint="trueup restore … --at ID takes any")
            return whole[-1]
        named = [one for one in found if one.id.startswith(at)]
        if len(named) == 1:
            return named[0]
        time = _time(at)
        if time is None:
            raise NotFound(
                f"there is no snapshot {at} of {source}", hint="a time (2026-11-26 01:00) or an id: `--list`"
            )
        until = [one for one in whole if one.time <= time]
        if not until:
            first = f"the oldest is of {moment(whole[0].time)} UTC" if whole else "there is none"
            raise NotFound(f"there is no snapshot of {source} of {at} or before", why=first)
        return until[-1]

    def plan(self, snapshot: Snapshot, target: RestoreTarget, store: str = "") -> list[RestoreStep]:
        """What a restore would do; fetches the manifest, and changes nothing."""
        watch = self._watch(f"looking at the snapshot of {snapshot.source}")
        with self._about(snapshot, store, watch) as (kind, about, _):
            if self._raw(kind, target):
                return [self._files(snapshot, target)]
            return list(kind.plan_restore(about, target, self._context(snapshot)))

    def run(self, snapshot: Snapshot, target: RestoreTarget, store: str = "") -> Iterator[RestoreStep]:
        """Restores; yields what was done."""
        watch = self._watch(f"restoring {snapshot.source}")
        with self._about(snapshot, store, watch) as (kind, about, place):
            repository = self.opened(self._store(store))
            if self._raw(kind, target):
                into = Path(target.to)
                into.mkdir(parents=True, exist_ok=True)
                if any(into.iterdir()):
                    raise UsageError(f"{into} is not empty", hint="name a folder that is not there yet: --to")
                repository.restore(snapshot.id, into, watch)
                yield self._files(snapshot, target)
                return
            data = place / "data"
            data.mkdir()
            repository.restore(snapshot.id, data, watch, kind.wanted(about, target))
            yield from kind.restore(about, data, target, self._context(snapshot), watch)

    def describe(self, snapshot: Snapshot, store: str = "") -> Json:
        """A snapshot's manifest."""
        with self._about(snapshot, store, self._watch("looking at the snapshot")) as (_, about, _):
            return dict(json.loads((about / MANIFEST).read_text("utf-8")))

    @contextmanager
    def _about(self, snapshot: Snapshot, store: str, watch: Watch) -> Iterator[tuple[SourceKind, Path, Path]]:
        """The snapshot's kind and about folder, and room for its data; gone afterwards."""
        scratch = None
        if self.work is not None:
            scratch = self.work.scratch
            scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix="restore-", dir=scratch, ignore_cleanup_errors=True) as name:
            about = Path(name) / "about"
            about.mkdir()
            self.opened(self._store(store)).about(snapshot.id, about, watch)
            kind = kind_of(str(json.loads((about / MANIFEST).read_text("utf-8"))["kind"]))
            yield kind, about, Path(name)

    def _raw(self, kind: SourceKind, target: RestoreTarget) -> bool:
        """Whether the files that were stored are what is wanted: a dump into a folder."""
        folder = "://" not in target.to and (target.to.endswith("/") or Path(target.to).is_dir())
        if kind.name in FOLDERS or not folder:
            return False
        if target.only:
            hint = "name where they go: a database's address, or a file"
            raise UsageError("only a part of a dump cannot be put into a folder", hint=hint)
        return True

    def _files(self, snapshot: Snapshot, target: RestoreTarget) -> RestoreStep:
        what = f"the files of {snapshot.source} as they were stored, {amount(snapshot.bytes)}"
        return RestoreStep("create", what, target.to)

    def _context(self, snapshot: Snapshot) -> SourceContext | None:
        spec = self.work.backup.by_name.get(snapshot.source) if self.work else None
        return self.work.context(spec) if self.work is not None and spec is not None else None

    def _good(self, store: str, one: Snapshot) -> bool:
        if self.work is None:
            return True
        return bool(self.work.memory.snapshots(self._store(store), one.source).get(one.id, {}).get("good", True))

    def _store(self, store: str) -> str:
        if store and store not in self.stores:
            raise _not_found(f"{store} keeps no snapshots of this job", store, self.stores)
        return store or self.stores[0]

    def _watch(self, what: str) -> Watch:
        return Deadline(what, no_progress=900.0, check=self.work.check if self.work else lambda: None)


def _time(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        return None


def _not_found(what: str, name: str, known: Sequence[str] | set[str]) -> NotFound:
    close = get_close_matches(name, list(known), n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(sorted(known))}" if known else ""
    return NotFound(what, hint=hint)
