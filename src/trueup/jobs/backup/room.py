"""Room on a disk for what is restored side by side: each waits until it fits beside the others; what would not fit alone is refused."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trueup.jobs.backup.words import amount
from trueup.model.errors import CannotDrill
from trueup.model.repository import Watch

PAUSE = 0.2

_guard = threading.Lock()
_promised: dict[int, list[int]] = {}
"""Bytes that were promised to what is under way in this process, by device. What it has written already is counted twice: rather too little
is done at once than too much."""


@contextmanager
def promised(place: Path, needed: int, watch: Watch) -> Iterator[None]:
    """Room for so many bytes on the disk of a folder, while it is used; waits until others are done where it only lacks because of them.

    Raises:
        CannotDrill: there is not so much.
    """
    device = place.stat().st_dev
    while not _promise(place, device, needed):
        watch.moved()  # whoever it waits for has a watch of its own
        watch.ok()
        time.sleep(PAUSE)
    try:
        yield
    finally:
        with _guard:
            _promised[device].remove(needed)


def _promise(place: Path, device: int, needed: int) -> bool:
    with _guard:
        others = _promised.setdefault(device, [])
        free = shutil.disk_usage(place).free
        if free - sum(others) >= needed:
            others.append(needed)
            return True
        if others:
            return False
    why = f"it needs {amount(needed)}, and {amount(free)} are free in {place.parent}"
    raise CannotDrill("there is no room for a restore", why=why, hint="name a folder with room: `scratch:` of the job")
