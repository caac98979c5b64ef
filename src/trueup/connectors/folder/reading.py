"""Listing a folder and reading its files, without ever taking "cannot read" for "is gone"."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator
from hashlib import blake2b

from trueup.connectors.folder.etags import is_racy, strong
from trueup.connectors.folder.faults import folder_error, reason
from trueup.connectors.folder.layout import Layout
from trueup.model.errors import Permanent
from trueup.model.items import Body, Entry

# Far above any calendar item with attachments and any card with a photo; a disk image that someone named .ics must not fill the memory.
MAX_ITEM = 32 * 1024 * 1024

STRAY_LINK = "is a symbolic link that leads nowhere or out of the store's folder; it is left alone"

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
_ESCAPED_BYTE = re.compile(r"\\x[0-9a-f]{2}")


class Listing:
    """Every item of a folder, while the folder is read; nothing, where the folder looks as it did at the cursor.

    The cursor is a digest over what `stat` says of the folder and of every item. Without the folder, whose time moves on with every file that
    comes or goes, it would come back when somebody deletes what we made after it, and that deletion would never be seen. The cursor saves
    comparing 10,000 entries with the ledger (60 ms of processor, against 45 ms for the `stat` of each). A folder with an item modified just
    now has none.

    Raises:
        Permanent, NotFound: the folder cannot be listed; here, or while it is iterated.
    """

    def __init__(self, path: str, what: str, layout: Layout, cursor: str | None = None) -> None:
        self._path = path
        self._what = what
        self._layout = layout
        self._state: str | None = None
        self.full = cursor is None or not self._unchanged(cursor)

    @property
    def token(self) -> str | None:
        """See `ports.Changes.token`."""
        return self._state

    def __iter__(self) -> Iterator[Entry]:
        if self.full:
            yield from self._entries()

    def _unchanged(self, cursor: str) -> bool:
        for _ in self._entries():
            pass
        return self._state == cursor

    def _entries(self) -> Iterator[Entry]:
        seen = blake2b(digest_size=16)
        certain = True
        try:
            before = os.stat(self._path)
            seen.update(f"{before.st_ino}-{before.st_mtime_ns}\0".encode())
            for entry, about in self._scan():
                if entry.etag is None or about is None:
                    certain = False
                elif certain:
                    # More than the etag says: a file that may be read again after a chmod looks new.
                    seen.update(f"{entry.href}\0{entry.etag}-{about.st_ctime_ns}-{about.st_mode}\0".encode())
                yield entry
        except OSError as error:
            raise folder_error(error, f"could not list {self._what}", self._path) from error
        self._state = seen.hexdigest() if certain else None

    def _scan(self) -> Iterator[tuple[Entry, os.stat_result | None]]:
        now = time.time_ns()
        # Through a descriptor, so that the whole listing is of one folder even if the path comes to mean another.
        folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if self._layout.is_item(entry.name):
                        found = self._look(entry, now)
                        if found is not None:
                            yield found
            if os.fstat(folder).st_nlink == 0:
                what = f"could not list {self._what}"
                raise Permanent(what, where=self._path, why="the folder was removed meanwhile", hint="run it again")
        finally:
            os.close(folder)

    def _look(self, entry: os.DirEntry[str], now: int) -> tuple[Entry, os.stat_result | None] | None:
        href = href_of(entry.name)
        try:
            if entry.is_dir():
                return None
            about = entry.stat()
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not entry.is_symlink():
                return None  # deleted since the folder was read
            return Entry(href, None), None  # there, but cannot be looked at: `read` says why
        return Entry(href, None if is_racy(about, now) else strong(about)), about


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one; a link in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def href_of(name: str) -> str:
    """The name as it can be stored and shown; bytes that are not UTF-8 appear as `\\xNN` (`read` then refuses the item, with the reason)."""
    if name.isascii():
        return name
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def read(folder: int, path: str, root: str, href: str) -> Body:
    """One file of a folder (`folder` is its descriptor, `path` its path, `root` the folder that links must stay in)."""
    try:
        about = os.stat(href, dir_fd=folder, follow_symlinks=False)
        target = href
        if stat.S_ISLNK(about.st_mode):
            target = inside(os.path.join(path, href), root)
            if not target:
                return Body(href, error=STRAY_LINK)
            about = os.stat(target, follow_symlinks=False)
        return _read_regular(folder, href, target, about)
    except FileNotFoundError:
        return _not_there(folder, href)
    except OSError as error:
        return Body(href, error=f"cannot be read: {reason(error)}")
    except ValueError:  # a NUL in the name, or a lone surrogate
        return Body(href)


def _not_there(folder: int, href: str) -> Body:
    if os.fstat(folder).st_nlink == 0:
        return Body(href, error="the folder was removed meanwhile")
    if _ESCAPED_BYTE.search(href):
        return Body(href, error="the file's name is not UTF-8: rename it (convmv does it for many)")
    return Body(href)


def inside(link: str, root: str) -> str:
    """Where a symbolic link leads, if to a file below `root`; else ""."""
    target, top = os.path.realpath(link), os.path.realpath(root)
    return target if os.path.commonpath((target, top)) == top and os.path.exists(target) else ""


def _read_regular(folder: int, href: str, target: str, before: os.stat_result) -> Body:
    for _ in range(3):
        if not stat.S_ISREG(before.st_mode):
            return Body(
                href, error="is not a regular file; it is left alone"
            )  # opening a FIFO could hang, or wake its writer
        if before.st_size > MAX_ITEM:
            return Body(href, error=f"is {before.st_size:,} bytes large, {MAX_ITEM:,} is the limit")
        now = time.time_ns()
        data, after = _read_once(folder, target)
        etag = strong(after)
        if strong(before) == etag and len(data) == after.st_size:
            return Body(href, f"W/{etag}" if is_racy(after, now) else etag, data)
        before = os.stat(target, dir_fd=folder, follow_symlinks=False)
    return Body(href, error="changes while it is read; it is tried again next time")


def _read_once(folder: int, target: str) -> tuple[bytes, os.stat_result]:
    file = os.open(target, _READ, dir_fd=folder)
    try:
        about = os.fstat(file)
        data = os.read(
            file, about.st_size + 1
        )  # one call for a file that stays as it is; a file that grows meanwhile is read again
        return data, os.fstat(file)
    finally:
        os.close(file)
