"""One file with many cards as a store with one collection, whose name is empty."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from trueup.connectors.folder import mounts
from trueup.connectors.folder.faults import folder_error
from trueup.connectors.folder.layout import Layout
from trueup.connectors.vcf.collection import FileCollection
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import Permanent, StoreError
from trueup.model.ports import CollectionInfo


class FileStore:
    """A file of cards.

    Args:
        name: the store's name in the configuration.
        path: the file, absolute.
        layout: what the file holds.
    """

    def __init__(self, name: str, path: str, layout: Layout) -> None:
        self.name = name
        self._path = path
        self._layout = layout

    def collections(self) -> list[CollectionInfo]:
        """The one collection; none where the file is not there.

        Raises:
            Permanent, Transient: it cannot be read, or lies on a disk that is not mounted.
        """
        collection = self.open("")
        if collection is None:
            return []
        count = sum(1 for _ in collection.changes(None))
        title = os.path.splitext(os.path.basename(self._path))[0]
        return [CollectionInfo("", title, count, collection.capabilities.writable)]

    def open(self, name: str, cursor: str | None = None) -> FileCollection | None:
        """The file, under the name "" (a job names the store alone); None where it is not there yet.

        Raises:
            Permanent, Transient: it cannot be reached.
        """
        if name:
            return None
        self._require_folder()
        return self._collection() if os.path.lexists(self._path) else None

    def create(self, name: str) -> FileCollection:
        """Makes an empty file; one that exists already is opened.

        Raises:
            Permanent, Transient: it cannot be made, or another name is asked for.
        """
        if name:
            raise Permanent(
                f"{self.name} has no {self._layout.noun} {name!r}",
                where=self._path,
                why=f"a file is one {self._layout.noun}",
                hint=f"name the store alone: {{store: {self.name}}}",
            )
        self._require_folder()
        try:
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o666))
        except OSError as error:
            raise folder_error(error, f"could not make the file of {self.name}", self._path) from error
        return self._collection()

    def check(self) -> Iterable[Diagnostic]:
        """The file is there, can be read and written, and which of its cards have no UID of their own."""
        try:
            collection = self.open("")
            if collection is None:
                hint = "the first run makes it; if it should be there, correct `path`"
                yield Diagnostic(Severity.WARNING, "the file is not there", self._path, "", hint)
                return
            yield from self._examine(collection)
        except StoreError as error:
            yield Diagnostic(Severity.ERROR, error.what, error.where, error.why, error.hint)

    def close(self) -> None:
        """Nothing is held open."""

    def _examine(self, collection: FileCollection) -> Iterator[Diagnostic]:
        total, shared, without = collection.census()
        yield Diagnostic(Severity.INFO, f"{self.name}: cards: {total}", self._path)
        if shared:
            why = "two cards with one UID are taken for the same contact"
            yield Diagnostic(Severity.WARNING, f"{shared} cards have the UID of another one", self._path, why)
        if without:
            why = "they are told apart by their bytes, so that one that is edited looks like another one"
            yield Diagnostic(Severity.WARNING, f"{without} cards have no UID", self._path, why)
        if not collection.capabilities.writable:
            hint = "give the user that runs trueup the right to write the file and its folder"
            yield Diagnostic(Severity.WARNING, "the file cannot be written", self._path, "", hint)

    def _collection(self) -> FileCollection:
        return FileCollection(self._path, f"{self._layout.noun} {self.name}", self._layout)

    def _require_folder(self) -> None:
        point = mounts.unmounted(self._path)
        if point:
            raise Permanent(
                f"the {self._layout.noun} {self.name} cannot be reached",
                where=self._path,
                why=f"{point} is not mounted",
                hint=f"mount {point}",
            )
        if not os.path.isdir(os.path.dirname(self._path)):
            raise Permanent(
                f"could not open {self._layout.noun} {self.name}",
                where=self._path,
                why="the folder that it should be in is not there",
                hint="check `path` in the configuration; if it is on another disk or a network drive, connect it",
            )
