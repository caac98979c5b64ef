"""Going through a folder without ever following a link, waiting for a FIFO, or running into the limit of a path's length.

Every file is named by its folder's descriptor and its own name (openat(2)), so that a path longer than PATH_MAX does no harm, and a folder
that becomes a link meanwhile leads nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass

OPEN_AT_ONCE = 32
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

LeaveOut = Callable[[str, str, os.stat_result], bool]


@dataclass(slots=True)
class Seen:
    """One entry of a tree.

    Attributes:
        path: below the root, with `/`; bytes that are not UTF-8 as lone surrogates (PEP 383).
        name: its last segment.
        folder: a descriptor of the folder it is in; valid until the next entry is asked for.
        stat: lstat(2) of it; None where even that is refused.
        error: why it, or what is in it, cannot be looked at.
        mount: another file system begins here, and is not entered.
        attributes: its extended attributes, where somebody has looked.
    """

    path: str
    name: str
    folder: int
    stat: os.stat_result | None
    error: OSError | None = None
    mount: bool = False
    attributes: dict[str, bytes] | None = None


@dataclass(slots=True)
class _Folder:
    fd: int  # -1: closed for now
    path: str  # "" for the root, else with a slash at its end
    names: Iterator[str]
    inode: tuple[int, int]


def walk(root: int, leave_out: LeaveOut = lambda *_: False, device: int | None = None) -> Generator[Seen]:
    """Everything below a folder: a folder before what is in it, the names of a folder sorted.

    What vanishes meanwhile is not named. Memory is that of the names of the folders on the way down, and at most OPEN_AT_ONCE of these
    are held open.

    Args:
        root: a descriptor of the folder; not closed.
        leave_out: takes path, name and stat; what it says is left out is not named, and not entered.
        device: folders on other devices are named, and not entered; None: all are.

    Raises:
        OSError: the root itself cannot be listed.
    """
    trail = [_listed(os.dup(root), "")]
    try:
        while trail:
            here = trail[-1]
            name = next(here.names, None)
            if name is None:
                _leave(root, trail)
                continue
            seen, below = _look(here, name, leave_out, device)
            if seen is not None:
                yield seen
            if below is not None:
                trail.append(below)
                _spare(trail)
    finally:
        for folder in trail:
            _close(folder)


def _look(here: _Folder, name: str, leave_out: LeaveOut, device: int | None) -> tuple[Seen | None, _Folder | None]:
    """An entry, and the folder to enter where it is one."""
    path = here.path + name
    try:
        about = os.stat(name, dir_fd=here.fd, follow_symlinks=False)
    except FileNotFoundError:
        return None, None
    except OSError as error:
        return Seen(path, name, here.fd, None, error), None
    if leave_out(path, name, about):
        return None, None
    other = device is not None and about.st_dev != device
    if about.st_mode & 0o170000 != 0o040000 or other:
        return Seen(path, name, here.fd, about, mount=other), None
    try:
        below = _listed(os.open(name, FOLDER, dir_fd=here.fd), path + "/")
    except FileNotFoundError:
        return None, None
    except OSError as error:
        return Seen(path, name, here.fd, about, error), None
    return Seen(path, name, here.fd, about), below


def _listed(fd: int, path: str) -> _Folder:
    try:
        about = os.fstat(fd)
        return _Folder(fd, path, iter(sorted(os.listdir(fd))), (about.st_dev, about.st_ino))
    except OSError:
        os.close(fd)
        raise


def _spare(trail: list[_Folder]) -> None:
    """Closes the folder that was entered the longest ago; it is opened again on the way back."""
    if len(trail) > OPEN_AT_ONCE:
        _close(trail[-1 - OPEN_AT_ONCE])


def _leave(root: int, trail: list[_Folder]) -> None:
    done = trail.pop()
    if trail and trail[-1].fd < 0:
        parent = trail[-1]
        parent.fd = _back(root, done.fd, parent)
        if parent.fd < 0:  # it was moved or removed meanwhile: what is left of it is not there any more
            parent.names = iter(())
    _close(done)


def _back(root: int, below: int, folder: _Folder) -> int:
    """Opens a folder again: from one in it, else from the root down; -1 where it is not there any more."""
    ways: list[Callable[[], int]] = [lambda: open_folder(root, folder.path)]
    if below >= 0:
        ways.insert(0, lambda: os.open("..", FOLDER, dir_fd=below))
    for way in ways:
        with suppress(OSError):
            fd = way()
            about = os.fstat(fd)
            if (about.st_dev, about.st_ino) == folder.inode:
                return fd
            os.close(fd)
    return -1


def _close(folder: _Folder) -> None:
    if folder.fd >= 0:
        os.close(folder.fd)
        folder.fd = -1


def open_folder(root: int, path: str) -> int:
    """A descriptor of a folder below a root; no segment of its path may be a link.

    Raises:
        OSError: ELOOP or ENOTDIR where a link or a file is in the way, ENOENT …
    """
    fd = os.dup(root)
    for segment in path.split("/"):
        if segment in ("", "."):
            continue
        if segment == "..":
            os.close(fd)
            raise PermissionError(1, "leads out of the folder", path)
        try:
            below = os.open(segment, FOLDER, dir_fd=fd)
        finally:
            os.close(fd)
        fd = below
    return fd


def single(folder: int, name: str) -> Generator[Seen]:
    """A single file as a tree of one entry."""
    yield Seen(name, name, folder, os.stat(name, dir_fd=folder, follow_symlinks=False))
