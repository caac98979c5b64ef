"""Packs of an archive, as they are filled: each part once, in objects of a handy size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from trueup.connectors.archive import tar
from trueup.connectors.archive.heads import Object
from trueup.connectors.archive.index import Index
from trueup.connectors.archive.objects import Codec, Sealer
from trueup.connectors.archive.places import Place
from trueup.connectors.archive.processes import spool_name
from trueup.model.repository import Watch

MEMBERS = 20_000
_ASKED = 0.1
_AT_ONCE = 2  # packs that are being finished while the next is filled


def sealed(
    place: Place, codec: Codec, folder: str, watch: Watch, done: Callable[[Object], None], threads: int = 0
) -> Sealer:
    """An object that is put into the archive under its sum when it is finished; `done` is told of it in its thread."""
    spooled = place.spool() / spool_name()

    def put(sum_: str, size: int) -> None:
        name = f"{folder}/{sum_[:2]}/{sum_}{codec.suffix}"
        place.put(spooled, name, watch)
        done(Object(name, size))

    return Sealer(codec, spooled, put, watch, threads)


def joined(sealer: Sealer, watch: Watch) -> None:
    """Waits for an object to be in the archive. Raises what went wrong."""
    while not sealer.ended(_ASKED):
        watch.ok()
    sealer.join()


@dataclass(slots=True)
class _Open:
    number: int
    sealer: Sealer
    parts: list[bytes] = field(default_factory=list)
    size: int = 0


class Packs:
    """The packs of a snapshot that is being stored: those that are there and those that are new, by number.

    Attributes:
        new: those that were made, in any order.
    """

    def __init__(self, place: Place, codec: Codec, index: Index, pack_size: int, watch: Watch) -> None:
        self._place = place
        self._codec = codec
        self._index = index
        self._pack_size = pack_size
        self._watch = watch
        self._objects: list[Object | None] = []
        self._numbers: dict[int, int] = {}  # the index's number of a pack: ours
        self._pending: dict[bytes, int] = {}  # parts in packs that the index has not learnt yet
        self._open: _Open | None = None
        self._finishing: list[_Open] = []
        self.new: list[Object] = []

    def find(self, part: bytes) -> int | None:
        """The number of the pack that has a part; None: no pack has."""
        number = self._pending.get(part)
        if number is None and (id_ := self._index.pack_of(part)) is not None:
            number = self.number(id_)
        return number

    def number(self, id_: int) -> int | None:
        """The number of a pack that the index knows by another one; None: it was struck out meanwhile."""
        number = self._numbers.get(id_)
        if number is None and (pack := self._index.pack(id_)) is not None:
            number = self._numbers[id_] = len(self._objects)
            self._objects.append(pack)
        return number

    def keep(self, part: bytes, data: bytes) -> int:
        """The number of the pack that has a part, which is stored where none has it."""
        number = self.find(part)
        return self.add(part, data) if number is None else number

    def add(self, part: bytes, data: bytes) -> int:
        """Stores a part that is nowhere yet; returns its pack's number."""
        if self._open is None:
            self._open = self._begun()
        one = self._open
        one.sealer.write(tar.member(part.hex(), len(data)))
        one.sealer.write(data)
        one.sealer.write(tar.padding(len(data)))
        one.parts.append(part)
        one.size += len(data)
        self._pending[part] = one.number
        if one.size >= self._pack_size or len(one.parts) >= MEMBERS:
            self._finish()
        return one.number

    def _begun(self) -> _Open:
        number = len(self._objects)
        self._objects.append(None)

        def done(pack: Object) -> None:
            self._objects[number] = pack

        return _Open(number, sealed(self._place, self._codec, "packs", self._watch, done, threads=1))

    def _finish(self) -> None:
        if self._open is None:
            return
        self._open.sealer.write(tar.END)
        self._open.sealer.end()
        self._finishing.append(self._open)
        self._open = None
        while self._finishing and (len(self._finishing) >= _AT_ONCE or self._finishing[0].sealer.ended()):
            self._learn()

    def _learn(self) -> None:
        """The oldest pack is in the archive: from now on the index knows it, and a backup that is killed is not in vain."""
        one = self._finishing[0]
        joined(one.sealer, self._watch)
        pack = self._objects[one.number]
        assert pack is not None
        id_ = self._index.learn(pack, one.parts)
        self.new.append(pack)
        self._finishing.pop(0)
        for part in one.parts:
            self._pending.pop(part, None)
        if id_ is not None:
            self._numbers[id_] = one.number

    def finish(self) -> tuple[Object, ...]:
        """Waits until all are in the archive; returns them by number."""
        self._finish()
        while self._finishing:
            self._learn()
        packs = tuple(one for one in self._objects if one is not None)
        assert len(packs) == len(self._objects)
        return packs

    def abort(self) -> None:
        """Gives up what is not finished."""
        for one in (*self._finishing, *([self._open] if self._open else [])):
            one.sealer.abort()
