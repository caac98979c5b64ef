"""A restic repository as a store of the configuration and as a repository of backups."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, overload

from trueup.connectors.restic import checking, faults, program, receiving, restoring
from trueup.connectors.restic.backing_up import Backup
from trueup.connectors.restic.marks import Marks
from trueup.connectors.restic.naming import INCOMPLETE, Kept, kept
from trueup.connectors.restic.remembering import Remembered
from trueup.connectors.restic.running import Restic
from trueup.core.supervision import Deadline
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import NotFound, Permanent, StoreError, Transient
from trueup.model.ports import CollectionInfo
from trueup.model.repository import Checked, Entry, Repository, Snapshot, Stored, StoreRequest, Traits, Watch

_FRESH = 5.0
"""Seconds for which the list that `prepare` read is good as the first answer of `snapshots`: each start of restic costs half a second."""

_LOOK = 60.0


class ResticStore:
    """One repository.

    Args:
        name: the store's name in the configuration.
        restic: restic at work on it.
        host: this machine's name in snapshots.
    """

    def __init__(self, name: str, restic: Restic, host: str) -> None:
        self.name = name
        self.restic = restic
        self._host = host
        self._marks = Marks(restic.settings.cache / "unread", restic.settings.address.text)
        self._remembered = Remembered(restic.settings.cache / "lists", restic.local, restic.settings.password)
        self._kept: dict[str, Kept] = {}
        self._listed: tuple[float, list[Snapshot]] | None = None
        self._lock = threading.Lock()

    @property
    def traits(self) -> Traits:
        """What it can do; a bucket may lock all its objects by itself, restic cannot ask it to."""
        address = self.restic.settings.address
        return Traits(lock=False, place=address.place, far=address.far)

    # -- a store of the configuration ------------------------------------------------------------------------------------

    def collections(self) -> list[CollectionInfo]:
        """One for each source of each job, with the number of its snapshots."""
        found = self.snapshots(self._glance())
        counts = Counter(f"{one.job}/{one.source}" if one.source else "not by trueup" for one in found)
        return [CollectionInfo(name, items=count, writable=False) for name, count in sorted(counts.items())]

    def open(self, name: str, cursor: str | None = None) -> None:
        """There is no collection to be opened: a repository holds snapshots."""
        return

    def create(self, name: str) -> NoReturn:
        """Raises:
        Permanent: always.
        """
        hint = "a job of the kind `backup` writes to it"
        raise Permanent(f"{self.name} is a repository", why="it holds snapshots and no calendars", hint=hint)

    def close(self) -> None:
        """Nothing is held open."""

    @overload
    def check(self) -> Iterable[Diagnostic]: ...

    @overload
    def check(self, share: float, watch: Watch) -> Checked: ...

    def check(self, share: float | None = None, watch: Watch | None = None) -> Iterable[Diagnostic] | Checked:
        """Without arguments what `doctor` shows; with them `Repository.check`."""
        if share is None or watch is None:
            return self._diagnostics()
        return checking.check(self.restic, self.snapshots(watch), share, watch)

    def _diagnostics(self) -> Iterator[Diagnostic]:
        place, watch = self.traits.place, self._glance()
        try:
            path = program.find(self.restic.settings.program, watch)
            yield Diagnostic(Severity.INFO, f"restic {program.version(path)}", path)
            found = self._read(watch)
        except StoreError as error:
            missing = error.why == faults.NOTHING_THERE
            level = Severity.WARNING if missing else Severity.ERROR
            hint = f"the first run makes it; {error.hint}" if missing else error.hint
            yield Diagnostic(level, error.what, error.where or place, error.why, hint)
            return
        yield Diagnostic(Severity.INFO, f"{self.name}: snapshots: {len(found)}", place)
        broken = [one for one in found if not one.snapshot.complete]
        if broken:
            what = f"{self.name}: snapshots in which something could not be read: {len(broken)}"
            yield Diagnostic(Severity.WARNING, what, place)

    def _glance(self) -> Watch:
        return Deadline(f"could not look at {self.name}", timeout=_LOOK)

    # -- a repository ----------------------------------------------------------------------------------------------------

    def prepare(self, known: bool, watch: Watch) -> None:
        """Reads the list of snapshots, for which the repository must be there and the password right; makes one where there is none."""
        try:
            self._listed = None
            found = self._list(watch)
        except Permanent as error:
            if known or error.why != faults.NOTHING_THERE:
                raise
            found = self._make(watch)
        self._listed = time.monotonic(), found

    def _make(self, watch: Watch) -> list[Snapshot]:
        """Makes it, and returns what is in it. restic itself refuses where there are keys or snapshots; on a disk nothing at all may be there."""
        what, folder = f"could not make the repository {self.name}", self.restic.local
        if folder is not None and folder.is_dir() and set(os.listdir(folder)) - {"lost+found"}:
            why = "there is something else, or a repository whose `config` is gone"
            hint = f"name an empty folder; {faults.REPAIR}"
            raise Permanent(what, where=str(folder), why=why, hint=hint)
        try:
            self.restic.run(what, ["init", "--json"], watch)
        except Permanent as error:
            if "already" not in error.why:
                raise
            return self._list(watch)  # another process was faster; or it is damaged, which this says
        self._remembered.keep((), self._remembered.files())
        return []

    def snapshots(self, watch: Watch) -> list[Snapshot]:
        """All snapshots, the oldest first; one that `prepare` has just read is not read again."""
        with self._lock:
            listed, self._listed = self._listed, None
        if listed is not None and time.monotonic() - listed[0] < _FRESH:
            return listed[1]
        return self._list(watch)

    def _list(self, watch: Watch) -> list[Snapshot]:
        return [one.snapshot for one in self._all(watch)]

    def _all(self, watch: Watch) -> list[Kept]:
        marked = self._marks.any()
        found = None if marked else self._remembered.read()
        if found is None:
            files = self._remembered.files()
            found = self._read(watch)
            if marked:
                found = self._settle(found, watch)
            else:
                self._remembered.keep(found, files)
        with self._lock:
            self._kept = {one.snapshot.id: one for one in found}
        return found

    def _read(self, watch: Watch) -> list[Kept]:
        """What the repository says; where a tagged snapshot's original could not be deleted (append-only), only the tagged one."""
        args = ["snapshots", "--json", "--no-lock"]
        said = self.restic.json(f"could not list the snapshots of {self.name}", args, watch)
        found = sorted((kept(one) for one in said or []), key=lambda one: (one.snapshot.time, one.snapshot.id))
        replaced = {one.original for one in found if not one.snapshot.complete}
        return [one for one in found if one.snapshot.id not in replaced]

    def _settle(self, found: list[Kept], watch: Watch) -> list[Kept]:
        """Tags what a run that was killed could not tag any more."""
        marked = [one.snapshot for one in found if one.snapshot.complete and self._marks.has(one.snapshot)]
        for one in marked:
            with suppress(Transient, Permanent):  # the mark says it until it can be told
                self._tag(one, watch)
        return [self._honest(one) for one in self._read(watch)] if marked else found

    def _honest(self, one: Kept) -> Kept:
        if not one.snapshot.complete or not self._marks.has(one.snapshot):
            return one
        return replace(one, snapshot=replace(one.snapshot, complete=False))

    def _tag(self, snapshot: Snapshot, watch: Watch) -> None:
        """Says in the repository that a snapshot is incomplete; it gets another id by that."""
        what = f"could not mark snapshot {snapshot.id[:8]} as incomplete"
        self.restic.run(what, ["tag", "--json", f"--add={INCOMPLETE}", snapshot.id], watch)
        self._marks.remove(snapshot.job, snapshot.source, snapshot.run)

    def store(self, request: StoreRequest, watch: Watch) -> Stored:
        """One `restic backup` of the data and its about folder."""
        backup = Backup(self.restic, self._marks, self._host, request, watch)
        stored = backup.run()
        if stored.unread:
            return Stored(self._marked(stored.snapshot, watch), stored.unread)
        kept = Kept(stored.snapshot, backup.root, backup.about)
        with self._lock:
            self._listed = None
            self._kept[stored.snapshot.id] = kept
            self._remembered.add(kept)
        return stored

    def _marked(self, snapshot: Snapshot, watch: Watch) -> Snapshot:
        """The snapshot under the id that it has once it is marked as incomplete."""
        self._listed = None
        with suppress(Transient, Permanent):  # the list tries again, and shows it as what it is
            self._tag(snapshot, watch)
        for one in self._all(watch):
            if snapshot.id in (one.snapshot.id, one.original):
                return one.snapshot
        raise Permanent(f"snapshot {snapshot.id[:8]} is gone", where=self.traits.place, why="it was removed meanwhile")

    def about(self, snapshot: str, into: Path, watch: Watch) -> None:
        """The snapshot's about folder."""
        restoring.about(self.restic, self._one(snapshot, watch), into, watch)

    def entries(self, snapshot: str, watch: Watch) -> Iterator[Entry]:
        """What it consists of; names that are not UTF-8 have U+FFFD for each byte that is lost, which `restore` understands."""
        return restoring.entries(self.restic, self._one(snapshot, watch), watch)

    def restore(self, snapshot: str, into: Path, watch: Watch, only: Sequence[str] = ()) -> None:
        """Its data, or some paths of it."""
        restoring.restore(self.restic, self._one(snapshot, watch), into, watch, only)

    def _one(self, snapshot: str, watch: Watch) -> Kept:
        found = self._kept.get(snapshot) or next((one for one in self._all(watch) if one.snapshot.id == snapshot), None)
        if found is None:
            hint = "it may have been forgotten; list the snapshots"
            raise NotFound(f"there is no snapshot {snapshot[:8]}", where=self.traits.place, hint=hint)
        return found

    def forget(self, snapshots: Sequence[str], watch: Watch) -> None:
        """Removes snapshots."""
        if not snapshots:
            return
        self._listed = None
        checking.forget(self.restic, snapshots, watch)

    def prune(self, watch: Watch) -> int:
        """Frees what no snapshot refers to."""
        return checking.prune(self.restic, watch)

    def receive(
        self, source: Repository, snapshot: Snapshot, lock_until: float | None, watch: Watch
    ) -> Snapshot | None:
        """`restic copy` from another restic repository; None from any other."""
        if not isinstance(source, ResticStore) or not receiving.possible(source.restic, self.restic):
            return None
        self._listed = None
        receiving.copy(source.restic, self.restic, snapshot.id, watch)
        return receiving.copied(self._list(watch), snapshot)
