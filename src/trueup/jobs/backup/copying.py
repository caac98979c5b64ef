"""Second places: what was verified is copied to an archive, and the copy is proven by reading it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

from trueup.jobs.backup.meeting import meet, newest
from trueup.jobs.backup.memory import sound
from trueup.jobs.backup.patience import OutOfTime, bounded, patiently
from trueup.jobs.backup.proving import fetched, silent
from trueup.jobs.backup.results import Result
from trueup.jobs.backup.spec import Archive
from trueup.jobs.backup.work import BackupWork
from trueup.model.backup import MANIFEST
from trueup.model.change import ChangeState
from trueup.model.errors import Cancelled, Damaged, LedgerError, Locked, Permanent
from trueup.model.repository import Repository, Snapshot, StoreRequest, Watch

_STOPS = (Cancelled, Locked, LedgerError)
_CHUNK = 1 << 20
ROOM = 3.2
"""So many times its size a snapshot takes while it is copied: restored, stored (where the archive is here), read back."""


def copy(work: BackupWork, archive: Archive, source: str) -> Result:
    """Copies the newest good snapshot of a source to an archive, where it is not there yet."""
    work.clear("archive", archive.store, source)
    try:
        snapshot = newest(work, work.backup.repository, source)
        if why := _unproven(work, archive, source, snapshot):
            return Result(ChangeState.PUT_OFF, "not-verified", f"not archived: {why}")
        if (known := _there(work, archive.store, source, snapshot)) is not None:
            return Result(ChangeState.VERIFIED, more={"snapshot": known, "already": True})
        return patiently(
            work, f"archiving {source}", lambda attempt: _copied(work, archive, source, snapshot, attempt), silent
        )
    except _STOPS:
        raise
    except OutOfTime as error:
        return Result.failed(error, "window")
    except Exception as error:
        return Result.failed(error)


def _unproven(work: BackupWork, archive: Archive, source: str, snapshot: Snapshot) -> str:
    """Why a snapshot may not be archived; "" where it may: nothing is damaged, and, where only what is verified goes there, the repository was
    checked with it and no drill speaks against it."""
    checked, drilled = work.memory.checked(work.backup.repository), work.memory.drilled(source)
    if any(one.startswith(("damage/", "vanished/")) for one in work.freezes()):
        return "the repository is damaged"
    if not archive.verified:
        return ""
    if checked is None or checked.get("newest", {}).get(source) != snapshot.id:
        return "the repository was not checked since"
    if not checked["ok"]:
        return f"it could not be checked ({checked['unchecked']})"
    if drilled is not None and not drilled["ok"]:
        return f"its last restore drill failed ({drilled['why']})"
    return ""


def _there(work: BackupWork, store: str, source: str, snapshot: Snapshot) -> str | None:
    """The copy of a snapshot that is there already and was proven."""
    there = {one.id for one in meet(work, store)}
    for name, fact in work.memory.snapshots(store, source).items():
        if fact.get("of") == snapshot.id and fact.get("verified") and sound(fact) and name in there:
            return name
    return None


def _copied(work: BackupWork, archive: Archive, source: str, snapshot: Snapshot, attempt: int) -> Result:
    spec, store = work.backup.by_name[source], archive.store
    target = work.opened(store)
    watch = work.watch(f"archiving {source}", timeout=spec.timeout, no_progress=spec.no_progress)
    until = None if archive.lock is None or not target.traits.lock else work.clock() + archive.lock

    def made() -> Snapshot:
        with work.space("archive", store, source, str(attempt)) as place, ExitStack() as stack:
            vault = work.opened(work.backup.repository)
            copy = _half_done(work, store, snapshot) if until is None else None
            copy = copy or target.receive(vault, snapshot, until, watch)
            room = fetched(work, work.backup.repository, source, snapshot, place, watch, ROOM)
            about, data = stack.enter_context(room)
            (about / "volatile.json").unlink(missing_ok=True)
            if copy is None:
                copy = _stored(target, snapshot, about, data, until, watch)
            work.stale(store)
            # Until it is proven it does not count.
            work.memory.keep(
                store, source, copy.id, {"good": None, "of": snapshot.id, "time": snapshot.time, "run": snapshot.run}
            )
            _require_equal(target, copy, place, (about, data), watch)
            return copy

    with work.place():
        copy = bounded(made, watch)
    proven = {"good": True, "verified": work.clock(), "bytes": copy.bytes, "files": copy.files, "locked": until}
    work.memory.keep(store, source, copy.id, proven)
    more = {"snapshot": copy.id, "of": snapshot.id, "bytes": copy.bytes, "added": copy.added, "locked_until": until}
    if archive.lock is not None and until is None:
        reason = f"copied, but {store} cannot lock it: anybody with its keys may delete it"
        return Result(ChangeState.FAILED, "not-locked", reason, more)
    return Result(ChangeState.VERIFIED, more=more)


def _half_done(work: BackupWork, store: str, snapshot: Snapshot) -> Snapshot | None:
    """A copy that was stored by a run which was killed before it could say so; it is proven like any other."""
    work.stale(store)
    for one in work.snapshots(store):
        same = one.source == snapshot.source and one.run == snapshot.run
        if same and one.complete and abs(one.time - snapshot.time) < 1.0:  # some keep whole seconds
            return one
    return None


def _stored(
    target: Repository, snapshot: Snapshot, about: Path, data: Path, until: float | None, watch: Watch
) -> Snapshot:
    root = _root(about, data)
    request = StoreRequest(
        root, about, snapshot.job, snapshot.source, snapshot.run, snapshot.time, snapshot.bytes, snapshot.files
    )
    stored = target.store(replace(request, lock_until=until), watch)
    if stored.unread:
        raise Permanent("the copy is not whole", why=f"could not be read: {stored.unread[0]}")
    return stored.snapshot


def _root(about: Path, data: Path) -> Path:
    """What was stored: the restored folder, or the single file in it."""
    single = json.loads((about / MANIFEST).read_text("utf-8")).get("single_file")
    return data / single if single else data


def _require_equal(target: Repository, copy: Snapshot, place: Path, sent: tuple[Path, Path], watch: Watch) -> None:
    """Reads the copy back from the archive and compares it, byte for byte, with what was sent.

    Raises:
        Damaged: they differ.
    """
    about, data = place / "far-about", place / "far-data"
    about.mkdir()
    data.mkdir()
    target.about(copy.id, about, watch)
    target.restore(copy.id, data, watch)
    for here, there in zip(sent, (about, data), strict=True):
        if (different := _difference(here, there, watch)) is not None:
            why = f"{different} differs when it is read back"
            raise Damaged(f"the copy in {target.name} is not what was sent", why=why, hint=f"check {target.name}")


def _difference(here: Path, there: Path, watch: Watch) -> str | None:
    """The first path below two folders that is not the same in both; None: they are equal."""
    names = {one.relative_to(here) for one in here.rglob("*")}
    others = {one.relative_to(there) for one in there.rglob("*")}
    for name in sorted(names ^ others):
        return str(name)
    for name in sorted(names):
        if _digest(here / name, watch) != _digest(there / name, watch):
            return str(name)
    return None


def _digest(path: Path, watch: Watch) -> str:
    """What a path holds: a link's target, a folder as such, a file's bytes."""
    if path.is_symlink():
        return f"link {path.readlink()}"
    if not path.is_file():
        return "folder" if path.is_dir() else "other"
    state = blake2b(digest_size=32)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
            watch.moved(len(chunk))
            watch.ok()
    return state.hexdigest()
