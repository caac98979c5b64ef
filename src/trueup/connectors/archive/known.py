"""What the files of a source looked like when they were last read, and what they look like now."""

from __future__ import annotations

from trueup.connectors.archive.index import Index, Seen

_AT_ONCE = 1000


class Known:
    """The memory of one source while it is stored.

    Args:
        index: keeps it.
        source: the source's name in it.
    """

    def __init__(self, index: Index, source: str) -> None:
        self._index = index
        self._source = source
        self._folder: str | None = None
        # the folders on the way down to the last file, each with the files that were in it and have not come yet
        self._trail: list[tuple[str, dict[bytes, tuple[Seen, int | None]]]] = []
        self._folders: set[bytes] = set()
        self._fresh: list[tuple[bytes, bytes, Seen]] = []
        self._gone: list[tuple[bytes, bytes]] = []

    def take(self, path: str) -> tuple[Seen, int | None] | None:
        """A file as it was, and the number of the pack that has its one part. Paths come folder after folder, each before what is in it."""
        folder, _, name = path.rpartition("/")
        if folder != self._folder:
            self._enter(folder)
        return self._trail[-1][1].pop(name.encode("utf-8", "surrogateescape"), None)

    def _enter(self, folder: str) -> None:
        while self._trail and not _within(folder, self._trail[-1][0]):
            self._leave()
        if not self._trail or self._trail[-1][0] != folder:
            key = folder.encode("utf-8", "surrogateescape")
            self._folders.add(key)
            self._trail.append((folder, self._index.folder(self._source, key)))
        self._folder = folder

    def _leave(self) -> None:
        folder, names = self._trail.pop()
        self._gone.extend((folder.encode("utf-8", "surrogateescape"), name) for name in names)

    def put(self, path: str, seen: Seen) -> None:
        """A file as it is now."""
        folder, _, name = path.rpartition("/")
        self._fresh.append((folder.encode("utf-8", "surrogateescape"), name.encode("utf-8", "surrogateescape"), seen))
        if len(self._fresh) >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if self._fresh:
            self._index.collect(self._source, self._fresh)
            self._fresh.clear()

    def keep(self) -> None:
        """The source was stored: this is what its files look like from now on."""
        while self._trail:
            self._leave()
        self._flush()
        self._index.keep(self._source, self._folders, self._gone)


def _within(folder: str, above: str) -> bool:
    return not above or folder == above or folder.startswith(above + "/")
