"""Writing a file of rows: as a whole, so that it is never there in part, and never over someone else's edit.

The new file is written beside the old one and takes its place by a rename, under a lock against other runs, if the old one still is what was read;
where another program has saved it meanwhile, all of it is looked at afresh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trueup.connectors.folder.replacing import FileWriter
from trueup.connectors.tables.formats import Edits, Table
from trueup.connectors.tables.index import LINE, Index
from trueup.connectors.tables.reading import opened
from trueup.connectors.tables.rows import Row, Unfit, digest, from_body, to_body
from trueup.core.rowkeys import href_of, shown_key
from trueup.model.ports import Outcome, Verb, Write, Written

if TYPE_CHECKING:
    from trueup.connectors.tables.collection import TableCollection


@dataclass(slots=True)
class _Plan:
    """Edits of a file, the answers to writes that are none, and the etags of what will be there by the write's key."""

    edits: Edits
    answers: list[Written] = field(default_factory=list)
    etags: dict[int, str | None] = field(default_factory=dict)


class Writer(FileWriter):
    """Carries out writes in one file."""

    def __init__(self, collection: TableCollection) -> None:
        super().__init__(collection.path)
        self._collection = collection

    def _answers(self, writes: Sequence[Write]) -> list[Written]:
        try:
            return super()._answers(writes)
        except Unfit as error:
            return [Written(one.key, Outcome.REFUSED, reason=str(error)) for one in writes]

    def attempt(self, writes: Sequence[Write]) -> tuple[list[Written], dict[int, str | None]]:
        """See `FileWriter.attempt`; also raises Unfit, where rows make no such file."""
        collection = self._collection
        with opened(collection.path) as file:
            reading = collection.reading(file)
            file.seek(0)
            table = collection.form.open(file, collection.path, collection.what)
            plan = self._plan(reading.index, table, writes)
            if plan.etags:
                self.replace(file, reading.signature, lambda new: table.rewrite(new, plan.edits))
            return plan.answers, plan.etags

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
