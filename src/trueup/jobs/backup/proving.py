"""Proof: the check of a repository, and restore drills. What cannot be proven is "not verified", and never "ok"."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from trueup.jobs.backup.results import Result
from trueup.jobs.backup.sources import kind_of
from trueup.jobs.backup.words import amount
from trueup.jobs.backup.work import BackupWork
from trueup.model.backup import MANIFEST, Drilled
from trueup.model.change import ChangeState
from trueup.model.errors import Cancelled, CannotDrill, LedgerError, Locked, Permanent, TrueupError
from trueup.model.repository import Snapshot, Watch

Json: TypeAlias = dict[str, Any]

SHOWN = 50
_STOPS = (Cancelled, Locked, LedgerError)


def check(work: BackupWork, store: str, share: float) -> Result:
    """Checks a repository; damage freezes retention until a check of everything finds none.

    Args:
        work: the job.
        store: the repository's store.
        share: of its data that is read, 0 to 1.
    """
    now = work.clock()
    try:
        found = work.opened(store).check(share, work.watch(f"checking {store}"))
    except _STOPS:
        raise
    except TrueupError as error:
        work.memory.set_checked(store, {"at": now, "ok": False, "damage": [], "share": share, "unchecked": str(error)})
        return Result.failed(error, "not-verified")
    damage = list(found.damage)
    known = {"at": now, "ok": not damage, "damage": damage[:SHOWN], "share": share, "unchecked": found.unchecked}
    with work.ledger.transaction("backup.checked"):
        work.memory.set_checked(store, known)
        for source in work.backup.sources:
            for one, fact in work.memory.snapshots(store, source.name).items():
                if one in found.snapshots:
                    work.memory.keep(store, source.name, one, {"good": False, "verified": None, "damaged": now})
                elif fact.get("damaged") and share >= 1.0:  # mended
                    work.memory.keep(store, source.name, one, {"good": True, "damaged": None})
        if damage:
            work.memory.freeze(f"damage/{store}", damage[0], now)
        elif share >= 1.0 or f"damage/{store}" not in work.memory.freezes():
            work.memory.thaw(f"damage/{store}")
    more = {"read": found.read, "damage": damage[:SHOWN], "unchecked": found.unchecked}
    if damage:
        return Result(ChangeState.FAILED, "damaged", "; ".join(damage[:3]), more)
    return Result(ChangeState.VERIFIED, more=more)


def drill(work: BackupWork, source: str) -> Result:
    """Restores the newest snapshot of a source into a scratch place and compares it with its manifest."""
    store, now, began = work.backup.repository, work.clock(), time.monotonic()
    snapshot: Snapshot | None = None
    try:
        snapshot = newest(work, store, source)
        drilled = _drilled(work, store, source, snapshot)
    except _STOPS:
        raise
    except Exception as error:
        known = {
            "at": now,
            "ok": False,
            "snapshot": snapshot.id if snapshot else "",
            "why": str(error),
            "differences": [],
        }
        work.memory.set_drilled(source, known)
        code = "not-verified" if isinstance(error, CannotDrill) else "drill-failed"
        return Result.failed(error, code if isinstance(error, TrueupError) else "bug")
    took = round(time.monotonic() - began, 1)
    differences = list(drilled.differences)
    known = {
        "at": now,
        "ok": not differences,
        "snapshot": snapshot.id,
        "took": took,
        "differences": differences[:SHOWN],
        "compared": dict(drilled.compared),
        "seconds": dict(drilled.seconds),
        "why": "; ".join(differences[:3]),
    }
    with work.ledger.transaction("backup.drilled"):
        work.memory.set_drilled(source, known)
        if differences:
            work.memory.keep(store, source, snapshot.id, {"good": False, "verified": None})
            work.memory.freeze(f"differs/{source}", differences[0], now)
        else:
            work.memory.keep(store, source, snapshot.id, {"verified": now, "time": snapshot.time})
            work.memory.thaw(f"differs/{source}")
    more = {
        "snapshot": snapshot.id,
        "seconds": took,
        "compared": dict(drilled.compared),
        "differences": differences[:SHOWN],
    }
    if differences:
        return Result(ChangeState.FAILED, "differs", "; ".join(differences[:3]), more)
    return Result(ChangeState.VERIFIED, more=more)


def newest(work: BackupWork, store: str, source: str) -> Snapshot:
    """The newest whole snapshot of a source.

    Raises:
        Permanent: there is none.
    """
    known = work.memory.snapshots(store, source)
    for one in reversed(work.snapshots(store, anew=True)):
        if one.source == source and one.complete and known.get(one.id, {}).get("good", True):
            return one
    raise Permanent(f"{store} has no good snapshot of {source}", hint="see why its backup failed")


def _drilled(work: BackupWork, store: str, source: str, snapshot: Snapshot) -> Drilled:
    spec = work.backup.by_name[source]
    watch = work.watch(f"the restore drill of {source}", timeout=spec.timeout, no_progress=spec.no_progress)
    with work.space("drill", source) as place, fetched(work, store, source, snapshot, place, watch) as (about, data):
        scratch = place / "scratch"
        scratch.mkdir()
        kind = json.loads((about / MANIFEST).read_text("utf-8"))["kind"]
        return kind_of(kind).drill(about, data, scratch, work.context(spec), watch)


@contextmanager
def fetched(
    work: BackupWork, store: str, source: str, snapshot: Snapshot, place: Path, watch: Watch
) -> Iterator[tuple[Path, Path]]:
    """A snapshot's about folder and data, restored into a place that has room for them.

    Raises:
        CannotDrill: it has not.
    """
    repository = work.opened(store)
    _require_room(place, snapshot)
    about, data = place / "about", place / "data"
    about.mkdir()
    data.mkdir()
    repository.about(snapshot.id, about, watch)
    repository.restore(snapshot.id, data, watch)
    volatile = work.memory.snapshots(store, source).get(snapshot.id, {}).get("volatile")
    if volatile is not None:
        (about / "volatile.json").write_text(json.dumps(volatile), "utf-8")
    yield about, data


def _require_room(place: Path, snapshot: Snapshot) -> None:
    import shutil

    free = shutil.disk_usage(place).free
    if free < snapshot.bytes * 1.1:
        why = f"it needs {amount(snapshot.bytes)}, and {amount(free)} are free in {place.parent}"
        raise CannotDrill(
            "there is no room for a restore", why=why, hint="name a folder with room: `scratch:` of the job"
        )
