"""Bodies in the data of a snapshot."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from trueup.jobs.backup.sources.collections.index import Item
from trueup.model.errors import Permanent
from trueup.model.items import digest

MAX_ITEM = 64 * 1024 * 1024
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read(data: Path, file: str) -> bytes:
    """A file of the data, whose path was checked (see `index.items`).

    Raises:
        OSError: it is not there, or is no plain file in plain folders.
    """
    folder, name = os.path.split(file)
    if os.path.realpath(data / folder) != os.path.join(os.path.realpath(data), folder):
        raise OSError(20, "a symbolic link stands where a folder was", file)
    fd = os.open(data / file, _READ)
    with open(fd, "rb") as opened:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode) or about.st_size > MAX_ITEM:
            raise OSError(22, "it is no file of an item", name)
        return opened.read()


def all_files(data: Path) -> set[str]:
    """Every file of the data, relative, links as files."""
    found = set()
    for folder, folders, names in os.walk(data):
        links = [one for one in folders if os.path.islink(os.path.join(folder, one))]
        found |= {os.path.relpath(os.path.join(folder, one), data) for one in (*names, *links)}
    return found


def body_of(item: Item, data: Path) -> bytes:
    """An item's body, as it was backed up.

    Raises:
        Permanent: it is not.
    """
    try:
        body = read(data, item.file)
    except OSError as error:
        raise Permanent(f"{item.shown} cannot be read from the backup", where=item.file, why=str(error)) from error
    if digest(body) != item.sum:
        raise Permanent(
            f"{item.shown} is damaged in the backup",
            where=item.file,
            why="it is not what was backed up",
            hint="check the repository, and take it from another snapshot",
        )
    return body
