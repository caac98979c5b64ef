"""One file with many cards as a collection."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import BinaryIO

from trueup.connectors.folder.etags import is_racy
from trueup.connectors.folder.faults import folder_error, reason
from trueup.connectors.folder.layout import Layout
from trueup.connectors.folder.reading import MAX_ITEM
from trueup.connectors.folder.replacing import signature
from trueup.connectors.vcf.book import Book, read_book
from trueup.connectors.vcf.scanning import digest
from trueup.model.capabilities import Capabilities
from trueup.model.errors import StoreError
from trueup.model.items import Body, Entry
from trueup.model.ports import Write, Written

# A batch costs one writing of the whole file.
BATCH = 5000


class FileChanges:
    """A listing: all of the file, or the news that it is the same."""

    def __init__(self, book: Book | None, token: str | None) -> None:
        self.full = book is not None
        self.token = token
        self._book = book

    def __iter__(self) -> Iterator[Entry]:
        for href, etag in self._book or ():
            yield Entry(href, etag)


class FileCollection:
    """A file of cards.

    What is known of the file is kept as long as the file is the same, so that it is read once for a listing and all that is fetched then.

    Args:
        path: the file; a symbolic link is followed.
        what: what people call it ("address book of crm").
        layout: says what hrefs look like.
    """

    def __init__(self, path: str, what: str, layout: Layout) -> None:
        self.path = path
        self.what = what
        self.layout = layout
        self._book: Book | None = None
        self._lock = threading.Lock()
        self._swept = False

    @cached_property
    def capabilities(self) -> Capabilities:
        """Preconditions are looked at while the file is rewritten, and the file once more right before it is replaced."""
        real = os.path.realpath(self.path)
        writable = os.access(real, os.W_OK) and os.access(os.path.dirname(real), os.W_OK | os.X_OK)
        return Capabilities(writable=writable, max_size=MAX_ITEM, parallel=1, batch=BATCH, faithful=True)

    def changes(self, cursor: str | None) -> FileChanges:
        """Every card, or nothing where the file is the one of the cursor; that takes a single `stat`."""
        try:
            about = os.stat(self.path)
            if cursor is not None and cursor == signature(about) and not is_racy(about, time.time_ns()):
                return FileChanges(None, cursor)
            with self.opened() as file:
                book = self.book(file)
        except OSError as error:
            raise folder_error(error, f"could not read {self.what}", self.path) from error
        return FileChanges(book, book.signature if book.certain else None)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """Cuts the cards out of the file."""
        if not hrefs:
            return
        with ExitStack() as stack:
            try:
                file = stack.enter_context(self.opened())
                book = self.book(file)
            except (OSError, StoreError) as error:
                why = f"the file cannot be read: {reason(error)}" if isinstance(error, OSError) else str(error)
                yield from (Body(href, error=why) for href in hrefs)
                return
            for href in hrefs:
                yield _cut(file, book, href)

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Writes the file anew, as a whole, with these changes in it."""
        from trueup.connectors.folder.writing import sweep
        from trueup.connectors.vcf.writing import Writer

        if not self._swept:
            self._swept = True
            sweep(os.path.dirname(os.path.realpath(self.path)))
        return Writer(self).run(writes)

    def new_href(self, uid: str) -> str:
        """See `Layout.new_href`: what a card with this UID has as its href."""
        return self.layout.new_href(uid)

    def census(self) -> tuple[int, int, int]:
        """How many cards there are, how many of them have the UID of another one, and how many have none.

        Raises:
            Permanent, Transient: the file cannot be read.
        """
        try:
            with self.opened() as file:
                book = self.book(file)
        except OSError as error:
            raise folder_error(error, f"could not read {self.what}", self.path) from error
        return len(book), book.shared, book.nameless

    # -- for the writer as well -----------------------------------------------------------------------------------

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file, to be read.

        Raises:
            OSError: it cannot be.
        """
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO would be waited for
        with open(self.path, "rb", buffering=0, opener=lambda path, _: os.open(path, flags)) as file:
            yield file

    def book(self, file: BinaryIO) -> Book:
        """What is in the file now; see `read_book`."""
        with self._lock:
            about = os.fstat(file.fileno())
            if self._book is None or not self._book.certain or self._book.signature != signature(about):
                self._book = None
                self._book = read_book(file, self.path, self.layout, self.what)
            return self._book

    def learn(self, book: Book) -> None:
        """Keeps what is in the file since we wrote it."""
        with self._lock:
            self._book = book


def _cut(file: BinaryIO, book: Book, href: str) -> Body:
    etag = book.etag(href)
    if etag is None:
        return Body(href)
    span = book.span(href)
    try:
        data = os.pread(file.fileno(), span.after - span.start, span.start)
    except OSError as error:
        return Body(href, error=f"the file cannot be read: {reason(error)}")
    if digest(data[: span.stop - span.start]).hex() != etag:
        return Body(href, error="the file changes while it is read; it is tried again next time")
    return Body(href, etag, data)
