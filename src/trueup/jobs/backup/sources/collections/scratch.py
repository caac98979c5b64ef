"""A scratch collection in a store: items go in, come back, and are compared; then they are deleted.

A store cannot delete a collection through the port, so there is one of a fixed name, which is empty between drills.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from trueup.jobs.backup.sources.collections.index import Item, Kinds
from trueup.model.errors import CannotDrill, ItemRefused
from trueup.model.items import Entry
from trueup.model.ports import Collection, Kind, Outcome, Store, Verb, Write
from trueup.model.repository import Watch

NAME = "trueup-drill"
PAGE = 200
MARK = "trueup-drill-"
"""Every UID begins with it: a server that wants a UID once in an account takes the item though it has the original."""


class ScratchCollection:
    """The collection, while a drill uses it.

    Args:
        store: where it is made.
        kinds: what items mean.
        watch: who looks after the work.
    """

    def __init__(self, store: Store, kinds: Kinds, watch: Watch) -> None:
        self._store = store
        self._kinds = kinds
        self._watch = watch
        self._mark = f"{MARK}{os.urandom(6).hex()}-"
        self.written = self.refused = 0
        self._collection: Collection | None = None

    def __enter__(self) -> Self:
        self._collection = self._store.create(NAME)
        if not self._collection.capabilities.writable:
            raise CannotDrill(f"{self._store.name}/{NAME} cannot be written", hint="name another `drill_store`")
        self._sweep(self._collection)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._collection is not None and error is None:
            self._sweep(self._collection)

    def compare(self, items: Sequence[Item], read: Callable[[Item], bytes]) -> Iterator[str]:
        """Writes the items, reads them back, and says what is not as it was.

        Raises:
            StoreError: the store does not go along.
        """
        assert self._collection is not None
        for start in range(0, len(items), PAGE):
            self._watch.ok()
            yield from self._page(self._collection, items[start : start + PAGE], start, read)

    def _page(
        self, collection: Collection, items: Sequence[Item], start: int, read: Callable[[Item], bytes]
    ) -> Iterator[str]:
        sent: dict[str, tuple[Item, Kind, bytes]] = {}
        writes: list[Write] = []
        for number, item in enumerate(items):
            kind = self._kinds.get(item.kind)
            assert kind is not None
            try:
                uid = f"{self._mark}{start + number}"
                body = kind.storable(kind.with_uid(read(item), uid), collection.capabilities, invite=False)
            except ItemRefused:  # the store takes no such component, or not of that size
                self.refused += 1
                continue
            href = collection.new_href(uid)
            sent[href] = item, kind, body
            writes.append(Write(number, Verb.CREATE, href, body, quiet=True))
        answers = {one.key: one for one in collection.write(writes)} if writes else {}
        self._watch.moved()
        for write in writes:
            answer = answers.get(write.key)
            if answer is None or answer.outcome not in (Outcome.DONE, Outcome.UNCERTAIN):
                item = sent.pop(write.href)[0]
                yield f"{item.place}: {item.shown} is not taken by {self._store.name}: {answer.reason if answer else ''}"
        held = {body.href: body for body in collection.fetch(list(sent))} if sent else {}
        for href, (item, kind, body) in sent.items():
            self.written += 1
            back = held.get(href)
            if back is None or back.data is None:
                yield f"{item.place}: {item.shown} does not come back from {self._store.name}"
            elif lost := changed_fields(kind, body, back.data):
                yield f"{item.place}: {item.shown} comes back from {self._store.name} with other {', '.join(lost)}"
        self._delete(collection, list(sent))

    def _sweep(self, collection: Collection) -> None:
        """Deletes what is in it: a drill that was killed may have left something. What no drill wrote is somebody's, and stays."""
        hrefs = [one.href for one in collection.changes(None) if isinstance(one, Entry)]
        if not hrefs:
            return
        ours = []
        for body in collection.fetch(hrefs):
            if body.data is not None and MARK.encode() in body.data:
                ours.append(body.href)
        self._delete(collection, ours)

    def _delete(self, collection: Collection, hrefs: Sequence[str]) -> None:
        writes = [Write(number, Verb.DELETE, href, quiet=True) for number, href in enumerate(hrefs)]
        for _ in collection.write(writes) if writes else ():
            pass
        self._watch.moved()


def changed_fields(kind: Kind, sent: bytes, back: bytes) -> list[str]:
    """The fields that are not the same in two bodies, for people; the whole item where one cannot be understood."""
    try:
        ones, others = kind.fields(sent), kind.fields(back)
    except ItemRefused as error:
        return [f"everything ({error.why or error.what})"]
    return [
        kind.label(key)
        for key in sorted(ones.keys() | others.keys())
        if key not in ones or key not in others or ones[key].normal != others[key].normal
    ]
