"""The lines of a text file with their sizes in bytes, and what encoding they are in."""

from __future__ import annotations

import codecs
import io
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from trueup.connectors.tables.held import Held

BLOCK = 1 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_WIDE = ("utf-16", "utf-32", "utf_16", "utf_32")


def encoding_of(start: bytes, said: str) -> tuple[str, bytes]:
    """The encoding and byte order mark of a file.

    Args:
        start: its first bytes.
        said: the encoding by the configuration; "" for none.

    Returns:
        The encoding's name (with its byte order), and the mark that the file begins with.
    """
    for mark, name in _MARKS:
        if start.startswith(mark) and (
            not said or said.replace("_", "-").startswith(name[:6].rstrip("-")) or said == name
        ):
            return name, mark
    if not said and len(start) > 1 and 0 in start[:2]:  # UTF-16 without a mark, as some databases write it
        return ("utf-16-le" if start[1] == 0 else "utf-16-be"), b""
    if said in ("utf-16", "utf-32"):
        return f"{said}-le", b""
    return ("utf-8" if said in ("", "utf-8-sig") else said), b""


class Lines:
    """The lines of a file, of which some can be given back.

    Attributes:
        offset: bytes up to the end of what was taken.
        number: of the line that was taken last, from 1.
        taken: lines and their sizes since `mark` was called.
        foreign, letters: how many lines held bytes that are not in the encoding, and letters beyond ASCII that are; the first of the former.
    """

    def __init__(self, file: BinaryIO, start: int, encoding: str, end: str) -> None:
        file.seek(start)
        self.offset = start
        self.number = 0
        self.taken: list[tuple[str, int]] = []
        self.foreign = self.letters = self.first_foreign = 0
        self._again: deque[tuple[str, int]] = deque()
        self._source = _wide(file, encoding) if encoding.startswith(_WIDE) else _narrow(file, encoding, end)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._again:
            one = self._again.popleft()
        else:
            one = next(self._source)
            if not one[0].isascii():
                self._count(one[0])
        self.taken.append(one)
        self.offset += one[1]
        self.number += 1
        return one[0]

    def mark(self) -> None:
        """Forgets what was taken."""
        self.taken = []

    def give_back(self) -> None:
        """Takes all but the first of the lines taken since the mark as not taken."""
        back = self.taken[1:]
        self._again.extendleft(reversed(back))
        self.offset -= sum(size for _, size in back)
        self.number -= len(back)
        del self.taken[1:]

    def _count(self, line: str) -> None:
        if any("\udc80" <= one <= "\udcff" for one in line):
            self.foreign += 1
            self.first_foreign = self.first_foreign or self.number + 1
        else:
            self.letters += 1


def _narrow(file: BinaryIO, encoding: str, end: str) -> Iterator[tuple[str, int]]:
    """Lines in an encoding in which no letter but the line feed holds its byte."""
    lines = _returned(file) if end == "\r" else iter(io.BufferedReader(Held(file), BLOCK))
    for raw in lines:
        yield raw.decode(encoding, "surrogateescape"), len(raw)


def _returned(file: BinaryIO) -> Iterator[bytes]:
    """Lines that end with CR alone (old Macintosh programs)."""
    left = b""
    while block := file.read(BLOCK):
        *whole, left = (left + block).split(b"\r")
        for one in whole:
            yield one + b"\r"
    if left:
        yield left


def _wide(file: BinaryIO, encoding: str) -> Iterator[tuple[str, int]]:
    """Lines in two or four bytes a letter. Raises UnicodeDecodeError."""
    for line in io.TextIOWrapper(io.BufferedReader(Held(file), BLOCK), encoding=encoding, newline=""):
        yield line, len(line.encode(encoding))
