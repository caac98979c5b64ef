"""Storing a snapshot: its files become parts in packs, its names a tree, and at last its head says that it exists."""

from __future__ import annotations

import base64
import json
import os
import socket
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias

from trueup.connectors.archive.heads import Head, Object, encoded, id_of, name_for
from trueup.connectors.archive.index import Index, Seen, sums
from trueup.connectors.archive.known import Known
from trueup.connectors.archive.locks import Brief, Lock
from trueup.connectors.archive.objects import Codec
from trueup.connectors.archive.packing import Packs, joined, sealed
from trueup.connectors.archive.places import Place
from trueup.connectors.archive.reading import EMPTY, Content, Reader
from trueup.connectors.archive.trees import ROOT, Node, TreeWriter
from trueup.connectors.archive.walking import VANISHED, Found, Walk, listed
from trueup.core.patterns import Patterns
from trueup.model.errors import Permanent, Transient
from trueup.model.repository import Snapshot, Stored, StoreRequest, Watch

Attributes: TypeAlias = dict[str, bytes] | None
_Read: TypeAlias = tuple[Content, Attributes]

_TAKEN_BACK = 30.0
_ASKED = 0.1

_SETTLED = 2_000_000_000
"""A file that was changed less than these nanoseconds before it was read may change once more with the same time stamps: it is read next time too."""


