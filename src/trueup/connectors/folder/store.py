"""A folder of folders of files (the vdir layout of vdirsyncer, khal and others) as a store."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from trueup.connectors.folder import mounts
from trueup.connectors.folder.collection import FolderCollection
from trueup.connectors.folder.faults import folder_error, reason
from trueup.connectors.folder.layout import NAME_MAX, Layout
from trueup.connectors.folder.reading import is_folder
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import NotFound, Permanent
from trueup.model.ports import CollectionInfo

ROOT = "."


class FolderStore:
    """A folder whose sub-folders are collections; if it holds items itself, it is also the collection named ".".

    Args:
        name: the store's name in the configuration.
        path: the folder, absolute.
        layout: what the files hold.
    """

    def __init__(self, name: str, path: str, layout: Layout) -> None:
        self.name = name
        self._layout = layout
        self._path = os.path.abspath(os.path.expanduser(path))

    def collections(self) -> list[CollectionInfo]:
        """The sub-folders that are not hidden, by name.

        Raises:
            Permanent, Transient: the folder cannot be read, or lies on a disk that is not mounted.
        """
        self._require_mounted()
        try:
            with os.scandir(self._path) as entries:
                folders = sorted(one.name for one in entries if one.name[0] not in ".#~" and is_folder(one))
            found = [self._info(folder) for folder in folders]
            root = self._info(ROOT)
        except OSError as error:
            raise folder_error(error, f"could not list the {self._layout.noun}s of {self.name}", self._path) from error
        return [root, *found] if root.items else found

    def open(self, name: str, cursor: str | None = None) -> FolderCollection | None:
        """The collection in the sub-folder of that name; "." (or "") is the folder itself.

        Raises:
            NotFound: no folder could have that name.
            Permanent, Transient: the folder cannot be reached.
        """
        self._require_mounted()
        path = self._folder(name)
        if not os.path.lexists(path):
            self._require_root(name)
            return None
        if not os.path.isdir(path):
            raise Permanent(
                f"{name!r} of {self.name} is not a folder",
                where=path,
                hint="move the file away, or name another collection",
            )
        return self._collection(name)

    def create(self, name: str) -> FolderCollection:
        """Makes the sub-folder, and the store's own folder if only that is missing.

        Raises:
            NotFound: no folder can have that name.
            Permanent, Transient: it cannot be made.
        """
        self._require_mounted()
        path = self._folder(name)
        try:
            for folder in (self._path, path):
                if not os.path.isdir(folder):
                    os.mkdir(folder)
                    _fsync_folder(os.path.dirname(folder))
        except OSError as error:
            raise folder_error(
                error, f"could not make the folder of {self._layout.noun} {name!r} of {self.name}", path
            ) from error
        return self._collection(name)

    def check(self) -> Iterable[Diagnostic]:
        """The folder can be read and written, its disk is mounted, and which files are left out and why."""
        missing = mounts.unmounted(self._path)
        if missing:
            yield Diagnostic(Severity.ERROR, f"{missing} is not mounted", self._path, "/etc/fstab names it", "mount it")
            return
        if not os.path.isdir(self._path):
            hint = "the first run makes it; if it should be there, mount it or correct `path`"
            yield Diagnostic(Severity.WARNING, "the folder is not there", self._path, "", hint)
            return
        found = self.collections()
        items = sum(one.items or 0 for one in found)
        yield Diagnostic(Severity.INFO, f"{self.name}: {self._layout.noun}s: {len(found)}, items: {items}", self._path)
        for info in found:
            yield from self._check_folder(self._folder(info.name))

    def close(self) -> None:
        """Nothing is held open."""

    def _folder(self, name: str) -> str:
        if name in ("", ROOT):
            return self._path
        if "/" in name or "\0" in name or name[0] == "." or len(os.fsencode(name)) > NAME_MAX:
            raise NotFound(
                f"{name!r} cannot be a collection of {self.name}",
                why="it is no plain folder name",
                hint="name a sub-folder of `path`",
            )
        return os.path.join(self._path, name)

    def _collection(self, name: str) -> FolderCollection:
        what = f"{self._layout.noun} {name or ROOT} of {self.name}"
        return FolderCollection(self._folder(name), self._path, what, self._layout)

    def _info(self, name: str) -> CollectionInfo:
        path = self._folder(name)
        with os.scandir(path) as entries:
            count = sum(1 for one in entries if self._layout.is_item(one.name) and not is_folder(one))
        return CollectionInfo(name, _title(path), count, os.access(path, os.W_OK))

    def _require_mounted(self) -> None:
        point = mounts.unmounted(self._path)
        if point:
            raise Permanent(
                f"the {self._layout.noun}s of {self.name} cannot be reached",
                where=self._path,
                why=f"{point} is not mounted",
                hint=f"mount {point}",
            )

    def _require_root(self, name: str) -> None:
        """Only the last folder of `path` may be missing: a longer missing path is a typing error, or a drive that is not connected."""
        if not os.path.isdir(os.path.dirname(self._path)):
            raise Permanent(
                f"could not open {self._layout.noun} {name!r} of {self.name}",
                where=self._path,
                why="neither this folder nor the one above it is there",
                hint="check `path` in the configuration; if it is on another disk or a network drive, connect it",
            )

    def _check_folder(self, path: str) -> Iterator[Diagnostic]:
        if not os.access(path, os.W_OK | os.X_OK):
            yield Diagnostic(
                Severity.WARNING,
                "the folder cannot be written",
                path,
                "",
                "give the user that runs trueup the right to write",
            )
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if self._layout.is_item(entry.name):
                        yield from _check_file(entry)
        except OSError as error:
            yield Diagnostic(Severity.ERROR, "the folder cannot be listed", path, reason(error))


def _check_file(entry: os.DirEntry[str]) -> Iterator[Diagnostic]:
    if not entry.name.isascii() and any("\udc80" <= one <= "\udcff" for one in entry.name):
        yield Diagnostic(Severity.WARNING, "the file's name is not UTF-8", repr(entry.path), "", "rename it")
    elif entry.is_symlink() and not os.path.exists(entry.path):
        yield Diagnostic(Severity.WARNING, "the symbolic link leads nowhere", entry.path, "", "remove or mend it")
    elif is_folder(entry):
        return
    elif not entry.is_file():
        yield Diagnostic(Severity.WARNING, "not a regular file", entry.path, "", "remove it, or give it another name")
    elif not os.access(entry.path, os.R_OK):
        yield Diagnostic(
            Severity.WARNING,
            "the file cannot be read",
            entry.path,
            "",
            "give the user that runs trueup the right to read it",
        )


def _title(path: str) -> str:
    file_name = os.path.join(path, "displayname")
    if not os.path.isfile(file_name):  # a FIFO would be waited for
        return ""
    try:
        with open(file_name, encoding="utf-8", errors="replace") as file:
            return " ".join(file.read(1000).split())
    except OSError:
        return ""


def _fsync_folder(path: str) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
