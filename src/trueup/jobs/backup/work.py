"""What the phases of a backup work with."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.core.job_work import JobWork
from trueup.core.leasing import Kept, give_back, process_name
from trueup.core.store_slots import take
from trueup.core.supervision import Deadline
from trueup.jobs.backup.memory import Memory
from trueup.jobs.backup.spec import BackupSpec
from trueup.model.backup import SourceContext, SourceSpec
from trueup.model.errors import StoreError
from trueup.model.repository import Repository, Snapshot

if TYPE_CHECKING:
    from trueup.core.job_work import Phases

USES = ("spool", "drill", "archive")
"""Folders of the scratch place."""

QUIET = 900.0
"""Seconds that a repository may show no sign of life in what has no limit of its own (listing, checking)."""


@dataclass(kw_only=True)
class BackupWork(JobWork):
    """One backup, ready to work on.

    Attributes:
        repository: gives the repository of a store; opens it at the first call.
        context: what a source works with.
        folder: where what is kept between runs lies (caches), and dumps and drills on their way; made when needed.
        ended: told also that all of a run is "over", once that is committed, and that a window was "missed".
        ends: when the run at hand must be over, by `clock`; None: there is no limit.
        reading: nothing may be written, not even a new repository.
    """

    repository: Callable[[str], Repository]
    context: Callable[[SourceSpec], SourceContext]
    folder: Path
    ends: float | None = None
    reading: bool = False
    _lists: dict[str, list[Snapshot]] = field(default_factory=dict)
    _ready: set[str] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def phases(self) -> Phases:
        """The phases of a backup."""
        from trueup.jobs.backup import phases

        return phases

    @cached_property
    def backup(self) -> BackupSpec:
        """The job as configured."""
        return BackupSpec.of(self.spec)

    @cached_property
    def memory(self) -> Memory:
        """What the ledger knows of earlier runs."""
        return Memory(self.ledger, self.spec.name)

    @cached_property
    def room(self) -> threading.Semaphore:
        """As many places as sources may be worked on at once in this process."""
        return threading.Semaphore(self.backup.parallel)

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of the job's places, over all processes that share the ledger."""
        with self.room:
            owner, kept = process_name(), Kept(self.ledger)
            lease = take(self.ledger, f"backup/{self.spec.name}", self.backup.parallel, owner, self.check)
            kept.add(*lease)
            try:
                yield
            finally:
                kept.close()
                give_back(self.ledger, lease[0], owner)

    def watch(self, what: str, *, timeout: float | None = None, no_progress: float | None = QUIET) -> Deadline:
        """Somebody to look after work that may take long; at the end of the window it is over in any case."""
        limits = [one for one in (timeout, None if self.ends is None else self.ends - self.clock()) if one is not None]
        return Deadline(what, timeout=min(limits, default=None), no_progress=no_progress, check=self.check)

    @property
    def over(self) -> bool:
        """Whether the window of this run is over."""
        return self.ends is not None and self.clock() >= self.ends

    def opened(self, store: str) -> Repository:
        """The repository of a store, there and usable; made where none was ever there.

        Raises:
            StoreError: it is not.
        """
        repository = self.repository(store)
        with self._lock:
            if store not in self._ready:
                known = self.reading or self.memory.was_made(store) or bool(self.memory.sources(store))
                repository.prepare(known, self.watch(f"opening {store}"))
                self._ready.add(store)
                if not self.reading:
                    self.memory.made(store, self.clock())
        return repository

    def snapshots(self, store: str) -> list[Snapshot]:
        """This job's snapshots in a store, the oldest first; asked for once, and again after `stale`."""
        if self.reading and not self.memory.was_made(store):
            try:
                self.repository(store).prepare(True, self.watch(f"opening {store}"))
            except StoreError:
                return []  # it is not there yet; a run makes it
        repository = self.opened(store)
        with self._lock:
            if store not in self._lists:
                found = repository.snapshots(self.watch(f"listing the snapshots of {store}"))
                self._lists[store] = [one for one in found if one.job == self.spec.name]
            return list(self._lists[store])

    def stale(self, store: str) -> None:
        """Something came to a store, or went: its snapshots are listed anew when they are asked for again."""
        with self._lock:
            self._lists.pop(store, None)

    def freezes(self) -> dict[str, dict[str, Any]]:
        """Why nothing may be removed, by cause; what is about sources and stores that the job does not have any more is over."""
        stores = {self.backup.repository, *(one.store for one in self.backup.archives)}
        known = {"damage": stores, "vanished": stores, "differs": self.backup.by_name, "anomaly": self.backup.by_name}
        found = self.memory.freezes()
        return {
            cause: one
            for cause, one in found.items()
            if cause.partition("/")[2] in known.get(cause.partition("/")[0], ())
        }

    @property
    def zone(self) -> str:
        """The time zone that days are counted in."""
        if self.backup.window is not None:
            return self.backup.window.zone
        return self.spec.schedule.zone if self.spec.schedule is not None else "UTC"

    @property
    def scratch(self) -> Path:
        """Where there is room. One that is named may be shared: with other jobs, and with those of another trueup.yaml."""
        if not self.backup.scratch:
            return self.folder
        whose = blake2b(self.ledger.where.encode(), digest_size=4).hexdigest()
        return Path(self.backup.scratch) / "trueup" / f"{self.spec.name}-{whose}"

    @contextmanager
    def space(self, use: str, *names: str) -> Iterator[Path]:
        """An empty folder of one's own that is gone afterwards; what a kill left of it is gone before.

        Args:
            use: what for: "spool", "drill" …
            names: whose.
        """
        place = self.scratch.joinpath(use, *names)
        _remove(place)
        place.mkdir(parents=True, mode=0o700)
        try:
            yield place
        finally:
            _remove(place)
            with suppress(OSError):  # others are still in it
                for above in list(place.parents)[: len(names)]:
                    above.rmdir()

    def clear(self, use: str, *names: str) -> None:
        """Removes what earlier tries, of runs that were killed among them, have left of a place."""
        _remove(self.scratch.joinpath(use, *names))

    def sweep(self) -> None:
        """Removes what runs that were killed have left: dumps in plain text of sources that may not even be in the job any more."""
        for use in USES:
            _remove(self.scratch / use)


def _remove(place: Path) -> None:
    """Removes a folder whatever modes its folders have (a restored tree may have unreadable ones)."""
    if not place.exists():
        return

    def again(function: Callable[..., Any], path: str, error: object) -> None:
        Path(path).parent.chmod(0o700)
        if Path(path).is_dir() and not Path(path).is_symlink():
            Path(path).chmod(0o700)
            shutil.rmtree(path, ignore_errors=True)
        function(path)

    shutil.rmtree(place, onerror=again)
