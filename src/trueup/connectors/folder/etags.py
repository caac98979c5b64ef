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
  seen to be later, and with a mark in its last four digits, so that any process can tell. Its etag is strong at once.
  (One edit in ten thousand gets the mark by accident, which does harm only together with a second edit in the same
  tick and of the same size. Where the clock is too coarse to keep the mark, the file is read once more.) No two of our
  writes get the same time: the inode of a replaced file is soon used again.
"""

from __future__ import annotations

import os
import threading
import time

RACY_NS = 2_000_000_000
# Longer than the coarsest tick of a kernel's clock (10 ms at HZ=100).
BACKDATE_NS = 20_000_000
_STEP = 10_000  # less than any write takes
_MARK = 2_718

_last = 0
_lock = threading.Lock()


def strong(stat: os.stat_result) -> str:
    """The etag of a file that is not racy."""
    return f"{stat.st_mtime_ns}-{stat.st_size}-{stat.st_ino}"


def is_racy(stat: os.stat_result, now_ns: int) -> bool:
    """Whether an edit right after `now_ns` could go unseen; so is a file from the future, as the clocks then disagree."""
    return stat.st_mtime_ns > now_ns - RACY_NS and stat.st_mtime_ns % _STEP != _MARK


def matches(if_match: str, stat: os.stat_result) -> bool:
    """Whether the file is still the one that an etag (weak or strong) was given for."""
    return if_match.removeprefix("W/") == strong(stat)


def stamp(file: int) -> None:
    """Gives a file that we wrote (a descriptor) a modification time that no later edit can have."""
    global _last
    now = time.time_ns()
    with _lock:
        _last = modified = max((now - BACKDATE_NS) // _STEP * _STEP + _MARK, _last + _STEP)
    os.utime(file, ns=(now, modified))
