"""What the phases of a backup work with."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.core.job_work import JobWork
from trueup.core.supervision import Deadline
from trueup.jobs.backup.memory import Memory
from trueup.jobs.backup.spec import BackupSpec
from trueup.model.backup import SourceContext, SourceSpec
from trueup.model.errors import StoreError
from trueup.model.repository import Repository, Snapshot

if TYPE_CHECKING:
    from trueup.core.job_work import Phases

QUIET = 900.0
"""Seconds that a repository may show no sign of life in what has no limit of its own (listing, checking)."""


@dataclass(kw_only=True)
class BackupWork(JobWork):
    """One backup, ready to work on.

    Attributes:
        repository: gives the repository of a store; opens it at the first call.
        context: what a source works with.
        folder: where what is kept between runs lies (caches), and dumps and drills on their way; made when needed.
        ended: told that a run "began" to be carried out, or "ended" (in the transaction that ends it) or waits for a person, with its
            report; or that a window was "missed".
        began: when the run at hand began.
        reading: nothing may be written, not even a new repository.
    """

    repository: Callable[[str], Repository]
    context: Callable[[SourceSpec], SourceContext]
    folder: Path
    ended: Callable[[str, dict[str, Any]], None] = lambda event, report: None
    began: float = 0.0
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
        """As many places as sources may be taken at once."""
        return threading.Semaphore(self.backup.parallel)

    def watch(self, what: str, *, timeout: float | None = None, no_progress: float | None = QUIET) -> Deadline:
        """Somebody to look after work that may take long."""
        return Deadline(what, timeout=timeout, no_progress=no_progress, check=self.check)

    def opened(self, store: str) -> Repository:
        """The repository of a store, there and usable.

        Raises:
            StoreError: it is not.
        """
        repository = self.repository(store)
        with self._lock:
            if store not in self._ready:
                repository.prepare(self.reading or self.memory.any_in(store), self.watch(f"opening {store}"))
                self._ready.add(store)
        return repository

    def snapshots(self, store: str, *, anew: bool = False) -> list[Snapshot]:
        """This job's snapshots in a store, the oldest first; asked for once."""
        if self.reading and not self.memory.any_in(store):
            try:
                self.repository(store).prepare(True, self.watch(f"opening {store}"))
            except StoreError:
                return []  # it is not there yet; a run makes it
        repository = self.opened(store)
        with self._lock:
            if anew or store not in self._lists:
                found = repository.snapshots(self.watch(f"listing the snapshots of {store}"))
                self._lists[store] = [one for one in found if one.job == self.spec.name]
            return list(self._lists[store])

    @property
    def zone(self) -> str:
        """The time zone that days are counted in."""
        if self.backup.window is not None:
            return self.backup.window.zone
        return self.spec.schedule.zone if self.spec.schedule is not None else "UTC"

    @property
    def scratch(self) -> Path:
        """Where there is room."""
        return Path(self.backup.scratch) if self.backup.scratch else self.folder

    @contextmanager
    def space(self, use: str, name: str) -> Iterator[Path]:
        """An empty folder of one's own that is gone afterwards; what a kill left of it is gone before.

        Args:
            use: what for: "spool", "drill" …
            name: whose.
        """
        place = self.scratch / use / name
        _remove(place)
        place.mkdir(parents=True, mode=0o700)
        try:
            yield place
        finally:
            _remove(place)


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
