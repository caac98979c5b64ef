"""Files, faults and counts in words."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from trueup.model.errors import Permanent, StoreError, Transient

_PASSING = frozenset(
    {errno.ENOTCONN, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EMFILE, errno.ENFILE, errno.EINTR}
)
_HINTS = {
    errno.ENOENT: "is it mounted? Connect the disk or network drive, or correct `path`",
    errno.ENOTDIR: "is it mounted? Connect the disk or network drive, or correct `path`",
    errno.EACCES: "give the user that runs trueup the right to read it",
    errno.EPERM: "give the user that runs trueup the right to read it",
    errno.ENOTCONN: "mount the network drive again",
    errno.ESTALE: "mount the network drive again",
    errno.EIO: "the disk reports a fault: look into the system log",
    errno.ENOSPC: "make room on the disk",
}


def shown(path: str) -> str:
    """A path on one line of plain text: bytes that are not UTF-8, and control characters, appear as `\\xNN`."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def reason(error: OSError) -> str:
    """Why a call failed, in lower case words."""
    text = os.strerror(error.errno) if error.errno else str(error)
    return text[:1].lower() + text[1:]


def failure(what: str, where: str, error: OSError) -> StoreError:
    """The error of a folder as a whole that cannot be read or written."""
    kind = Transient if error.errno in _PASSING else Permanent
    return kind(what, where=shown(where), why=reason(error), hint=_HINTS.get(error.errno or 0, ""))


def open_root(folder: Path, what: str) -> int:
    """A descriptor of a folder, links in its path followed.

    Raises:
        Permanent, Transient: it cannot be opened: `what`.
    """
    try:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise failure(what, str(folder), error) from error


def some(paths: Sequence[str], count: int | None = None) -> str:
    """The first few of many paths, and how many there are more.

    Args:
        paths: the first of them.
        count: of all; None: these are all.
    """
    total = len(paths) if count is None else count
    named = ", ".join(shown(one) for one in paths)
    return f"{named} and {total - len(paths):,} more" if total > len(paths) else named


class Named:
    """Counts many things and keeps the names of the first few."""

    def __init__(self, keep: int = 10) -> None:
        self.count = 0
        self.first: list[str] = []
        self._keep = keep

    def add(self, path: str) -> None:
        """One more."""
        self.count += 1
        if len(self.first) < self._keep:
            self.first.append(path)

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        return some(self.first, self.count)
