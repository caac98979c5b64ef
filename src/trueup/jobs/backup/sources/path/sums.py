"""Sums of files' content, read by a few threads while the walk goes on."""

from __future__ import annotations

import os
import stat
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from trueup.jobs.backup.sources.path.records import xattrs_of
from trueup.model.repository import Watch

THREADS = 2
CHUNK = 1 << 20
POLL = 0.2
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(slots=True)
class Reading:
    """One file to be read, and what came of it.

    Attributes:
        fd: its descriptor; closed when it has been read.
        stat: as it was when it was opened; afterwards, as it was when it had been read.
        ctime_ns: of the file as it was first seen, before it was opened.
        attributes: its attributes, where it was changed since.
        at: when it had been read, in nanoseconds since 1970.
        sum: BLAKE3 in hexadecimal; "" where it changed while it was read, both times.
        error: it could not be read.
    """

    fd: int
    stat: os.stat_result
    ctime_ns: int
    attributes: dict[str, str] | None = None
    at: int = 0
    sum: str = ""
    error: OSError | None = None


def open_file(folder: int, name: str, seen: os.stat_result) -> Reading | None:
    """A regular file, ready to be read; None where something else has its name by now.

    Raises:
        OSError: it cannot be opened (FileNotFoundError: it vanished).
    """
    fd = os.open(name, READ, dir_fd=folder)
    about = os.fstat(fd)
    if not stat.S_ISREG(about.st_mode) or about.st_ino != seen.st_ino:
        os.close(fd)
        return None
    return Reading(fd, about, seen.st_ctime_ns)


class Sums:
    """Threads that read.

    Args:
        watch: is told what was read, and asked while somebody waits.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="trueup-sums")
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._read = self._told = 0

    def start(self, batch: list[Reading]) -> Future[None]:
        """Begins to read these files, one after the other."""
        return self._threads.submit(self._batch, batch)

    def wait(self, future: Future[None]) -> None:
        """Returns when they have been read."""
        while not future.done():
            wait((future,), timeout=POLL)
            self.tell()
        self.tell()
        future.result()

    def tell(self) -> None:
        """Hands on to the watch what was read since."""
        with self._lock:
            moved, self._told = self._read - self._told, self._read
        if moved:
            self._watch.moved(moved)
        self._watch.ok()

    def close(self) -> None:
        """Ends the threads, soon: what is still to be read is not read, and its descriptors are closed. A disk that hangs is not waited for."""
        self._stopped.set()
        self._threads.shutdown(wait=False)

    def _batch(self, batch: list[Reading]) -> None:
        buffer = bytearray(min(CHUNK, max((one.stat.st_size for one in batch), default=0) + 1))
        for one in batch:
            try:
                self._sum(one, memoryview(buffer))
            except OSError as error:
                one.error = error
            finally:
                os.close(one.fd)

    def _sum(self, one: Reading, buffer: memoryview) -> None:
        for _ in range(2):
            if self._stopped.is_set():
                return
            before = one.stat
            found = self._content(one.fd, before.st_size, buffer)
            if before.st_ctime_ns != one.ctime_ns:
                one.attributes = xattrs_of(one.fd)
            one.stat, one.at = os.fstat(one.fd), time.time_ns()
            if found and same(before, one.stat):
                one.sum = found
                return
            os.lseek(one.fd, 0, os.SEEK_SET)

    def _content(self, fd: int, size: int, buffer: memoryview) -> str:
        """The sum of the first `size` bytes, so that a file that grows comes to an end; "" where there are fewer."""
        from blake3 import blake3

        found, left = blake3(), size
        while left and not self._stopped.is_set():
            count = os.readv(fd, [buffer[: min(left, len(buffer))]])
            if not count:
                return ""
            found.update(buffer[:count])
            left -= count
            with self._lock:
                self._read += count
        return found.hexdigest() if not left else ""


def same(a: os.stat_result, b: os.stat_result) -> bool:
    """Whether a file was not changed between two looks."""
    return (a.st_size, a.st_mtime_ns, a.st_ctime_ns) == (b.st_size, b.st_mtime_ns, b.st_ctime_ns)
