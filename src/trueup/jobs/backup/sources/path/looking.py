"""What a walk that writes the list does with an entry, whoever reads the files."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from trueup.jobs.backup.sources.path.entropy import Sample
from trueup.jobs.backup.sources.path.places import Place
from trueup.jobs.backup.sources.path.records import (
    Prior,
    Record,
    chained,
    chained_of,
    encode,
    record_of,
    renewed,
    set_identity,
    type_of,
    unchanged,
)
from trueup.jobs.backup.sources.path.sums import Reading, open_file
from trueup.jobs.backup.sources.path.walk import Seen
from trueup.jobs.backup.sources.path.words import Named, open_root
from trueup.model.repository import Watch

SETTLED, ATTEMPT = "files.jsonl", "attempt.jsonl"
"""In the cache: the list of the last capture that was stored, and of the last one at all. What the latter calls changed is still so."""


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
class Item:
    """One entry under way.

    Attributes:
        record: what is known of it; only path, type and size where the line says the rest.
        line: how it stands in the list, where it is as it was.
        old: what was known before.
        about: its stat, where `record` does not hold that.
        wanted: its content has to be read.
        reading: what came of that.
    """

    record: Record
    line: str = ""
    old: Record | None = None
    about: os.stat_result | None = None
    wanted: bool = False
    reading: Reading | None = None


class Looking:
    """A walk.

    Attributes:
        state: what all entries of the list were like; see `records.chained`.
        counts: what it came to.
        sample: of the files that are new or changed.
        prior: the list before.
        had_some: there was something in that.

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
        self.state = 0
        self.counts = Counts()
        self.sample = Sample()
        attempt = cache / ATTEMPT
        self._from_attempt = attempt.exists()
        self.prior = Prior(attempt if self._from_attempt else cache / SETTLED)
        self.had_some = not self.prior.ended
        self.counts.first = not (cache / SETTLED).exists()

    def item(self, seen: Seen) -> Item | None:
        """What is known of an entry; None: it is not part of the list (it cannot even be looked at, or is gone)."""
        about = seen.stat
        if about is not None and seen.error is None and not seen.mount and (line := self.prior.same(seen, about)):
            return Item({"path": seen.path, "type": type_of(about), "size": about.st_size}, line, about=about)
        found = self.prior.take(seen.path)
        if about is None or seen.error is not None:
            self.unread(seen, seen.error)
            return None if about is None else Item({**record_of(seen, about, time.time_ns()), "unread": True})
        old = found[0] if found else None
        if found and old and unchanged(old, about) and _vouched(old, seen.mount):
            if old.get("changed") and not self._from_attempt:
                del old["changed"]
                return Item(old)
            return Item(old, found[1])
        record = record_of(seen, about, time.time_ns())
        if seen.mount:
            self.counts.mounts.add(seen.path)
            return Item(record) if record["type"] == "dir" else None
        if record["type"] != "file":
            return Item(record)
        return self.wanted(seen, about, record, old)

    def wanted(self, seen: Seen, about: os.stat_result, record: Record, old: Record | None) -> Item | None:
        """A file that has to be read."""
        return Item(record, "", old, wanted=True)

    def opened(self, seen: Seen, about: os.stat_result, record: Record) -> Reading | Item | None:
        """The file, ready to be read; or what is known of it already; None: nothing is left of it."""
        try:
            reading = open_file(seen.folder, seen.name, about)
        except FileNotFoundError:
            self.counts.vanished.add(seen.path)
            return None
        except OSError as error:
            self.unread(seen, error)
            return Item({**record, "unread": True})
        if reading is None:
            return Item({**record, "volatile": True})
        if self.failed:
            os.close(reading.fd)
            return None
        return reading

    @property
    def failed(self) -> bool:
        """It has failed already: the rest is only looked at, to name all that cannot be read."""
        return bool(self.counts.unread) and not self._place.warn

    def unread(self, seen: Seen, error: OSError | None) -> None:
        """It, or what is in it, cannot be read."""
        self.counts.unread.add(seen.path)
        self.counts.fault = self.counts.fault or error

    def judge(self, item: Item, reading: Reading) -> None:
        """Puts what was read of a file into its record."""
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

    def add(self, item: Item, out: IO[str]) -> None:
        """Puts an entry into the list, and counts it."""
        record = item.record
        if item.about is not None:
            self.state = chained_of(self.state, record["path"], item.about)
        else:
            self.state = chained(self.state, record)
        self._count(record)
        out.write((item.line or encode(record)) + "\n")

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
