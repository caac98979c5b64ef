"""Storing a snapshot: its files become parts in packs, its names a tree, and at last its head says that it exists."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace

from blake3 import blake3

from trueup.connectors.archive.heads import Head, Object, encoded, id_of, name_for
from trueup.connectors.archive.index import Index, Seen, sums
from trueup.connectors.archive.locks import Brief, Lock
from trueup.connectors.archive.objects import Codec
from trueup.connectors.archive.packing import Packs, joined, sealed
from trueup.connectors.archive.places import Place
from trueup.connectors.archive.trees import ROOT, Node, TreeWriter
from trueup.connectors.archive.walking import VANISHED, Found, Walk, segments, xattrs
from trueup.core.patterns import Patterns
from trueup.model.errors import Permanent, Transient
from trueup.model.repository import Snapshot, Stored, StoreRequest, Watch

PART = 4 << 20
"""A file is cut into parts of this size; part of the format."""

_TAKEN_BACK = 30.0

_SETTLED = 2_000_000_000
"""A file that was changed less than these nanoseconds before it was read may change once more with the same time stamps: it is read next time too."""


@dataclass(slots=True)
class _Content:
    """What was read of a file."""

    body: int = 0
    size: int = 0
    parts: list[bytes] = field(default_factory=list)
    packs: list[int] = field(default_factory=list)
    sum: bytes = b""
    sparse: list[tuple[int, int]] | None = None


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
        self._watch = watch
        self._source = json.dumps([request.job, request.source])
        self._packs = Packs(place, codec, index, pack_size, watch)
        self._walk = Walk(request.root, Patterns(request.exclude), request.one_file_system)
        self._tree_object: list[Object] = []
        self._sealer = sealed(place, codec, "trees", watch, self._tree_object.append)
        self._tree = TreeWriter(self._sealer)
        self._first: dict[tuple[int, int], str] = {}  # files with several names: the first
        self._folders: set[bytes] = set()
        self._gone: list[tuple[bytes, bytes]] = []
        self._bytes = 0
        self._files = 0
        self._asked = 0.0
        self._follow = 0 if self._walk.root.is_file() else os.O_NOFOLLOW

    def run(self) -> Stored:
        """Stores it. Raises what stops it; nothing but whole packs is left then."""
        try:
            self._tree.about(self._request.about)
            root = self._files_of_root()
            packs = self._packs.finish()
            self._tree.end()
            joined(self._sealer, self._watch)
            head = self._head(root, packs)
            self._hold(head)
            name = self._write(head)
        except BaseException:
            self._packs.abort()
            self._sealer.abort()
            raise
        with suppress(sqlite3.Error):  # the snapshot is there; what is not remembered is read again
            self._index.keep(self._source, self._folders, self._gone)
            self._index.learnt(head.tree.name)
        snapshot = replace(head.snapshot, id=id_of(name))
        return Stored(snapshot, tuple(self._walk.unread))

    # --- files

    def _files_of_root(self) -> str:
        """Reads everything; returns what the root is."""
        if (single := self._walk.single()) is not None:
            if single.kind != "file":
                raise Permanent(
                    "the source cannot be stored", where=single.full, why="it is neither a folder nor a file"
                )
            self._folder("", [single])
            return "file"
        root = Found(ROOT, ROOT, str(self._request.root), os.stat(self._request.root))
        self._tree.add(self._node(root, "dir"))
        for folder, found in self._walk.folders():
            self._folder(folder, found)
        return "dir"

    def _folder(self, folder: str, found: list[Found]) -> None:
        key = os.fsencode(folder)
        self._folders.add(key)
        before = self._index.folder(self._source, key)
        now: list[tuple[bytes, Seen]] = []
        for one in found:
            self._alive()
            name = os.fsencode(one.name)
            seen = self._entry(one, before.pop(name, None))
            if seen is not None:
                now.append((name, seen))
        self._gone.extend((key, name) for name in before)
        if now:
            self._index.collect(self._source, key, now)

    def _alive(self) -> None:
        now = time.monotonic()
        if now - self._asked > 0.1:
            self._asked = now
            self._watch.ok()

    def _entry(self, one: Found, before: Seen | None) -> Seen | None:
        """Adds an entry to the tree; returns what to remember of a file that was read."""
        kind = one.kind
        if kind == "file":
            return self._file(one, before)
        link = None
        if kind == "link":
            try:
                link = os.readlink(one.full)
            except OSError as error:
                self._missed(one, error)
                return None
        self._tree.add(self._node(one, kind, link=link))
        self._watch.moved()
        return None

    def _node(self, one: Found, kind: str, **more: object) -> Node:
        status = one.stat
        return Node(
            path=one.path,
            kind=kind,
            mode=stat.S_IMODE(status.st_mode),
            uid=status.st_uid,
            gid=status.st_gid,
            mtime=status.st_mtime_ns,
            xattrs=xattrs(one.full),
            **more,  # type: ignore[arg-type]
        )

    def _missed(self, one: Found, error: OSError) -> None:
        """An entry that cannot be read; one that has gone meanwhile is simply not there."""
        if error.errno not in VANISHED:
            self._walk.unread.append(one.path)

    def _file(self, one: Found, before: Seen | None) -> Seen | None:
        status = one.stat
        if status.st_nlink > 1:
            first = self._first.setdefault((status.st_dev, status.st_ino), one.path)
            if first != one.path:
                self._files += 1
                self._tree.add(self._node(one, "file", size=status.st_size, hard=first))
                return None
        fresh: Seen | None = None
        content = self._unchanged(status, before)
        if content is None:
            try:
                content, fresh = self._read(one)
            except OSError as error:
                self._missed(one, error)
                if status.st_nlink > 1:
                    del self._first[status.st_dev, status.st_ino]
                return None
        self._files += 1
        self._bytes += content.size
        self._watch.moved(content.size or 1)
        node = self._node(
            one,
            "file",
            size=content.size,
            body=content.body,
            parts=[part.hex() for part in content.parts],
            packs=content.packs,
            sum=content.sum.hex(),
            sparse=content.sparse,
        )
        self._tree.add(node)
        return fresh

    def _unchanged(self, status: os.stat_result, before: Seen | None) -> _Content | None:
        """What the file was when it was last read, where it is the same still and all of it is in the archive."""
        if before is None or before[:4] != (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino):
            return None
        parts = list(sums(before.parts))
        packs = []
        for part in parts:
            number = self._packs.find(part)
            if number is None:
                return None
            packs.append(number)
        sparse = [(offset, length) for offset, length in json.loads(before.sparse)] if before.sparse else None
        return _Content(before.body, before.size, parts, packs, before.sum, sparse)

    def _read(self, one: Found) -> tuple[_Content, Seen | None]:
        """Reads a file as it is now.

        Returns:
            What was read, and what to remember; None where it may have changed meanwhile.
        """
        descriptor = os.open(one.full, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | self._follow)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):  # something else took its place meanwhile
                raise FileNotFoundError(2, "not a file any more", one.full)
            one.stat = status
            content = self._contents(descriptor, status)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        key = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        same = (
            key == (after.st_size, after.st_mtime_ns, after.st_ctime_ns, after.st_ino)
            and content.size == status.st_size
        )
        if not same or max(key[1], key[2]) > time.time_ns() - _SETTLED:
            return content, None
        sparse = "" if content.sparse is None else json.dumps(content.sparse)
        return content, Seen(*key, content.body, b"".join(content.parts), content.sum, sparse)

    def _contents(self, descriptor: int, status: os.stat_result) -> _Content:
        content = _Content()
        if status.st_blocks * 512 >= status.st_size:
            self._stream(descriptor, 0, status.st_size, content)
            content.size = content.body
            return content
        found = segments(descriptor, status.st_size)
        if found == [(0, status.st_size)]:
            self._stream(descriptor, 0, status.st_size, content)
            content.size = content.body
            return content
        content.size, content.sparse = status.st_size, []
        self._sparse(descriptor, found, content)
        return content

    def _stream(self, descriptor: int, offset: int, size: int, content: _Content) -> None:
        """A file without holes, as long as it was when it was opened."""
        whole = blake3() if size > PART else None
        while content.body < size:
            data = _read_at(descriptor, offset + content.body, min(PART, size - content.body))
            if not data:  # it became shorter
                break
            if whole is not None:
                whole.update(data)
            self._part(data, content)
        if whole is not None and len(content.parts) > 1:
            content.sum = whole.digest()

    def _sparse(self, descriptor: int, found: list[tuple[int, int]], content: _Content) -> None:
        """The data between holes, one after the other."""
        assert content.sparse is not None
        whole, buffer = blake3(), bytearray()
        for offset, length in found:
            done = 0
            while done < length:
                data = _read_at(descriptor, offset + done, min(PART - len(buffer), length - done))
                if not data:
                    break
                done += len(data)
                buffer += data
                whole.update(data)
                if len(buffer) == PART:
                    self._part(bytes(buffer), content)
                    buffer.clear()
            if done:
                content.sparse.append((offset, done))
            if done < length:
                break
        if buffer:
            self._part(bytes(buffer), content)
        if len(content.parts) > 1:
            content.sum = whole.digest()

    def _part(self, data: bytes, content: _Content) -> None:
        part = blake3(data).digest()
        number = self._packs.find(part)
        if number is None:
            number = self._packs.add(part, data)
        content.parts.append(part)
        content.packs.append(number)
        content.body += len(data)
        if content.body > len(data):
            self._watch.moved(len(data))
            self._alive()

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


def _read_at(descriptor: int, offset: int, size: int) -> bytes:
    """So many bytes, or fewer where the file ends."""
    data = os.pread(descriptor, size, offset)
    while 0 < len(data) < size:
        more = os.pread(descriptor, size - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data
