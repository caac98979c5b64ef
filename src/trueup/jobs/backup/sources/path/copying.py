"""Copies to another file system: content with its holes, mode, owner, times and attributes."""

from __future__ import annotations

import base64
import errno
import os
import stat
from contextlib import suppress

from trueup.jobs.backup.sources.path.records import xattrs
from trueup.jobs.backup.sources.path.sums import READ
from trueup.model.repository import Watch

CHUNK = 8 << 20


def copy(source: int, name: str, target: int, about: os.stat_result, watch: Watch) -> str:
    """Copies a file or link into another folder, under a name of its own.

    Args:
        source, name: the folder it is in (a descriptor), and its name there.
        target: the folder to copy to.
        about: its stat.
        watch: who looks after the work.

    Returns:
        The copy's name; nothing is left where the copy fails.
    """
    temporary = f".trueup-{os.urandom(8).hex()}.tmp"
    try:
        if stat.S_ISLNK(about.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), temporary, dir_fd=target)
            with suppress(PermissionError):
                os.chown(temporary, about.st_uid, about.st_gid, dir_fd=target, follow_symlinks=False)
            os.utime(temporary, ns=(about.st_atime_ns, about.st_mtime_ns), dir_fd=target, follow_symlinks=False)
        else:
            _copy_file(source, name, target, temporary, about, watch)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=target)
        raise
    return temporary


def _copy_file(source: int, name: str, target: int, temporary: str, about: os.stat_result, watch: Watch) -> None:
    reader = os.open(name, READ, dir_fd=source)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        writer = os.open(temporary, flags, 0o600, dir_fd=target)
        try:
            _copy_content(reader, writer, about.st_size, watch)
            set_properties(writer, about, xattrs(source, name))
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _copy_content(reader: int, writer: int, size: int, watch: Watch) -> None:
    """Only what holds data (lseek(2), SEEK_DATA), so that a sparse file stays one."""
    os.ftruncate(writer, size)
    at = 0
    while at < size:
        try:
            at = os.lseek(reader, at, os.SEEK_DATA)
            end = os.lseek(reader, at, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                return
            end = size
        os.lseek(reader, at, os.SEEK_SET)
        os.lseek(writer, at, os.SEEK_SET)
        while at < end:
            count = os.sendfile(writer, reader, None, min(CHUNK, end - at))
            if not count:
                raise OSError(errno.EIO, "the file became shorter while it was copied")
            at += count
            watch.moved(count)
            watch.ok()


def set_properties(fd: int, about: os.stat_result, attributes: dict[str, str]) -> None:
    """Gives an open file or folder another one's owner (where we may), mode, attributes and times."""
    if os.geteuid() == 0:
        with suppress(PermissionError):  # a network drive that makes nobody of root
            os.fchown(fd, about.st_uid, about.st_gid)
    os.fchmod(fd, stat.S_IMODE(about.st_mode))
    for name, value in attributes.items():
        with suppress(OSError):  # a file system without attributes
            os.setxattr(fd, name, base64.b64decode(value))
    os.utime(fd, ns=(about.st_atime_ns, about.st_mtime_ns))
