"""Proof: the check of a repository, and restore drills. What cannot be proven is "not verified", and never "ok"."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from trueup.jobs.backup.meeting import meet, newest
from trueup.jobs.backup.patience import OutOfTime, bounded, patiently
from trueup.jobs.backup.results import Result
from trueup.jobs.backup.retention import AHEAD
from trueup.jobs.backup.room import promised
from trueup.jobs.backup.sources import kind_of
from trueup.jobs.backup.work import BackupWork
from trueup.model.backup import MANIFEST, Drilled
from trueup.model.change import ChangeState
from trueup.model.errors import Cancelled, CannotDrill, Damaged, LedgerError, Locked, TrueupError
from trueup.model.repository import Checked, Snapshot, Watch

Json: TypeAlias = dict[str, Any]

SHOWN = 50
ROOM = 2.2
"""So many times its size a snapshot takes where it is restored and compared: what was stored, and what a server makes of it."""

_STOPS = (Cancelled, Locked, LedgerError)


def silent(attempt: int, error: TrueupError, again: bool) -> None:
    """Nobody is told of a failure that is followed by another try."""


def check(work: BackupWork, store: str, share: float) -> Result:
    """Checks a repository; damage freezes retention until a check of everything finds none.

    Args:
        work: the job.
        store: the repository's store.
        share: of its data that is read, 0 to 1.
    """
    now = work.clock()

    def checked(attempt: int) -> Checked:
        watch = work.watch(f"checking {store}")
        return bounded(lambda: work.opened(store).check(share, watch), watch)

    try:
        there = meet(work, store)
        found = patiently(work, f"checking {store}", checked, silent)
    except _STOPS:
        raise
    except Exception as error:
        work.memory.set_checked(store, {"at": now, "ok": False, "damage": [], "share": share, "unchecked": str(error)})
        return Result.failed(error, "window" if isinstance(error, OutOfTime) else "not-verified")
    _remember(work, store, share, found, there, now)
    damage = list(found.damage)
    more = {"read": found.read, "damage": damage[:SHOWN], "unchecked": found.unchecked}
    if damage:
        return Result(ChangeState.FAILED, "damaged", "; ".join(damage[:3]), more)
    return Result(ChangeState.VERIFIED, more=more)


def _remember(work: BackupWork, store: str, share: float, found: Checked, there: list[Snapshot], now: float) -> None:
    damage = list(found.damage)
    present = [one for one in there if one.time <= now + AHEAD]
    newest_ones = {one.source: one.id for one in (*there, *present)}
    known = {"at": now, "ok": not damage, "damage": damage[:SHOWN], "share": share, "unchecked": found.unchecked}
    with work.ledger.transaction("backup.checked"):
        work.memory.set_checked(store, {**known, "newest": newest_ones})
        for one in there:
            fact = work.memory.snapshots(store, one.source).get(one.id, {})
            if one.id in found.snapshots:
                work.memory.keep(store, one.source, one.id, {"damaged": now, "verified": None})
            elif fact.get("damaged") and share >= 1.0 and not damage:  # mended
                work.memory.keep(store, one.source, one.id, {"damaged": None})
        if damage:
            work.memory.freeze(f"damage/{store}", damage[0], now)
        elif share >= 1.0:
            work.memory.thaw(f"damage/{store}")


def drill(work: BackupWork, source: str) -> Result:
    """Restores the newest snapshot of a source into a scratch place and compares it with its manifest."""
    store, now, began = work.backup.repository, work.clock(), time.monotonic()
    snapshot: Snapshot | None = None
    work.clear("drill", source)
    try:
        snapshot = newest(work, store, source)
        drilled = _drilled(work, store, source, snapshot)
    except _STOPS:
        raise
    except Exception as error:
        return _not_drilled(work, store, source, snapshot, error, now)
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
            work.memory.keep(store, source, snapshot.id, {"verified": now})
            work.memory.thaw(f"differs/{source}")
    compared = {"compared": dict(drilled.compared), "differences": differences[:SHOWN]}
    more = {"snapshot": snapshot.id, "seconds": took, **compared}
    if differences:
        return Result(ChangeState.FAILED, "differs", "; ".join(differences[:3]), more)
    return Result(ChangeState.VERIFIED, more=more)


def _not_drilled(
    work: BackupWork, store: str, source: str, snapshot: Snapshot | None, error: Exception, now: float
) -> Result:
    """Nothing was proven; where the repository could not give back what it was given, that is damage."""
    known = {"at": now, "ok": False, "snapshot": snapshot.id if snapshot else "", "why": str(error), "differences": []}
    with work.ledger.transaction("backup.drilled"):
        work.memory.set_drilled(source, known)
        if isinstance(error, Damaged) and snapshot is not None:
            work.memory.keep(store, source, snapshot.id, {"damaged": now, "verified": None})
            work.memory.freeze(f"damage/{store}", str(error), now)
    if isinstance(error, OutOfTime):
        return Result.failed(error, "window")
    if isinstance(error, Damaged):
        return Result.failed(error, "damaged")
    return Result.failed(error, "not-verified" if isinstance(error, CannotDrill) else "drill-failed")


def _drilled(work: BackupWork, store: str, source: str, snapshot: Snapshot) -> Drilled:
    spec = work.backup.by_name[source]

    def drilled(attempt: int) -> Drilled:
        watch = work.watch(f"the restore drill of {source}", timeout=spec.timeout, no_progress=spec.no_progress)

        def held() -> Drilled:
            with (
                work.space("drill", source, str(attempt)) as place,
                fetched(work, store, source, snapshot, place, watch) as (about, data),
            ):
                scratch = place / "scratch"
                scratch.mkdir()
                kind = json.loads((about / MANIFEST).read_text("utf-8"))["kind"]
                return kind_of(kind).drill(about, data, scratch, work.context(spec), watch)

        with work.place():
            return bounded(held, watch)

    return patiently(work, f"the restore drill of {source}", drilled, silent)


@contextmanager
def fetched(
    work: BackupWork, store: str, source: str, snapshot: Snapshot, place: Path, watch: Watch, room: float = ROOM
) -> Iterator[tuple[Path, Path]]:
    """A snapshot's about folder and data, restored into a place that has room for them.

    Args:
        room: so many times its size must be free; while others that are restored take it, it is waited for.

    Raises:
        CannotDrill: it is not.
    """
    repository = work.opened(store)
    with promised(place, int(snapshot.bytes * room), watch):
        about, data = place / "about", place / "data"
        about.mkdir()
        data.mkdir()
        repository.about(snapshot.id, about, watch)
        repository.restore(snapshot.id, data, watch)
        volatile = work.memory.snapshots(store, source).get(snapshot.id, {}).get("volatile")
        if volatile is not None:
            (about / "volatile.json").write_text(json.dumps(volatile), "utf-8")
        yield about, data
