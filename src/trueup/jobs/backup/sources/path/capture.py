"""Taking a folder: nothing is copied, the repository reads it where it is. What is made is the list of all that should be in the snapshot."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from trueup.jobs.backup.sources.path.looking import Counts, Item, Looking
from trueup.jobs.backup.sources.path.places import Place
from trueup.jobs.backup.sources.path.records import FILES, Record
from trueup.jobs.backup.sources.path.sums import Reading, Sums
from trueup.jobs.backup.sources.path.walk import Seen
from trueup.model.repository import Watch

BATCH_FILES, BATCH_BYTES, BATCH_RECORDS = 16, 4 << 20, 256
BATCHES = 4
LOOK_EVERY = 256


@dataclass(slots=True)
class _Batch:
    items: list[Item] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    bytes: int = 0
    future: Future[None] | None = None

    @property
    def full(self) -> bool:
        return len(self.readings) >= BATCH_FILES or self.bytes >= BATCH_BYTES or len(self.items) >= BATCH_RECORDS


class Capture(Looking):
    """One walk that writes the list and reads the files itself, in a few threads; the repository reads them again."""

    def __init__(self, place: Place, cache: Path, out: Path, watch: Watch) -> None:
        super().__init__(place, cache, out, watch)
        self._batch = _Batch()
        self._pending: deque[_Batch] = deque()
        self._sums = Sums(watch)

    def run(self) -> Counts:
        """Walks, reads what is new, writes the list."""
        try:
            with open(self._out / FILES, "w", encoding="ascii") as out, self._place.walk() as entries:
                for number, seen in enumerate(entries):
                    if not number % LOOK_EVERY:
                        self._watch.moved()
                        self._sums.tell()
                    item = self.item(seen)
                    if item is not None:
                        self._add(item, out)
                self._flush(out)
        finally:
            self._abandon()
            self.prior.close()
        return self.counts

    def wanted(self, seen: Seen, about: os.stat_result, record: Record, old: Record | None) -> Item | None:
        opened = self.opened(seen, about, record)
        return Item(record, "", old, wanted=True, reading=opened) if isinstance(opened, Reading) else opened

    def _add(self, item: Item, out: IO[str]) -> None:
        self._batch.items.append(item)
        if item.reading is not None:
            self._batch.readings.append(item.reading)
            self._batch.bytes += item.reading.stat.st_size
        if self._batch.full:
            self._close_batch()
            while len(self._pending) > BATCHES or (self._pending and self._pending[0].future is None):
                self._write(self._pending.popleft(), out)

    def _close_batch(self) -> None:
        batch, self._batch = self._batch, _Batch()
        if batch.readings:
            batch.future = self._sums.start(batch.readings)
        self._pending.append(batch)

    def _flush(self, out: IO[str]) -> None:
        self._close_batch()
        while self._pending:
            self._write(self._pending.popleft(), out)

    def _write(self, batch: _Batch, out: IO[str]) -> None:
        if batch.future is not None:
            self._sums.wait(batch.future)
        for item in batch.items:
            if item.reading is not None:
                self.judge(item, item.reading)
            self.add(item, out)

    def _abandon(self) -> None:
        self._sums.close()
        for one in self._batch.readings:
            os.close(one.fd)
