"""Writing a file of cards: as a whole, so that it is never there in part, and never over someone else's edit.

The new file is written beside the old one: cards that are to change are changed, what is new is put at the end, and every other byte is copied. It
takes the place of the old one by a rename, under a lock against other runs, if the old one still is what was copied; where another program has
saved it meanwhile, all of it is looked at afresh.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from trueup.connectors.folder.etags import stamp
from trueup.connectors.folder.faults import reason
from trueup.connectors.folder.layout import scratch
from trueup.connectors.folder.replacing import ATTEMPTS, Meanwhile, flush_folder, locked, same_rights, signature
from trueup.connectors.vcf.book import Book
from trueup.connectors.vcf.scanning import BLOCK, Card, Span, digest, whole
from trueup.model.errors import StoreError
from trueup.model.ports import Outcome, Verb, Write, Written

if TYPE_CHECKING:
    from trueup.connectors.vcf.collection import FileCollection

_STAGE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(slots=True)
class _Edits:
    """What is to be done to a file, and the answers to writes that are not.

    Attributes:
        changed: cards in place of others by href; None: deleted.
        added: cards for the end.
        etags: of what will be there, by the write's key; None for a deletion.
    """

    answers: list[Written] = field(default_factory=list)
    changed: dict[str, Card | None] = field(default_factory=dict)
    added: list[Card] = field(default_factory=list)
    etags: dict[int, str | None] = field(default_factory=dict)


class Writer:
    """Carries out writes in one file."""

    def __init__(self, collection: FileCollection) -> None:
        self._collection = collection
        self._path = os.path.realpath(collection.path)

    def run(self, writes: Sequence[Write]) -> Iterator[Written]:
        """One answer each; those of a chunk come together, when all of it is on the disk."""
        for chunk in _chunks(writes):
            yield from self._answers(chunk)

    def _answers(self, writes: Sequence[Write]) -> list[Written]:
        """What keeps the whole file from being written is no card's fault, so that none is said to be refused."""
        try:
            with locked(self._path):
                return self._chunk(writes)
        except (OSError, StoreError) as error:
            why = f"the file cannot be written: {reason(error)}" if isinstance(error, OSError) else str(error)
            return [Written(one.key, Outcome.UNCERTAIN, reason=why) for one in writes]

    def _chunk(self, writes: Sequence[Write]) -> list[Written]:
        for _ in range(ATTEMPTS):
            with self._collection.opened() as file:
                book = self._collection.book(file)
                edits = self._edits(book, writes)
                if not edits.etags:
                    return edits.answers
                try:
                    self._replace(file, book, edits)
                except Meanwhile:
                    continue
            return edits.answers + self._settled(edits)
        return [_overtaken(one) for one in writes]

    def _edits(self, book: Book, writes: Sequence[Write]) -> _Edits:
        edits = _Edits()
        for write in writes:
            card = None if write.data is None else whole(write.data)
            refusal = self._refusal(book, write, card)
            if refusal is not None:
                edits.answers.append(refusal)
                continue
            edits.etags[write.key] = None if card is None else digest(card.data).hex()
            if write.verb is not Verb.CREATE:
                edits.changed[write.href] = card
            elif card is not None:
                edits.added.append(card)
        return edits

    def _refusal(self, book: Book, write: Write, card: Card | None) -> Written | None:
        """The answer to a write that cannot be done; None where it can."""
        etag = book.etag(write.href)
        if write.verb is Verb.CREATE and etag is not None:
            return Written(write.key, Outcome.PRECONDITION, reason="a card with this UID is there already")
        if write.verb is not Verb.CREATE and etag is None:
            return Written(write.key, Outcome.MISSING, reason="there is no such card")
        if write.verb is not Verb.CREATE and write.if_match not in (None, etag):
            return Written(write.key, Outcome.PRECONDITION, reason="the card was changed since it was read")
        if write.verb is not Verb.DELETE and card is None:
            return Written(write.key, Outcome.REFUSED, reason="it is not one vCard")
        if write.verb is Verb.CREATE and card is not None and not self._at_home(write.href, card):
            why = "the name of a card in a file is its UID, and this one has another"
            return Written(write.key, Outcome.REFUSED, reason=why)
        return None

    def _at_home(self, href: str, card: Card) -> bool:
        """Whether a card will be found under this href when it is in the file."""
        return href == self._collection.new_href(card.uid or digest(card.data).hex())

    def _replace(self, file: BinaryIO, book: Book, edits: _Edits) -> None:
        """Writes the new file and puts it in the place of the old one.

        Raises:
            Meanwhile: the old one is not the one that was read any more; nothing happened.
            OSError: it could not be written; nothing happened.
        """
        staged = os.path.join(os.path.dirname(self._path), scratch())
        try:
            with open(staged, "w+b", opener=lambda path, _: os.open(path, _STAGE, 0o600)) as new:
                added = _copy_edited(file, book, edits, new)
                new.flush()
                same_rights(os.fstat(file.fileno()), new.fileno())
                stamp(new.fileno())
                os.fsync(new.fileno())
                if signature(os.stat(self._path)) != book.signature:
                    raise Meanwhile
                os.rename(staged, self._path)
                if not edits.changed:
                    self._collection.learn(book.extended(added, os.fstat(new.fileno())))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(staged)
            raise

    def _settled(self, edits: _Edits) -> list[Written]:
        """Brings the folder to the disk; without that, a power cut could take the rename back."""
        try:
            flush_folder(os.path.dirname(self._path))
        except OSError as error:
            why = f"could not be brought to the disk: {reason(error)}"
            return [Written(key, Outcome.UNCERTAIN, reason=why) for key in edits.etags]
        return [Written(key, Outcome.DONE, etag) for key, etag in edits.etags.items()]


