"""A file of rows as a store with one collection, whose name is empty; and a folder of such files, each a collection."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from trueup.connectors.folder import mounts
from trueup.connectors.folder.faults import folder_error
from trueup.connectors.tables.collection import TableCollection
from trueup.connectors.tables.formats import Format
from trueup.connectors.tables.reading import opened
from trueup.connectors.tables.selection import Selection, apart
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import NotFound, Permanent, StoreError
from trueup.model.ports import CollectionInfo

NAME_MAX = 200


class TableStore:
    """Files of rows.

    Args:
        name: the store's name in the configuration.
        path: a file, or a folder of files; absolute.
        form: what kind of files.
        key: the columns that name a row.
        folder: whether `path` is a folder.
    """

    def __init__(self, name: str, path: str, form: Format, key: Sequence[str], *, folder: bool) -> None:
        self.name = name
        self._path = path
        self._form = form
        self._key = tuple(key)
        self._folder = folder

    def collections(self) -> list[CollectionInfo]:
        """Every table; none where the file is not there.

        Raises:
            Permanent, Transient: the file or folder cannot be read, or lies on a disk that is not mounted.
        """
        self._require_place()
        if not self._folder:
            return [self._info("")] if os.path.lexists(self._path) else []
        if not os.path.isdir(self._path):
            return []
        try:
            with os.scandir(self._path) as entries:
                names = sorted(one.name for one in entries if self._is_table(one))
        except OSError as error:
            raise folder_error(error, f"could not list the tables of {self.name}", self._path) from error
        return [self._info(self._name_of(one)) for one in names]

    def open(self, name: str, cursor: str | None = None) -> TableCollection | None:
        """The table of that name; a file's is "". None where it is not there yet.

        Raises:
            NotFound: no file could have that name.
            Permanent: it is a folder, and none is named.
            Permanent, Transient: it cannot be reached.
        """
        table, selection = apart(name)
        if not self._folder and table:
            return None
        self._require_place()
        path = self._file(table)
        return self._collection(name, path, selection) if os.path.lexists(path) else None

    def create(self, name: str) -> TableCollection:
        """Makes an empty file; one that exists already is opened.

        Raises:
            Permanent, Transient: it cannot be made, or a name is asked for that it cannot have.
        """
        table, selection = apart(name)
        if not self._folder and table:
            raise Permanent(
                f"{self.name} has no table {name!r}",
                where=self._path,
                why="a file is one table",
                hint=f"name the store alone: {{store: {self.name}}}",
            )
        self._require_place()
        path = self._file(table)
        try:
            if self._folder and not os.path.isdir(self._path):
                os.mkdir(self._path)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o666))
        except OSError as error:
            raise folder_error(error, f"could not make the table {name or self.name}", path) from error
        return self._collection(name, path, selection)

    def check(self) -> Iterable[Diagnostic]:
        """Each table can be read and written, how it was understood, and which of its rows cannot be read."""
        try:
            infos = self.collections()
            if not infos:
                hint = "the first run makes it; if it should be there, correct `path`"
                yield Diagnostic(Severity.WARNING, "there is no table", self._path, "", hint)
        except StoreError as error:
            yield Diagnostic(Severity.ERROR, error.what, error.where, error.why, error.hint)
            return
        for info in infos:
            yield from self._examine(info.name)

    def close(self) -> None:
        """Nothing is held open."""

    def _examine(self, name: str) -> Iterator[Diagnostic]:
        path = self._file(name)
        try:
            collection = self._collection(name, path)
            with opened(path) as file:
                reading = collection.reading(file)
        except StoreError as error:
            yield Diagnostic(Severity.ERROR, error.what, error.where or path, error.why, error.hint)
            return
        except OSError as error:
            failed = folder_error(error, f"could not read {name or self.name}", path)
            yield Diagnostic(Severity.ERROR, failed.what, path, failed.why, failed.hint)
            return
        index = reading.index
        what = f"{name or self.name}: rows: {len(index)}, columns: {len(reading.columns)}"
        yield Diagnostic(Severity.INFO, what, path, ", ".join(reading.columns[:40]))
        for said, why in reading.notes:
            yield Diagnostic(Severity.INFO, said, path, why)
        if index.broken:
            href, why = next(iter(index.broken.items()))
            hint = "mend them there; until then they are left alone, and so is what is not found in the table"
            yield Diagnostic(Severity.WARNING, f"{len(index.broken)} rows cannot be read", path, f"{href}: {why}", hint)
        if index.twins:
            why = next((index.problem(href) for href, etag in index.hrefs() if etag is None), "")
            hint = "give each row a key of its own, or choose other columns for `key`"
            yield Diagnostic(Severity.WARNING, f"{index.twins} keys stand more than once", path, why, hint)
        if not collection.capabilities.writable:
            hint = "give the user that runs trueup the right to write the file and its folder"
            yield Diagnostic(Severity.WARNING, "the file cannot be written", path, "", hint)

    def _is_table(self, entry: os.DirEntry[str]) -> bool:
        return entry.name[0] not in ".#~" and entry.name.lower().endswith(self._form.suffixes) and entry.is_file()

    def _name_of(self, file_name: str) -> str:
        return file_name.removesuffix(self._form.suffixes[0])

    def _file(self, name: str) -> str:
        if not self._folder:
            return self._path
        if not name:  # also where a folder has come into the place of a file: the other stores of a job go on
            raise Permanent(
                f"could not read {self.name}",
                where=self._path,
                why="it is a folder of tables, and no table of it is named",
                hint=f"name one: {{store: {self.name}, name: customers}}; if it should be a file, put the file back",
            )
        if "/" in name or "\0" in name or name[0] in ".#~" or len(os.fsencode(name)) > NAME_MAX:
            raise NotFound(
                f"{name!r} cannot be a table of {self.name}",
                why="it is no plain file name",
                hint=f"name a file in `path`, without {self._form.suffixes[0]}",
            )
        plain = os.path.join(self._path, name)
        return plain if name.lower().endswith(self._form.suffixes) else plain + self._form.suffixes[0]

    def _collection(self, name: str, path: str, selection: Selection | None = None) -> TableCollection:
        what = f"the table {name} of {self.name}" if name else f"the table {self.name}"
        return TableCollection(path, what, self._form, self._key, selection)

    def _info(self, name: str) -> CollectionInfo:
        collection = self._collection(name, self._file(name))
        title = "" if name else os.path.splitext(os.path.basename(self._path))[0]
        return CollectionInfo(name, title, None, collection.capabilities.writable)

    def _require_place(self) -> None:
        point = mounts.unmounted(self._path)
        if point:
            raise Permanent(
                f"{self.name} cannot be reached", where=self._path, why=f"{point} is not mounted", hint=f"mount {point}"
            )
        if not os.path.isdir(os.path.dirname(self._path)):
            raise Permanent(
                f"could not open {self.name}",
                where=self._path,
                why="the folder that it should be in is not there",
                hint="check `path` in the configuration; if it is on another disk or a network drive, connect it",
            )
