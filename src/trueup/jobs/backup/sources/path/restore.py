"""Bringing files back: what would be done, and doing it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from trueup.core.syncing import sync_folder
from trueup.jobs.backup.sources.path.copying import copy, set_properties
from trueup.jobs.backup.sources.path.destination import Destination, InTheWay, put
from trueup.jobs.backup.sources.path.records import Record, manifest_of, records, restored, type_of, xattrs
from trueup.jobs.backup.sources.path.selection import Selection
from trueup.jobs.backup.sources.path.settle import LOOK_EVERY, merged
from trueup.jobs.backup.sources.path.sums import Sums, open_file
from trueup.jobs.backup.sources.path.walk import Seen, walk
from trueup.jobs.backup.sources.path.words import failure, open_root, shown
from trueup.model.backup import RestoreStep, RestoreTarget
from trueup.model.repository import Watch

RESTORED = ("file", "dir", "link")
THERE, AS_IT_WAS = "it is there already", "it is there as it was"


_IN_THE_WAY = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR})


def _movable(about: os.stat_result) -> bool:
    """Whether we may move it: a folder that is given another parent is written to (rename(2), EACCES)."""
    return not stat.S_ISDIR(about.st_mode) or os.geteuid() == 0 or bool(about.st_mode & stat.S_IWUSR)


def _is_plain(record: Record | None, seen: Seen | None) -> bool:
    """Whether an entry was given back, and is restored as it is."""
    if record is None or seen is None or seen.stat is None or seen.error is not None:
        return False
    return not _not_restored(record) and type_of(seen.stat) in RESTORED


class _Patient:
    """Nobody looks after a plan but the person who waits for it."""

    def moved(self, amount: int = 1) -> None: ...

    def ok(self) -> None: ...

    def left(self) -> float | None:
        return None


def plan(about: Path, target: RestoreTarget) -> Iterator[RestoreStep]:
    """See `SourceKind.plan_restore`."""
    selection = Selection(about, target.only)
    selection.top()
    with closing(Destination(target.to)) as destination, closing(Sums(_Patient())) as sums:
        for record in records(about):
            if selection.includes(record["path"]):
                step = _planned(record, destination, target.overwrite, sums)
                if step is not None:
                    yield step


def _planned(record: Record, destination: Destination, overwrite: bool, sums: Sums) -> RestoreStep | None:
    path, where = record["path"], shown(str(destination.path / record["path"]))
    reason = _not_restored(record)
    if reason:
        return RestoreStep("skip", shown(path), where, reason)
    try:
        there = destination.look(path)
        reason = "" if there is None else _why_not(record, there, destination, overwrite, sums)
    except InTheWay as error:
        return RestoreStep("skip", shown(path), where, str(error))
    if record["type"] == "dir" and there is not None and not reason:
        return None
    if reason:
        return RestoreStep("skip", shown(path), where, reason)
    return RestoreStep("update" if there is not None else "create", shown(path), where)


def _not_restored(record: Record) -> str:
    if record["type"] not in RESTORED:
        return "FIFOs, sockets and devices are not restored"
    return "it could not be read when the backup was made" if record.get("unread") else ""


def _why_not(record: Record, there: os.stat_result, destination: Destination, overwrite: bool, sums: Sums) -> str:
    """Why something that is there stays as it is; "" where it is replaced (or is a folder, and used)."""
    if stat.S_ISDIR(there.st_mode):
        return "" if record["type"] == "dir" else "a folder of this name is there"
    if record["type"] == "dir":
        return "a file or a symbolic link stands where a folder is needed"
    if not overwrite:
        return THERE
    return AS_IT_WAS if _equal(record, there, destination, sums) else ""


def _equal(record: Record, there: os.stat_result, destination: Destination, sums: Sums) -> bool:
    """Whether the same content is there."""
    above, _, name = record["path"].rpartition("/")
    folder = destination.folder(above)
    if folder is None or type_of(there) != record["type"]:
        return False
    if record["type"] == "link":
        return bool(os.readlink(name, dir_fd=folder) == record.get("link"))
    if there.st_size != record["size"] or "sum" not in record:
        return False
    try:
        reading = open_file(folder, name, there)
    except OSError:
        return False
    if reading is None:
        return False
    sums.wait(sums.start([reading]))
    return bool(reading.sum == record["sum"])


@dataclass(slots=True)
class _Above:
    """A folder on the way down in the data: whether its counterpart is `there`, and whether the restore `made` it."""

    path: str
    stat: os.stat_result
    attributes: dict[str, str]
    there: bool = False
    made: bool = False


class Restore:
    """One restore.

    Args:
        about, data, target, watch: see `SourceKind.restore`.
    """

    def __init__(self, about: Path, data: Path, target: RestoreTarget, watch: Watch) -> None:
        self._about = about
        self._data = data
        self._overwrite = target.overwrite
        self._watch = watch
        self._selection = Selection(about, target.only)
        self._selection.top()
        self._destination = Destination(target.to)
        self._sums = Sums(watch)
        self._above: list[_Above] = []
        self._links: dict[tuple[int, int], str] = {}

    def run(self) -> Iterator[RestoreStep]:
        """Does it; each step is yielded when it is done."""
        with closing(self._destination), closing(self._sums):
            self._destination.make()
            fd = open_root(self._data, "the data of the snapshot cannot be read")
            try:
                if self._is_plain(fd):
                    yield from self._moved(fd)
                else:
                    with closing(restored(self._about, fd)) as entries:
                        for record, seen in self._pairs(entries):
                            yield from self._pair(record, seen)
                    self._leave("")
                sync_folder(self._destination.root)
            except OSError as error:
                raise failure("the files cannot be restored", str(self._destination.path), error) from error
            finally:
                os.close(fd)

    def _pairs(self, entries: Iterator[Seen]) -> Iterator[tuple[Record | None, Seen | None]]:
        for number, pair in enumerate(merged(records(self._about), entries)):
            if not number % LOOK_EVERY:
                self._watch.moved()
                self._watch.ok()
            yield pair

    def _is_plain(self, fd: int) -> bool:
        """Whether all of it is restored, just as it is, to a place on the same disk where nothing is in the way: then folders are moved whole."""
        if self._selection.top() or manifest_of(self._about).get("own"):
            return False
        if os.fstat(fd).st_dev != self._destination.device:
            return False
        for name in os.listdir(fd):
            about = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if self._destination.look(name) is not None or not _movable(about):
                return False
        with closing(walk(fd)) as entries:
            return all(_is_plain(record, seen) for record, seen in self._pairs(entries))

    def _moved(self, fd: int) -> Iterator[RestoreStep]:
        """Moves what is at the top, with all that is in it."""
        blocked = {name for name in sorted(os.listdir(fd)) if not self._move(fd, name)}
        for record in records(self._about):
            path: str = record["path"]
            where = shown(str(self._destination.path / path))
            if path.partition("/")[0] in blocked:  # somebody made it this very moment
                yield RestoreStep("skip", shown(path), where, THERE)
            else:
                yield RestoreStep("create", shown(path), where)

    def _move(self, fd: int, name: str) -> bool:
        try:
            is_dir = stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
            put(fd, name, self._destination.root, name, is_dir)  # a folder takes the place of an empty one at most
        except OSError as error:
            if error.errno not in _IN_THE_WAY:
                raise
            return False
        return True

    def _pair(self, record: Record | None, seen: Seen | None) -> Iterator[RestoreStep]:
        path = record["path"] if record is not None else seen.path if seen is not None else ""
        self._leave(path)
        is_dir = seen is not None and seen.stat is not None and stat.S_ISDIR(seen.stat.st_mode)
        if seen is not None and seen.stat is not None and is_dir:
            self._above.append(_Above(path, seen.stat, xattrs(seen.folder, seen.name)))
        if not self._selection.includes(path):
            return
        where = shown(str(self._destination.path / path))
        reason = _not_restored(record) if record is not None else ""
        if not reason and (seen is None or seen.stat is None):
            reason = "it is missing from what the repository gave back"
        if not reason and seen is not None and seen.stat is not None and type_of(seen.stat) not in RESTORED:
            reason = "FIFOs, sockets and devices are not restored"
        if reason:
            yield RestoreStep("skip", shown(path), where, reason)
            return
        assert seen is not None
        assert seen.stat is not None
        try:
            action = self._folder() if is_dir else self._file(record, seen, seen.stat)
        except InTheWay as error:
            yield RestoreStep("skip", shown(path), where, str(error))
            return
        if action:
            yield RestoreStep(action, shown(path), where)

    def _folder(self) -> str:
        """Makes the folders on the way that are not there; "" where this one was."""
        for one in self._above:
            if not one.there:
                one.made = self._destination.make_folder(one.path)
                one.there = True
        return "create" if self._above and self._above[-1].made else ""

    def _file(self, record: Record | None, seen: Seen, about: os.stat_result) -> str:
        there = self._destination.look(seen.path)
        if there is not None:
            as_it_is = record or {"path": seen.path, "type": type_of(about), "size": about.st_size}
            reason = _why_not(as_it_is, there, self._destination, self._overwrite, self._sums)
            if reason:
                raise InTheWay(reason)
        if self._above:
            self._folder()
        above, _, name = seen.path.rpartition("/")
        found = self._destination.folder(above)
        if found is None:
            raise InTheWay("the folder it belongs into was removed meanwhile")
        folder = os.dup(found)
        try:
            self._place(seen, about, folder, name)
        except FileExistsError:
            raise InTheWay(THERE) from None
        finally:
            os.close(folder)
        return "create" if there is None else "update"

    def _place(self, seen: Seen, about: os.stat_result, folder: int, name: str) -> None:
        if about.st_dev == self._destination.device:
            put(seen.folder, seen.name, folder, name, self._overwrite)
            return
        known = self._links.get((about.st_dev, about.st_ino)) if about.st_nlink > 1 else None
        temporary = self._linked(known, folder) if known else None
        if temporary is None:
            temporary = copy(seen.folder, seen.name, folder, about, self._watch)
        try:
            put(folder, temporary, folder, name, self._overwrite)
        except OSError:
            os.unlink(temporary, dir_fd=folder)
            raise
        if about.st_nlink > 1:
            self._links[(about.st_dev, about.st_ino)] = seen.path

    def _linked(self, path: str, folder: int) -> str | None:
        """Another name for a file that was copied before; None where that cannot be had."""
        temporary = f".trueup-{os.urandom(8).hex()}.tmp"
        above, _, name = path.rpartition("/")
        try:
            source = self._destination.folder(above)
            if source is None:
                return None
            os.link(name, temporary, src_dir_fd=source, dst_dir_fd=folder, follow_symlinks=False)
            return temporary
        except (OSError, InTheWay):
            return None

    def _leave(self, path: str) -> None:
        """Gives the folders that are done, and that were made here, their times and modes: what is put into a folder moves its time on."""
        while self._above and not path.startswith(self._above[-1].path + "/"):
            one = self._above.pop()
            if one.made:
                with suppress(InTheWay):  # somebody put something else there meanwhile
                    folder = self._destination.folder(one.path)
                    if folder is not None:
                        set_properties(folder, one.stat, one.attributes)
