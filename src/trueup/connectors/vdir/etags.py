"""When a file counts as changed.

An etag is made of what `stat` says: modification time, size and inode. That is exact but for one hole: a file that is
edited in place twice within one tick of the file system's clock (nanoseconds on paper, 1 to 10 ms in practice, 2 s on
FAT) and keeps its size looks the same before and after the second edit. Git has the same hole in its index and closes
it alike ("racily clean" entries):

- A *listing* gives no etag (None) for a file modified within the last two seconds: it is fetched again next time.
  Equal bytes then cost nothing more.
- A *fetch* of such a file gives a weak etag (`W/…`, the term of RFC 9110 section 8.8.1). It is good as a precondition
  for a write, and differs from what a later listing says, so the file is read once more when it has cooled down.
- A file *we* write gets a modification time a few milliseconds in the past, so that any later edit, however soon, is
  seen to be later. Its etag is strong at once. As a later process cannot tell such a file from any other, only the one
  that wrote it skips the extra reading.
"""

from __future__ import annotations

import os
import time

RACY_NS = 2_000_000_000
# Longer than the coarsest tick of a kernel's clock (10 ms at HZ=100).
BACKDATE_NS = 20_000_000


def strong(stat: os.stat_result) -> str:
    """The etag of a file that is not racy."""
    return f"{stat.st_mtime_ns}-{stat.st_size}-{stat.st_ino}"


def is_racy(stat: os.stat_result, now_ns: int) -> bool:
    """Whether an edit right after `now_ns` could go unseen; so is a file from the future, as the clocks then disagree."""
    return stat.st_mtime_ns > now_ns - RACY_NS


def matches(if_match: str, stat: os.stat_result) -> bool:
    """Whether the file is still the one that an etag (weak or strong) was given for."""
    return if_match.removeprefix("W/") == strong(stat)


class Ours:
    """The etags this process gave to files it wrote itself, for as long as those files are racy; forgets them after that."""

    def __init__(self) -> None:
        self._recent: set[str] = set()
        self._older: set[str] = set()
        self._turned = time.monotonic_ns()

    def add(self, etag: str) -> None:
        """Remembers an etag for at least as long as its file is racy."""
        now = time.monotonic_ns()
        if now - self._turned > RACY_NS:
            self._older, self._recent, self._turned = self._recent, set(), now
        self._recent.add(etag)

    def __contains__(self, etag: str) -> bool:
        return etag in self._recent or etag in self._older
