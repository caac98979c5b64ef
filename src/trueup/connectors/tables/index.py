"""What is where in a table: about 70 bytes of memory for a row, whatever its size.

The rows themselves go to a temporary file without a name, in the order of the table: 1,000,000 rows are some 200 MB on the disk for the time
of a run, and every one is fetched with a single read.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import BinaryIO

from trueup.connectors.tables.rows import Record, digest, to_body
from trueup.connectors.tables.selection import Selection
from trueup.core.rowkeys import href_of, shown_key

_SIZE = 16
_BLOCK = 1 << 20
_HEAD = 200  # longer than most hrefs
_NONE = (1 << 64) - 1
LINE = "line "
"""How the href of a row begins that has none of its own, since it cannot be read: no key's href has a blank in it."""


def _hash(href: str) -> int:
    return int.from_bytes(blake2b(href.encode(), digest_size=8).digest())


class Index:
    """The rows of a table as they were at one moment.

    Attributes:
        broken: why rows cannot be read, by their hrefs ("line 7").
    """

    def __init__(self, key: Sequence[str], selection: Selection | None = None) -> None:
        self.key = tuple(key)
        self._selection = selection or Selection()
        self._outside = bytearray()
        self.broken: dict[str, str] = {}
        self._spool: BinaryIO = tempfile.TemporaryFile(buffering=_BLOCK)  # type: ignore[assignment]  # noqa: SIM115
        self._hashes = array("Q")
        self._order: array[int] = array("I")
        self._bounds = array("Q", [0])  # of bodies in the spool; an href stands before its body
        self._spans = array("Q")
        self._numbers = array("Q")
        self._digests = bytearray()
        self._twins: dict[int, list[int]] = {}

    def close(self) -> None:
        """Gives the temporary file back."""
        self._spool.close()

    def __len__(self) -> int:
        return len(self._hashes)

    def add(self, record: Record) -> None:
        """The next row of the table."""
        href, body, problem = "", b"", record.problem
        if record.row is not None:
            href = href_of(record.row, self.key)
            try:
                body = to_body(record.row)
            except UnicodeEncodeError:
                problem = "it holds bytes that are no letters in this encoding"
            if not href:
                names = " and ".join(f"“{name}”" for name in self.key)
                problem = f"it has no value in the key {'column' if len(self.key) == 1 else 'columns'} {names}"
        if problem:
            self.broken[f"{LINE}{record.number}"] = problem
            href, body = "", b""
        self._hashes.append(_NONE if problem else _hash(href))
        self._outside.append(record.row is not None and not problem and not self._selection.holds(record.row))
        self._numbers.append(record.number)
        self._spans.extend((record.start, record.stop))
        name = href.encode()
        self._spool.write(name + b"\n" + body)
        self._bounds.append(self._bounds[-1] + len(name) + len(body) + 1)
        self._digests += digest(body)

    def done(self) -> None:
        """Sorts it, when the last row was added."""
        self._spool.flush()
        self._order = array("I", sorted(range(len(self._hashes)), key=self._hashes.__getitem__))
        hashes, order = self._hashes, self._order
        for before, after in pairwise(order):
            if hashes[before] == hashes[after] != _NONE:
                self._twins.setdefault(hashes[after], [before]).append(after)

    def hrefs(self) -> Iterator[tuple[str, str | None]]:
        """Hrefs and etags of what is there, each once; no etag for what cannot be read. Rows that cannot be read come last."""
        told: set[int] = set()
        for place, value in enumerate(self._hashes):
            if value == _NONE or value in told or self._outside[place]:
                continue
            if value in self._twins:
                told.add(value)
            yield self._href(place), None if value in self._twins else self._etag(place)
        for href in self.broken:
            yield href, None

    def find(self, href: str) -> int | None:
        """The place of a row; None where there is none, or more than one."""
        value = _hash(href)
        at = bisect_left(self._order, value, key=self._hashes.__getitem__)
        if at == len(self._order) or self._hashes[self._order[at]] != value or value in self._twins or value == _NONE:
            return None
        return self._order[at]

    def outside(self, place: int) -> bool:
        """Whether the row at a place belongs to another part of the table."""
        return bool(self._outside[place])

    @property
    def inside(self) -> int:
        """How many rows belong to the part."""
        return len(self) - sum(self._outside)

    def etag(self, place: int) -> str:
        """The etag of the row at a place."""
        return self._etag(place)

    def problem(self, href: str) -> str:
        """Why the row of that href cannot be handed out, though it is or may be there; "" where it is truly not there."""
        if href.startswith(LINE):
            return self.broken.get(href, "")
        twins = self._twins.get(_hash(href))
        if twins:
            lines = [str(self._numbers[one]) for one in twins[:5]]
            more = f" and {len(twins) - 5} more" if len(twins) > 5 else ""
            return f"{len(twins)} rows have the key {shown_key(href)}: lines {', '.join(lines)}{more}"
        if len(self.broken) and self.find(href) is None:
            first = next(iter(self.broken.items()))
            return f"it is not found, but {len(self.broken)} rows cannot be read and may be it; {first[0]}: {first[1]}"
        return ""

    def body(self, place: int) -> bytes:
        """The row at a place, as it was read."""
        start, stop = self._bounds[place], self._bounds[place + 1]
        data = os.pread(self._spool.fileno(), stop - start, start)
        return data[data.index(b"\n") + 1 :]

    def span(self, place: int) -> tuple[int, int]:
        """Where the bytes of a row are in the file."""
        return self._spans[2 * place], self._spans[2 * place + 1]

    def is_twin(self, href: str) -> bool:
        """Whether more than one row has that key."""
        return _hash(href) in self._twins

    @property
    def twins(self) -> int:
        """How many keys stand more than once."""
        return len(self._twins)

    def _href(self, place: int) -> str:
        start, size = self._bounds[place], self._bounds[place + 1] - self._bounds[place]
        head, mark, _ = os.pread(self._spool.fileno(), min(size, _HEAD), start).partition(b"\n")
        return (head if mark else os.pread(self._spool.fileno(), size, start).partition(b"\n")[0]).decode()

    def _etag(self, place: int) -> str:
        return self._digests[_SIZE * place : _SIZE * (place + 1)].hex()
