"""Taking a snapshot over from another archive for the same keys: its objects as they are, its head last."""

from __future__ import annotations

from collections.abc import Iterator

from blake3 import blake3

from trueup.connectors.archive.heads import Head, Object
from trueup.connectors.archive.objects import Damaged, sum_of
from trueup.connectors.archive.places import Place
from trueup.connectors.archive.processes import spool_name
from trueup.model.repository import Watch


def copy_objects(source: Place, target: Place, head: Head, watch: Watch) -> None:
    """Copies what the target does not have yet.

    Raises:
        Damaged, Gone: the source's object is not as it should be; nothing was made of it.
    """
    there = {name: one.size for folder in ("packs", "trees") for name, one in target.listing(folder, watch).items()}
    for one in (*head.packs, head.tree):
        watch.ok()
        if there.get(one.name) != one.size:
            _copy(source, target, one, watch)


def _copy(source: Place, target: Place, one: Object, watch: Watch) -> None:
    spooled = target.spool() / spool_name()
    try:
        _spool(source.pieces(one.name, watch), str(spooled), one)
        target.put(spooled, one.name, watch)
    finally:
        spooled.unlink(missing_ok=True)


def _spool(pieces: Iterator[bytes], path: str, one: Object) -> None:
    import os

    sum_ = blake3()
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags | os.O_CLOEXEC, 0o600)) as file:
        for piece in pieces:
            sum_.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if sum_.hexdigest() != sum_of(one.name):
        raise Damaged(f"{one.name}: its bytes are not those that were written")
