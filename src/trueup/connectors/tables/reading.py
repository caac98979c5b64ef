"""Reading a file of rows from end to end, as it was at one moment."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from trueup.connectors.folder.etags import is_racy
from trueup.connectors.folder.replacing import ATTEMPTS, signature
from trueup.connectors.tables.formats import Format
from trueup.connectors.tables.index import Index
from trueup.connectors.tables.selection import Selection
from trueup.model.errors import Permanent, Transient

_FEW = 20


@dataclass(slots=True)
class Reading:
    """What is known of a file.

    Attributes:
        index: its rows.
        columns: their names, in the file's order.
        signature: of the file then.
        certain: an edit since then would show in the signature.
        notes: how it was understood, for `doctor`.
    """

    index: Index
    columns: tuple[str, ...]
    signature: str
    certain: bool
    notes: tuple[tuple[str, str], ...]


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """A file, to be read.

    Raises:
        OSError: it cannot be.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO would be waited for
    with open(path, "rb", buffering=0, opener=lambda name, _: os.open(name, flags)) as file:
        yield file


def read_table(
    file: BinaryIO, path: str, form: Format, key: Sequence[str], what: str, selection: Selection | None = None
) -> Reading:
    """Reads a file.

    Raises:
        Permanent, Transient: it is no table of this kind, has no such key, is mostly unreadable, or does not hold still. Never a short table.
        OSError: it cannot be read.
    """
    for _ in range(ATTEMPTS):
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise Permanent(f"could not read {what}", where=path, why="it is not a regular file", hint="correct `path`")
        reading = Reading(Index(key, selection), (), signature(about), not is_racy(about, time.time_ns()), ())
        try:
            _fill(reading, file, path, form, key, what)
        except BaseException as error:
            reading.index.close()
            if isinstance(error, Permanent | Transient) and signature(os.fstat(file.fileno())) != reading.signature:
                continue
            raise
        if signature(os.fstat(file.fileno())) == reading.signature:
            return reading
        reading.index.close()
    hint = "another program is writing it; it is tried again next time"
    raise Transient(f"could not read {what}", where=path, why="it changes while it is read", hint=hint)


def _fill(reading: Reading, file: BinaryIO, path: str, form: Format, key: Sequence[str], what: str) -> None:
    file.seek(0)
    table = form.open(file, path, what)
    reading.columns = table.columns
    if table.columns:
        require_key(table.columns, key, path, what)
    index = reading.index
    for record in table.records():
        index.add(record)
    index.done()
    reading.notes = tuple(table.notes())
    if len(index) > _FEW and 2 * len(index.broken) > len(index):
        href, why = next(iter(index.broken.items()))
        raise Permanent(
            f"could not read {what}",
            where=path,
            why=f"{len(index.broken)} of its {len(index)} rows cannot be read; {href}: {why}",
            hint="check the options of the store by which it is read",
        )


def require_key(columns: Sequence[str], key: Sequence[str], path: str, what: str) -> None:
    """Refuses a table that has not all the key's columns."""
    missing = [name for name in key if name not in columns]
    if missing:
        from difflib import get_close_matches

        listed = ", ".join(columns[:30]) + (" …" if len(columns) > 30 else "")
        alike = {one.casefold(): one for one in columns}
        near = [alike[one] for one in get_close_matches(missing[0].casefold(), alike, 1, 0.6)]
        raise Permanent(
            f"could not read {what}",
            where=path,
            why=f"it has no column “{missing[0]}”, which `key` names",
            hint=f"did you mean “{near[0]}”? Its columns: {listed}" if near else f"its columns: {listed}",
        )
