"""Restoring: which snapshot, what is in it, what a restore would do, and doing it; from a job, or from nothing but a repository and its key."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

from trueup.core.supervision import Deadline
from trueup.jobs.backup import contents
from trueup.jobs.backup.ages import ahead, usable
from trueup.jobs.backup.choosing import meant
from trueup.jobs.backup.contents import Content, Lists
from trueup.jobs.backup.scratching import beside, require_room, scratch_in
from trueup.jobs.backup.sources import kind_of
from trueup.jobs.backup.words import amount
from trueup.jobs.backup.work import QUIET, BackupWork
from trueup.model.backup import MANIFEST, RestoreStep, RestoreTarget, SourceContext, SourceKind
from trueup.model.errors import NotFound, UsageError
from trueup.model.repository import Repository, Snapshot, Watch

Json: TypeAlias = dict[str, Any]

FOLDERS = ("path", "collections")
"""Kinds that restore into a folder by themselves; of the others a folder gets the files that were stored."""

SERVERS = ("postgresql", "mariadb", "ledger")
"""Kinds that may be restored to the address of a database."""


@dataclass
class Restore:
    """Restores from repositories.

    Attributes:
        opened: gives a repository by its name, there and usable.
        stores: their names, the first one first.
        work: the job; None where there is none.
        zone: the time zone that times are given and shown in; "": the machine's own.
        scratch: a folder with room; None: the job's, or without a job the disk of the target.
    """

    opened: Callable[[str], Repository]
    stores: Sequence[str]
    work: BackupWork | None = None
    zone: str = ""
    scratch: Path | None = None
    _lists: dict[str, list[Snapshot]] = field(default_factory=dict)
    _facts: dict[str, dict[str, dict[str, Json]]] = field(default_factory=dict)

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

    def listed(self, store: str = "", source: str = "") -> list[Json]:
        """The snapshots, each with what is known of it: its members, "good", "verified", "suspicious", and "future": dated ahead of now."""
        store = self._store(store)
        found = []
        for one in self.snapshots(store, source):
            fact, members = self._known(store, one.source).get(one.id, {}), asdict(one)
            marks = {key: fact[key] for key in ("verified", "suspicious") if key in fact}
            good = one.complete and self._good(store, one)
            found.append(members | marks | {"good": good, "future": ahead(one.time, self._now())})
        return found

    def choose(self, source: str, at: str = "", store: str = "") -> Snapshot:
        """The snapshot that is meant; see `choosing.meant`. One of the future, or that is not good, is meant only where its id is given.

        Raises:
            NotFound: there is none; says which there are. UsageError: an id that several begin with.
        """
        found, now = self.snapshots(store, source), self._now()
        usable = [one for one in found if one.complete and not ahead(one.time, now) and self._good(store, one)]
        return meant(found, usable, source, at, self.zone)

    def contents(self, snapshot: Snapshot, store: str = "", only: Sequence[str] = ()) -> Iterator[Content]:
        """What is in a snapshot: tables, events and contacts, or files; see `contents.wanted` for `only`."""
        watch = self._watch(f"looking at the snapshot of {snapshot.source}")
        with self._about(snapshot, store, watch) as (kind, about):
            if isinstance(kind, Lists):
                yield from contents.wanted(kind.contents(about), only)
            else:
                entries = self.opened(self._store(store)).entries(snapshot.id, watch)
                yield from contents.wanted(contents.of_files(entries), only)

    def plan(self, snapshot: Snapshot, target: RestoreTarget, store: str = "") -> list[RestoreStep]:
        """What a restore would do; fetches the manifest, and changes nothing."""
        watch = self._watch(f"looking at the snapshot of {snapshot.source}")
        with self._about(snapshot, store, watch) as (kind, about):
            if self._raw(kind, snapshot.source, target):
                return [self._files(snapshot, target)]
            return list(kind.plan_restore(about, target, self._context(snapshot)))

    def run(self, snapshot: Snapshot, target: RestoreTarget, store: str = "") -> Iterator[RestoreStep]:
        """Restores; yields what was done."""
        watch = self._watch(f"restoring {snapshot.source}")
        repository = self.opened(self._store(store))
        with scratch_in(self._room(target)) as place:
            kind, about = self._fetched(snapshot, store, place, watch)
            if self._raw(kind, snapshot.source, target):
                into = Path(target.to)
                into.mkdir(parents=True, exist_ok=True)
                if any(into.iterdir()):
                    raise UsageError(f"{into} is not empty", hint="name a folder that is not there yet: --to")
                require_room(into, snapshot.bytes)
                repository.restore(snapshot.id, into, watch)
                yield self._files(snapshot, target)
                return
            wanted = kind.wanted(about, target)
            if not wanted:
                require_room(place, snapshot.bytes)
            data = place / "data"
            data.mkdir()
            repository.restore(snapshot.id, data, watch, wanted)
            yield from kind.restore(about, data, target, self._context(snapshot), watch)

    def describe(self, snapshot: Snapshot, store: str = "") -> Json:
        """A snapshot's manifest."""
        with self._about(snapshot, store, self._watch("looking at the snapshot")) as (_, about):
            return dict(json.loads((about / MANIFEST).read_text("utf-8")))

    @contextmanager
    def _about(self, snapshot: Snapshot, store: str, watch: Watch) -> Iterator[tuple[SourceKind, Path]]:
        """The snapshot's kind and about folder; gone afterwards."""
        base = self.scratch or (self.work.scratch if self.work is not None else Path(tempfile.gettempdir()))
        with scratch_in(base) as place:
            yield self._fetched(snapshot, store, place, watch)

    def _fetched(self, snapshot: Snapshot, store: str, place: Path, watch: Watch) -> tuple[SourceKind, Path]:
        """The snapshot's kind, and its about folder in a place."""
        about = place / "about"
        about.mkdir()
        self.opened(self._store(store)).about(snapshot.id, about, watch)
        return kind_of(str(json.loads((about / MANIFEST).read_text("utf-8"))["kind"])), about

    def _room(self, target: RestoreTarget) -> Path:
        if self.scratch is not None:
            return self.scratch
        return self.work.scratch if self.work is not None else beside(target.to)

    def _raw(self, kind: SourceKind, source: str, target: RestoreTarget) -> bool:
        """Whether the files that were stored are what is wanted: a dump into a folder."""
        address = "://" in target.to
        if address and kind.name not in SERVERS:
            what = f"{source} does not go to the address of a database"
            raise UsageError(what, why=f"it is of the kind {kind.name}", hint="name a folder or a file: --to")
        folder = not address and (target.to.endswith("/") or Path(target.to).is_dir())
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

    def _known(self, store: str, source: str) -> Mapping[str, Json]:
        """What the ledger knows of a source's snapshots in a store, by id; nothing where there is no job, or the ledger was lost."""
        if self.work is None:
            return {}
        if store not in self._facts:
            self._facts[store] = self.work.memory.sources(store)
        return self._facts[store].get(source, {})

    def _good(self, store: str, one: Snapshot) -> bool:
        """Whether the ledger knows it as good. It is what the repository says where the ledger knows none of that source at all."""
        known = self._known(self._store(store), one.source)
        return not known or usable(known.get(one.id, {}))

    def _now(self) -> float:
        return self.work.clock() if self.work is not None else time.time()

    def _store(self, store: str) -> str:
        if store and store not in self.stores:
            raise _not_found(f"{store} keeps no snapshots of this job", store, self.stores)
        return store or self.stores[0]

    def _watch(self, what: str) -> Watch:
        return Deadline(what, no_progress=QUIET, check=self.work.check if self.work else lambda: None)


def _not_found(what: str, name: str, known: Sequence[str] | set[str]) -> NotFound:
    close = get_close_matches(name, list(known), n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(sorted(known))}" if known else ""
    return NotFound(what, hint=hint)
