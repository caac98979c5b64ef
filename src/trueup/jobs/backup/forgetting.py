"""Removal of what retention lets go; never while something is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trueup.core.ledger.rows import JournalRow
from trueup.jobs.backup import retention
from trueup.jobs.backup.meeting import meet
from trueup.jobs.backup.memory import sound
from trueup.jobs.backup.patience import OutOfTime, patiently
from trueup.jobs.backup.proving import silent
from trueup.jobs.backup.results import Result, record
from trueup.jobs.backup.retention import Kept, Policy
from trueup.jobs.backup.work import BackupWork
from trueup.model.change import ChangeState
from trueup.model.errors import Cancelled, LedgerError, Locked

_STOPS = (Cancelled, Locked, LedgerError)
_COMING = "coming"


@dataclass(frozen=True, slots=True)
class Removal:
    """A snapshot that may go, and why."""

    id: str
    source: str
    time: float
    reason: str


def removable(
    work: BackupWork, store: str, policy: Policy, *, expected: bool = False
) -> tuple[list[Removal], tuple[str, ...]]:
    """What retention lets go of a store now, and what it has to say; nothing goes while a reason to freeze is known.

    Args:
        work: the job.
        store: the repository or an archive.
        policy: how many stay.
        expected: count the snapshots that this run is about to store as there and good.
    """
    if work.freezes():
        return [], ()
    now, kept = work.clock(), known(work, store)
    if expected:
        kept += [Kept(f"{_COMING}-{one.name}", now, one.name, True, False, False, None) for one in work.backup.sources]
    decided = retention.plan(kept, policy, now, work.zone)
    by_id = {one.id: one for one in kept}
    gone = [by_id[one] for one in decided.remove]
    found = [Removal(one.id, one.source, one.time, _why(one)) for one in gone if not one.id.startswith(_COMING)]
    return found, decided.notes


def known(work: BackupWork, store: str) -> list[Kept]:
    """This job's snapshots in a store, with what is remembered of each; of sources that were taken out of the job as well."""
    facts = work.memory.sources(store)
    found = []
    for one in meet(work, store):
        fact = facts.get(one.source, {}).get(one.id) or work.memory.snapshots(store, one.source).get(one.id, {})
        good, suspicious = one.complete and sound(fact), bool(fact.get("suspicious"))
        found.append(
            Kept(one.id, one.time, one.source, good, bool(fact.get("verified")), suspicious, fact.get("locked"))
        )
    return found


def _why(one: Kept) -> str:
    return "retention: no rule keeps it" if one.good else "it is not whole, and later ones are"


def forget(work: BackupWork, run_id: str, store: str, rows: Sequence[JournalRow]) -> None:
    """Removes what the plan names and retention still lets go; what changed since is left alone."""
    again = any(row.state is ChangeState.SENT for row in rows)  # a run was killed while it removed them
    work.ledger.journal.mark_sent(run_id, [row.change.seq for row in rows])
    policies = {work.backup.repository: work.backup.retention}
    policies |= {one.store: one.retention for one in work.backup.archives if one.retention is not None}
    try:
        frozen = work.freezes()
        # Removed before the memory of it: what a kill leaves is known as gone and not as vanished.
        gone = {str(row.change.href) for row in rows} - {one.id for one in work.snapshots(store)} if again else set()
        for row in rows:
            if row.change.href in gone:
                work.memory.forget(store, _source(row), str(row.change.href))
        may = set() if frozen else {one.id for one in removable(work, store, policies[store])[0]}
        going = [str(row.change.href) for row in rows if row.change.href in may]
        repository = work.opened(store)
        if going:
            patiently(work, f"removing snapshots of {store}", lambda attempt: _forgotten(work, store, going), silent)
        freed = repository.prune(work.watch(f"freeing room in {store}")) if going or gone else 0
    except _STOPS:
        raise
    except Exception as error:
        for row in rows:
            record(work, run_id, row, Result.failed(error, "window" if isinstance(error, OutOfTime) else ""))
        return
    for row in rows:
        if row.change.href in may or row.change.href in gone:
            work.memory.forget(store, _source(row), str(row.change.href))
            record(work, run_id, row, Result(ChangeState.VERIFIED, more={"freed": freed}))
        else:
            why = "; ".join(one["why"] for one in frozen.values()) or "it is needed after all"
            record(
                work, run_id, row, Result(ChangeState.PUT_OFF, "frozen" if frozen else "kept", f"not removed: {why}")
            )


def _forgotten(work: BackupWork, store: str, ids: Sequence[str]) -> None:
    try:
        work.opened(store).forget(ids, work.watch(f"removing snapshots of {store}"))
    finally:
        work.stale(store)


def _source(row: JournalRow) -> str:
    return row.change.collection.partition("/")[2]
