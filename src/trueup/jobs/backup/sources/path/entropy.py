"""How even the bytes of changed files are: encrypted or compressed ones come near to 8 bits a byte, text to 4 or 5."""

from __future__ import annotations

import math
import os
import random
from collections import Counter

from trueup.jobs.backup.sources.path.sums import READ
from trueup.jobs.backup.sources.path.walk import open_folder

FILES = 200
BYTES = 16 * 1024
"""Enough to tell 8 bits a byte from 7.5: so few bytes show 0.01 too little."""


class Sample:
    """Up to FILES of the files that are offered, each with the same chance (reservoir sampling)."""

    def __init__(self) -> None:
        self._offered = 0
        self._paths: list[str] = []
        self._random = random.Random(0)

    def offer(self, path: str) -> None:
        """One of the files."""
        self._offered += 1
        if len(self._paths) < FILES:
            self._paths.append(path)
        elif (place := self._random.randrange(self._offered)) < FILES:
            self._paths[place] = path

    def entropy(self, root: int) -> float | None:
        """Bits a byte over the first BYTES of each, weighted by how much that is; None where nothing could be read.

        Args:
            root: a descriptor of the folder that paths are relative to.
        """
        bits = size = 0.0
        for path in self._paths:
            data = _start(root, path)
            bits += _bits(data)
            size += len(data)
        return bits / size if size else None


def _bits(data: bytes) -> float:
    """Shannon's entropy of the bytes, times their number."""
    size = len(data)
    return sum(-count * math.log2(count / size) for count in Counter(data).values())


def _start(root: int, path: str) -> bytes:
    """The first bytes of a file; empty where it cannot be read any more."""
    folder, _, name = path.rpartition("/")
    try:
        fd = open_folder(root, folder)
        try:
            file = os.open(name, READ, dir_fd=fd)
        finally:
            os.close(fd)
        try:
            return os.read(file, BYTES)
        finally:
            os.close(file)
    except OSError:
        return b""
