"""A store of tables as a store of address books: rows become cards on the way in, and cards rows on the way out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Given
from dataclasses import replace
from functools import cached_property

from trueup.jobs.contacts.mapping.narrow import TableShape
from trueup.jobs.contacts.mapping.spec import Mapping
from trueup.model.capabilities import Capabilities
from trueup.model.diagnostics import Diagnostic
from trueup.model.errors import ItemRefused, Permanent
from trueup.model.items import Body, Entry
from trueup.model.ports import Changes, Collection, CollectionInfo, Outcome, Store, Verb, Write, Written

_MARK = "~"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class MappedChanges:
    """A listing of rows as one of contacts.

    Attributes:
        form: the mapping by which they are shown. Where it is another one, what was agreed with this side is agreed anew.
    """

    def __init__(self, inner: Changes, form: str) -> None:
        self._inner = inner
        self.full = inner.full
        self.form = form

    def __iter__(self) -> Iterator[Entry | str]:
        for one in self._inner:
            if isinstance(one, Entry) and one.etag is not None:
                yield Entry(one.href, f"{one.etag}{_MARK}{self.form}")
            else:
                yield one

    @property
    def token(self) -> str | None:
        """The cursor of the rows, which belongs to this mapping."""
        token = self._inner.token
        return None if token is None else f"{self.form}{_MARK}{token}"


class MappedCollection:
    """A table as an address book.

    Args:
        inner: the table; its bodies are rows in JSON.
        mapping: what its columns mean.
        what: what people call it ("crm/customers").
        key: the columns that name a row; (): the table knows.
    """

    def __init__(self, inner: Collection, mapping: Mapping, what: str, key: Sequence[str]) -> None:
        self._inner = inner
        self._mapping = mapping
        self._what = what
        self._key = tuple(key)

    @cached_property
    def shape(self) -> TableShape:
        """What the table makes of a contact.

        Raises:
            Permanent: it has not a column that the mapping names.
        """
        known = self._inner.capabilities
        mapping = self._mapping
        if known.columns:
            try:
                mapping = mapping.restricted(known.columns)
            except KeyError as error:
                raise _no_column(str(error.args[0]), known.columns, self._what) from None
        return TableShape(mapping, self._key or known.key, self._what)

    @property
    def capabilities(self) -> Capabilities:
        """Those of the table, as a side that holds a part only. Its word is not taken: a row may show less than it was given."""
        return replace(
            self._inner.capabilities, formats=frozenset({"4.0"}), narrow=self.shape, faithful=False, key=(), columns=()
        )

    def changes(self, cursor: str | None) -> MappedChanges:
        """See `Collection.changes`; by another mapping than the cursor's, everything is new."""
        form, _, token = (cursor or "").partition(_MARK)
        _ = self.shape  # a mapping that names what is not there is an error, whatever has changed
        known = token if cursor is not None and form == self._mapping.digest else None
        return MappedChanges(self._inner.changes(known), self._mapping.digest)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """See `Collection.fetch`."""
        for body in self._inner.fetch(hrefs):
            yield body if body.data is None else self._card(body)

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """See `Collection.write`: of a contact that is there, the columns that it changes are written."""
        held = (
            {one.href: one for one in self._inner.fetch([w.href for w in writes if w.verb is Verb.UPDATE])}
            if writes
            else {}
        )
        rows: list[Write] = []
        for write in writes:
            made = self._row(write, held.get(write.href))
            if isinstance(made, Written):
                yield made
            else:
                rows.append(made)
        for answer in self._inner.write(rows) if rows else ():
            yield answer if answer.etag is None else replace(answer, etag=self._marked(answer.etag))

    def new_href(self, uid: str) -> str:
        """See `Collection.new_href`; where a contact goes is asked of `shape.place`."""
        return self._inner.new_href(uid)

    # --- inside

    def _card(self, body: Body) -> Body:
        try:
            row = json.loads(body.data or b"")
            data = self.shape.card(row, body.href)
        except (ValueError, AttributeError, TypeError) as error:
            return Body(body.href, error=f"the row cannot be shown as a contact: {error}")
        return Body(body.href, None if body.etag is None else self._marked(body.etag), data)

    def _row(self, write: Write, held: Body | None) -> Write | Written:
        """A write of a contact as one of a row, or the answer where there is no row to write."""
        if_match = None if write.if_match is None else write.if_match.removesuffix(f"{_MARK}{self._mapping.digest}")
        if write.verb is Verb.DELETE or write.data is None:
            return replace(write, if_match=if_match)
        before = None
        if write.verb is Verb.UPDATE:
            if held is None or held.data is None:
                if held is not None and held.error:
                    return Written(write.key, Outcome.UNCERTAIN, reason=held.error)
                return Written(write.key, Outcome.MISSING, reason="there is no such row")
            if if_match is not None and held.etag != if_match:
                return Written(write.key, Outcome.PRECONDITION, reason="the row was changed since it was read")
            before, if_match = json.loads(held.data), held.etag
        try:
            row = self.shape.row(write.data, before)
        except ItemRefused as error:
            return Written(write.key, Outcome.REFUSED, reason=f"{error.what}: {error.why}" if error.why else error.what)
        return replace(write, data=_encode(row).encode("utf-8", "replace"), if_match=if_match)

    def _marked(self, etag: str) -> str:
        return f"{etag}{_MARK}{self._mapping.digest}"


def _no_column(name: str, columns: Sequence[str], what: str) -> Permanent:
    from difflib import get_close_matches

    alike = {one.casefold(): one for one in columns}
    near = [alike[one] for one in get_close_matches(name.casefold(), alike, 1, 0.6)]
    listed = ", ".join(columns[:30]) + (" …" if len(columns) > 30 else "")
    why = f"the table has no column “{name}”" + (f"; did you mean “{near[0]}”?" if near else "")
    return Permanent(f"the mapping of {what} does not fit", why=why, hint=f"its columns: {listed}")


class MappedStore:
    """A store of tables whose tables are address books by mappings.

    Args:
        inner: the store.
        mappings: by the name of the table.
        key: the columns that name a row of its tables, as far as the configuration says.
    """

    def __init__(self, inner: Store, mappings: Given[str, Mapping], key: Sequence[str] = ()) -> None:
        self._inner = inner
        self.name = inner.name
        self._mappings = mappings
        self._key = tuple(key)

    def collections(self) -> list[CollectionInfo]:
        """See `Store.collections`."""
        return self._inner.collections()

    def open(self, name: str, cursor: str | None = None) -> Collection | None:
        """See `Store.open`."""
        found = self._inner.open(name, cursor.partition(_MARK)[2] if cursor else None)
        return None if found is None else self._mapped(found, name)

    def create(self, name: str) -> Collection:
        """See `Store.create`."""
        return self._mapped(self._inner.create(name), name)

    def check(self) -> Iterable[Diagnostic]:
        """See `Store.check`."""
        return self._inner.check()

    def close(self) -> None:
        """See `Store.close`."""
        self._inner.close()

    def prospect(self, name: str) -> Capabilities:
        """What a table that is not there yet will be able to do."""
        if name not in self._mappings:
            return Capabilities()
        shape = TableShape(self._mappings[name], self._key, self._ref(name))
        return Capabilities(parallel=1, formats=frozenset({"4.0"}), narrow=shape)

    def _mapped(self, found: Collection, name: str) -> Collection:
        mapping = self._mappings.get(name)
        return found if mapping is None else MappedCollection(found, mapping, self._ref(name), self._key)

    def _ref(self, name: str) -> str:
        return f"{self.name}/{name}" if name else self.name
