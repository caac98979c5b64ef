"""Taking collections: every item in full, as the store gives it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from trueup.jobs.backup.sources.collections.cache import Cache
from trueup.jobs.backup.sources.collections.choice import Chosen, naming
from trueup.jobs.backup.sources.collections.index import Item, Kinds, Names, component_of, kind_of
from trueup.model.errors import Permanent, StoreError, Transient
from trueup.model.items import Body, Entry, digest
from trueup.model.ports import Collection
from trueup.model.repository import Watch

PAGE = 500
NAMED = 10


@dataclass(slots=True)
class Taken:
    """What was taken of one collection."""

    store: str
    name: str
    title: str
    folder: str
    capabilities: dict[str, object]
    items: int = 0
    bytes: int = 0
    fetched: int = 0
    odd: list[str] = field(default_factory=list)
    gone: int = 0


class Capture:
    """Reads collections into a folder.

    Args:
        data: the folder, which is there.
        out: where the list of items is written to.
        cache: what the last capture fetched.
        kinds: what items mean.
        watch: who looks after the work.
    """

    def __init__(self, data: Path, out: IO[str], cache: Cache, kinds: Kinds, watch: Watch) -> None:
        self._data = data
        self._out = out
        self._cache = cache
        self._kinds = kinds
        self._watch = watch
        self._stores: dict[str, tuple[str, Names]] = {}
        self._store_names = Names()

    def take(self, one: Chosen) -> Taken:
        """Reads one collection.

        Raises:
            StoreError: it cannot be read in full; names it.
        """
        self._watch.ok()
        try:
            collection = one.open()
            entries = self._listing(one, collection)
            taken = self._begin(one, collection)
            names = Names()
            stems = {href: names.get(_last(href), href) for href in sorted(entries)}
            for known, body in self._bodies(one, collection, entries, taken):
                self._keep(one, taken, stems[body.href], known, body)
            return taken
        except StoreError as error:
            raise naming(one.what, error) from error

    def _begin(self, one: Chosen, collection: Collection) -> Taken:
        store = one.store.name
        if store not in self._stores:
            self._stores[store] = (self._store_names.get(store, store), Names())
        folder, names = self._stores[store]
        name = one.info.name
        path = f"{folder}/{names.get(name.strip('/').rpartition('/')[2], name)}"
        (self._data / path).mkdir(parents=True)
        can = collection.capabilities
        said: dict[str, object] = {
            "writable": can.writable,
            "schedules": can.schedules,
            "components": sorted(can.components) if can.components is not None else None,
            "max_size": can.max_size,
        }
        return Taken(store, one.info.name, one.info.title, path, said)

    # -- the listing ----------------------------------------------------------------------------------------------

    def _listing(self, one: Chosen, collection: Collection) -> dict[str, Entry]:
        """Every item. What was there at the last capture and is not named now is asked for by name: a listing that was cut off, or lags
        behind, must not become a backup with holes."""
        for _ in range(2):
            entries = self._listed(collection)
            left_out = [href for href in self._cache.items(one.store.name, one.info.name) if href not in entries]
            answers = collection.fetch(left_out) if left_out else ()
            there = [body.href for body in answers if body.data is not None or body.error]
            if not there:
                return entries
        raise Transient(
            "the listing is not complete",
            why=f"{len(there)} items are there that it does not name",
            hint="try again later; if it stays so, the server cuts its listings: raise its limit of results",
        )

    def _listed(self, collection: Collection) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        changes = collection.changes(None)
        for one in changes:
            if isinstance(one, Entry):
                entries[one.href] = one
                if not len(entries) % PAGE:
                    self._watch.moved()
                    self._watch.ok()
        if not changes.full:
            raise Permanent("the store lists only what changed", why="everything was asked for")
        self._watch.moved()
        return entries

    # -- bodies ---------------------------------------------------------------------------------------------------

    def _bodies(
        self, one: Chosen, collection: Collection, entries: dict[str, Entry], taken: Taken
    ) -> Iterator[tuple[Item | None, Body]]:
        """Each item's body, from the cache where its etag is still the same (then with what is known of it)."""
        known = self._cache.items(one.store.name, one.info.name)
        page: list[str] = []
        for href, entry in sorted(entries.items()):
            item = known.get(href)
            if item is not None and entry.etag is not None and item.etag == entry.etag:
                data = self._cache.body(item.sum)
                if data is not None:
                    yield item, Body(href, entry.etag, data)
                    continue
            page.append(href)
            if len(page) == PAGE:
                yield from self._fetched(collection, page, taken)
                page = []
        yield from self._fetched(collection, page, taken)

    def _fetched(
        self, collection: Collection, hrefs: Sequence[str], taken: Taken
    ) -> Iterator[tuple[Item | None, Body]]:
        self._watch.ok()
        missing: list[str] = []
        answered = set()
        for body in collection.fetch(hrefs) if hrefs else ():
            answered.add(body.href)
            if body.data is None:
                missing.append(body.href)
            else:
                taken.fetched += 1
                self._watch.moved(len(body.data))
                yield None, body
        missing += [href for href in hrefs if href not in answered]
        if missing:
            yield from self._again(collection, missing, taken)

    def _again(self, collection: Collection, hrefs: Sequence[str], taken: Taken) -> Iterator[tuple[Item | None, Body]]:
        """A second look at what was listed and did not come: gone meanwhile, or a failure."""
        refused: list[Body] = []
        answers = {body.href: body for body in collection.fetch(hrefs)}
        for href in hrefs:
            body = answers.get(href, Body(href, error="the store gave no answer"))
            if body.data is not None:
                taken.fetched += 1
                yield None, body
            elif body.error:
                refused.append(body)
            else:
                taken.gone += 1
        if refused:
            raise Permanent(
                f"{len(refused):,} items cannot be read",
                why="; ".join(_refusals(refused)),
                hint="mend or remove them, or leave the collection out",
            )

    # -- keeping --------------------------------------------------------------------------------------------------

    def _keep(self, one: Chosen, taken: Taken, stem: str, known: Item | None, body: Body) -> None:
        assert body.data is not None
        data = body.data
        kind = kind_of(data)
        file = f"{taken.folder}/{stem}{'.vcf' if kind == 'contacts' else '.ics'}"
        (self._data / file).write_bytes(data)
        item = self._item(one, known, body, data, kind, file)
        if known is None:
            self._cache.keep(item.sum, data)
        self._out.write(item.line())
        taken.items += 1
        taken.bytes += len(data)
        if item.why:
            taken.odd.append(f"{item.shown}: {item.why}")

    def _item(self, one: Chosen, known: Item | None, body: Body, data: bytes, kind: str, file: str) -> Item:
        from dataclasses import replace

        if known is not None and not known.why:
            return replace(known, file=file, collection_title=one.info.title)
        return Item(
            store=one.store.name,
            collection=one.info.name,
            collection_title=one.info.title,
            href=body.href,
            etag=body.etag,
            kind=kind,
            component=component_of(data),
            sum=digest(data),
            size=len(data),
            file=file,
            **self._kinds.understood(kind, data),  # type: ignore[arg-type]
        )


def _last(href: str) -> str:
    """The last segment of an href, without what only says that it is an item."""
    return (href.rpartition("/")[2] or href).removesuffix(".ics").removesuffix(".vcf")


def _refusals(bodies: Sequence[Body]) -> Iterable[str]:
    for body in bodies[:NAMED]:
        yield f"{body.href.rpartition('/')[2] or body.href}: {body.error}"
    if len(bodies) > NAMED:
        yield f"and {len(bodies) - NAMED:,} more"
