"""Checking an archive: whether everything is there, and is what was written."""

from __future__ import annotations

import math
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from blake3 import blake3

from trueup.connectors.archive.heads import FOLDER, Head, Object, id_of, stored_at
from trueup.connectors.archive.objects import Codec, Damaged, sum_of
from trueup.connectors.archive.places import Found, Gone, Place, shown
from trueup.connectors.archive.restoring import parts_of
from trueup.connectors.archive.trees import Tree
from trueup.model.repository import Checked, Watch

_NAMED = 5
"""Files that a sentence about a damaged pack names."""


@dataclass(slots=True)
class Checking:
    """One check.

    Attributes:
        place, codec: of the archive.
        heads: what its heads are; `Damaged` for one that is not what was written.
        share: of the packs to be read, 0 to 1.
        watch: who looks after the work.
        bad: packs that are damaged or missing, and why.
    """

    place: Place
    codec: Codec
    heads: Mapping[str, Head | Damaged]
    share: float
    watch: Watch
    bad: dict[str, str] = field(default_factory=dict)
    _damage: list[str] = field(default_factory=list)
    _hit: set[str] = field(default_factory=set)
    _read: int = 0

    def run(self) -> Checked:
        """Looks at everything, and reads what is to be read."""
        good = self._good_heads()
        there = {
            name: one for folder in ("packs", "trees") for name, one in self.place.listing(folder, self.watch).items()
        }
        trees = self._look([head.tree for head in good], there)
        packs = self._look([pack for head in good for pack in head.packs], there)
        readable = self.codec.identity is not None or not self.codec.recipients
        if self.share >= 1 and readable:
            self._everything(good, packs)
        elif self.share > 0:
            some = min(len(packs), math.ceil(len(packs) * self.share))
            for one in (*trees, *random.sample(packs, some)):  # other packs each time
                self._try(one, self._sum)
        if self.bad:
            self._tell(self._still(good), readable)
        unchecked = (
            ""
            if readable
            else "this machine does not hold the key: sums of encrypted objects were compared, names and contents not looked at"
        )
        return Checked(tuple(self._damage), tuple(sorted(self._hit)), self._read, unchecked)

    def _everything(self, heads: list[Head], packs: list[Object]) -> None:
        """Reads every tree and pack, and finds every part of every file in its pack."""
        with closing(sqlite3.connect("", isolation_level=None)) as db:  # a file that sqlite removes by itself
            db.executescript(
                "PRAGMA journal_mode=OFF; CREATE TABLE wanted (pack TEXT, sum BLOB, PRIMARY KEY (pack, sum)) WITHOUT ROWID; BEGIN"
            )
            for head in heads:
                if head.tree.name not in self.bad:
                    self._try(head.tree, lambda _, head=head: self._note(db, head))  # type: ignore[misc]
            for pack in packs:
                self._try(pack, lambda one: self._deep(db, one))

    def _note(self, db: sqlite3.Connection, head: Head) -> None:
        """Notes what parts a snapshot wants of which pack."""
        for node in Tree(self.place, self.codec, head, self.watch).nodes():
            for part, number in zip(node.parts, node.packs, strict=True):
                if not 0 <= number < len(head.packs):
                    raise Damaged("it names a pack that its head does not")
                db.execute("INSERT OR IGNORE INTO wanted VALUES (?, ?)", (head.packs[number].name, bytes.fromhex(part)))

    def _good_heads(self) -> list[Head]:
        good = []
        for name, head in self.heads.items():
            if isinstance(head, Head):
                good.append(head)
            else:
                self._hit.add(id_of(name))
                self._damage.append(f"the snapshot stored on {_day(stored_at(id_of(name)))} is lost: {head} ({name})")
        return good

    def _look(self, objects: list[Object], there: Mapping[str, Found]) -> list[Object]:
        """Which of them are there as they should be; each once."""
        found = []
        for one in {one.name: one for one in objects}.values():
            if one.name not in there:
                self.bad[one.name] = "it is missing"
            elif there[one.name].size != one.size:
                self.bad[one.name] = f"it has {there[one.name].size} bytes and not {one.size}"
            else:
                found.append(one)
        return found

    def _try(self, one: Object, look: Callable[[Object], None]) -> None:
        try:
            look(one)
        except (Damaged, Gone) as error:
            self.bad[one.name] = "it is missing" if isinstance(error, Gone) else str(error)
        else:
            self._read += one.size

    def _sum(self, one: Object) -> None:
        """The bytes as they lie there."""
        sum_ = blake3()
        for piece in self.place.pieces(one.name, self.watch):
            sum_.update(piece)
        if sum_.hexdigest() != sum_of(one.name):
            raise Damaged("its bytes are not those that were written")

    def _deep(self, db: sqlite3.Connection, one: Object) -> None:
        """What is in it, too."""
        for name, data in parts_of(self.place, self.codec, one, self.watch):
            if blake3(data).digest() != name:
                raise Damaged("a part in it is not what was written")
            db.execute("DELETE FROM wanted WHERE pack = ? AND sum = ?", (one.name, name))
        if db.execute("SELECT 1 FROM wanted WHERE pack = ?", (one.name,)).fetchone():
            raise Damaged("parts of files are missing in it")

    def _still(self, heads: list[Head]) -> list[Head]:
        """Snapshots that nobody has removed meanwhile, with their objects."""
        now = self.place.listing(FOLDER, self.watch)
        return [head for head in heads if f"{FOLDER}/{head.snapshot.id}.json" in now]

    def _tell(self, heads: list[Head], readable: bool) -> None:
        for head in heads:
            wrong = [one for one in head.objects if one.name in self.bad]
            if not wrong:
                continue
            self._hit.add(head.snapshot.id)
            title = f"{head.snapshot.source or 'a source'} of {_day(head.snapshot.time)}"
            if head.tree in wrong:
                self._damage.append(
                    f"{title} cannot be restored: its list of files is damaged: {self.bad[head.tree.name]} ({head.tree.name})"
                )
                continue
            files = (
                self._files(head, {number for number, pack in enumerate(head.packs) if pack in wrong})
                if readable
                else iter(())
            )
            named = [path for _, path in zip(range(_NAMED + 1), files, strict=False)]
            which = ", ".join(named[:_NAMED]) + (" and more" if len(named) > _NAMED else "")
            reasons = "; ".join(f"{one.name}: {self.bad[one.name]}" for one in wrong[:_NAMED])
            self._damage.append(f"{title} cannot be restored in full: {which or 'some of its files'} ({reasons})")

    def _files(self, head: Head, packs: set[int]) -> Iterator[str]:
        for node in Tree(self.place, self.codec, head, self.watch).nodes():
            if not packs.isdisjoint(node.packs):
                yield shown(node.path)


def _day(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(when))
