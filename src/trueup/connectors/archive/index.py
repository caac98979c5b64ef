"""What this machine remembers of an archive: which pack has which part, and what files looked like when they were last read.

A cache: where it is lost or damaged it is made anew. Nothing in it decides what a snapshot consists of but for this: a part that it says is in
a pack is not stored again, so packs that are missing, have another size or are known to be damaged are struck out before each use.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from trueup.connectors.archive.heads import Object
from trueup.model.errors import Permanent

_VERSION = 2
_TABLES = """
CREATE TABLE pack (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL);
CREATE TABLE part (sum BLOB PRIMARY KEY, pack INTEGER NOT NULL REFERENCES pack) WITHOUT ROWID;
CREATE INDEX part_pack ON part (pack);
CREATE TABLE damaged (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE locked (name TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE head (name TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE learnt (tree TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE seen (
    source TEXT NOT NULL, folder BLOB NOT NULL, name BLOB NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL,
    inode INTEGER NOT NULL, body INTEGER NOT NULL, parts BLOB NOT NULL, sum BLOB NOT NULL, sparse TEXT NOT NULL, xattrs TEXT NOT NULL,
    PRIMARY KEY (source, folder, name)
) WITHOUT ROWID;
"""
_FRESH = "CREATE TEMP TABLE IF NOT EXISTS fresh AS SELECT * FROM seen WHERE 0"


class Seen(NamedTuple):
    """A file as it was when it was read: stat's values (nanoseconds), and what its content was.

    Attributes:
        body: bytes of content that are stored.
        parts: sums of the parts, 32 bytes each, one after the other.
        sum: of the body where it has several parts, else b"".
        sparse: JSON of the segments; "" for a file without holes.
        xattrs: JSON of the extended attributes, values in base64; "" where it has none.
    """

    size: int
    mtime: int
    ctime: int
    inode: int
    body: int
    parts: bytes
    sum: bytes
    sparse: str
    xattrs: str


class Index:
    """One archive's, in a file of its own. Opened for one piece of work, by one thread; others may be at it at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.new = False
        try:
            self._db = self._open()
        except sqlite3.DatabaseError:
            for end in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    path.with_name(path.name + end).unlink()
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            db = sqlite3.connect(self._path, timeout=60, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.OperationalError) as error:
            raise Permanent(
                "the archive's cache cannot be opened",
                where=str(self._path),
                why=str(error),
                hint="set `cache` of the store to a folder that can be written",
            ) from error
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("PRAGMA cache_size=-8000")
            db.execute("PRAGMA temp_store=FILE")
            db.execute("BEGIN IMMEDIATE")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _TABLES.split(";\n"):
                    if statement.strip():
                        db.execute(statement)
                db.execute(f"PRAGMA user_version={_VERSION}")
                self.new = True
            db.execute("COMMIT")
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError("another version")
            db.execute("SELECT 1 FROM pack LIMIT 1")
        except BaseException:
            db.close()
            raise
        return db

    def close(self) -> None:
        """Closes it."""
        self._db.close()

    # --- packs and parts

    def agree(self, packs: Mapping[str, int]) -> None:
        """Strikes out packs that the archive does not have, or has with another size.

        Args:
            packs: name and size of every one that is there.
        """
        wrong = [
            (id_,)
            for id_, name, size in self._db.execute("SELECT id, name, size FROM pack").fetchall()
            if packs.get(name) != size
        ]
        self._strike(wrong)

    def _strike(self, ids: Sequence[tuple[int]]) -> None:
        if ids:
            with self._writing():
                self._db.executemany("DELETE FROM part WHERE pack = ?", ids)
                self._db.executemany("DELETE FROM pack WHERE id = ?", ids)

    def damaged(self, names: Iterable[str]) -> None:
        """Packs not to be built upon any more, for ever."""
        rows = [(name,) for name in names]
        with self._writing():
            self._db.executemany("INSERT OR IGNORE INTO damaged VALUES (?)", rows)
        ids = [row for name in rows for row in self._db.execute("SELECT id FROM pack WHERE name = ?", name).fetchall()]
        self._strike(ids)

    def learn(self, pack: Object, parts: Iterable[bytes]) -> int | None:
        """A pack that is there and durable, and what is in it; returns its number, None where it is known to be damaged."""
        with self._writing():
            if self._db.execute("SELECT 1 FROM damaged WHERE name = ?", (pack.name,)).fetchone():
                return None
            self._db.execute("INSERT OR IGNORE INTO pack (name, size) VALUES (?, ?)", (pack.name, pack.size))
            (id_,) = self._db.execute("SELECT id FROM pack WHERE name = ?", (pack.name,)).fetchone()
            self._db.executemany("INSERT OR IGNORE INTO part VALUES (?, ?)", ((part, id_) for part in parts))
        return int(id_)

    def pack_of(self, part: bytes) -> int | None:
        """The number of the pack that has a part."""
        row = self._db.execute("SELECT pack FROM part WHERE sum = ?", (part,)).fetchone()
        return None if row is None else int(row[0])

    def pack(self, id_: int) -> Object | None:
        """A pack by its number; None: it was struck out meanwhile."""
        row = self._db.execute("SELECT name, size FROM pack WHERE id = ?", (id_,)).fetchone()
        return None if row is None else Object(*row)

    def knows(self, tree: str) -> bool:
        """Whether the parts of a tree's snapshot have been learnt."""
        return self._db.execute("SELECT 1 FROM learnt WHERE tree = ?", (tree,)).fetchone() is not None

    def learnt(self, tree: str) -> None:
        """They have."""
        self._db.execute("INSERT OR IGNORE INTO learnt VALUES (?)", (tree,))

    # --- files

    def folder(self, source: str, folder: bytes) -> dict[bytes, tuple[Seen, int | None]]:
        """The files of a folder as they were, by name, each with the number of the pack that has its one part (None: several, or none has it)."""
        rows = self._db.execute(
            "SELECT s.name, s.size, s.mtime, s.ctime, s.inode, s.body, s.parts, s.sum, s.sparse, s.xattrs, p.pack "
            "FROM seen AS s LEFT JOIN part AS p ON p.sum = s.parts WHERE s.source = ? AND s.folder = ?",
            (source, folder),
        )
        return {row[0]: (Seen(*row[1:-1]), row[-1]) for row in rows}

    def collect(self, source: str, files: Iterable[tuple[bytes, bytes, Seen]]) -> None:
        """Files as they are (folder, name, …), to be kept by `keep`."""
        self._db.execute(_FRESH)
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT INTO temp.fresh VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((source, folder, name, *seen) for folder, name, seen in files),
        )
        self._db.execute("COMMIT")

    def keep(self, source: str, folders: set[bytes], gone: Iterable[tuple[bytes, bytes]]) -> None:
        """What was collected is what the source's files look like from now on.

        Args:
            source: which.
            folders: all that there are; what was in others is forgotten.
            gone: files that are not in their folder any more.
        """
        self._db.execute(_FRESH)
        with self._writing():
            old = self._db.execute("SELECT DISTINCT folder FROM seen WHERE source = ?", (source,)).fetchall()
            lost = [(source, row[0]) for row in old if row[0] not in folders]
            self._db.executemany("DELETE FROM seen WHERE source = ? AND folder = ?", lost)
            self._db.executemany(
                "DELETE FROM seen WHERE source = ? AND folder = ? AND name = ?", ((source, *one) for one in gone)
            )
            self._db.execute("INSERT OR REPLACE INTO seen SELECT * FROM temp.fresh")
        self._db.execute("DELETE FROM temp.fresh")

    # --- heads and locks

    def heads(self) -> dict[str, bytes]:
        """Heads that were read before, by name."""
        return dict(self._db.execute("SELECT name, data FROM head"))

    def remember(self, heads: Mapping[str, bytes], gone: Iterable[str] = ()) -> None:
        """Heads that were read, and ones that are not there any more."""
        with self._writing():
            self._db.executemany("INSERT OR REPLACE INTO head VALUES (?, ?)", heads.items())
            self._db.executemany("DELETE FROM head WHERE name = ?", ((name,) for name in gone))

    def locked_until(self, name: str) -> float:
        """Until when an object is known to be locked."""
        row = self._db.execute("SELECT until FROM locked WHERE name = ?", (name,)).fetchone()
        return 0.0 if row is None else float(row[0])

    def locked(self, name: str, until: float) -> None:
        """An object was locked."""
        self._db.execute("INSERT OR REPLACE INTO locked VALUES (?, ?)", (name, until))

    def _writing(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def sums(parts: bytes) -> Iterator[bytes]:
    """The sums in a row of them."""
    for start in range(0, len(parts), 32):
        yield parts[start : start + 32]
