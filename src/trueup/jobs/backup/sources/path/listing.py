"""Taking a folder with a repository that reads each file once, and tells what it read: the list is written while that goes on."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from trueup.jobs.backup.sources.path.looking import Item, Looking
from trueup.jobs.backup.sources.path.places import Place
from trueup.jobs.backup.sources.path.records import FILES, xattrs
from trueup.jobs.backup.sources.path.sums import Reading, same
from trueup.jobs.backup.sources.path.walk import Seen
from trueup.jobs.backup.sources.path.words import failure
from trueup.model.backup import Captured
from trueup.model.repository import Listed, Watch

_UNWRITTEN = "the list of files cannot be written"
_VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})


class PathListing(Looking):
    """A folder on its way into a repository; implements `model.backup.SourceListing`.

    Args:
        place, cache, watch: as of `Looking`.
        about: an empty folder, for the list and the manifest.
        finish: makes what was captured of the walk, once it is over.
    """

    def __init__(
        self, place: Place, cache: Path, about: Path, watch: Watch, finish: Callable[[PathListing], Captured]
    ) -> None:
        super().__init__(place, cache, about, watch)
        self._finish = finish
        self._seen: Seen | None = None
        self._told: Reading | None = None
        self.captured = Captured(place.path, about, 0, 0)

    def entries(self) -> Iterator[Listed]:
        """See `Listing.entries`."""
        try:
            with open(self._out / FILES, "w", encoding="ascii") as out, self._place.walk() as entries:
                for seen in entries:
                    item = self.item(seen)
                    if item is None and seen.stat is not None:
                        continue
                    self._seen, self._told = seen, None
                    unread = seen.stat is None or seen.error is not None
                    summed = item is None or not item.wanted
                    yield Listed(seen.path, seen.name, seen.folder, seen.stat, unread, summed, seen.attributes)
                    if item is not None:
                        self._write(item, out)
        except OSError as error:  # the tree's own errors are told otherwise
            raise failure(_UNWRITTEN, str(self._out), error) from error
        finally:
            self.prior.close()

    def wanted(
        self, seen: Seen, about: os.stat_result, record: dict[str, object], old: dict[str, object] | None
    ) -> Item | None:
        """A file that has to be read, by the repository; once the backup has failed, only opened."""
        if not self.failed:
            return super().wanted(seen, about, record, old)
        opened = self.opened(seen, about, record)
        assert not isinstance(opened, Reading)
        return None

    def _write(self, item: Item, out: IO[str]) -> None:
        told = self._told
        if told is None:
            assert not item.wanted, "the repository did not tell what it read"
        elif isinstance(told.error, OSError) and told.error.errno in _VANISHED:
            self.counts.vanished.add(item.record["path"])
            return
        else:
            if not item.wanted:  # it was known, and read again nevertheless
                item.old = json.loads(item.line) if item.line else dict(item.record)
                item.record, item.line, item.about = dict(item.old or {}), "", None
            self.judge(item, told)
        self.add(item, out)

    def read(self, before: os.stat_result, after: os.stat_result, sum_: str) -> None:
        """See `Listing.read`."""
        seen = self._seen
        assert seen is not None
        assert seen.stat is not None
        other = before.st_ctime_ns != seen.stat.st_ctime_ns
        attributes = xattrs(seen.folder, seen.name) if other else None
        known = sum_ if same(before, after) else ""
        self._told = Reading(-1, after, seen.stat.st_ctime_ns, attributes, time.time_ns(), known)

    def missed(self, error: OSError) -> None:
        """See `Listing.missed`."""
        assert self._seen is not None
        assert self._seen.stat is not None
        self._told = Reading(-1, self._seen.stat, 0, error=error)

    def end(self) -> None:
        """See `Listing.end`."""
        try:
            self.captured = self._finish(self)
        except OSError as error:
            raise failure(_UNWRITTEN, str(self._out), error) from error
