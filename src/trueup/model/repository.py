"""The port to a repository: where snapshots of sources are kept, whatever keeps them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Watch(Protocol):
    """Who looks after work that may take long: it has a deadline, and must show that it moves."""

    def moved(self, amount: int = 1) -> None:
        """Something was done (bytes, files): the work is alive."""
        ...

    def ok(self) -> None:
        """Returns where the work may go on; to be asked a few times a second.

        Raises:
            TimedOut: the deadline is over, or nothing moved for too long.
            Cancelled, Locked: it is asked to stop, or is not the only one any more.
        """
        ...

    def left(self) -> float | None:
        """Seconds until the deadline; None: there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One source at one time, as a repository keeps it.

    Attributes:
        id: the repository's own name for it.
        time: when its capture began, by the clock of the machine that made it; seconds since 1970.
        job, source, run: what made it, from its tags; "" where trueup did not.
        host: the machine that made it.
        bytes, files: the size of the data, as it would be restored.
        added: bytes that were new in the repository; 0 where it does not say.
        complete: False where something could not be read.
    """

    id: str
    time: float
    job: str = ""
    source: str = ""
    run: str = ""
    host: str = ""
    bytes: int = 0
    files: int = 0
    added: int = 0
    complete: bool = True


@dataclass(slots=True)
class Listed:
    """One entry of what is stored, as a `Listing` names it.

    Attributes:
        path: relative to the root, with `/`.
        name: its last segment.
        folder: a descriptor of the folder it is in; valid until the next entry is asked for.
        stat: lstat(2) of it; None: not even that could be read.
        unread: it, or what is in it, cannot be read: it is missing, or empty.
        summed: the sum of its content is known to who lists it.
        attributes: its extended attributes as they were at `stat`; None: nobody has looked.
    """

    path: str
    name: str
    folder: int
    stat: os.stat_result | None
    unread: bool = False
    summed: bool = False
    attributes: Mapping[str, bytes] | None = None


class Listing(Protocol):
    """Goes through what is stored, and keeps a list of it: where a repository reads files by such a list, each is read once."""

    def entries(self) -> Iterator[Listed]:
        """Every entry below the root, a folder before what is in it; a single file is one entry. Raises what stops the backup."""
        ...

    def read(self, before: os.stat_result, after: os.stat_result, sum_: str) -> None:
        """Told of the file that was given last, unless it is `summed` and was not read: what is stored of it.

        Args:
            before, after: fstat(2) before and after it was read.
            sum_: BLAKE3 of what was read, in hexadecimal.
        """
        ...

    def missed(self, error: OSError) -> None:
        """The entry that was given last could not be read."""
        ...

    def end(self) -> None:
        """That was all: completes the about folder. Raises what makes the backup fail."""
        ...


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """What is to become a snapshot.

    Attributes:
        root: the folder whose content is the data (or a single file).
        about: a folder with `manifest.json` and what belongs to it; kept with the data, and readable without it.
        job, source, run: tags.
        time: when the capture began.
        bytes, files: what was counted; for progress.
        exclude: patterns of what is left out. Without a slash: the name of a file or folder anywhere. With one: the path below `root`.
            `*`, `?`, `[…]` as in a shell, `**` any number of folders.
        one_file_system: do not cross into other mounts.
        parent: an earlier snapshot of the same source, to compare with; "" for none.
        lock_until: nobody may delete it before (object lock), seconds since 1970; None: no lock.
        listing: goes through `root` in the repository's place; only where `Traits.lists`. None: `exclude` and `one_file_system` say what to store,
            and `about` is complete.
    """

    root: Path
    about: Path
    job: str
    source: str
    run: str
    time: float
    bytes: int = 0
    files: int = 0
    exclude: tuple[str, ...] = ()
    one_file_system: bool = False
    parent: str = ""
    lock_until: float | None = None
    listing: Listing | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What came of a `StoreRequest`; `unread` are paths below the root that could not be read (the snapshot is without them)."""

    snapshot: Snapshot
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or link of a snapshot's data; `path` is relative to its root, with `/`."""

    path: str
    type: str  # "file", "dir", "link", "fifo", "socket", "device"
    size: int = 0
    mtime: float = 0.0


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Attributes:
        damage: sentences for people; empty: all is well.
        snapshots: ids of snapshots that cannot be restored in full, as far as the repository can tell; empty with damage: it cannot tell.
        read: bytes of the repository that were read and found right.
        unchecked: why something could not be looked at (this machine does not hold the key …); "" for nothing.
    """

    damage: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    read: int = 0
    unchecked: str = ""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a repository can do, as data.

    Attributes:
        lock: whether `StoreRequest.lock_until` is enforced by the place it is kept in.
        place: where it is, for people, without any secret.
        far: whether it is on another machine.
        lists: whether it takes a `StoreRequest.listing`.
    """

    lock: bool = False
    place: str = ""
    far: bool = False
    lists: bool = False


class Repository(Protocol):
    """Where snapshots are kept. Opening it costs nothing; its methods may be called from several threads and processes at once.

    All methods raise `Transient` (may go through later), `LoginRefused`, `Permanent` (wrong key, damaged, not a repository, full disk) with what,
    where, why and what to do, and what `watch.ok` raises. None of them ever makes a new repository in the place of one that was there.
    """

    name: str

    @property
    def traits(self) -> Traits:
        """What it can do."""
        ...

    def prepare(self, known: bool, watch: Watch) -> None:
        """Makes sure that it is there and can be used; makes it where there is none.

        Args:
            known: it was there before; then its absence is an error (a disk that is not mounted, a wrong address), and nothing is made.
            watch: who looks after the work.
        """
        ...

    def snapshots(self, watch: Watch) -> list[Snapshot]:
        """All snapshots, the oldest first."""
        ...

    def store(self, request: StoreRequest, watch: Watch) -> Stored:
        """Keeps what a request names. It is there in full and durable when this returns, or not there at all."""
        ...

    def about(self, snapshot: str, into: Path, watch: Watch) -> None:
        """Writes the snapshot's `about` folder's content into an existing folder."""
        ...

    def entries(self, snapshot: str, watch: Watch) -> Iterator[Entry]:
        """What the snapshot's data consists of."""
        ...

    def restore(self, snapshot: str, into: Path, watch: Watch, only: Sequence[str] = ()) -> None:
        """Writes the snapshot's data into an existing, empty folder, with modes, times, links, owners (where allowed), every byte checked.

        Args:
            snapshot: its id.
            into: the folder; a single file that was stored is put into it under its name.
            watch: who looks after the work.
            only: paths relative to the data's root: these, and what is below them, and nothing else.
        """
        ...

    def forget(self, snapshots: Sequence[str], watch: Watch) -> None:
        """Removes snapshots; what only they refer to is freed by `prune`. One that is gone already is no error."""
        ...

    def prune(self, watch: Watch) -> int:
        """Frees what no snapshot refers to; returns how many bytes."""
        ...

    def check(self, share: float, watch: Watch) -> Checked:
        """Looks whether everything that snapshots refer to is there, and reads a share of the data (0 to 1) and checks its sums."""
        ...

    def receive(
        self, source: Repository, snapshot: Snapshot, lock_until: float | None, watch: Watch
    ) -> Snapshot | None:
        """Copies a snapshot over from another repository without a detour over files, where the two allow it.

        Returns:
            The copy; None where it cannot be done like this (then the data is restored and stored).
        """
        ...

    def close(self) -> None:
        """Gives connections back."""
        ...
