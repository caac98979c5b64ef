"""One folder of files as a collection."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property

from trueup.connectors.folder.faults import reason
from trueup.connectors.folder.layout import Layout
from trueup.connectors.folder.reading import MAX_ITEM, Listing, read
from trueup.model.capabilities import Capabilities
from trueup.model.items import Body
from trueup.model.ports import Write, Written


class FolderCollection:
    """A folder of files, one item each.

    Args:
        path: the folder.
        root: the store's folder; symbolic links are followed inside it only.
        what: what people call it ("calendar team of laptop").
        layout: what its files hold.
    """

    def __init__(self, path: str, root: str, what: str, layout: Layout) -> None:
        self._path = path
        self._root = root
        self._what = what
        self._layout = layout
        self._swept = False

    @cached_property
    def capabilities(self) -> Capabilities:
        """Preconditions are looked at twice, the second time right before the rename. A disk has one queue, so nothing is gained in parallel."""
        from trueup.connectors.folder.writing import CHUNK

        return Capabilities(max_size=MAX_ITEM, parallel=1, batch=CHUNK, faithful=True)

    def changes(self, cursor: str | None) -> Listing:
        """Every file, or nothing where the folder looks as it did at the cursor; a `stat` of each is needed either way."""
        return Listing(self._path, self._what, self._layout, cursor)

    def fetch(self, hrefs: Sequence[str]) -> Iterator[Body]:
        """Reads the files one after the other."""
        try:
            folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            why = f"the folder cannot be opened: {reason(error)}"
            yield from (Body(href, error=why) for href in hrefs)
            return
        try:
            for href in hrefs:
                yield read(folder, self._path, self._root, href)
        finally:
            os.close(folder)

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Writes in chunks, each durable before its answers come."""
        from trueup.connectors.folder import writing

        if not self._swept:
            self._swept = True
            writing.sweep(self._path)
        return writing.Writer(self._path, self._root, self._layout).run(writes)

    def new_href(self, uid: str) -> str:
        """The UID as a file name, or a digest of it."""
        return self._layout.new_href(uid)
