"""A file that outlives what reads it: closing a buffer over it leaves it open."""

from __future__ import annotations

import io
from typing import BinaryIO


class Held(io.RawIOBase):
    """See the module's text."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Reads into a buffer; how many bytes came."""
        return self._file.readinto(buffer)  # type: ignore[attr-defined,no-any-return]
