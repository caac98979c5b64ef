"""Bringing snapshots back: all of one, some of it, or the list of what is in it.

restic checks the sum of every block it restores against its name (its manual, "Design", "Trees and Data"), so that files are not read again
afterwards; what the disk refuses, the writing says.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from trueup.connectors.restic.locks import moment
from trueup.connectors.restic.naming import Kept, shown
from trueup.connectors.restic.running import Restic, parsed
from trueup.connectors.restic.selecting import include, literal
from trueup.model.errors import NotFound, Permanent
from trueup.model.repository import Entry, Watch

_TYPES = {"file": "file", "dir": "dir", "symlink": "link", "fifo": "fifo", "socket": "socket"}


def about(restic: Restic, kept: Kept, into: Path, watch: Watch) -> None:
    """Writes the about folder's content into `into`."""
    if not kept.about:
        hint = "its files can be restored, it has no manifest"
        raise Permanent(f"snapshot {kept.snapshot.id[:8]} was not made by trueup", where=_place(restic), hint=hint)
    what = f"could not read what snapshot {kept.snapshot.id[:8]} says of itself"
    restic.run(what, ["restore", "--json", f"{kept.snapshot.id}:{kept.about}", f"--target={into}"], watch, both=True)


def restore(restic: Restic, kept: Kept, into: Path, watch: Watch, only: Sequence[str]) -> None:
    """Writes a snapshot's data, or some paths of it, into an empty folder.

    The data's root is restored into a folder of its own inside `into` first, because restic gives a folder its mode and times only where it
    restores it by name; what is in it is then moved up.
    """
    if not kept.root or kept.root == "/":
        own = [f"--exclude={literal(kept.about)}"] if kept.about else []
        _run(restic, kept, "/", into, [f"--include={include(f'/{one}')}" for one in only] or own, watch)
        _all_there(kept, into, only)
        return
    parent, name = os.path.split(kept.root)
    wanted = [f"--include={include(f'/{name}/{one}')}" for one in only] or [f"--include={include(f'/{name}')}"]
    with tempfile.TemporaryDirectory(prefix=".trueup-", dir=into) as folder:
        _run(restic, kept, parent, Path(folder), wanted, watch)
        found = Path(folder) / name
        if not os.path.lexists(found):  # its name is no text, and was written as the file system has it
            found = next(Path(folder).iterdir(), found)
        if found.is_dir() and not found.is_symlink():
            _all_there(kept, found, only)
            root = None if only else found.stat()
            _move_up(found, into)
        else:
            _all_there(kept, found.parent, (name,))
            os.rename(found, into / name)
            root = None
    if root is not None:
        _like(into, root)


def _run(restic: Restic, kept: Kept, top: str, into: Path, wanted: Sequence[str], watch: Watch) -> None:
    what = f"could not restore snapshot {kept.snapshot.id[:8]}"
    args = ["restore", "--json", "--sparse", *wanted, f"--target={into}", f"{kept.snapshot.id}:{top}"]
    restic.run(what, args, watch, both=True)


def _all_there(kept: Kept, folder: Path, only: Sequence[str]) -> None:
    """restic says nothing where it finds nothing of the kind.

    Raises:
        NotFound: something that was asked for was not in the snapshot.
    """
    missing = [one for one in only if "\ufffd" not in one and not os.path.lexists(folder / one)]
    if missing:
        hint = "trueup restore without a path shows what there is"
        raise NotFound(f"{missing[0]!r} is not in snapshot {kept.snapshot.id[:8]}", hint=hint)


def _move_up(folder: Path, into: Path) -> None:
    folder.chmod(0o700)
    for one in os.listdir(folder):
        moved = folder / one
        if moved.is_dir() and not moved.is_symlink() and not os.access(moved, os.W_OK):
            _rename_closed(moved, into / one)
        else:
            os.rename(moved, into / one)


def _rename_closed(folder: Path, to: Path) -> None:
    """A folder's entry `..` changes with a rename, for which it must be writable (rename(2), EACCES)."""
    before = folder.stat()
    folder.chmod(before.st_mode | 0o700)
    os.rename(folder, to)
    to.chmod(before.st_mode)


def _like(folder: Path, root: os.stat_result) -> None:
    """Gives the folder what its original had; the owner where that is allowed."""
    if os.geteuid() == 0:
        os.chown(folder, root.st_uid, root.st_gid)
    folder.chmod(root.st_mode & 0o7777)
    os.utime(folder, ns=(root.st_atime_ns, root.st_mtime_ns))


def entries(restic: Restic, kept: Kept, watch: Watch) -> Iterator[Entry]:
    """What the data consists of. restic writes the list into a file, which is read bit by bit: there may be millions."""
    folder = tempfile.mkdtemp(prefix="trueup-entries-")
    try:
        root = kept.root or "/"
        listing = Path(folder) / "entries"
        what = f"could not list snapshot {kept.snapshot.id[:8]}"
        restic.run(what, ["ls", "--json", "--recursive", kept.snapshot.id, root], watch, listing)
        top, name = shown(root).rstrip("/"), os.path.basename(shown(root))
        skip = shown(kept.about) if shown(kept.about).startswith(f"{top}/") else ""
        with listing.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                said = parsed(line)
                path = str(said.get("path", ""))
                if said.get("struct_type", said.get("message_type")) != "node":
                    continue
                if path == top and said.get("type") != "dir":
                    yield _entry(said, name)
                elif path.startswith(f"{top}/") and not (skip and f"{path}/".startswith(f"{skip}/")):
                    yield _entry(said, path[len(top) + 1 :])
    finally:
        shutil.rmtree(folder)


def _entry(said: dict[str, object], path: str) -> Entry:
    size = said.get("size", 0)
    kind = _TYPES.get(str(said.get("type")), "device")
    return Entry(path, kind, size if isinstance(size, int) else 0, moment(str(said["mtime"])))


def _place(restic: Restic) -> str:
    return restic.settings.address.place
