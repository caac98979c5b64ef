"""What a repository on this machine was last seen to hold: each start of restic costs half a second, most of it to derive a key.

Files of a repository are named by the SHA-256 of their bytes and never change (restic's design, "Repository Format"). So the list that restic
once gave is still right where the same files are in `snapshots`; where anything else is found, restic is asked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trueup.connectors.restic.naming import Kept
from trueup.model.repository import Snapshot

Files = dict[str, list[int]]

_VERSION = 1
_DIGITS = 64
_COST = 1 << 12
"""Of scrypt (RFC 7914): 10 ms. Who may read the cache shall not be able to try passwords faster than with the repository's own keys by much."""


class Remembered:
    """The list of one repository, in a file of the cache; nothing is remembered of one elsewhere.

    Args:
        folder: where it is kept.
        repository: the repository's folder; None: it is elsewhere.
        password: it is remembered only for who has it.
    """

    def __init__(self, folder: Path, repository: Path | None, password: str) -> None:
        self._repository = repository
        self._password = password.encode(errors="surrogateescape")
        self._file = folder / hashlib.sha256(os.fsencode(repository or "")).hexdigest()[:32]
        self._known_key = (b"", "")

    def read(self) -> list[Kept] | None:
        """The snapshots that are there; None: restic has to be asked."""
        if self._repository is None:
            return None
        try:
            known = json.loads(self._file.read_text("ascii"))
            if known["version"] != _VERSION or not hmac.compare_digest(known["key"], self._known_by()):
                return None
            there = self._there()
            if any(known["files"].get(name) != state for name, state in there.items()):
                return None
            found = [_kept(one) for one in known["snapshots"] if one["snapshot"]["id"] in there]
            return sorted(found, key=lambda one: (one.snapshot.time, one.snapshot.id))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, found: Iterable[Kept], files: Files | None) -> None:
        """Remembers what restic said; `files` is what `files` said before it was asked."""
        if files is not None:
            with suppress(OSError):  # what is not remembered is asked for
                self._write({"files": files, "snapshots": [asdict(one) for one in found]})

    def add(self, one: Kept) -> None:
        """Remembers a snapshot that was just stored, where it is whole and all that came to the repository."""
        if self._repository is None or not self._stored(one.snapshot.id):
            return
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            known, there = json.loads(self._file.read_text("ascii")), self._there()
            files = {name: state for name, state in there.items() if name != one.snapshot.id}
            if known["key"] == self._known_by() and all(known["files"].get(it[0]) == it[1] for it in files.items()):
                self._write({"files": there, "snapshots": [*known["snapshots"], asdict(one)]})

    def files(self) -> Files | None:
        """The snapshots' files, each with size, mtime and inode; None where that cannot be known."""
        with suppress(OSError):
            if self._repository is not None:
                return self._there()
        return None

    def _stored(self, snapshot: str) -> bool:
        """Whether a snapshot's file is there, and its bytes are those that its name says."""
        try:
            return hashlib.sha256((self._folder / snapshot).read_bytes()).hexdigest() == snapshot
        except OSError:
            return False

    @property
    def _folder(self) -> Path:
        assert self._repository is not None
        return self._repository / "snapshots"

    def _there(self) -> Files:
        with os.scandir(self._folder) as entries:
            files = [(one.name, one.stat()) for one in entries if len(one.name) == _DIGITS]
        return {name: [about.st_size, about.st_mtime_ns, about.st_ino] for name, about in files}

    def _write(self, known: dict[str, Any]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        try:
            with open(beside, "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
                json.dump({"version": _VERSION, "key": self._known_by(), **known}, out)
            os.replace(beside, self._file)
        finally:
            beside.unlink(missing_ok=True)

    def _known_by(self) -> str:
        """What the password, the repository's config and its keys make together."""
        assert self._repository is not None
        salt = hashlib.sha256((self._repository / "config").read_bytes())
        salt.update("".join(sorted(os.listdir(self._repository / "keys"))).encode())
        if self._known_key[0] != salt.digest():
            key = hashlib.scrypt(self._password, salt=salt.digest(), n=_COST, r=8, p=1, dklen=32).hex()
            self._known_key = (salt.digest(), key)
        return self._known_key[1]


def _kept(known: dict[str, Any]) -> Kept:
    return Kept(Snapshot(**known["snapshot"]), known["root"], known["about"], known["original"])
