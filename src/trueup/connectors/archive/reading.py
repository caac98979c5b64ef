"""The content of a file, read once: its parts, where its holes are, and its sums."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from blake3 import blake3

from trueup.connectors.archive.walking import segments

PART = 4 << 20
"""A file is cut into parts of this size; part of the format."""

_ZEROS = bytes(1 << 20)
EMPTY = blake3().digest()
"""The sum of an empty file."""

Store = Callable[[bytes, bytes], int]
"""Takes a part's sum and its bytes, and returns the number of the pack it is in."""


@dataclass(slots=True)
class Content:
    """What was read of a file.

    Attributes:
        body: bytes of data, without holes.
        size: of the file as it was read, holes counted.
        parts, packs: sums of the parts of the body, and the packs they are in.
        sum: BLAKE3 of the body, where it has several parts.
        sparse: where the data is: (offset, length); None: there are no holes.
        plain: BLAKE3 of the file as a whole, holes read as zeros; b"": not asked for.
    """

    body: int = 0
    size: int = 0
    parts: Sequence[bytes] = ()
    packs: Sequence[int] = ()
    sum: bytes = b""
    sparse: list[tuple[int, int]] | None = None
    plain: bytes = b""


@dataclass(slots=True)
class Reader:
    """Reads files.

    Attributes:
        store: where parts go.
        moved: told of bytes, part by part.
        whole: whether `Content.plain` is asked for.
    """

    store: Store
    moved: Callable[[int], None]
    whole: bool
    _parts: list[bytes] = field(default_factory=list)
    _packs: list[int] = field(default_factory=list)

    def read(self, descriptor: int, status: os.stat_result) -> Content:
        """A regular file as long as `status` says, or shorter where it became that.

        Raises:
            OSError: it cannot be read.
        """
        self._parts, self._packs = [], []
        size = status.st_size
        found = None if status.st_blocks * 512 >= size else segments(descriptor, size)
        content = (
            self._stream(descriptor, size) if found in (None, [(0, size)]) else self._sparse(descriptor, size, found)
        )
        content.parts, content.packs = self._parts, self._packs
        return content

    def _stream(self, descriptor: int, size: int) -> Content:
        """A file without holes."""
        sum_, body = blake3() if size > PART else None, 0
        while body < size:
            data = _read_at(descriptor, body, min(PART, size - body))
            if not data:  # it became shorter
                break
            if sum_ is not None:
                sum_.update(data)
            self._part(data)
            body += len(data)
        several = sum_.digest() if sum_ is not None and len(self._parts) > 1 else b""
        return Content(body, body, sum=several, plain=several or (self._parts[0] if self._parts else EMPTY))

    def _sparse(self, descriptor: int, size: int, found: Sequence[tuple[int, int]]) -> Content:
        """The data between holes, one after the other."""
        sum_, plain, buffer, end = blake3(), blake3(), bytearray(), 0
        content = Content(size=size, sparse=[])
        assert content.sparse is not None
        for offset, length in found:
            done = 0
            self._hole(plain, offset - end)
            while done < length:
                data = _read_at(descriptor, offset + done, min(PART - len(buffer), length - done))
                if not data:
                    break
                done += len(data)
                buffer += data
                for one in (sum_, plain):
                    one.update(data)
                if len(buffer) == PART:
                    self._part(bytes(buffer))
                    buffer.clear()
            content.body += done
            end = offset + done
            if done:
                content.sparse.append((offset, done))
            if done < length:
                break
        if buffer:
            self._part(bytes(buffer))
        self._hole(plain, size - end)
        content.sum = sum_.digest() if len(self._parts) > 1 else b""
        content.plain = plain.digest() if self.whole else b""
        return content

    def _hole(self, plain: blake3, length: int) -> None:
        while self.whole and length > 0:
            plain.update(_ZEROS[:length] if length < len(_ZEROS) else _ZEROS)
            length -= len(_ZEROS)
            self.moved(1)

    def _part(self, data: bytes) -> None:
        part = blake3(data).digest()
        self._parts.append(part)
        self._packs.append(self.store(part, data))
        self.moved(len(data))


def _read_at(descriptor: int, offset: int, size: int) -> bytes:
    """So many bytes, or fewer where the file ends."""
    data = os.pread(descriptor, size, offset)
    while 0 < len(data) < size:
        more = os.pread(descriptor, size - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data