class Storing:
    """One snapshot on its way into an archive.

    Args:
        place, codec, index: of the archive; the index agrees with what is there.
        repository: the archive's id.
        pack_size: bytes of content in a pack.
        lock: the shared lock that is held.
        request: what to store.
        watch: who looks after the work.
    """

    def __init__(
        self,
        place: Place,
        codec: Codec,
        index: Index,
        repository: str,
        pack_size: int,
        lock: Lock,
        request: StoreRequest,
        watch: Watch,
    ) -> None:
        self._place = place
        self._index = index
        self._repository = repository
        self._lock = lock
        self._request = request
        self._listing = request.listing
        self._watch = watch
        self._known = Known(index, json.dumps([request.job, request.source]))
        self._packs = Packs(place, codec, index, pack_size, watch)
        self._reader = Reader(self._packs.keep, self._moved, self._listing is not None)
        self._walk = Walk(request.root, Patterns(request.exclude), request.one_file_system)
        self._tree_object: list[Object] = []
        self._sealer = sealed(place, codec, "trees", watch, self._tree_object.append)
        self._tree = TreeWriter(codec.level)
        self._first: dict[tuple[int, int], tuple[str, bytes]] = {}  # files with several names: the first, and the sum
        self._bytes = 0
        self._files = 0
        self._done = 0
        self._asked = 0.0
        follow = 0 if self._walk.root.is_file() else os.O_NOFOLLOW
        self._flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | follow

    def run(self) -> Stored:
        """Stores it. Raises what stops it; nothing but whole packs is left then."""
        try:
            root = self._files_of_root()
            packs = self._packs.finish()
            if self._listing is not None:
                self._listing.end()
            self._tree.end(self._request.about, self._sealer)
            joined(self._sealer, self._watch)
            head = self._head(root, packs)
            self._hold(head)
            name = self._write(head)
        except BaseException:
            self._packs.abort()
            self._sealer.abort()
            raise
        finally:
            self._tree.close()
        with suppress(sqlite3.Error):  # the snapshot is there; what is not remembered is read again
            self._known.keep()
            self._index.learnt(head.tree.name)
        snapshot = replace(head.snapshot, id=id_of(name))
        return Stored(snapshot, tuple(self._walk.unread))

    # --- files

    def _files_of_root(self) -> str:
        """Reads everything; returns what the root is."""
        single = self._walk.single()
        if single is None:
            root = Found(ROOT, ROOT, str(self._request.root), os.stat(self._request.root))
            self._tree.add(self._node(root, "dir", root.attributes()))
        elif single.kind != "file":
            raise Permanent("the source cannot be stored", where=single.full, why="it is neither a folder nor a file")
        for one in self._entries(single):
            self._entry(one)
            self._moved(1)
        return "dir" if single is None else "file"

    def _entries(self, single: Found | None) -> Iterator[Found]:
        if self._listing is not None:
            return listed(self._listing, self._walk.unread)
        return self._walk.entries() if single is None else iter([single])

    def _moved(self, amount: int) -> None:
        """Something was read; the watch is told ten times a second."""
        self._done += amount
        now = time.monotonic()
        if now - self._asked > _ASKED:
            self._watch.moved(self._done)
            self._asked, self._done = now, 0
            self._watch.ok()

    def _entry(self, one: Found) -> None:
        """Adds an entry to the tree."""
        kind = one.kind
        if kind == "file":
            self._file(one)
            return
        link = None
        if kind == "link":
            try:
                link = one.link()
            except OSError as error:
                self._missed(one, error)
                return
        self._tree.add(self._node(one, kind, one.attributes(), link=link))

    def _node(self, one: Found, kind: str, attributes: Attributes, **more: object) -> Node:
        status = one.stat
        return Node(
            path=one.path,
            kind=kind,
            mode=stat.S_IMODE(status.st_mode),
            uid=status.st_uid,
            gid=status.st_gid,
            mtime=status.st_mtime_ns,
            xattrs=attributes,
            **more,  # type: ignore[arg-type]
        )

    def _missed(self, one: Found, error: OSError) -> None:
        """An entry that cannot be read; one that has gone meanwhile is simply not there."""
        if error.errno not in VANISHED:
            self._walk.unread.append(one.path)
        if self._listing is not None:
            self._listing.missed(error)

    def _file(self, one: Found) -> None:
        before = self._known.take(one.path)
        try:
            if one.stat.st_nlink > 1 and self._again(one):
                return
            known = self._unchanged(one, before)
            content, attributes = self._read(one) if known is None else known
        except OSError as error:
            self._missed(one, error)
            return
        if one.stat.st_nlink > 1:
            self._first[one.stat.st_dev, one.stat.st_ino] = (one.path, content.plain)
        self._files += 1
        self._bytes += content.size
        node = self._node(
            one,
            "file",
            attributes,
            size=content.size,
            body=content.body,
            parts=[part.hex() for part in content.parts],
            packs=content.packs,
            sum=content.sum.hex(),
            sparse=content.sparse,
        )
        self._tree.add(node)

    def _again(self, one: Found) -> bool:
        """Whether it is another name of a file that is in the tree already, and is there now under this one too."""
        status = one.stat
        path, sum_ = self._first.get((status.st_dev, status.st_ino), ("", b""))
        if path:
            if (
                _wanted(one) and not sum_
            ):  # of a file with holes that did not change: the sum that is kept is without them
                self._read(one)
            elif _wanted(one):
                self._tell(status, status, sum_)
            self._files += 1
            self._tree.add(self._node(one, "file", one.attributes(), size=status.st_size, hard=path))
        return bool(path)

    def _tell(self, before: os.stat_result, after: os.stat_result, sum_: bytes) -> None:
        if self._listing is not None:
            self._listing.read(before, after, sum_.hex())

    def _unchanged(self, one: Found, before: tuple[Seen, int | None] | None) -> _Read | None:
        """What the file was when it was last read, where it is the same still and all of it is in the archive."""
        if before is None:
            return None
        seen, pack = before
        status = one.stat
        if seen[:4] != (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino):
            return None
        wanted = _wanted(one)
        if wanted and seen.sparse:  # the sum of a file with its holes is not kept
            return None
        content = self._recalled(seen, pack)
        if content is None:
            return None
        if wanted:
            self._tell(status, status, content.plain)
        return content, _decoded(seen.xattrs) if seen.xattrs else None

    def _recalled(self, seen: Seen, pack: int | None) -> Content | None:
        if pack is not None and (number := self._packs.number(pack)) is not None:
            parts, packs = [seen.parts], [number]
        else:
            parts, packs = list(sums(seen.parts)), []
            for part in parts:
                if (found := self._packs.find(part)) is None:
                    return None
                packs.append(found)
        sparse = [(offset, length) for offset, length in json.loads(seen.sparse)] if seen.sparse else None
        plain = b"" if seen.sparse else seen.sum or seen.parts or EMPTY
        return Content(seen.body, seen.size, parts, packs, seen.sum, sparse, plain)

    def _read(self, one: Found) -> _Read:
        """Reads a file as it is now, and once more where it changed meanwhile; remembers what it looks like where it did not.

        Raises:
            OSError: it cannot be read.
        """
        for attempt in (0, 1):
            descriptor = one.open(self._flags)
            try:
                before = os.fstat(descriptor)
                if not stat.S_ISREG(before.st_mode):  # something else took its place meanwhile
                    raise FileNotFoundError(2, "not a file any more", one.full)
                content = self._reader.read(descriptor, before)
                after = os.fstat(descriptor)
            finally:
                os.close(descriptor)
            same = _key(before) == _key(after) and content.size == before.st_size
            if same or self._listing is None or attempt:
                break
        one.stat = before
        attributes = one.attributes()
        if same:
            self._remember(one, content, attributes)
        self._tell(before, after, content.plain)
        return content, attributes

    def _remember(self, one: Found, content: Content, attributes: Attributes) -> None:
        if max(one.stat.st_mtime_ns, one.stat.st_ctime_ns) > time.time_ns() - _SETTLED:
            return
        sparse = "" if content.sparse is None else json.dumps(content.sparse)
        parts = b"".join(content.parts)
        seen = Seen(*_key(one.stat), content.body, parts, content.sum, sparse, _encoded(attributes))
        self._known.put(one.path, seen)

    # --- the end

    def _head(self, root: str, packs: tuple[Object, ...]) -> Head:
        (tree,) = self._tree_object
        request = self._request
        snapshot = Snapshot(
            id="",
            time=request.time,
            job=request.job,
            source=request.source,
            run=request.run,
            host=socket.gethostname(),
            bytes=self._bytes,
            files=self._files,
            added=tree.size + sum(pack.size for pack in self._packs.new),
            complete=not self._walk.unread,
        )
        return Head(snapshot, self._repository, root, tree, packs)

    def _hold(self, head: Head) -> None:
        """Makes sure that all it needs stays: nobody prunes, and what is to be locked is.

        Raises:
            Transient: the lock was not renewed for too long, and somebody may have pruned.
        """
        if not self._lock.valid:
            raise Transient(
                "the backup was overtaken",
                where=self._place.where,
                why="this machine slept, or could not reach the archive, for so long that another one may have removed what it builds upon",
                hint="the next try stores it, and goes on from here",
            )
        if self._request.lock_until is not None:
            lock_objects(
                self._place, self._index, [one.name for one in head.objects], self._request.lock_until, self._watch
            )

    def _write(self, head: Head) -> str:
        data = encoded(head)
        name = name_for(data, time.time())
        put_head(self._place, name, data, self._request.lock_until, self._watch)
        return name


def put_head(place: Place, name: str, data: bytes, until: float | None, watch: Watch) -> None:
    """Makes a snapshot exist, locked until then; or not at all."""
    place.put_bytes(name, data, watch)
    if until is not None:
        try:
            place.lock(name, until, watch)
        except BaseException:
            place.delete([name], Brief(_TAKEN_BACK))
            raise


def lock_objects(place: Place, index: Index, names: list[str], until: float, watch: Watch) -> None:
    """Nobody may remove these objects before `until`."""
    for name in names:
        if index.locked_until(name) < until:
            watch.ok()
            place.lock(name, until, watch)
            index.locked(name, until)
            watch.moved()


def _wanted(one: Found) -> bool:
    """Whether who lists it wants to know its sum."""
    return one.listed is not None and not one.listed.summed


def _key(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _encoded(attributes: Attributes) -> str:
    """Extended attributes as the index keeps them."""
    if not attributes:
        return ""
    return json.dumps({name: base64.b64encode(value).decode() for name, value in attributes.items()})


def _decoded(text: str) -> dict[str, bytes]:
    return {name: base64.b64decode(value) for name, value in json.loads(text).items()}
