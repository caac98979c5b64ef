"""What several kinds of sources need of files: manifests, a durable file beside its place, sums of rows in any order."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from typing import Any

from trueup.model.backup import MANIFEST, MANIFEST_VERSION, SourceSpec
from trueup.model.errors import NotFound, Permanent, StoreError

_HALF = 1 << 128
_LONG = 4096


def folders(spool: Path) -> tuple[Path, Path]:
    """`spool/data` and `spool/about`, made; for their owner only."""
    data, about = spool / "data", spool / "about"
    for folder in (data, about):
        folder.mkdir(mode=0o700, exist_ok=True)
    return data, about


def write_manifest(about: Path, spec: SourceSpec, taken: float, content: Mapping[str, Any]) -> None:
    """Writes the manifest of a source.

    Args:
        about: the folder.
        spec: the source.
        taken: when the capture began; seconds since 1970.
        content: what its kind wants to know at a drill; plain JSON.
    """
    known = {"version": MANIFEST_VERSION, "kind": spec.kind, "source": spec.name, "taken": taken}
    text = json.dumps({**known, **content}, indent=1, ensure_ascii=True)
    (about / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(about: Path) -> dict[str, Any]:
    """The manifest as it was written.

    Raises:
        Permanent: it is missing, damaged, or of a later version.
    """
    path = about / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Permanent("the manifest of a snapshot cannot be read", where=str(path), why=str(error)) from error
    if not isinstance(found, dict) or found.get("version") != MANIFEST_VERSION:
        raise Permanent(
            "the manifest of a snapshot is of another version", where=str(path), hint="use a newer trueup to restore it"
        )
    return found


def chosen(only: Sequence[str], there: Sequence[str], what: str) -> list[str]:
    """Those of `there` that are wanted, in that order; all of them where nothing is said.

    Raises:
        NotFound: something is not there; names what comes close.
    """
    for name in only:
        if name not in there:
            close = get_close_matches(name, there, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(there[:10]) or 'none'}"
            raise NotFound(f"there is no {what} {name} in this snapshot", hint=hint)
    return [name for name in there if not only or name in only]


def too_small(spec: SourceSpec, size: int, what: str) -> None:
    """Raises Permanent where `size` bytes are fewer than the source may have."""
    if size < spec.min_size:
        why = f"it is {size} bytes, and `min_size` says {spec.min_size}"
        raise Permanent(
            f"{what} is suspiciously small", where=spec.name, why=why, hint="look at the source, or lower `min_size`"
        )


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A temporary path in the folder of `path`, which becomes `path` durably at the end; on an error, nothing is left of it."""
    temporary = path.parent / f".trueup-{os.urandom(8).hex()}.tmp"
    try:
        yield temporary
        flush(temporary)
        os.replace(temporary, path)
        flush(path.parent)
    except OSError as error:
        raise os_error(error, "could not write a restored file", path) from error
    finally:
        temporary.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Returns when a file's content, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def os_error(error: OSError, what: str, where: Path) -> StoreError:
    """An error of the file system, in words."""
    import errno

    hints = {
        errno.ENOSPC: "make room on that disk",
        errno.EDQUOT: "make room: the quota is used up",
        errno.EACCES: "give the user that runs trueup the right to it",
        errno.ENOENT: "check the path",
    }
    why = os.strerror(error.errno) if error.errno else str(error)
    return Permanent(what, where=str(where), why=why[:1].lower() + why[1:], hint=hints.get(error.errno or 0, ""))


class RowSum:
    """The sum of rows in any order: equal for the same rows, each as often as the other side has it.

    A row's digest is BLAKE2b of its Python form, 128 bits; digests are added, so that a row that is there twice counts twice.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Counts rows; values are int, float, None, bytes, or bytearray for text."""
        total = 0
        for row in rows:
            for value in row:
                if isinstance(value, bytes | bytearray) and len(value) >= _LONG:
                    row = tuple(map(_short, row))
                    break
            total += int.from_bytes(blake2b(repr(row).encode(), digest_size=16).digest(), "big")
        self._sum += total
        self.rows += len(rows)

    @property
    def digest(self) -> str:
        """32 hexadecimal digits."""
        return f"{self._sum % _HALF:032x}"


def _short(value: object) -> object:
    """What stands for a long value."""
    if not isinstance(value, bytes | bytearray) or len(value) < _LONG:
        return value
    return type(value).__name__, len(value), blake2b(value, digest_size=16).hexdigest()
