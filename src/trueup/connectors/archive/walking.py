"""The files of a source, as they are found: a folder before what is in it, sorted by name."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trueup.connectors.archive.places import told
from trueup.core.patterns import Patterns
from trueup.model.repository import Listed, Listing

VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


@dataclass(slots=True)
class Found:
    """An entry.

    Attributes:
        name, path: its last segment, and all of them, relative to the root.
        full: what leads to it.
        stat: what lstat says.
        folder: a descriptor of the folder it is in; None: it is named by `full`.
        listed: who lists it wants to know what is read of it, or has its sum already.
    """

    name: str
    path: str
    full: str
    stat: os.stat_result
    folder: int | None = None
    listed: Listed | None = None

    @property
    def kind(self) -> str:
        """As `trees.Node.kind`."""
        return KINDS.get(self.stat.st_mode & 0o170000, "device")

    @property
    def _at(self) -> str:
        return self.full if self.folder is None else self.name

    def open(self, flags: int) -> int:
        """A descriptor of it."""
        return os.open(self._at, flags, dir_fd=self.folder)

    def attributes(self) -> dict[str, bytes] | None:
        """Its extended attributes; None: it has none, or they cannot be read. As they were listed, where it was not changed since."""
        known = self.listed
        if known is None or known.stat is None or known.attributes is None:
            return xattrs(self.full)
        if known.stat.st_ctime_ns != self.stat.st_ctime_ns:
            return xattrs(self.full)
        return dict(known.attributes) or None

    def link(self) -> str:
        """Where it leads to."""
        return os.readlink(self._at, dir_fd=self.folder)


@dataclass(slots=True)
class Walk:
    """A walk over `root`, which is a folder or a single file; `unread` grows while it goes on.

    Attributes:
        root: where it begins; a link is followed.
        exclude: what is left out.
        one_file_system: other mounts are not entered (the folder they are mounted on is there, empty).
        unread: paths that could not be read.
    """

    root: Path
    exclude: Patterns
    one_file_system: bool
    unread: list[str] = field(default_factory=list)

    def single(self) -> Found | None:
        """The only file, where the root is one.

        Raises:
            StoreError: the root is not there, or must not be looked at.
        """
        try:
            status = os.stat(self.root)
        except OSError as error:
            raise told(error, "the source cannot be read", str(self.root)) from error
        if stat.S_ISDIR(status.st_mode):
            return None
        return Found(self.root.name, self.root.name, str(self.root), status)

    def entries(self) -> Iterator[Found]:
        """All that is in the root.

        Raises:
            StoreError: the root cannot be read.
        """
        root = os.fspath(self.root)
        try:
            device = os.stat(root).st_dev
            os.scandir(root).close()
        except OSError as error:
            raise told(error, "the source cannot be read", root) from error
        left = [iter(self._entries(root, "") or ())]
        while left:
            one = next(left[-1], None)
            if one is None:
                left.pop()
                continue
            yield one
            if stat.S_ISDIR(one.stat.st_mode) and (one.stat.st_dev == device or not self.one_file_system):
                left.append(iter(self._entries(one.full, one.path) or ()))

    def _entries(self, full: str, folder: str) -> list[Found] | None:
        """What is in a folder; None: it cannot be read, or has gone."""
        try:
            with os.scandir(full) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if error.errno not in VANISHED:
                self.unread.append(folder)
            return None
        found = []
        for entry in listed:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if self.exclude and self.exclude.matches(path, entry.name):
                continue
            try:
                found.append(Found(entry.name, path, entry.path, entry.stat(follow_symlinks=False)))
            except OSError as error:
                if error.errno not in VANISHED:
                    self.unread.append(path)
        return found


def listed(listing: Listing, unread: list[str]) -> Iterator[Found]:
    """What a listing names; `unread` grows while it goes on."""
    for one in listing.entries():
        if one.unread:
            unread.append(one.path)
        if one.stat is not None:
            yield Found(one.name, one.path, f"/proc/self/fd/{one.folder}/{one.name}", one.stat, one.folder, one)


def xattrs(path: str) -> dict[str, bytes] | None:
    """The extended attributes of an entry itself (xattr(7)); None: it has none, or they cannot be read."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return {name: os.getxattr(path, name, follow_symlinks=False) for name in names} if names else None
    except OSError:
        return None


def segments(descriptor: int, size: int) -> list[tuple[int, int]]:
    """Where a file has data (lseek(2), SEEK_DATA): (offset, length)."""
    found = []
    offset = 0
    while offset < size:
        try:
            start = os.lseek(descriptor, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                break
            return [(0, size)]
        offset = min(size, os.lseek(descriptor, start, os.SEEK_HOLE))
        if start < offset:
            found.append((start, offset - start))
    return found
