"""What is where in a file of cards: 80 bytes of memory or so for a card, whatever its size."""

from __future__ import annotations

import os
import stat
import time
from array import array
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from trueup.connectors.folder.etags import is_racy
from trueup.connectors.folder.layout import Layout
from trueup.connectors.folder.reading import MAX_ITEM
from trueup.connectors.folder.replacing import ATTEMPTS, signature
from trueup.connectors.vcf.scanning import BLOCK, Span, Unfinished, digest, spans, uid_of
from trueup.model.errors import Permanent, StoreError, Transient

_SIZE = 16
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Book:
    """The cards of a file as it was at one moment.

    A card's href is made of its UID. Of cards that share one, the first has that href, the others one that depends on their bytes as well; so has
    a card without a UID.

    Attributes:
        signature: of the file then.
        certain: an edit since then would show in the signature.
        size: of the file then, in bytes.
        shared, nameless: how many cards have the UID of an earlier one, and how many have none.
    """

    def __init__(self, layout: Layout, about: os.stat_result, now_ns: int) -> None:
        self.signature = signature(about)
        self.certain = not is_racy(about, now_ns)
        self.size = about.st_size
        self.shared = 0
        self.nameless = 0
        self._layout = layout
        self._numbers: dict[str, int] = {}
        self._bounds = array("Q")
        self._digests = bytearray()

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Hrefs and etags, in the order of the file."""
        for href, number in self._numbers.items():
            yield href, self._etag(number)

    def etag(self, href: str) -> str | None:
        """The etag of a card; None where there is none."""
        number = self._numbers.get(href)
        return None if number is None else self._etag(number)

    def span(self, href: str) -> Span:
        """Where a card is that is there."""
        at = 3 * self._numbers[href]
        start, stop, after = self._bounds[at : at + 3]
        return Span(start, stop, after)

    def line_end(self, file: BinaryIO) -> bytes:
        """How the lines of the file end; CR LF where it has no card."""
        if not self._bounds:
            return b"\r\n"
        file.seek(self._bounds[1])
        return file.read(self._bounds[2] - self._bounds[1]) or b"\r\n"

    def add(self, span: Span, card: bytes) -> None:
        """The next card of the file."""
        name = digest(card)
        uid = uid_of(card, span.nested)
        href = self._layout.new_href(uid or name.hex())
        self.nameless += not uid
        self.shared += bool(uid) and href in self._numbers
        copies = 0
        while href in self._numbers:
            href = self._layout.new_href(f"{uid} {name.hex()} {copies}")
            copies += 1
        self._numbers[href] = len(self._numbers)
        self._bounds.extend((span.start, span.stop, span.after))
        self._digests += name

    def extended(self, added: Iterable[tuple[Span, bytes]], about: os.stat_result) -> Book:
        """The book of the same file with cards added at its end, which is like `about` now: nothing has to be read for it."""
        book = Book(self._layout, about, time.time_ns())
        book.shared, book.nameless = self.shared, self.nameless
        book._numbers, book._bounds, book._digests = self._numbers.copy(), self._bounds[:], self._digests[:]
        for span, card in added:
            book.add(span, card)
        return book

    def _etag(self, number: int) -> str:
        return self._digests[_SIZE * number : _SIZE * (number + 1)].hex()


def read_book(file: BinaryIO, path: str, layout: Layout, what: str) -> Book:
    """Reads a file from end to end.

    Args:
        file: the open file, not buffered.
        path: its path, to see that it is still there.
        what: what people call it, for messages.

    Raises:
        Permanent, Transient: it holds something else than cards, ends within one, or does not hold still. Never a short book.
        OSError: it cannot be read.
    """
    for _ in range(ATTEMPTS):
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise Permanent(f"could not read {what}", where=path, why="it is not a regular file", hint="correct `path`")
        book = Book(layout, about, time.time_ns())
        problem = _fill(book, file, path, what)
        if signature(os.fstat(file.fileno())) == book.signature:
            if problem is not None:
                raise problem
            return book
    hint = "another program is writing it; it is tried again next time"
    raise Transient(f"could not read {what}", where=path, why="it changes while it is read", hint=hint)


def _fill(book: Book, file: BinaryIO, path: str, what: str) -> StoreError | None:
    """Adds the cards of the file; what is wrong with it, if anything is."""
    try:
        file.seek(0)
        for span in spans(file, book.size):
            if span.stop - span.start > MAX_ITEM:
                size = f"{span.stop - span.start:,} bytes"
                return Permanent(
                    f"could not read {what}",
                    where=path,
                    why=f"the card at byte {span.start:,} has {size}, {MAX_ITEM:,} is the limit",
                    hint="an END:VCARD may be missing",
                )
            book.add(span, os.pread(file.fileno(), span.stop - span.start, span.start))
    except Unfinished:
        kind = Permanent if book.certain else Transient
        return kind(
            f"could not read {what}",
            where=path,
            why="the file ends within a card: it may be half-written",
            hint="save it again in the program it came from",
        )
    return None if len(book) else _emptiness(book, file, path, what)


def _emptiness(book: Book, file: BinaryIO, path: str, what: str) -> StoreError | None:
    """A file without a card is an empty address book only where it holds nothing else."""
    start = os.pread(file.fileno(), BLOCK, 0)
    if book.size <= BLOCK and not start.removeprefix(b"\xef\xbb\xbf").strip():
        return None
    wide = start[:2] in _UTF16
    return Permanent(
        f"could not read {what}",
        where=path,
        why="it is written in UTF-16" if wide else "it holds no vCard",
        hint="save it as UTF-8" if wide else "check `path`",
    )
