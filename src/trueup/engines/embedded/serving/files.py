"""Files that arrive, found by looking: a folder is listed once a second. Notifications of the system would come sooner, but not at all
from network shares, where inboxes tend to be, and they would need looking all the same for what arrived while nobody was there."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from glob import iglob
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that is whole.

    Attributes:
        path: absolute.
        key: the same for the same file with the same content; one that is written again is a new one.
    """

    path: str
    key: str


class FileWatch:
    """The files that a pattern names.

    Args:
        root: the folder that the pattern is taken from.
        pattern: a glob; `**` stands for any number of folders.
        settle: seconds for which size and time must have been the same, as seen here: clocks of file servers differ.
    """

    def __init__(self, root: Path, pattern: str, settle: float) -> None:
        self._pattern = str(root / Path(pattern).expanduser())
        self._settle = settle
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}

    def arrived(self, now: float) -> Iterator[Arrived]:
        """The files that are whole, whether they were told before or not.

        Args:
            now: by the monotonic clock.
        """
        found: dict[str, tuple[tuple[int, int], float]] = {}
        for path in sorted(iglob(self._pattern, recursive=True)):
            shape = _shape(path)
            if shape is None:
                continue
            before = self._seen.get(path)
            since = before[1] if before is not None and before[0] == shape else now
            found[path] = (shape, since)
        self._seen = found
        for path, (shape, since) in found.items():
            if now - since >= self._settle:
                yield Arrived(path, _key(path, shape))

    def present(self) -> set[str]:
        """The keys of all files that were there at the last look, whole or not."""
        return {_key(path, shape) for path, (shape, _) in self._seen.items()}


def _key(path: str, shape: tuple[int, int]) -> str:
    return f"file:{path}:{shape[0]}:{shape[1]}"


def _shape(path: str) -> tuple[int, int] | None:
    """Size and time of a file; None for what is none, or is gone already."""
    try:
        about = Path(path).stat()
    except OSError:
        return None
    return (about.st_size, about.st_mtime_ns) if stat.S_ISREG(about.st_mode) else None
