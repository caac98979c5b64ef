"""Restoring a snapshot: folders first, then contents pack by pack, then links and metadata, folders' last."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import stat
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from blake3 import blake3

from trueup.connectors.archive import tar
from trueup.connectors.archive.heads import Head, Object
from trueup.connectors.archive.objects import Codec, Damaged, Reader, buffered, summed
from trueup.connectors.archive.places import Place, shown, told
from trueup.connectors.archive.reading import PART
from trueup.connectors.archive.trees import ROOT, Node, Tree, line, node
from trueup.model.errors import NotFound
from trueup.model.repository import Watch

_WANTED = """
CREATE TABLE wanted (pack INTEGER NOT NULL, sum BLOB NOT NULL, path BLOB NOT NULL, part INTEGER NOT NULL, sparse TEXT, whole TEXT);
CREATE TABLE later (line TEXT NOT NULL);
"""
# Of what is written, most time is the file system's, in which other threads can go on.
_WRITERS = 2
_BATCH_PARTS, _BATCH_BYTES = 32, 1 << 20
_BATCHES = 6
_ASKED = 0.2

_Row = tuple[bytes, int, str | None, str | None]
_Part = tuple[bytes, bytes, list[_Row]]


class Restoring:
    """One restore.

    Args:
        place, codec: of the archive.
        head: the snapshot.
        into: an existing folder.
        only: paths, and what is below them; empty: everything.
        watch: who looks after the work.
    """

    def __init__(self, place: Place, codec: Codec, head: Head, into: Path, only: Sequence[str], watch: Watch) -> None:
        self._place = place
        self._codec = codec
        self._head = head
        self._into = os.fspath(into)
        self._only = {one.strip("/") or ROOT for one in only}
        self._watch = watch
        self._found: set[str] = set()
        self._root = os.geteuid() == 0
        self._made: set[str] = set()
        self._instead: dict[str, str] = {}  # a file whose first name is not asked for: the first that is
        self._batch: list[_Part] = []
        self._batched = 0
        self._writing: deque[Future[None]] = deque()

    def run(self) -> None:
        """Restores.

        Raises:
            Damaged, Gone: objects of the archive are not as they should be.
            NotFound: something in `only` is not in the snapshot.
            StoreError: it cannot be written here.
        """
        with (
            tempfile.TemporaryDirectory(prefix="trueup-restore-") as scratch,
            closing(sqlite3.connect(f"{scratch}/wanted")) as db,
        ):
            db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8000;" + _WANTED)
            try:
                self._skeleton(db)
                with ThreadPoolExecutor(_WRITERS, thread_name_prefix="archive-restore") as writers:
                    self._contents(db, writers)
                self._finish(db)
            except OSError as error:
                raise told(error, "the snapshot cannot be restored here", error.filename or self._into) from error

    def _wants(self, path: str) -> bool:
        if not self._only:
            return True
        if ROOT in self._only:
            self._found.add(ROOT)
            return True
        end = len(path)
        while end > 0:
            if path[:end] in self._only:
                self._found.add(path[:end])
                return True
            end = path.rfind("/", 0, end)
        return False

    def _full(self, path: str) -> str:
        return f"{self._into}/{path}"

    def _nodes(self) -> Iterator[Node]:
        """The entries that are asked for."""
        for one in Tree(self._place, self._codec, self._head, self._watch).nodes():
            if not self._wants(one.path):
                if one.path in self._instead:
                    yield replace(one, path=self._instead[one.path])
            elif one.hard is None or self._wants(one.hard):
                yield one
            elif self._instead[one.hard] != one.path:
                yield replace(one, hard=self._instead[one.hard])

    def _look(self) -> None:
        """Whether all that is asked for is there.

        Raises:
            NotFound: it is not; nothing has been made yet.
        """
        for one in Tree(self._place, self._codec, self._head, self._watch).nodes():
            if self._wants(one.path) and one.hard is not None and not self._wants(one.hard):
                self._instead.setdefault(one.hard, one.path)
        if missing := sorted(self._only - self._found):
            raise NotFound(
                f"not in the snapshot: {shown(missing[0])}",
                where=self._place.where,
                hint="name files and folders as the snapshot lists them, below its root",
            )

    def _skeleton(self, db: sqlite3.Connection) -> None:
        """Folders, and files without content; notes where every part belongs."""
        if self._only:
            self._look()
        wanted: list[tuple[object, ...]] = []
        later: list[tuple[str]] = []
        for one in self._nodes():
            path = os.fsencode(one.path)
            if one.kind in ("socket", "device"):
                continue
            self._make(one)
            whole = _whole(one)
            if whole is None:
                later.append((line(replace(one, parts=(), packs=()), 0),))
            sparse = None if one.sparse is None else json.dumps(one.sparse)
            for number, (part, pack) in enumerate(zip(one.parts, one.packs, strict=True)):
                wanted.append((pack, bytes.fromhex(part), path, number, sparse, whole))
            if len(later) >= 1000 or len(wanted) >= 1000:
                self._note(db, wanted, later)
        self._note(db, wanted, later)
        db.execute("CREATE INDEX by_pack ON wanted (pack, sum)")

    @staticmethod
    def _note(db: sqlite3.Connection, wanted: list[tuple[object, ...]], later: list[tuple[str]]) -> None:
        db.executemany("INSERT INTO wanted VALUES (?, ?, ?, ?, ?, ?)", wanted)
        db.executemany("INSERT INTO later VALUES (?)", later)
        wanted.clear()
        later.clear()

    def _make(self, one: Node) -> None:
        full = self._full(one.path)
        if one.kind == "dir":
            self._folder(one.path)
            return
        self._parent(one.path)
        if one.kind == "file" and one.hard is None and (one.sparse is not None or not one.body):
            descriptor = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                if one.sparse is not None:
                    os.ftruncate(descriptor, one.size)
            finally:
                os.close(descriptor)

    def _parent(self, path: str) -> None:
        if folder := path.rpartition("/")[0]:
            self._folder(folder)

    def _folder(self, path: str) -> None:
        """A folder of ours; a link in its place would lead out of the restore."""
        if path in self._made or path == ROOT:
            return
        self._parent(path)
        full = self._full(path)
        try:
            os.mkdir(full, 0o700)
        except FileExistsError:
            if os.path.islink(full) or not os.path.isdir(full):
                raise
        self._made.add(path)

    def _contents(self, db: sqlite3.Connection, writers: ThreadPoolExecutor) -> None:
        try:
            for (number,) in db.execute("SELECT DISTINCT pack FROM wanted ORDER BY pack").fetchall():
                try:
                    pack = self._head.packs[number]
                except IndexError as error:
                    raise Damaged("its tree names a pack that its head does not") from error
                self._pack(db, number, pack, writers)
            self._submit(writers)
            while self._writing:
                self._written()
        finally:
            for one in self._writing:
                one.cancel()

    def _pack(self, db: sqlite3.Connection, number: int, pack: Object, writers: ThreadPoolExecutor) -> None:
        left = db.execute("SELECT COUNT(DISTINCT sum) FROM wanted WHERE pack = ?", (number,)).fetchone()[0]
        for name, data in parts_of(self._place, self._codec, pack, self._watch):
            places = db.execute(
                "SELECT path, part, sparse, whole FROM wanted WHERE pack = ? AND sum = ?", (number, name)
            ).fetchall()
            if not places:
                continue
            self._batch.append((name, data, places))
            self._batched += len(data)
            if self._batched >= _BATCH_BYTES or len(self._batch) >= _BATCH_PARTS:
                self._submit(writers)
            left -= 1
            if not left:
                return
        raise Damaged("parts are missing in it")

    def _submit(self, writers: ThreadPoolExecutor) -> None:
        """Has what has gathered written; waits where enough is under way."""
        if self._batch:
            self._writing.append(writers.submit(self._write_all, self._batch))
            self._batch, self._batched = [], 0
        if len(self._writing) > _BATCHES:
            self._written()

    def _written(self) -> None:
        """The oldest batch has been written. Raises what went wrong with it."""
        future = self._writing.popleft()
        while not wait((future,), timeout=_ASKED).done:
            self._watch.ok()
        future.result()

    def _write_all(self, batch: list[_Part]) -> None:
        for name, data, places in batch:
            if blake3(data).digest() != name:
                raise Damaged(f"a part of {shown(os.fsdecode(places[0][0]))} is not what was written")
            for path, part, sparse, whole in places:
                self._write(os.fsdecode(path), part, None if sparse is None else json.loads(sparse), whole, data)

    def _write(
        self, path: str, part: int, sparse: list[tuple[int, int]] | None, whole: str | None, data: bytes
    ) -> None:
        descriptor = os.open(self._full(path), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            for offset, piece in (
                [(part * PART, memoryview(data))] if sparse is None else _spread(sparse, part * PART, data)
            ):
                done = 0
                while done < len(piece):
                    done += os.pwrite(descriptor, piece[done:], offset + done)
            if whole is not None:
                self._complete(descriptor, path, whole, len(data))
        finally:
            os.close(descriptor)
        self._watch.moved(len(data))

    def _complete(self, descriptor: int, path: str, whole: str, length: int) -> None:
        """Gives a file that was written at once what else it has."""
        size, mode, uid, gid, mtime = map(int, whole.split())
        if size != length or os.fstat(descriptor).st_size != size:
            raise Damaged(f"{shown(path)} is not as long as its tree says")
        if self._root:
            os.fchown(descriptor, uid, gid)
        os.fchmod(descriptor, mode)
        os.utime(descriptor, ns=(mtime, mtime))

    def _finish(self, db: sqlite3.Connection) -> None:
        """Links and metadata, from the last entry to the first: a folder after what is in it; names of one file after its first name."""
        for order in ("ASC", "DESC"):
            for (text,) in db.execute(f"SELECT line FROM later ORDER BY rowid {order}"):
                one = node(text.encode())
                if order == "ASC" and one.kind != "dir":
                    self._other(one)
                elif order == "DESC" and one.kind == "dir":
                    self._metadata(one)
                self._watch.moved()
            self._watch.ok()

    def _other(self, one: Node) -> None:
        full = self._full(one.path)
        if one.hard is not None:
            self._hard(one, full)
            return
        if one.kind == "link":
            with suppress(FileNotFoundError):
                os.unlink(full)
            os.symlink(one.link or "", full)
        elif one.kind == "fifo":
            with suppress(FileNotFoundError):
                os.unlink(full)
            os.mkfifo(full, 0o600)
        self._metadata(one)

    def _hard(self, one: Node, full: str) -> None:
        """Another name of a file."""
        with suppress(FileNotFoundError):
            os.unlink(full)
        os.link(self._full(one.hard or ""), full, follow_symlinks=False)

    def _metadata(self, one: Node) -> None:
        full = self._full(one.path)
        if self._root:
            os.lchown(full, one.uid, one.gid)
        for name, value in (one.xattrs or {}).items():
            try:
                os.setxattr(full, name, value, follow_symlinks=False)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise  # others: not allowed, or not known to this file system
        status = os.lstat(full)
        if one.kind == "file" and status.st_size != one.size:
            raise Damaged(f"{shown(one.path)} is not as long as its tree says")
        if not stat.S_ISLNK(status.st_mode):  # whatever the tree says: a mode would go to where the link points
            os.chmod(full, one.mode)
        os.utime(full, ns=(one.mtime, one.mtime), follow_symlinks=False)


def _whole(one: Node) -> str | None:
    """What a file of one part has besides its content; None: it takes several steps, and gets that at the end."""
    if one.kind != "file" or one.hard is not None or one.sparse is not None or one.xattrs or len(one.parts) != 1:
        return None
    return f"{one.size} {one.mode} {one.uid} {one.gid} {one.mtime}"


def parts_of(place: Place, codec: Codec, pack: Object, watch: Watch) -> Iterator[tuple[bytes, bytes]]:
    """The parts of a pack: (sum by name, content).

    Raises:
        Damaged, Gone: the pack is not as it should be; only for sure when all parts were asked for.
    """
    raw = Reader(codec, summed(place.pieces(pack.name, watch), pack.name), watch)
    with closing(raw), buffered(raw) as file:
        for name, size in tar.members(file):
            if size > PART or len(name) != 64:
                raise Damaged("it is not a pack as trueup writes it")
            yield bytes.fromhex(name.decode("ascii")), tar.exactly(file, size)
        raw.drain()


def _spread(sparse: Iterable[tuple[int, int]], start: int, data: bytes) -> Iterator[tuple[int, memoryview]]:
    """Where the bytes of a body from `start` on belong in a file with holes."""
    view, position = memoryview(data), 0
    for offset, length in sparse:
        begin, end = max(start, position), min(start + len(data), position + length)
        if begin < end:
            yield offset + begin - position, view[begin - start : end - start]
        position += length
