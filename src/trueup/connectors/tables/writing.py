"""Writing a file of rows: as a whole, so that it is never there in part, and never over someone else's edit.

The new file is written beside the old one and takes its place by a rename, under a lock against other runs, if the old one still is what was read;
where another program has saved it meanwhile, all of it is looked at afresh.
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
from trueup.connectors.tables.formats import Edits, Table
from trueup.connectors.tables.index import LINE, Index
from trueup.connectors.tables.reading import opened
from trueup.connectors.tables.rows import Row, Unfit, digest, from_body, to_body
from trueup.core.rowkeys import href_of, shown_key
from trueup.model.errors import StoreError
from trueup.model.ports import Outcome, Verb, Write, Written

if TYPE_CHECKING:
    from trueup.connectors.tables.collection import TableCollection

_STAGE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_BLOCK = 4 << 20


@dataclass(slots=True)
class _Plan:
    """Edits of a file, the answers to writes that are none, and the etags of what will be there by the write's key."""

    edits: Edits
    answers: list[Written] = field(default_factory=list)
    etags: dict[int, str | None] = field(default_factory=dict)


class Writer:
    """Carries out writes in one file."""

    def __init__(self, collection: TableCollection) -> None:
        self._collection = collection
        self._path = os.path.realpath(collection.path)

    def run(self, writes: Sequence[Write]) -> Iterator[Written]:
        """One answer each; those of a chunk come together, when all of it is on the disk."""
        for chunk in _chunks(writes):
            yield from self._answers(chunk)

    def _answers(self, writes: Sequence[Write]) -> list[Written]:
        """What keeps the whole file from being written is no row's fault, so that none is said to be refused."""
        try:
            with locked(self._path):
                return self._chunk(writes)
        except (OSError, StoreError) as error:
            why = f"the file cannot be written: {reason(error)}" if isinstance(error, OSError) else str(error)
            return [Written(one.key, Outcome.UNCERTAIN, reason=why) for one in writes]
        except Unfit as error:
            return [Written(one.key, Outcome.REFUSED, reason=str(error)) for one in writes]

    def _chunk(self, writes: Sequence[Write]) -> list[Written]:
        collection = self._collection
        for _ in range(ATTEMPTS):
            with opened(collection.path) as file:
                reading = collection.reading(file)
                file.seek(0)
                table = collection.form.open(file, collection.path, collection.what)
                plan = self._plan(reading.index, table, writes)
                if not plan.etags:
                    return plan.answers
                try:
                    self._replace(file, reading.signature, table, plan.edits)
                except Meanwhile:
                    continue
            return plan.answers + self._settled(plan)
        return [_overtaken(one) for one in writes]

    def _plan(self, index: Index, table: Table, writes: Sequence[Write]) -> _Plan:
        plan = _Plan(Edits(span=index.span))
        for write in writes:
            place = index.find(write.href)
            refusal = _refusal(index, write, place)
            if refusal is not None:
                plan.answers.append(refusal)
                continue
            try:
                row = None if write.data is None else self._row(index, table, write, place)
            except Unfit as error:
                plan.answers.append(Written(write.key, Outcome.REFUSED, reason=str(error)))
                continue
            plan.etags[write.key] = None if row is None else digest(to_body(row)).hex()
            if place is not None:
                plan.edits.changed[place] = row
            elif row is not None:
                plan.edits.added.append(row)
        return plan

    def _row(self, index: Index, table: Table, write: Write, place: int | None) -> Row:
        """A write's row as it will stand in the file, which is where its key says."""
        before = None if place is None else from_body(index.body(place))
        assert write.data is not None
        given = from_body(write.data)
        selection = self._collection.selection
        row = table.fit(selection.filled(given) if before is None and selection.conditions else given, before)
        try:
            to_body(row)
        except UnicodeEncodeError:
            raise Unfit("it holds half a letter, which cannot be written") from None
        if href_of(row, self._collection.key) != write.href:
            names = ", ".join(self._collection.key)
            raise Unfit(
                f"its key ({names}) is {shown_key(href_of(row, self._collection.key))!r}, and its place another"
            )
        return row

    def _replace(self, file: BinaryIO, read: str, table: Table, edits: Edits) -> None:
        """Writes the new file and puts it in the place of the old one.

        Raises:
            Meanwhile: the old one is not the one that was read any more; nothing happened.
            OSError, Unfit: it could not be written; nothing happened.
        """
        staged = os.path.join(os.path.dirname(self._path), scratch())
        try:
            with open(staged, "w+b", opener=lambda path, _: os.open(path, _STAGE, 0o600)) as new:
                table.rewrite(new, edits)
                new.flush()
                same_rights(os.fstat(file.fileno()), new.fileno())
                stamp(new.fileno())
                os.fsync(new.fileno())
                if signature(os.stat(self._path)) != read:
                    raise Meanwhile
                os.rename(staged, self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(staged)
            raise

    def _settled(self, plan: _Plan) -> list[Written]:
        try:
            flush_folder(os.path.dirname(self._path))
        except OSError as error:
            why = f"could not be brought to the disk: {reason(error)}"
            return [Written(key, Outcome.UNCERTAIN, reason=why) for key in plan.etags]
        return [Written(key, Outcome.DONE, etag) for key, etag in plan.etags.items()]


def copied(file: BinaryIO, new: BinaryIO, start: int, stop: int) -> None:
    """Copies the bytes of a file from one place to another place in it.

    Raises:
        Meanwhile: it became shorter.
    """
    while start < stop:
        block = os.pread(file.fileno(), min(_BLOCK, stop - start), start)
        if not block:
            raise Meanwhile
        new.write(block)
        start += len(block)


def _refusal(index: Index, write: Write, place: int | None) -> Written | None:
    """The answer to a write that cannot be done; None where it can."""
    # A row that cannot be read may be the one to be made; then both are told as having one key, and none is touched.
    if (
        place is None
        and (problem := index.problem(write.href))
        and (write.verb is not Verb.CREATE or index.is_twin(write.href))
    ):
        return Written(write.key, Outcome.REFUSED, reason=problem)
    if write.href.startswith(LINE):
        return Written(write.key, Outcome.MISSING, reason="there is no such row")
    if write.verb is Verb.CREATE and place is not None:
        return Written(write.key, Outcome.PRECONDITION, reason="a row with this key is there already")
    if write.verb is not Verb.CREATE and (place is None or index.outside(place)):
        return Written(write.key, Outcome.MISSING, reason="there is no such row")
    if write.verb is not Verb.CREATE and place is not None and write.if_match not in (None, index.etag(place)):
        return Written(write.key, Outcome.PRECONDITION, reason="the row was changed since it was read")
    return None


def _overtaken(write: Write) -> Written:
    why = "the file was changed by another program meanwhile, again and again"
    return Written(write.key, Outcome.UNCERTAIN if write.verb is Verb.CREATE else Outcome.PRECONDITION, reason=why)


def _chunks(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """Chunks in which no href stands twice, so that two writes to one row happen in their order."""
    chunk: dict[str, Write] = {}
    for write in writes:
        if write.href in chunk:
            yield list(chunk.values())
            chunk = {}
        chunk[write.href] = write
    if chunk:
        yield list(chunk.values())
