"""Writing files of a folder: durable, never half, never over someone else's edit.

A write is staged as a hidden file beside its target and flushed; then, and only then, takes its place by a rename,
under the precondition looked at once more. What was staged for a chunk of writes is flushed together
(`durable.flush`), and so is the folder afterwards; only then a write is DONE.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trueup.connectors.folder import durable
from trueup.connectors.folder.etags import matches, stamp, strong
from trueup.connectors.folder.faults import reason
from trueup.connectors.folder.layout import Layout, is_scratch, scratch
from trueup.connectors.folder.reading import STRAY_LINK, inside
from trueup.model.ports import Outcome, Verb, Write, Written

CHUNK = 500
_DEBRIS_AGE = 24 * 3600.0
_STAGE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(slots=True)
class _Job:
    """One write under way: the name it is about in the folder, and its staged file."""

    write: Write
    name: str
    staged: str = ""
    etag: str = ""


class Writer:
    """Carries out writes in one folder."""

    def __init__(self, path: str, root: str, layout: Layout) -> None:
        self._path = path
        self._root = root
        self._layout = layout

    def run(self, writes: Sequence[Write]) -> Iterator[Written]:
        """One answer each; those of a chunk come together, when all of it is on the disk."""
        try:
            folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            why = f"the folder {self._path} cannot be opened: {reason(error)}"
            yield from (Written(one.key, Outcome.REFUSED, reason=why) for one in writes)
            return
        try:
            for chunk in _chunks(writes):
                yield from self._chunk(folder, chunk)
        finally:
            os.close(folder)

    def _chunk(self, folder: int, writes: Sequence[Write]) -> list[Written]:
        answers: list[Written] = []
        jobs: list[_Job] = []
        for write in writes:
            result = self._prepare(folder, write)
            (jobs if isinstance(result, _Job) else answers).append(result)  # type: ignore[arg-type]
        try:
            durable.flush(folder, [job.staged for job in jobs if job.staged])
        except OSError as error:
            for job in jobs:
                _drop(folder, job)
            why = f"could not be brought to the disk: {reason(error)}"
            return answers + [Written(job.write.key, Outcome.REFUSED, reason=why) for job in jobs]
        committed = [self._commit(folder, job) for job in jobs]
        return answers + self._settle(folder, committed)

    def _prepare(self, folder: int, write: Write) -> _Job | Written:
        why = self._layout.why_not_writable(write.href)
        if why:
            return Written(write.key, Outcome.REFUSED, reason=why)
        try:
            job = _Job(write, self._target(folder, write))
            refusal = _check(folder, job)
            if refusal is None and write.verb is not Verb.DELETE:
                self._stage(folder, job)
            return refusal or job
        except OSError as error:
            return Written(write.key, Outcome.REFUSED, reason=reason(error))

    def _target(self, folder: int, write: Write) -> str:
        """The name to replace: an update goes through a symbolic link, a deletion takes the link itself."""
        if write.verb is not Verb.UPDATE:
            return write.href
        try:
            if not stat.S_ISLNK(os.stat(write.href, dir_fd=folder, follow_symlinks=False).st_mode):
                return write.href
        except FileNotFoundError:
            return write.href
        target = inside(os.path.join(self._path, write.href), self._root)
        if not target:
            raise OSError(STRAY_LINK)
        return target

    def _stage(self, folder: int, job: _Job) -> None:
        assert job.write.data is not None
        job.staged = os.path.join(os.path.dirname(job.name), scratch())
        try:
            file = os.open(job.staged, _STAGE, 0o666, dir_fd=folder)
            try:
                _write_all(file, job.write.data)
                if job.write.verb is Verb.UPDATE:
                    os.fchmod(file, stat.S_IMODE(os.stat(job.name, dir_fd=folder).st_mode))
                stamp(file)
                job.etag = strong(os.fstat(file))
            finally:
                os.close(file)
        except OSError:
            _drop(folder, job)
            raise

    def _commit(self, folder: int, job: _Job) -> Written:
        write = job.write
        try:
            refusal = _check(folder, job)
            if refusal is not None:
                _drop(folder, job)
                return refusal
            if write.verb is Verb.DELETE:
                os.unlink(job.name, dir_fd=folder)
                return Written(write.key, Outcome.DONE)
            if write.verb is Verb.CREATE:
                durable.move_new(folder, job.staged, job.name)
            else:
                os.rename(job.staged, job.name, src_dir_fd=folder, dst_dir_fd=folder)
            return Written(write.key, Outcome.DONE, job.etag)
        except FileExistsError:
            _drop(folder, job)
            return Written(write.key, Outcome.PRECONDITION, reason="a file of this name exists already")
        except FileNotFoundError:
            _drop(folder, job)
            return Written(write.key, Outcome.MISSING, reason="there is no such file")
        except OSError as error:
            _drop(folder, job)
            return Written(write.key, Outcome.REFUSED, reason=reason(error))

    def _settle(self, folder: int, committed: list[Written]) -> list[Written]:
        """Brings the folder itself to the disk; without that, a power cut could take a rename back."""
        if not any(one.outcome is Outcome.DONE for one in committed):
            return committed
        try:
            os.fsync(folder)
        except OSError as error:
            why = f"written, but the folder could not be brought to the disk: {reason(error)}"
            return [
                Written(one.key, Outcome.UNCERTAIN, reason=why) if one.outcome is Outcome.DONE else one
                for one in committed
            ]
        return committed


def sweep(path: str) -> None:
    """Removes what a killed run left staged; nothing younger than a day, as another run may be using it."""
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            if is_scratch(entry.name) and time.time() - entry.stat(follow_symlinks=False).st_mtime > _DEBRIS_AGE:
                os.unlink(entry.path)


def _chunks(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """Chunks in which no href stands twice, so that two writes to one item happen in their order."""
    chunk: list[Write] = []
    hrefs: set[str] = set()
    for write in writes:
        if len(chunk) == CHUNK or write.href in hrefs:
            yield chunk
            chunk, hrefs = [], set()
        chunk.append(write)
        hrefs.add(write.href)
    if chunk:
        yield chunk


def _check(folder: int, job: _Job) -> Written | None:
    """The answer if the precondition does not hold; None if it does."""
    write = job.write
    try:
        about = os.stat(job.name, dir_fd=folder, follow_symlinks=write.verb is Verb.DELETE)
    except FileNotFoundError:
        return (
            None if write.verb is Verb.CREATE else Written(write.key, Outcome.MISSING, reason="there is no such file")
        )
    if write.verb is Verb.CREATE:
        return Written(write.key, Outcome.PRECONDITION, reason="a file of this name exists already")
    if write.if_match is not None and not matches(write.if_match, about):
        return Written(write.key, Outcome.PRECONDITION, reason="the file was changed since it was read")
    return None


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _drop(folder: int, job: _Job) -> None:
    if job.staged:
        with contextlib.suppress(OSError):
            os.unlink(job.staged, dir_fd=folder)
        job.staged = ""
