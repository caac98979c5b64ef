"""Room for a restore: a folder that is gone afterwards, on a disk that is large enough."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trueup.jobs.backup.words import amount
from trueup.model.errors import Permanent

PREFIX = ".trueup-restore-"

_MARGIN = 1.1


def beside(to: str) -> Path:
    """Where a restore to a place has room, where nobody has said: on the disk of a folder that is the target, else where temporary files are.

    A folder for temporary files is often kept in memory; what is restored may be larger than that.
    """
    temporary = Path(tempfile.gettempdir())
    if "://" in to:
        return temporary
    target = Path(to).expanduser().absolute()
    near = next((one for one in target.parents if one.is_dir()), temporary)
    return near if os.access(near, os.W_OK | os.X_OK) else temporary


@contextmanager
def scratch_in(base: Path) -> Iterator[Path]:
    """An empty folder of one's own in another, for its owner only; gone afterwards. What a killed restore left there is gone before.

    A lock on the folder says that somebody works in it: it ends with the process, however that ends.

    Raises:
        Permanent: it cannot be made.
    """
    _sweep(base)
    place, lock = _made(base)
    try:
        yield place
    finally:
        remove(place)
        os.close(lock)


def require_room(place: Path, size: int) -> None:
    """Raises Permanent where there is not enough room for a restore.

    Args:
        place: a folder on the disk in question.
        size: bytes that are restored.
    """
    free = shutil.disk_usage(place).free
    if free < size * _MARGIN:
        why = f"it needs {amount(size)}, and {amount(free)} are free there"
        hint = "name a folder on another disk: --scratch FOLDER"
        raise Permanent("there is no room for the restore", where=str(place.parent), why=why, hint=hint)


def remove(place: Path) -> None:
    """Removes a folder, whatever modes its folders have: a restored tree may have some that nobody may enter."""
    with suppress(OSError):
        place.chmod(0o700)
    for folder, below, _ in os.walk(place):
        for one in below:
            path = Path(folder, one)
            if not path.is_symlink():
                with suppress(OSError):
                    path.chmod(0o700)
    shutil.rmtree(place, ignore_errors=True)


def _made(base: Path) -> tuple[Path, int]:
    """A new folder and the lock on it; made again where another restore took it for a rest before it was locked."""
    try:
        base.mkdir(parents=True, exist_ok=True, mode=0o700)
        while True:
            place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
            with suppress(FileNotFoundError):
                lock = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                with suppress(OSError):  # a file system without locks: nothing is swept there either
                    fcntl.flock(lock, fcntl.LOCK_EX)
                if place.exists():
                    return place, lock
                os.close(lock)
    except OSError as error:
        why, hint = error.strerror or str(error), "name a folder that can be written to: --scratch FOLDER"
        raise Permanent("there is no place to restore in", where=str(base), why=why, hint=hint) from error


def _sweep(base: Path) -> None:
    """Removes what restores that were killed have left: it may be as large as all that was restored, and readable."""
    for rest in base.glob(f"{PREFIX}*"):
        try:
            lock = os.open(rest, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(rest)
        except OSError:
            continue  # somebody works in it, or it is somebody else's
        finally:
            os.close(lock)
