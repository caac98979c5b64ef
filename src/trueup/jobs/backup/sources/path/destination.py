"""The folder a restore writes to: nothing is followed out of it, and nothing is replaced that was not to be replaced."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from trueup.jobs.backup.sources.path.walk import open_folder
from trueup.jobs.backup.sources.path.words import failure, shown
from trueup.model.errors import Permanent

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})


class InTheWay(Exception):
    """Something stands where a folder is needed; its text says what."""


class Destination:
    """A folder, and the folders in it by their relative paths.

    Args:
        to: its path; links in it are followed, below it none is.
    """

    def __init__(self, to: str) -> None:
        self.path = Path(os.path.realpath(os.path.expanduser(to)))
        self._root = -1
        self._last: tuple[str, int] | None = None
        self._open()

    def _open(self) -> None:
        try:
            self._root = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except NotADirectoryError as error:
            what, hint = "cannot restore into this", "name a folder"
            raise Permanent(what, where=shown(str(self.path)), why="it is no folder", hint=hint) from error
        except OSError as error:
            raise failure("cannot restore into this folder", str(self.path), error) from error

    @property
    def root(self) -> int:
        """A descriptor of it; -1 where it is not there."""
        return self._root

    @property
    def device(self) -> int:
        """The device it is on."""
        return os.fstat(self._root).st_dev

    def make(self) -> None:
        """Makes the folder itself where it is not there."""
        if self._root < 0:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise failure("the folder to restore into cannot be made", str(self.path), error) from error
            self._open()

    def close(self) -> None:
        """Gives the descriptors back."""
        self._forget()
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def folder(self, path: str) -> int | None:
        """A descriptor of a folder below it ("" for itself), valid until the next is asked for; None where it is not there.

        Raises:
            InTheWay: a link or a file is on the way.
        """
        if not path or self._root < 0:
            return self._root if self._root >= 0 else None
        if self._last is not None and self._last[0] == path:
            return self._last[1]
        self._forget()
        try:
            self._last = (path, open_folder(self._root, path))
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise InTheWay("a file or a symbolic link stands where a folder is needed") from error
            raise failure("the folder to restore into cannot be used", str(self.path / path), error) from error
        return self._last[1]

    def look(self, path: str) -> os.stat_result | None:
        """What is at a path; None: nothing.

        Raises:
            InTheWay: see `folder`.
        """
        above, _, name = path.rpartition("/")
        parent = self.folder(above)
        if parent is None:
            return None
        try:
            return os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def make_folder(self, path: str) -> bool:
        """Makes a folder whose parent is there; False where it is there already.

        Raises:
            InTheWay: something else has its name.
        """
        above, _, name = path.rpartition("/")
        parent = self.folder(above)
        if parent is None:
            raise InTheWay("the folder it belongs into was removed meanwhile")
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
            return True
        if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise InTheWay("a file or a symbolic link stands where a folder is needed")
        return False

    def _forget(self) -> None:
        if self._last is not None:
            os.close(self._last[1])
            self._last = None


def put(source: int, name: str, target: int, as_name: str, overwrite: bool) -> None:
    """Moves a file or link from one folder to another of the same file system, at once or not at all.

    Raises:
        FileExistsError: there is one, and it is not to be overwritten.
        OSError: EXDEV where they are not of the same file system …
    """
    if overwrite:
        os.rename(name, as_name, src_dir_fd=source, dst_dir_fd=target)
        return
    try:
        os.link(name, as_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without hard links: two that create the same file in the same instant are not told apart.
        with suppress(FileNotFoundError):
            os.stat(as_name, dir_fd=target, follow_symlinks=False)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), as_name) from error
        os.rename(name, as_name, src_dir_fd=source, dst_dir_fd=target)
        return
    os.unlink(name, dir_fd=source)
