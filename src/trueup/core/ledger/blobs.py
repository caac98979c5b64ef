"""Bodies by their digest, large ones compressed. The first byte says how, so that it can change."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

from trueup.core.ledger.database import Database
from trueup.model.errors import LedgerError
from trueup.model.items import digest

_PLAIN = b"\x00"
_ZLIB = b"\x01"

# Below this (bytes) a body is kept as it is. An event has about 1 kB: squeezing 10,000 of them, and opening them three times in a
# first run, cost 0.4 s of processor time and saved 6 MB.
SMALL = 4096

# A body is put before the row that names it is written. Pruning leaves alone what was put within this time (seconds), and putting a
# body that is there already renews its time when half of that has passed.
GRACE = 86400.0


class Blobs:
    """The bodies."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, data: bytes) -> str:
        """Keeps a body; returns its digest."""
        return self.put_many([data])[0]

    def put_many(self, bodies: Sequence[bytes]) -> list[str]:
        """Keeps bodies in one commit; returns their digests in the same order. What is there already is not written again."""
        digests = [digest(data) for data in bodies]
        now = self._db.now()
        found = self._db.rows_in(
            "SELECT digest FROM blob WHERE added > ? AND digest IN (@)", set(digests), (now - GRACE / 2,)
        )
        fresh = {row[0] for row in found}
        wanted = {name: data for name, data in zip(digests, bodies, strict=True) if name not in fresh}
        if wanted:
            rows = [(name, now, pack(data)) for name, data in sorted(wanted.items())]
            with self._db.transaction("blobs.put"):
                self._db.write_many(
                    "INSERT INTO blob (digest, added, data) VALUES (?, ?, ?)"
                    " ON CONFLICT (digest) DO UPDATE SET added = excluded.added",
                    rows,
                )
        return digests

    def get(self, name: str) -> bytes:
        """The body of this digest.

        Raises:
            LedgerError: it is not there, or is not what its digest says.
        """
        return self.get_many([name])[name]

    def get_many(self, names: Iterable[str]) -> dict[str, bytes]:
        """The bodies of these digests.

        Raises:
            LedgerError: one is not there, or is not what its digest says.
        """
        wanted = set(names)
        rows = self._db.rows_in("SELECT digest, data FROM blob WHERE digest IN (@)", wanted)
        bodies = {name: self._checked(name, data) for name, data in rows}
        missing = wanted - bodies.keys()
        if missing:
            raise self._damaged(f"{len(missing)} bodies are missing, the first is {min(missing)}")
        return bodies

    def _checked(self, name: str, packed: bytes) -> bytes:
        data = unpack(packed)
        if data is None or digest(data) != name:
            raise self._damaged(f"the body {name} is not what it was")
        return data

    def _damaged(self, why: str) -> LedgerError:
        return LedgerError(
            "the ledger is damaged",
            where=self._db.dialect.where,
            why=why,
            hint="run `trueup doctor`; put back a backup of the ledger, or move it away and run again: "
            "everything is matched by its UID, without duplicates",
        )


def pack(data: bytes) -> bytes:
    """The body as it is stored."""
    if len(data) < SMALL:
        return _PLAIN + data
    packed = zlib.compress(data, 1)
    return _ZLIB + packed if len(packed) < len(data) else _PLAIN + data


def unpack(packed: bytes) -> bytes | None:
    """The body that was stored; None: it cannot be read."""
    packed = bytes(packed)
    if packed[:1] == _PLAIN:
        return packed[1:]
    if packed[:1] != _ZLIB:
        return None
    try:
        return zlib.decompress(packed[1:])
    except zlib.error:
        return None
