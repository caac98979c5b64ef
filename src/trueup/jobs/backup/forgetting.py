"""Removal of what retention lets go; never while something is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trueup.core.ledger.rows import JournalRow
from trueup.jobs.backup import retention
from trueup.jobs.backup.results import Result, record
from trueup.jobs.backup.retention import Kept, Policy
from trueup.jobs.backup.work import BackupWork
from trueup.model.change import ChangeState
from trueup.model.errors import Cancelled, LedgerError, Locked, TrueupError

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
    if work.memory.freezes():
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
    facts = {one: work.memory.snapshots(store, one) for one in {one.source for one in work.snapshots(store)}}
    return [
        Kept(
            one.id,
            one.time,
            one.source,
            one.complete and bool((fact := facts[one.source].get(one.id, {})).get("good", True)),
            bool(fact.get("verified")),
            bool(fact.get("suspicious")),
            fact.get("locked"),
        )
        for one in work.snapshots(store)
    ]


def _why(one: Kept) -> str:
    return "retention: no rule keeps it" if one.good else "it is not whole, and later ones are"


def forget(work: BackupWork, run_id: str, store: str, rows: Sequence[JournalRow]) -> None:
    """Removes what the plan names and retention still lets go; what changed since is left alone."""
    work.ledger.journal.mark_sent(run_id, [row.change.seq for row in rows])
    policies = {work.backup.repository: work.backup.retention}
    policies |= {one.store: one.retention for one in work.backup.archives if one.retention is not None}
    try:
        frozen = work.memory.freezes()
        work.snapshots(store, anew=True)
        may = set() if frozen else {one.id for one in removable(work, store, policies[store])[0]}
        going = [row for row in rows if row.change.href in may]
        repository = work.opened(store)
        repository.forget([str(row.change.href) for row in going], work.watch(f"removing snapshots of {store}"))
        freed = repository.prune(work.watch(f"freeing room in {store}")) if going else 0
    except _STOPS:
        raise
    except TrueupError as error:
        for row in rows:
            record(work, run_id, row, Result.failed(error))
        return
    for row in rows:
        if row.change.href in may:
            work.memory.forget(store, row.change.collection.partition("/")[2], str(row.change.href))
            record(work, run_id, row, Result(ChangeState.VERIFIED, more={"freed": freed}))
        else:
            why = "; ".join(one["why"] for one in frozen.values()) or "it is needed after all"
            record(
                work, run_id, row, Result(ChangeState.PUT_OFF, "frozen" if frozen else "kept", f"not removed: {why}")
            )
