"""What the standard library lacks for writing many small files durably and without overwriting.

Measured on ext4 on a virtual disk (2 cores), 10,000 files of 1.1 kB in batches of 500, seconds:

    how a batch is flushed        create   update
    one syncfs                       1.0      3.6
    fsync a file, 4 threads          4.4      5.2
    fsync a file, 1 thread          11.0     13.1

The difference grows with what a flush costs: one `syncfs` needs one commit of the file system's journal a batch, `fsync`
one for every few files. (Linux before 5.8 does not report failed writes from `syncfs`; all in use today are later.)
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

_RENAME_NOREPLACE = 1
_NO_SUCH_CALL = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP})
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
# Fewer files than this are cheaper to flush one by one than with everything else that is dirty on the file system.
_SYNCFS_FROM = 8
_THREADS = 4


def _libc_function(name: str, *types: object) -> Callable[..., int] | None:
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (AttributeError, OSError):  # not Linux, or an old C library
        return None
    function.argtypes = types
    function.restype = ctypes.c_int
    return function  # type: ignore[no-any-return]


_renameat2 = _libc_function("renameat2", ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
_syncfs = _libc_function("syncfs", ctypes.c_int)


def flush(folder: int, names: Sequence[str]) -> None:
    """Returns when the contents of these files of a folder (a descriptor) are on the disk.

    Raises:
        OSError: they are not all there (EIO, ENOSPC).
    """
    if len(names) >= _SYNCFS_FROM and _syncfs is not None:
        if _syncfs(folder) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return
    if len(names) < 2:
        for name in names:
            _fsync_file(folder, name)
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(lambda name: _fsync_file(folder, name), names):
            pass


def _fsync_file(folder: int, name: str) -> None:
    file = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=folder)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def move_new(folder: int, temporary: str, name: str) -> None:
    """Gives a temporary file its final name, atomically, if nothing has that name.

    Raises:
        FileExistsError: something has; the temporary file is still there.
    """
    if _renameat2 is not None:
        if _renameat2(folder, os.fsencode(temporary), folder, os.fsencode(name), _RENAME_NOREPLACE) == 0:
            return
        code = ctypes.get_errno()
        if code not in _NO_SUCH_CALL:
            raise OSError(code, os.strerror(code), name)
    _link_new(folder, temporary, name)


def _link_new(folder: int, temporary: str, name: str) -> None:
    try:
        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _reserve_new(folder, temporary, name)
    else:
        os.unlink(temporary, dir_fd=folder)


def _reserve_new(folder: int, temporary: str, name: str) -> None:
    """For file systems with neither call (FAT over FUSE): takes the name with an empty file, then renames over that."""
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, dir_fd=folder))
    try:
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(name, dir_fd=folder)
        raise
