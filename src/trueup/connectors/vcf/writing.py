"""Writing a file of cards: as a whole, so that it is never there in part, and never over someone else's edit.

The new file is written beside the old one: cards that are to change are changed, what is new is put at the end, and every other byte is copied. It
takes the place of the old one by a rename, under a lock against other runs, if the old one still is what was copied; where another program has
saved it meanwhile, all of it is looked at afresh.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from trueup.connectors.folder.replacing import FileWriter, copied
from trueup.connectors.vcf.book import Book
from trueup.connectors.vcf.scanning import Card, Span, digest, whole
from trueup.model.ports import Outcome, Verb, Write, Written

if TYPE_CHECKING:
    from trueup.connectors.vcf.collection import FileCollection


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


class Writer(FileWriter):
    """Carries out writes in one file."""

    def __init__(self, collection: FileCollection) -> None:
        super().__init__(collection.path)
        self._collection = collection

    def attempt(self, writes: Sequence[Write]) -> tuple[list[Written], dict[int, str | None]]:
        """See `FileWriter.attempt`."""
        with self._collection.opened() as file:
            book = self._collection.book(file)
            edits = self._edits(book, writes)
            if edits.etags:
                self._replace(file, book, edits)
            return edits.answers, edits.etags

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
        added: list[tuple[Span, bytes]] = []
        about = self.replace(file, book.signature, lambda new: added.extend(_copy_edited(file, book, edits, new)))
        if not edits.changed:
            self._collection.learn(book.extended(added, about))


def _copy_edited(file: BinaryIO, book: Book, edits: _Edits, new: BinaryIO) -> list[tuple[Span, bytes]]:
    """The old file with the edits made; returns the cards at its end that are new, and where they are."""
    done = 0
    line_end = book.line_end(file)
    spans = {href: book.span(href) for href in edits.changed}
    for href in sorted(spans, key=lambda href: spans[href].start):
        span, card = spans[href], edits.changed[href]
        copied(file, new, done, span.start)
        done = span.after
        if card is not None:
            was = os.pread(file.fileno(), span.after - span.stop, span.stop)
            # One that had no END had no line end behind that either.
            new.write(card.data + (card.end or was or (line_end if done < book.size else b"")))
    copied(file, new, done, book.size)
    if edits.added and not _ends_a_line(new):
        new.write(line_end)
    added = []
    for card in edits.added:
        start, stop = new.tell(), new.tell() + len(card.data)
        new.write(card.data + (card.end or line_end))
        added.append((Span(start, stop, new.tell(), card.nested), card.data))
    return added


def _ends_a_line(file: BinaryIO) -> bool:
    """Whether a card may follow: so it may in an empty file, and behind a byte order mark."""
    file.flush()
    size = file.tell()
    last = os.pread(file.fileno(), 3, max(0, size - 3))
    return not last or last.endswith((b"\n", b"\r")) or (size == 3 and last == b"\xef\xbb\xbf")
