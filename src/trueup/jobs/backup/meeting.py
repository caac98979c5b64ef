"""What a repository has, held against what the ledger remembers: a lost ledger learns, and what has vanished is told."""

from __future__ import annotations

from collections.abc import Iterable

from trueup.jobs.backup.memory import sound
from trueup.jobs.backup.retention import AHEAD
from trueup.jobs.backup.work import BackupWork
from trueup.model.errors import NotFound, Permanent
from trueup.model.repository import Snapshot

SHOWN = 5


def meet(work: BackupWork, store: str) -> list[Snapshot]:
    """This job's snapshots in a store; the ledger's memory of them is brought up to date.

    A snapshot that nothing is known of was stored by a run that was killed or failed before it could judge it, and is not good; unless the
    ledger knows nothing of that run, or of any snapshot of the source: then the ledger is the one that is new.
    """
    found, known = work.snapshots(store), work.memory.sources(store)
    if work.reading:
        return found
    with work.ledger.transaction("backup.meet"):
        for one in found:
            facts = known.get(one.source, {})
            if one.id not in facts:
                ours = bool(facts) and _ours(work, one.run)
                fact = {"time": one.time, "run": one.run, "bytes": one.bytes, "files": one.files}
                work.memory.keep(
                    store, one.source, one.id, {**fact, "good": one.complete and not ours, "met": work.clock()}
                )
        there = {one.id for one in found}
        gone = {source: [one for one in facts if one not in there] for source, facts in known.items()}
        _vanished(work, store, {source: ids for source, ids in gone.items() if ids})
    return found


def _ours(work: BackupWork, run: str) -> bool:
    """Whether this ledger knows the run."""
    try:
        work.ledger.journal.get(run)
    except NotFound:
        return False
    return True


def _vanished(work: BackupWork, store: str, gone: dict[str, list[str]]) -> None:
    """Snapshots that nobody removed here and that are not there any more: told once, and nothing is removed until a person has looked."""
    lost = {
        source: [one for one in ids if sound(work.memory.snapshots(store, source).get(one, {}))]
        for source, ids in gone.items()
    }
    told = [f"{len(ids)} snapshot{'s' * (len(ids) > 1)} of {source}" for source, ids in lost.items() if ids]
    for source, ids in gone.items():
        for one in ids:
            work.memory.forget(store, source, one)
    if told:
        more = f" and of {len(told) - SHOWN} more sources" if len(told) > SHOWN else ""
        why = f"{', '.join(told[:SHOWN])}{more} have vanished from {store}, and trueup did not remove them"
        work.memory.freeze(f"vanished/{store}", why, work.clock(), asks=True)


def newest(work: BackupWork, store: str, source: str) -> Snapshot:
    """The newest good snapshot of a source; one that is dated in the future is taken for new only where there is no other.

    Raises:
        Permanent: there is none.
    """
    good = [one for one in meet(work, store) if one.source == source and is_good(work, store, one)]
    present = [one for one in good if one.time <= work.clock() + AHEAD]
    if not good:
        raise Permanent(f"{store} has no good snapshot of {source}", hint="see why its backup failed")
    return _last(present or good)


def is_good(work: BackupWork, store: str, snapshot: Snapshot) -> bool:
    """Whether a snapshot may be restored, copied and counted."""
    return snapshot.complete and sound(work.memory.snapshots(store, snapshot.source).get(snapshot.id, {}))


def _last(snapshots: Iterable[Snapshot]) -> Snapshot:
    return max(snapshots, key=lambda one: (one.time, one.id))
