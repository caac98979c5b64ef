"""A small world for tests of the core: stores in memory, a ledger in a file, one job; users edit behind the product's back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from tests.support import driver
from tests.support.memory import MemoryCollection, MemoryStore
from tests.support.plainkind import PLAIN
from trueup.core.ledger import Ledger, open_ledger
from trueup.core.work import Work
from trueup.model.change import Change
from trueup.model.job import CollectionRef, JobSpec
from trueup.model.ports import Collection, FieldRules, Filter, Kind, Store, Transform

NAME = "c"


class Writing(Protocol):
    """How items of a kind are written, in words that are the same for all: title, note, place, when, tag (a list), modified, stamp."""

    @property
    def kind(self) -> Kind: ...

    @property
    def rules(self) -> FieldRules | None: ...

    @property
    def broken(self) -> bytes:
        """A body that cannot be read."""
        ...

    def item(self, uid: str, **values: object) -> bytes:
        """A body."""
        ...

    def changed(self, body: bytes, **values: object) -> bytes:
        """The body with these values set anew; None removes one."""
        ...

    def uid(self, body: bytes) -> str:
        """Its key, or ""."""
        ...

    def shown(self, body: bytes) -> dict[str, Any]:
        """What a person sees: single values as text, lists sorted."""
        ...

    def rewritten(self, body: bytes) -> bytes:
        """What a server makes of it that means the same; of what it made itself, nothing else."""
        ...


class World:
    """Stores a, b, c … with one collection each, and one job over them.

    Args:
        path: where the ledger lies.
        names: the stores.
        targets: those of them that a one-way job writes.
        delta: listings tell only what changed.
        writing: of which kind the items are.
        spec: more of `JobSpec`.
    """

    def __init__(
        self,
        path: Path,
        names: str = "ab",
        *,
        targets: str = "",
        delta: bool = True,
        writing: Writing = PLAIN,
        transform: Transform | None = None,
        filter: Filter | None = None,
        **spec: Any,
    ) -> None:
        self.path = path
        self.names = names
        self.writing = writing
        self.kind = writing.kind
        self.transform = transform
        self.filter = filter
        self.now = 1_000_000.0
        self.memory = {name: MemoryStore(name, NAME, delta=delta) for name in names}
        self.stores: dict[str, Store] = dict(self.memory)
        refs = {name: CollectionRef(name, NAME) for name in names}
        self.spec = JobSpec(
            "job",
            "plain",
            tuple(refs[name] for name in names if name not in targets),
            tuple(refs[name] for name in targets),
            **spec,
        )
        self.ledger: Ledger = open_ledger(str(path))

    def __getitem__(self, name: str) -> MemoryCollection:
        """What a user of that store sees."""
        return self.memory[name].open_collections[NAME]

    def wrap(self, name: str, fault: Callable[[Collection], Collection]) -> None:
        """Puts a fault around a store's collection, as the job sees it; around what is there already."""
        self.stores[name] = _Wrapped(self.stores[name], fault)

    def mend(self, name: str) -> None:
        """Takes all faults away."""
        self.stores[name] = self.memory[name]

    def reopen(self) -> None:
        """As a new process would: nothing but the file is left."""
        self.ledger.on_write = None
        self.ledger.close()
        self.ledger = open_ledger(str(self.path))

    @property
    def work(self) -> Work:
        """The job, opened anew."""
        return Work(
            spec=self.spec,
            kind=self.kind,
            ledger=self.ledger,
            store=self.stores.__getitem__,
            transform=self.transform,
            filter=self.filter,
            rules=self.writing.rules,
            clock=lambda: self.now,
        )

    # What users do.

    def put(self, name: str, uid: str, **values: object) -> None:
        """A user adds or replaces an item."""
        self[name].put(self.href(name, uid) or f"{uid}.txt", self.writing.item(uid, **values))

    def edit(self, name: str, uid: str, **values: object) -> None:
        """A user edits fields of an item; None removes one."""
        href = self.href(name, uid)
        assert href is not None, f"{uid} is not in {name}"
        self[name].put(href, self.writing.changed(self[name].items[href], **values))

    def remove(self, name: str, uid: str) -> None:
        """A user deletes an item."""
        href = self.href(name, uid)
        assert href is not None, f"{uid} is not in {name}"
        self[name].remove(href)

    def move(self, name: str, uid: str, href: str) -> None:
        """A user gives an item's file another name."""
        old = self.href(name, uid)
        assert old is not None
        body = self[name].items[old]
        self[name].remove(old)
        self[name].put(href, body)

    # What there is.

    def href(self, name: str, uid: str) -> str | None:
        """Where an item stands."""
        return next((href for href, body in self[name].items.items() if self.writing.uid(body) == uid), None)

    def get(self, name: str, uid: str) -> dict[str, Any]:
        """An item's fields: single values as text, lists as sorted lists."""
        href = self.href(name, uid)
        assert href is not None, f"{uid} is not in {name}"
        return self.writing.shown(self[name].items[href])

    def uids(self, name: str) -> list[str]:
        """The keys of all items, doubles too."""
        return sorted(self.kind.glance(body).uid for body in self[name].items.values())

    # What the product does.

    def plan(self, *, allow: Sequence[str] = ()) -> tuple[str, list[Change]]:
        """Reads and plans; the run's id and its changes."""
        run, _ = driver.plan(self.work, allow=allow)
        return run, driver.changes(self.work, run)

    def run(self, *, allow: Sequence[str] = ()) -> dict[str, Any]:
        """Runs the job to its end."""
        return driver.run(self.work, allow=allow)

    def quiet(self) -> None:
        """Asserts that there is nothing left to do."""
        _, changes = self.plan()
        assert [one for one in changes if one.action.value != "skip"] == []

    def agree(self) -> None:
        """Asserts that all sides hold the same, each item once."""
        first = self.names[0]
        for name in self.names:
            uids = self.uids(name)
            assert len(uids) == len(set(uids)), f"doubled in {name}: {uids}"
            assert uids == self.uids(first)
            for uid in uids:
                assert self.get(name, uid) == self.get(first, uid), f"{uid} differs in {name}"


class _Wrapped:
    def __init__(self, inner: Store, fault: Callable[[Collection], Collection]) -> None:
        self._inner, self._fault = inner, fault
        self._known: dict[str, Collection] = {}
        self.name = inner.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def open(self, name: str, cursor: str | None = None) -> Collection | None:
        if name not in self._known:
            found = self._inner.open(name, cursor)
            if found is None:
                return None
            self._known[name] = self._fault(found)
        return self._known[name]

    def create(self, name: str) -> Collection:
        self._inner.create(name)
        opened = self.open(name)
        assert opened is not None
        return opened
