"""Replacing a whole file: under a lock against other runs, with the old one's rights, and never over someone else's edit."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO

from trueup.connectors.folder.etags import stamp
from trueup.connectors.folder.faults import reason
from trueup.connectors.folder.layout import scratch
from trueup.model.errors import StoreError
from trueup.model.ports import Outcome, Verb, Write, Written

ATTEMPTS = 3
"""How often a file is read afresh that changes meanwhile."""
PATIENCE = 30.0
_PAUSE = 0.05
_BLOCK = 4 << 20
_STAGE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


class Meanwhile(Exception):
    """The file was changed by somebody else while it was written anew."""


class FileWriter(ABC):
    """Carries out writes in one file that holds many items, by writing it anew.

    Args:
        path: the file; what a symbolic link leads to is replaced, and not the link.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.realpath(path)

    @abstractmethod
    def attempt(self, writes: Sequence[Write]) -> tuple[list[Written], Mapping[int, str | None]]:
        """Reads the file and replaces it.

        Args:
            writes: no two of one href.

        Returns:
            The answers to writes that cannot be done, and of the others, by key, the etags of what stands there now (None: nothing).

        Raises:
            Meanwhile: the file is not the one that was read any more; nothing happened.
            OSError, StoreError: it could not be written; nothing happened.
        """

    def run(self, writes: Sequence[Write]) -> Iterator[Written]:
        """One answer each; those of a chunk come together, when all of it is on the disk."""
        for chunk in _chunks(writes):
            yield from self._answers(chunk)

    def _answers(self, writes: Sequence[Write]) -> list[Written]:
        """What keeps the whole file from being written is no item's fault, so that none is said to be refused."""
        try:
            with locked(self._path):
                for _ in range(ATTEMPTS):
                    with contextlib.suppress(Meanwhile):
                        answers, etags = self.attempt(writes)
                        return answers + (self._settled(etags) if etags else [])
                return [_overtaken(one) for one in writes]
        except (OSError, StoreError) as error:
            why = f"the file cannot be written: {reason(error)}" if isinstance(error, OSError) else str(error)
            return [Written(one.key, Outcome.UNCERTAIN, reason=why) for one in writes]

    def _settled(self, etags: Mapping[int, str | None]) -> list[Written]:
        """Brings the folder to the disk; without that, a power cut could take the rename back."""
        try:
            flush_folder(os.path.dirname(self._path))
        except OSError as error:
            why = f"could not be brought to the disk: {reason(error)}"
            return [Written(key, Outcome.UNCERTAIN, reason=why) for key in etags]
        return [Written(key, Outcome.DONE, etag) for key, etag in etags.items()]

    def replace(self, old: BinaryIO, read: str, fill: Callable[[BinaryIO], None]) -> os.stat_result:
        """Writes the new file and puts it in the place of the old one.

        Args:
            old: the file that was read.
            read: its signature then.
            fill: writes the new one.

        Returns:
            What `stat` says of the new one.

        Raises:
            Meanwhile: the old one is not the one that was read any more; nothing happened.
            OSError: it could not be written; nothing happened. So with what `fill` raises.
        """
        staged = os.path.join(os.path.dirname(self._path), scratch())
        try:
            with open(staged, "w+b", opener=lambda path, _: os.open(path, _STAGE, 0o600)) as new:
                fill(new)
                new.flush()
                same_rights(os.fstat(old.fileno()), new.fileno())
                stamp(new.fileno())
                os.fsync(new.fileno())
                if signature(os.stat(self._path)) != read:
                    raise Meanwhile
                os.rename(staged, self._path)
                return os.fstat(new.fileno())
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(staged)
            raise


def copied(file: BinaryIO, new: BinaryIO, start: int, stop: int) -> None:
    """Copies the bytes of a file from one place to another place in it.

    Raises:
        Meanwhile: it became shorter.
    """
    while start < stop:
        block = os.pread(file.fileno(), min(_BLOCK, stop - start), start)
        if not block:
            raise Meanwhile
        new.write(block)
        start += len(block)


def _overtaken(write: Write) -> Written:
    why = "the file was changed by another program meanwhile, again and again"
    return Written(write.key, Outcome.UNCERTAIN if write.verb is Verb.CREATE else Outcome.PRECONDITION, reason=why)


def _chunks(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """Chunks in which no href stands twice, so that two writes to one item happen in their order."""
    chunk: dict[str, Write] = {}
    for write in writes:
        if write.href in chunk:
            yield list(chunk.values())
            chunk = {}
        chunk[write.href] = write
    if chunk:
        yield list(chunk.values())


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
