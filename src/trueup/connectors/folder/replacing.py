"""Replacing a whole file: under a lock against other runs, with the old one's rights, and never over someone else's edit."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator

ATTEMPTS = 3
"""How often a file is read afresh that changes meanwhile."""
PATIENCE = 30.0
_PAUSE = 0.05
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


class Meanwhile(Exception):
    """The file was changed by somebody else while it was written anew."""


def signature(about: os.stat_result) -> str:
    """Says whether a file is still the one it was."""
    return f"{about.st_ino}-{about.st_size}-{about.st_mtime_ns}-{about.st_ctime_ns}"


def same_rights(about: os.stat_result, new: int) -> None:
    """Gives a new file (a descriptor) the rights, and where that is allowed the owner, of the one it replaces."""
    os.fchmod(new, stat.S_IMODE(about.st_mode))
    with contextlib.suppress(PermissionError):  # only root may give a file away
        os.fchown(new, about.st_uid, about.st_gid)


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Keeps other runs from writing the file: a lock on the file itself, which is gone with it when it is replaced.

    Raises:
        OSError: the file cannot be opened for writing, or is locked too long.
    """
    with contextlib.ExitStack() as stack:
        ends = time.monotonic() + PATIENCE
        while True:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
            with contextlib.ExitStack() as closing:
                closing.callback(os.close, file)
                if _taken(file) and os.path.samestat(os.fstat(file), os.stat(path)):
                    stack.push(closing.pop_all())
                    break
            if time.monotonic() > ends:
                raise OSError("another program has locked it")
            time.sleep(_PAUSE)
        yield


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        # A file system without locks: what is looked at right before the rename must do.
        if error.errno not in _NO_LOCKS:
            raise
    return True


def flush_folder(path: str) -> None:
    """Brings a folder to the disk; without that, a power cut could take a rename in it back.

    Raises:
        OSError: it cannot be.
    """
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
