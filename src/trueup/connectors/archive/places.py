"""Where an archive's objects lie: the port, and a folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from trueup.connectors.archive.objects import CHUNK
from trueup.connectors.archive.processes import clear, spool_name
from trueup.model.errors import Permanent, StoreError, Transient
from trueup.model.repository import Watch


class Gone(Exception):
    """There is no such object."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object in a listing: `time` in seconds since 1970 by the place's own clock."""

    size: int
    time: float


class Place(Protocol):
    """Objects by name ("packs/ab/ab…"). All methods raise `Transient`, `LoginRefused` or `Permanent`.

    Attributes:
        where: for people, without any secret.
        far: on another machine.
    """

    where: str
    far: bool

    def spool(self) -> Path:
        """An existing folder for files that `put` takes."""
        ...

    def put(self, spooled: Path, name: str, watch: Watch) -> None:
        """Makes a finished, flushed file an object, atomically and durably, and takes the file away."""
        ...

    def put_bytes(self, name: str, data: bytes, watch: Watch, *, new: bool = False) -> None:
        """Makes an object, atomically and durably. `new`: raises FileExistsError where there is one."""
        ...

    def pieces(self, name: str, watch: Watch) -> Iterator[bytes]:
        """An object's bytes.

        Raises:
            Gone: it is not there (when the first piece is asked for).
        """
        ...

    def listing(self, folder: str, watch: Watch) -> dict[str, Found]:
        """All objects below a folder ("packs"), by name; "" for all."""
        ...

    def delete(self, names: list[str], watch: Watch) -> None:
        """Removes objects; one that is gone is no error."""
        ...

    def locks(self, watch: Watch) -> bool:
        """Whether it enforces object lock."""
        ...

    def lock(self, name: str, until: float, watch: Watch) -> None:
        """Nobody may remove the object before `until`; never shortens what is there."""
        ...

    def tidy(self, watch: Watch) -> None:
        """Removes what an earlier process of this machine left unfinished."""
        ...

    def close(self) -> None:
        """Gives connections back."""
        ...


def whole(place: Place, name: str, watch: Watch) -> bytes:
    """A small object's bytes. Raises `Gone`."""
    return b"".join(place.pieces(name, watch))


_HINTS = {
    errno.ENOSPC: "make room there; the next run goes on from what is stored already",
    errno.EDQUOT: "raise the quota; the next run goes on from what is stored already",
    errno.EACCES: "give this user the right to read and write there",
    errno.EPERM: "give this user the right to read and write there",
    errno.EROFS: "mount it for writing",
    errno.EIO: "the disk or its connection fails: look at the system's log",
}


def shown(path: str) -> str:
    """A path for people: bytes that are not UTF-8 as escapes, which can be printed."""
    return path.encode("utf-8", "backslashreplace").decode()


def told(error: OSError, what: str, where: str) -> StoreError:
    """An error of the file system, in our words."""
    # a network file system whose server is away for the moment
    passing = error.errno in (errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOTCONN, errno.EAGAIN, errno.EBUSY)
    kind = Transient if passing else Permanent
    return kind(what, where=shown(str(where)), why=error.strerror or str(error), hint=_HINTS.get(error.errno or 0, ""))


class Folder:
    """A folder of this machine."""

    far = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = str(path)

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileExistsError:
            raise
        except OSError as error:
            raise told(error, what, self.where) from error

    def spool(self) -> Path:
        """In the folder itself, so that a rename is all that is left to do."""
        path = self.path / "tmp"
        with self._telling("the archive cannot be written"), suppress(FileExistsError):
            path.mkdir(mode=0o700)
        return path

    def put(self, spooled: Path, name: str, watch: Watch) -> None:
        """As in `Place`."""
        with self._telling("the archive cannot be written"):
            target = self.path / name
            self._folder(target.parent)
            os.rename(spooled, target)
            _flush(target.parent)

    def _folder(self, path: Path) -> None:
        """Makes it, and its parents below the archive, durably."""
        if path == self.path or path.is_dir():
            return
        self._folder(path.parent)
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
            _flush(path.parent)

    def put_bytes(self, name: str, data: bytes, watch: Watch, *, new: bool = False) -> None:
        """As in `Place`."""
        spooled = self.spool() / spool_name()
        try:
            with self._telling("the archive cannot be written"):
                with open(spooled, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                if new:
                    os.link(spooled, self.path / name)  # unlike a rename, it replaces nothing
                    _flush(self.path)
                else:
                    self.put(spooled, name, watch)
        finally:
            with suppress(OSError):
                spooled.unlink()

    def pieces(self, name: str, watch: Watch) -> Iterator[bytes]:
        """As in `Place`."""
        try:
            with open(self.path / name, "rb", buffering=0) as file:
                while piece := file.read(CHUNK):
                    watch.moved(len(piece))
                    watch.ok()
                    yield piece
        except FileNotFoundError:
            raise Gone(name) from None
        except OSError as error:
            raise told(error, "the archive cannot be read", f"{self.where}/{name}") from error

    def listing(self, folder: str, watch: Watch) -> dict[str, Found]:
        """As in `Place`."""
        found: dict[str, Found] = {}
        if not self.path.is_dir():
            raise Permanent(
                "the archive is not there",
                where=self.where,
                why="there is no such folder",
                hint="is its disk mounted? `path` of the store says where it is",
            )
        with self._telling("the archive cannot be read"):
            self._list(folder, found)
        return found

    def _list(self, folder: str, found: dict[str, Found]) -> None:
        try:
            entries = list(os.scandir(self.path / folder))
        except FileNotFoundError:
            return
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                self._list(name, found)
                continue
            with suppress(FileNotFoundError):  # removed meanwhile
                stat = entry.stat()
                found[name] = Found(stat.st_size, stat.st_mtime)

    def delete(self, names: list[str], watch: Watch) -> None:
        """As in `Place`."""
        folders = set()
        with self._telling("the archive cannot be changed"):
            for name in names:
                watch.ok()
                with suppress(FileNotFoundError):
                    (self.path / name).unlink()
                    folders.add((self.path / name).parent)
            for folder in folders:
                _flush(folder)

    def locks(self, watch: Watch) -> bool:
        """A folder cannot keep its owner from removing a file."""
        return False

    def lock(self, name: str, until: float, watch: Watch) -> None:
        """Never asked for: see `locks`."""
        raise Permanent("a folder cannot lock its files", where=self.where)

    def tidy(self, watch: Watch) -> None:
        """As in `Place`."""
        clear(self.path / "tmp")

    def close(self) -> None:
        """Nothing is open."""


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
