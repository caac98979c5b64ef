"""Taking a folder: nothing is copied, the repository reads it where it is. What is made is the list of all that should be in the snapshot."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from trueup.jobs.backup.sources.path.entropy import Sample
from trueup.jobs.backup.sources.path.places import Place
from trueup.jobs.backup.sources.path.records import (
    FILES,
    Prior,
    Record,
    encode,
    record_of,
    renewed,
    set_identity,
    unchanged,
)
from trueup.jobs.backup.sources.path.sums import Reading, Sums, open_file
from trueup.jobs.backup.sources.path.walk import Seen
from trueup.jobs.backup.sources.path.words import Named, open_root
from trueup.model.repository import Watch

SETTLED, ATTEMPT = "files.jsonl", "attempt.jsonl"
"""In the cache: the list of the last capture that was stored, and of the last one at all. What the latter calls changed is still so."""

BATCH_FILES, BATCH_BYTES, BATCH_RECORDS = 16, 4 << 20, 256
BATCHES = 4
LOOK_EVERY = 256


@dataclass(slots=True)
class Counts:
    """What a walk came to."""

    types: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    changed: int = 0
    first: bool = True  # nothing to compare with
    unread: Named = field(default_factory=Named)
    vanished: Named = field(default_factory=Named)
    volatile: Named = field(default_factory=Named)
    mounts: Named = field(default_factory=Named)
    odd: Named = field(default_factory=Named)
    fault: OSError | None = None


@dataclass(slots=True)
class _Item:
    """One entry under way: its record, its line where it is known already, and what is still to be read of it."""

    record: Record
    line: str = ""
    old: Record | None = None
    reading: Reading | None = None


@dataclass(slots=True)
class _Batch:
    items: list[_Item] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    bytes: int = 0
    future: Future[None] | None = None

    @property
    def full(self) -> bool:
        return len(self.readings) >= BATCH_FILES or self.bytes >= BATCH_BYTES or len(self.items) >= BATCH_RECORDS


class Capture:
    """One walk that writes the list.

    Args:
        place: what is walked.
        cache: the source's folder between runs.
        out: where the list is written to.
        watch: who looks after the work.
    """

    def __init__(self, place: Place, cache: Path, out: Path, watch: Watch) -> None:
        self._place = place
        self._out = out
        self._watch = watch
        self.counts = Counts()
        self.sample = Sample()
        attempt = cache / ATTEMPT
        self._from_attempt = attempt.exists()
        self.prior = Prior(attempt if self._from_attempt else cache / SETTLED)
        self.counts.first = not (cache / SETTLED).exists()
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
                    item = self._item(seen)
                    if item is not None:
                        self._add(item, out)
                self._flush(out)
        finally:
            self._abandon()
            self.prior.close()
        return self.counts

    # -- one entry ------------------------------------------------------------------------------------------------

    def _item(self, seen: Seen) -> _Item | None:
        found = self.prior.take(seen.path)
        about = seen.stat
        if about is None or seen.error is not None:
            self._unread(seen, seen.error)
            return None if about is None else _Item({**record_of(seen, about, time.time_ns()), "unread": True})
        old = found[0] if found else None
        if found and old and unchanged(old, about) and _vouched(old, seen.mount):
            if old.get("changed") and not self._from_attempt:
                del old["changed"]
                return _Item(old)
            return _Item(old, found[1])
        record = record_of(seen, about, time.time_ns())
        if seen.mount:
            self.counts.mounts.add(seen.path)
            return _Item(record) if record["type"] == "dir" else None
        if record["type"] != "file":
            return _Item(record)
        return self._file(seen, about, record, old)

    def _file(self, seen: Seen, about: os.stat_result, record: Record, old: Record | None) -> _Item | None:
        try:
            reading = open_file(seen.folder, seen.name, about)
        except FileNotFoundError:
            self.counts.vanished.add(seen.path)
            return None
        except OSError as error:
            self._unread(seen, error)
            return _Item({**record, "unread": True})
        if reading is None:
            record["volatile"] = True
        elif self.counts.unread and not self._place.warn:
            os.close(reading.fd)  # it has failed already: the rest is only looked at, to name all that cannot be read
            return None
        return _Item(record, "", old, reading)

    def _unread(self, seen: Seen, error: OSError | None) -> None:
        self.counts.unread.add(seen.path)
        self.counts.fault = self.counts.fault or error

    # -- the queue ------------------------------------------------------------------------------------------------

    def _add(self, item: _Item, out: IO[str]) -> None:
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
                self._judge(item, item.reading)
            self._count(item.record)
            out.write((item.line or encode(item.record)) + "\n")

    def _abandon(self) -> None:
        self._sums.close()
        for one in self._batch.readings:
            os.close(one.fd)

    # -- what came of it ------------------------------------------------------------------------------------------

    def _judge(self, item: _Item, reading: Reading) -> None:
        record = item.record
        if reading.error is not None:
            self.counts.unread.add(record["path"])
            self.counts.fault = self.counts.fault or reading.error
            record["unread"] = True
            return
        if reading.attributes is not None:
            renewed(record, reading.stat, reading.attributes)
        set_identity(record, reading.stat, reading.at)
        if reading.sum:
            record["sum"] = reading.sum
        else:
            record["volatile"] = True
        old = item.old
        if old is None or old.get("sum") != record.get("sum") or (old.get("changed") and self._from_attempt):
            record["changed"] = True

    def _count(self, record: Record) -> None:
        counts, kind = self.counts, record["type"]
        if record.get("unread"):
            return
        counts.types[kind] += 1
        if kind == "file":
            counts.bytes += record["size"]
            if record.get("changed"):
                counts.changed += 1
                if record["size"] and "sum" in record:
                    self.sample.offer(record["path"])
            if record.get("volatile"):
                counts.volatile.add(record["path"])
        elif kind in ("fifo", "socket", "device"):
            counts.odd.add(record["path"])


def _vouched(old: Record, mount: bool) -> bool:
    """Whether what was recorded can be taken over: it was whole, and old enough then for its times to tell."""
    if old.get("racy") or old.get("volatile") or old.get("unread") or bool(old.get("mount")) != mount or mount:
        return False
    return old["type"] != "file" or "sum" in old


def entropy_of(sample: Sample, place: Place) -> float | None:
    """See `Sample.entropy`."""
    folder = place.path if place.is_dir else place.path.parent
    fd = open_root(folder, "the folder cannot be read")
    try:
        return sample.entropy(fd)
    finally:
        os.close(fd)