def _overtaken(write: Write) -> Written:
    why = "the file was changed by another program meanwhile, again and again"
    return Written(write.key, Outcome.UNCERTAIN if write.verb is Verb.CREATE else Outcome.PRECONDITION, reason=why)


def _copy_edited(file: BinaryIO, book: Book, edits: _Edits, new: BinaryIO) -> list[tuple[Span, bytes]]:
    """The old file with the edits made; returns the cards at its end that are new, and where they are."""
    done = 0
    line_end = book.line_end(file)
    spans = {href: book.span(href) for href in edits.changed}
    for href in sorted(spans, key=lambda href: spans[href].start):
        span, card = spans[href], edits.changed[href]
        _copy(file, new, done, span.start)
        done = span.after
        if card is not None:
            was = os.pread(file.fileno(), span.after - span.stop, span.stop)
            # One that had no END had no line end behind that either.
            new.write(card.data + (card.end or was or (line_end if done < book.size else b"")))
    _copy(file, new, done, book.size)
    if edits.added and not _ends_a_line(new):
        new.write(line_end)
    added = []
    for card in edits.added:
        start, stop = new.tell(), new.tell() + len(card.data)
        new.write(card.data + (card.end or line_end))
        added.append((Span(start, stop, new.tell(), card.nested), card.data))
    return added


def _copy(file: BinaryIO, new: BinaryIO, start: int, stop: int) -> None:
    while start < stop:
        block = os.pread(file.fileno(), min(BLOCK, stop - start), start)
        if not block:
            raise Meanwhile
        new.write(block)
        start += len(block)


def _ends_a_line(file: BinaryIO) -> bool:
    """Whether a card may follow: so it may in an empty file, and behind a byte order mark."""
    file.flush()
    size = file.tell()
    last = os.pread(file.fileno(), 3, max(0, size - 3))
    return not last or last.endswith((b"\n", b"\r")) or (size == 3 and last == b"\xef\xbb\xbf")


def _chunks(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """Chunks in which no href stands twice, so that two writes to one card happen in their order."""
    chunk: dict[str, Write] = {}
    for write in writes:
        if write.href in chunk:
            yield list(chunk.values())
            chunk = {}
        chunk[write.href] = write
    if chunk:
        yield list(chunk.values())
