"""A file of rows as a collection."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import BinaryIO

from trueup.connectors.folder.etags import is_racy
from trueup.connectors.folder.faults import folder_error, reason
from trueup.connectors.folder.replacing import signature
from trueup.connectors.tables.formats import Format
from trueup.connectors.tables.index import Index
from trueup.connectors.tables.reading import Reading, opened, read_table
from trueup.connectors.tables.rows import digest
from trueup.connectors.tables.selection import Selection
from trueup.core.rowkeys import quoted
from trueup.model.capabilities import Capabilities
from trueup.model.errors import StoreError
from trueup.model.items import Body, Entry
from trueup.model.ports import Write, Written

BATCH = 50_000
"""A batch costs one writing of the whole file."""


class TableChanges:
    """A listing: all of the file, or the news that it is the same."""

    def __init__(self, index: Index | None, token: str | None) -> None:
        self.full = index is not None
        self.token = token
        self._index = index

    def __iter__(self) -> Iterator[Entry]:
        if self._index is not None:
            for href, etag in self._index.hrefs():
                yield Entry(href, etag)


class TableCollection:
    """A file of rows.

    What is known of the file is kept as long as the file is the same, so that it is read once for a listing and all that is fetched then.

    Args:
        path: the file; a symbolic link is followed.
        what: what people call it ("table customers of crm").
        form: what kind of file it is.
        key: the columns that name a row.
        selection: the part of the table that is meant.
    """

    def __init__(
        self, path: str, what: str, form: Format, key: Sequence[str], selection: Selection | None = None
    ) -> None:
        self.selection = selection or Selection()
        self.path = path
        self.what = what
        self.form = form
        self.key = tuple(key)
        self._reading: Reading | None = None
        self._lock = threading.Lock()
        self._swept = False

    @cached_property
    def capabilities(self) -> Capabilities:
        """Preconditions are looked at while the file is rewritten, and the file once more right before it is replaced."""
        real = os.path.realpath(self.path)
        writable = os.access(real, os.W_OK) and os.access(os.path.dirname(real), os.W_OK | os.X_OK)
        return Capabilities(
            writable=writable, parallel=1, batch=BATCH, faithful=self.form.faithful, key=self.key, columns=self._fixed()
        )

    def changes(self, cursor: str | None) -> TableChanges:
        """Every row, or nothing where the file is the one of the cursor; that takes a single `stat`."""
        marks = f"{self.form.marks}-{'/'.join(map(quoted, self.key))}"
        if self.selection.conditions:
            marks += f"-{digest(repr(self.selection).encode()).hex()}"
        try:
            about = os.stat(self.path)
            if cursor is not None and cursor == f"{signature(about)}-{marks}" and not is_racy(about, time.time_ns()):
                return TableChanges(None, cursor)
            with opened(self.path) as file:
                reading = self.reading(file)
        except OSError as error:
            raise folder_error(error, f"could not read {self.what}", self.path) from error
        return TableChanges(reading.index, f"{reading.signature}-{marks}" if reading.certain else None)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """Takes the rows out of what was read."""
        if not hrefs:
            return
        try:
            with opened(self.path) as file:
                index = self.reading(file).index
        except (OSError, StoreError) as error:
            why = f"the file cannot be read: {reason(error)}" if isinstance(error, OSError) else str(error)
            yield from (Body(href, error=why) for href in hrefs)
            return
        for href in hrefs:
            place = index.find(href)
            if place is None or index.outside(place):
                yield Body(href, error="" if place is not None else index.problem(href))
            else:
                yield Body(href, index.etag(place), index.body(place))

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Writes the file anew, as a whole, with these changes in it."""
        from trueup.connectors.folder.writing import sweep
        from trueup.connectors.tables.writing import Writer

        if not self._swept:
            self._swept = True
            sweep(os.path.dirname(os.path.realpath(self.path)))
        return Writer(self).run(writes)

    def new_href(self, uid: str) -> str:
        """The key as an href; what a row with this key has."""
        return quoted(uid)

    def reading(self, file: BinaryIO) -> Reading:
        """What is in the file now; see `read_table`."""
        with self._lock:
            about = os.fstat(file.fileno())
            known = self._reading
            if known is None or not known.certain or known.signature != signature(about):
                self._reading = None
                self._reading = read_table(file, self.path, self.form, self.key, self.what, self.selection)
            assert self._reading is not None
            return self._reading

    def _fixed(self) -> tuple[str, ...]:
        """The columns, where no others may come; () where the file cannot be read, which is told when it is."""
        if not self.form.fixed:
            return ()
        try:
            with opened(self.path) as file:
                return self.form.open(file, self.path, self.what).columns
        except (OSError, StoreError):
            return ()

    def columns(self) -> tuple[str, ...]:
        """The names of the columns.

        Raises:
            Permanent, Transient: the file cannot be read.
        """
        try:
            with opened(self.path) as file:
                return self.reading(file).columns
        except OSError as error:
            raise folder_error(error, f"could not read {self.what}", self.path) from error
