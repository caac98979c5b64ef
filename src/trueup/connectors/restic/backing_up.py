"""One backup: restic's command, what it says meanwhile, and what becomes of files that could not be read."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trueup.connectors.restic import faults
from trueup.connectors.restic.checking import forget
from trueup.connectors.restic.marks import Marks
from trueup.connectors.restic.naming import shown, tags
from trueup.connectors.restic.running import Restic, parsed
from trueup.connectors.restic.selecting import excludes
from trueup.model.errors import Permanent, StoreError, Transient
from trueup.model.repository import Snapshot, Stored, StoreRequest, Watch

# restic 0.18 ends with code 0 where a path that it was given is not there, 0.19 with 3; both say this and store the rest.
_SKIPPED = " does not exist, skipping"
_NO_PARENT = ("no matching ID found", "failed to load snapshot")


class Backup:
    """A `StoreRequest` under way.

    Args:
        restic: the repository.
        marks: of runs that could not read everything.
        host: this machine's name in snapshots.
        request: what to store.
        watch: who looks after the work.
    """

    def __init__(self, restic: Restic, marks: Marks, host: str, request: StoreRequest, watch: Watch) -> None:
        self._restic = restic
        self._marks = marks
        self._host = host
        self._request = request
        self._watch = watch
        self._what = f"could not store source {request.source} of job {request.job}"
        # restic would store a link that it is given as a link, and not what it leads to.
        self.root = os.path.realpath(request.root)
        self.about = os.path.realpath(request.about)
        self._about_size = _size(request.about)
        self._summary: dict[str, Any] = {}
        self._failed: dict[str, str] = {}
        self._skipped = ""
        self._done = (0, 0)

    def run(self) -> Stored:
        """Stores it.

        Raises:
            Permanent: the root is not there, the disk is full, …; Transient, LoginRefused; what `watch.ok` raises.
        """
        if not os.path.lexists(self.root):
            hint = "check its path; if it is on another disk, mount that"
            raise Permanent(self._what, where=self.root, why="there is no such file or folder", hint=hint)
        code = self._backup()
        snapshot = self._snapshot()
        if self._skipped:
            self._undo(snapshot)
        unread = self._unread()
        if code == faults.UNREAD and not self._failed:  # it says that something is missing, and not what
            unread = (".",)
        if not unread:
            self._marks.remove(snapshot.job, snapshot.source, snapshot.run)
        return Stored(snapshot, unread)

    def _backup(self) -> int:
        """restic's exit code. A parent that is gone is no reason to fail: everything is read, then."""
        for parent in (self._request.parent, ""):
            try:
                return self._restic.run(
                    self._what, self._args(parent), self._watch, self._take, ok=(0, faults.UNREAD), both=True
                )
            except StoreError as error:
                if not parent or not any(one in error.why for one in _NO_PARENT):
                    raise
        raise AssertionError("the second one returns or raises")

    def _args(self, parent: str) -> list[str]:
        request = self._request
        return [
            *("backup", "--json", "--no-scan", f"--host={self._host}"),
            f"--time={_time(request.time):%Y-%m-%d %H:%M:%S.%f}",
            *(f"--tag={one}" for one in tags(request, self.root, self._about_size)),
            f"--parent={parent}" if parent else "--force",
            *(f"--exclude={one}" for one in excludes(request.exclude, self.root)),
            *(["--one-file-system"] if request.one_file_system else []),
            *("--", self.root, self.about),
        ]

    def _take(self, line: str) -> None:
        said = parsed(line)
        kind = said.get("message_type")
        if kind == "summary":
            self._summary = said
        elif kind == "status":
            done = (_number(said, "bytes_done"), _number(said, "files_done"))
            if done != self._done:
                self._done = done
                self._watch.moved()
        elif kind == "error":
            error = said.get("error")
            why = str(error.get("message", "")) if isinstance(error, dict) else str(error)
            if not self._failed:
                self._mark()
            self._failed[str(said.get("item", ""))] = why
        elif line.endswith(_SKIPPED):
            self._skipped = line.removesuffix(_SKIPPED)
            self._mark()

    def _mark(self) -> None:
        self._marks.add(self._request.job, self._request.source, self._request.run)

    def _snapshot(self) -> Snapshot:
        """The snapshot that restic says it stored, as the list will show it."""
        said = self._summary
        if not said.get("snapshot_id"):
            raise Transient(self._what, where=self._restic.settings.address.place, why="restic stored no snapshot")
        files, size = self._about_size
        request = self._request
        return Snapshot(
            id=str(said["snapshot_id"]),
            time=_time(request.time).timestamp(),
            job=request.job,
            source=request.source,
            run=request.run,
            host=self._host,
            bytes=max(0, _number(said, "total_bytes_processed") - size),
            files=max(0, _number(said, "total_files_processed") - files),
            added=_number(said, "data_added_packed"),
        )

    def _undo(self, snapshot: Snapshot) -> None:
        """What was to be stored went away before restic came to it: there must be no snapshot of the rest.

        Raises:
            Permanent: always.
        """
        forget(self._restic, [snapshot.id], self._watch)
        self._marks.remove(snapshot.job, snapshot.source, snapshot.run)
        raise Permanent(
            self._what, where=self._skipped, why="it went away while the backup began", hint="is it mounted?"
        )

    def _unread(self) -> tuple[str, ...]:
        """Paths that could not be read, relative to the root. A file that was deleted meanwhile is none: it is not there to be backed up."""
        root = shown(self.root)
        top = root if root.endswith("/") else f"{root}/"
        unread = []
        for item, why in self._failed.items():
            if "no such file or directory" in why and "\ufffd" not in item and not os.path.lexists(item):
                continue
            unread.append("." if item == root else item.removeprefix(top) or ".")
        return tuple(sorted(unread))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _number(said: dict[str, Any], key: str) -> int:
    value = said.get(key, 0)
    return int(value) if isinstance(value, int | float) else 0


def _size(folder: Path) -> tuple[int, int]:
    """Regular files and bytes of a folder."""
    found = [os.lstat(os.path.join(where, one)) for where, _, files in os.walk(folder) for one in files]
    sizes = [one.st_size for one in found if stat.S_ISREG(one.st_mode)]
    return len(sizes), sum(sizes)
