"""Which runs could not read everything, until the repository itself says so.

restic stores a snapshot first and can be told of its being incomplete afterwards. Killed in between, the snapshot would look whole. So the
first file that cannot be read leaves a mark on this machine, before there is a snapshot; it goes when the snapshot is tagged.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from trueup.model.repository import Snapshot


class Marks:
    """Marks in a folder.

    Args:
        folder: it; made where it is missing.
        repository: whose snapshots.
    """

    def __init__(self, folder: Path, repository: str) -> None:
        self._folder = folder
        self._repository = repository

    def add(self, job: str, source: str, run: str) -> None:
        """Its snapshot will be incomplete. A disk that is full does not stop the backup: only who is killed in that very moment needs the mark."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._path(job, source, run).open("w") as file:
                os.fsync(file.fileno())

    def remove(self, job: str, source: str, run: str) -> None:
        """The repository says it itself now."""
        with contextlib.suppress(OSError):
            self._path(job, source, run).unlink()

    def has(self, snapshot: Snapshot) -> bool:
        """Whether it is known to be incomplete."""
        return self._path(snapshot.job, snapshot.source, snapshot.run).exists()

    def any(self) -> bool:
        """Whether there is one at all."""
        try:
            return next(self._folder.iterdir(), None) is not None
        except OSError:
            return False

    def _path(self, job: str, source: str, run: str) -> Path:
        text = "\0".join((self._repository, job, source, run))
        return self._folder / hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:32]
