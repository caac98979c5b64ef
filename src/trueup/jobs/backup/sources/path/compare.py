"""The drill: a restored tree is what the list says, entry by entry."""

from __future__ import annotations

import base64
import os
import stat
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from pathlib import Path

from trueup.jobs.backup.sources.path.records import Record, records, restored, type_of, xattrs
from trueup.jobs.backup.sources.path.settle import LOOK_EVERY, Volatile, merged
from trueup.jobs.backup.sources.path.sums import Reading, Sums, open_file
from trueup.jobs.backup.sources.path.walk import Seen
from trueup.jobs.backup.sources.path.words import open_root, reason, shown
from trueup.model.backup import Drilled
from trueup.model.repository import Watch

TOLD = 50
MTIME_NS = 1_000
"""Nanoseconds by which a time may differ: a tar file keeps it as a decimal fraction, which some programs round."""

NOT_KEPT = frozenset({"fifo", "socket", "device"})
"""What a repository may leave out: nobody can restore what was in it."""

BATCH_FILES, BATCH_BYTES, BATCHES = 16, 1 << 20, 4


class Comparison:
    """One comparison.

    Args:
        about, data: see `SourceKind.drill`.
        watch: who looks after the work.
    """

    def __init__(self, about: Path, data: Path, watch: Watch) -> None:
        self._about = about
        self._data = data
        self._watch = watch
        self._volatile = Volatile.read(about)
        self._owners = os.geteuid() == 0
        self._xattrs = _keeps_xattrs(data)
        self._links: dict[str, tuple[int, int]] = {}
        self._sums = Sums(watch)
        self._batch: list[tuple[Record, Reading]] = []
        self._started: deque[tuple[list[tuple[Record, Reading]], Future[None]]] = deque()
        self._differences: list[str] = []
        self._count = 0
        self.compared = {"files": 0, "bytes": 0, "folders": 0, "links": 0, "xattrs": 0}

    def run(self) -> Drilled:
        """Compares all of it."""
        fd = open_root(self._data, "the restored files cannot be read")
        try:
            with closing(restored(self._about, fd)) as entries:
                for number, (record, seen) in enumerate(merged(records(self._about), entries)):
                    if not number % LOOK_EVERY:
                        self._watch.moved()
                        self._watch.ok()
                    self._pair(record, seen)
            self._start()
            while self._started:
                self._take()
        finally:
            self._sums.close()
            for _, reading in self._batch:
                os.close(reading.fd)
            os.close(fd)
        if self._count > TOLD:
            self._differences.append(f"and {self._count - TOLD:,} more differences")
        return Drilled(tuple(self._differences), self.compared)

    def _tell(self, path: str, what: str) -> None:
        self._count += 1
        if self._count <= TOLD:
            self._differences.append(f"{shown(path)}: {what}")

    def _pair(self, record: Record | None, seen: Seen | None) -> None:
        if record is None:
            assert seen is not None
            if not self._volatile.may_be_extra(seen.path):
                self._tell(seen.path, "is there, though it was not in what was backed up")
        elif seen is None:
            if not self._may_be_missing(record):
                self._tell(record["path"], "is missing")
        elif seen.stat is None or seen.error is not None:
            self._tell(seen.path, f"cannot be read: {reason(seen.error) if seen.error else 'no reason is given'}")
        else:
            self._both(record, seen, seen.stat)

    def _may_be_missing(self, record: Record) -> bool:
        return (
            record["type"] in NOT_KEPT
            or self._volatile.may_be_missing(record["path"])
            or bool(record.get("unread") or record.get("mount"))
        )

    def _both(self, record: Record, seen: Seen, about: os.stat_result) -> None:
        kind, path = type_of(about), seen.path
        if kind != record["type"]:
            if path not in self._volatile.changed and path not in self._volatile.vanished:
                self._tell(path, f"is a {_noun(kind)}, and was a {_noun(record['type'])}")
            return
        if record.get("mount") or path in self._volatile.changed or path in self._volatile.vanished:
            return
        for difference in self._properties(record, seen, about):
            self._tell(path, difference)
        if kind == "file":
            self._content(record, seen, about)
        elif kind == "dir":
            self.compared["folders"] += 1
        elif kind == "link":
            self.compared["links"] += 1

    def _properties(self, record: Record, seen: Seen, about: os.stat_result) -> Iterator[str]:
        kind = record["type"]
        if kind == "link":
            target = os.readlink(seen.name, dir_fd=seen.folder)
            if target != record.get("link"):
                yield f"leads to {shown(target)}, and led to {shown(record.get('link', ''))}"
        else:
            mode = stat.S_IMODE(about.st_mode)
            if mode != record["mode"]:
                yield f"has mode {mode:04o}, and had {record['mode']:04o}"
            if abs(about.st_mtime_ns - record["mtime_ns"]) > MTIME_NS:
                yield f"was modified at {about.st_mtime_ns / 1e9:.6f}, and was at {record['mtime_ns'] / 1e9:.6f}"
        if self._owners and (about.st_uid, about.st_gid) != (record["uid"], record["gid"]):
            yield f"belongs to {about.st_uid}:{about.st_gid}, and belonged to {record['uid']}:{record['gid']}"
        if kind == "device":
            which = [
                "block" if stat.S_ISBLK(about.st_mode) else "char",
                os.major(about.st_rdev),
                os.minor(about.st_rdev),
            ]
            if which != record.get("device"):
                yield f"is device {which}, and was {record.get('device')}"
        if "hardlink" in record and self._links.setdefault(record["hardlink"], (about.st_dev, about.st_ino)) != (
            about.st_dev,
            about.st_ino,
        ):
            yield "is a file of its own, and was the same file under another name"
        if self._xattrs and kind in ("file", "dir"):
            yield from self._attributes(record.get("xattrs", {}), seen)

    def _attributes(self, were: dict[str, str], seen: Seen) -> Iterator[str]:
        found = xattrs(seen.folder, seen.name)
        self.compared["xattrs"] += len(were)
        for name in sorted(were.keys() | found.keys()):
            if were.get(name) != found.get(name):
                missing, new = name not in found, name not in were
                yield f"attribute {shown(name)} {'is missing' if missing else 'is new' if new else 'has another value'}"

    def _content(self, record: Record, seen: Seen, about: os.stat_result) -> None:
        if about.st_size != record["size"]:
            self._tell(seen.path, f"has {about.st_size:,} bytes, and had {record['size']:,}")
            return
        if "sum" not in record:
            return
        try:
            reading = _open(seen, about)
        except OSError as error:
            self._tell(seen.path, f"cannot be read: {reason(error)}")
            return
        if reading is not None:
            self._batch.append((record, reading))
        if len(self._batch) >= BATCH_FILES or record["size"] > BATCH_BYTES:
            self._start()

    def _start(self) -> None:
        """Begins to read what has gathered; waits where enough is under way."""
        batch, self._batch = self._batch, []
        if batch:
            self._started.append((batch, self._sums.start([reading for _, reading in batch])))
        if len(self._started) > BATCHES:
            self._take()

    def _take(self) -> None:
        batch, future = self._started.popleft()
        self._sums.wait(future)
        for record, reading in batch:
            self.compared["files"] += 1
            self.compared["bytes"] += record["size"]
            if reading.error is not None:
                self._tell(record["path"], f"cannot be read: {reason(reading.error)}")
            elif reading.sum != record["sum"]:
                self._tell(record["path"], "has other content than when it was backed up")


def _open(seen: Seen, about: os.stat_result) -> Reading | None:
    """The file, also where its mode keeps out its owner: it may have been read by right of its group, and is the drill's own copy."""
    try:
        return open_file(seen.folder, seen.name, about)
    except PermissionError:
        os.chmod(seen.name, stat.S_IMODE(about.st_mode) | stat.S_IRUSR, dir_fd=seen.folder)
        return open_file(seen.folder, seen.name, about)


def _noun(kind: str) -> str:
    return {"dir": "folder", "link": "symbolic link", "fifo": "FIFO"}.get(kind, kind)


def _keeps_xattrs(folder: Path) -> bool:
    """Whether the file system restored to can hold attributes at all (not all can: vfat, older tmpfs)."""
    name, before = "user.trueup", os.stat(folder)
    try:
        os.setxattr(folder, name, base64.b64encode(b"drill"))
        os.removexattr(folder, name)
    except (OSError, AttributeError):
        return False
    with suppress(OSError):
        os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    return True
