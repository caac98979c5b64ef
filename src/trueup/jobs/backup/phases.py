"""The phases of a backup: plain functions of small JSON, as `trueup.core.phases` has them for jobs that reconcile.

read(source)* -> plan -> guard -> apply_batch(take | check | drill | archive | retention)* -> verify(source)* -> report
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from typing import Any, TypeAlias

from trueup.core.ledger.rows import JournalRow
from trueup.core.phases import begin, guard, require_sealed
from trueup.jobs.backup import capture, copying, forgetting, planning, proving, reporting
from trueup.jobs.backup.meeting import meet
from trueup.jobs.backup.patience import bounded, patiently
from trueup.jobs.backup.planning import Stage
from trueup.jobs.backup.results import OPEN, Result, record
from trueup.jobs.backup.sources import kind_of
from trueup.jobs.backup.work import BackupWork
from trueup.model.change import ChangeState
from trueup.model.diagnostics import Severity
from trueup.model.errors import Cancelled, LedgerError, Locked, StalePlan, TrueupError
from trueup.model.plan import Plan
from trueup.model.run import Phase, RunRecord, RunState

__all__ = [
    "ANOTHER_AFTER_KILL",
    "apply_batch",
    "begin",
    "goes_on",
    "guard",
    "plan",
    "read",
    "refuse_stale",
    "report",
    "start_apply",
    "verify",
]

Json: TypeAlias = dict[str, Any]

PROBE = 60.0
"""Seconds that a first look at a source may take."""

FRESH = 43_200.0
"""Seconds after which a run that was killed is not gone on with: what it took belongs to another day."""

NAMED = 5
"""So many sources are named in the title of a batch."""


def read(work: BackupWork, run_id: str, ref: str) -> Json:
    """Looks at one source, and at what the repository has of it.

    Returns:
        {"collection", "read", "items" (snapshots), "error", "warnings"}; "read" is False where the repository cannot be reached.
    """
    work.ledger.journal.update(run_id, phase=Phase.READ.value)
    name = ref.partition("/")[2]
    result: Json = {"collection": ref, "read": True, "items": 0, "error": None, "warnings": []}
    try:
        result["items"] = sum(one.source == name for one in meet(work, work.backup.repository))
    except (Cancelled, Locked, LedgerError):
        raise
    except TrueupError as error:
        result.update(read=False, error=error.to_json())
    result["warnings"] = _probed(work, name)
    return result


def _probed(work: BackupWork, name: str) -> list[str]:
    spec = work.backup.by_name[name]
    watch = work.watch(f"looking at {name}", timeout=PROBE)
    try:
        found = bounded(lambda: list(kind_of(spec.kind).probe(spec, work.context(spec))), watch, grace=0.0)
    except (Cancelled, Locked, LedgerError):
        raise
    except TrueupError as error:
        return [str(error)]
    return [f"{one.what}: {one.why}" if one.why else one.what for one in found if one.severity is not Severity.INFO]


def plan(work: BackupWork, run_id: str, readings: list[Json]) -> Json:
    """Makes the plan, and returns its header."""
    work.ledger.journal.update(run_id, phase=Phase.PLAN.value)
    work.ledger.journal.add_to_report(run_id, {"readings": readings})
    return planning.make_plan(work, run_id, {one["collection"]: one for one in readings}).to_json()


def refuse_stale(work: BackupWork, plan: Plan, readings: Sequence[Json]) -> None:
    """A backup's plan says what is done and not with which bytes: it is stale when the job was changed, and never else."""
    if plan.config != work.spec.digest:
        hint = f"make a new one: trueup plan {work.spec.name}"
        raise StalePlan("the plan is stale", why="the job's configuration was changed since it was made", hint=hint)


ANOTHER_AFTER_KILL = False
"""A run that was killed is finished as it stands; another one would take everything a second time."""


def goes_on(work: BackupWork, run: RunRecord) -> bool:
    """Whether a run that was killed while it was carried out is finished: while its window is open, and the job is what it was."""
    ends = run.report.get("ends")
    same = (run.plan or {}).get("config") == work.spec.digest
    return same and work.clock() - run.started < FRESH and (ends is None or work.clock() < ends)


def start_apply(work: BackupWork, run_id: str) -> Json:
    """Before the first batch: makes sure that the plan is the one that was sealed and allowed.

    Returns:
        {"waves": [[batch, …], …], "titles": {batch: "back up crm, files", …}}: what is left to do.
    """
    journal = work.ledger.journal
    require_sealed(work, run_id)
    journal.update(run_id, phase=Phase.APPLY.value, state=RunState.RUNNING)
    report = journal.get(run_id).report
    if "ends" not in report:  # the first time; a repeat goes by what was worked out then
        work.sweep()
        journal.add_to_report(run_id, {"ends": planning.end_of(work, run_id)})
        work.ended("began", {"run": run_id})
    waves: dict[int, list[int]] = {}
    for batch in journal.batches(run_id):
        if batch.open:
            waves.setdefault(batch.wave, []).append(batch.batch)
    titles = {number: _title(journal.batch(run_id, number)) for wave in waves.values() for number in wave}
    return {"waves": [waves[wave] for wave in sorted(waves)], "titles": titles}


def _title(rows: list[JournalRow]) -> str:
    """What a batch does, in a few words."""
    names, store = [row.change.title for row in rows], _store(rows[0])
    sources = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return {
        Stage.TAKE: f"back up {sources}",
        Stage.CHECK: f"check {store}",
        Stage.DRILL: f"drill {sources}",
        Stage.ARCHIVE: f"archive to {store}",
        Stage.FORGET: f"remove from {store}",
    }[Stage(rows[0].change.code)]


def apply_batch(work: BackupWork, run_id: str, batch: int) -> Json:
    """Carries out one batch; safe to repeat.

    Returns:
        {"batch", "collection", "done", "failed", "stale", "errors"}.
    """
    journal = work.ledger.journal
    work.ends = journal.get(run_id).report.get("ends")
    rows = journal.batch(run_id, batch)
    open_rows = [row for row in rows if row.state in OPEN]
    if open_rows:
        _STAGES[Stage(open_rows[0].change.code)](work, run_id, rows)
    after = [row for row in journal.batch(run_id, batch) if row.change.seq in {one.change.seq for one in open_rows}]
    counts = Counter(row.state for row in after)
    errors = [{"what": row.result.get("reason", "")} for row in after if row.state is ChangeState.FAILED]
    result = {
        "batch": batch,
        "collection": rows[0].change.collection if rows else "",
        "done": counts[ChangeState.DONE] + counts[ChangeState.VERIFIED],
        "failed": counts[ChangeState.FAILED] + counts[ChangeState.PUT_OFF],
        "stale": 0,
        "errors": errors,
    }
    work.on_event({"event": "batch", "phase": "apply", **result})
    return result


def _take(work: BackupWork, run_id: str, rows: list[JournalRow]) -> None:
    """Sources that wait for each other: each as soon as all it comes after are stored, at the same time where it may be."""
    known = {row.change.title: row for row in rows if row.change.title in work.backup.by_name}
    for row in rows:
        if row.change.title not in known and row.state in OPEN:
            record(work, run_id, row, Result(ChangeState.FAILED, "gone", "it is not in the job any more"))
    states = {name: row.state for name, row in known.items()}
    specs = {name: work.backup.by_name[name] for name in known}
    sorter = TopologicalSorter({name: set(spec.after) & set(specs) for name, spec in specs.items()})
    sorter.prepare()
    running: dict[Future[ChangeState], str] = {}
    with ThreadPoolExecutor(max(1, len(rows)), thread_name_prefix="backup") as pool:
        while sorter.is_active():
            for name in sorter.get_ready():
                if states[name] not in OPEN:
                    sorter.done(name)
                    continue
                late = [
                    one for one in specs[name].after if states.get(one) not in (ChangeState.DONE, ChangeState.VERIFIED)
                ]
                running[pool.submit(_take_one, work, run_id, known[name], late)] = name
            if not running:
                continue
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(ended)
                states[name] = ended.result()
                sorter.done(name)


def _take_one(work: BackupWork, run_id: str, row: JournalRow, late: list[str]) -> ChangeState:
    if late:
        reason = f"not backed up, because {' and '.join(late)}, which it comes after, failed"
        result = Result(ChangeState.FAILED, "after", reason)
    else:
        work.ledger.journal.mark_sent(run_id, [row.change.seq])
        spec = work.backup.by_name[row.change.title]
        result = capture.take(work, run_id, spec, sent=row.state is ChangeState.SENT)
    record(work, run_id, row, result)
    return result.state


def _check(work: BackupWork, run_id: str, rows: list[JournalRow]) -> None:
    damaged = any(one.startswith("damage/") for one in work.freezes())
    share = 1.0 if damaged else work.backup.verify.read_data
    _each(work, run_id, rows, lambda row: proving.check(work, work.backup.repository, share))


def _drill(work: BackupWork, run_id: str, rows: list[JournalRow]) -> None:
    _each(work, run_id, rows, lambda row: proving.drill(work, row.change.title))


def _archive(work: BackupWork, run_id: str, rows: list[JournalRow]) -> None:
    archive = next((one for one in work.backup.archives if one.store == _store(rows[0])), None)

    def copied(row: JournalRow) -> Result:
        if archive is None or row.change.title not in work.backup.by_name:
            return Result(ChangeState.FAILED, "gone", "it is not in the job any more")
        return copying.copy(work, archive, row.change.title)

    _each(work, run_id, rows, copied)


def _forget(work: BackupWork, run_id: str, rows: list[JournalRow]) -> None:
    forgetting.forget(work, run_id, _store(rows[0]), [row for row in rows if row.state in OPEN])


def _store(row: JournalRow) -> str:
    return row.change.collection.partition("/")[0]


def _each(work: BackupWork, run_id: str, rows: list[JournalRow], call: Callable[[JournalRow], Result]) -> None:
    for row in rows:
        if row.state in OPEN and work.over:
            record(work, run_id, row, Result(ChangeState.PUT_OFF, "window", "put off: the window is over"))
        elif row.state in OPEN:
            work.check()
            work.ledger.journal.mark_sent(run_id, [row.change.seq])
            record(work, run_id, row, call(row))


_STAGES: dict[Stage, Callable[[BackupWork, str, list[JournalRow]], None]] = {
    Stage.TAKE: _take,
    Stage.CHECK: _check,
    Stage.DRILL: _drill,
    Stage.ARCHIVE: _archive,
    Stage.FORGET: _forget,
}


def verify(work: BackupWork, run_id: str, ref: str) -> Json:
    """Looks whether the repository has what was stored in this run.

    Returns:
        {"collection", "verified", "failed", "rewritten", "lost", "error"}.
    """
    journal = work.ledger.journal
    journal.update(run_id, phase=Phase.VERIFY.value)
    rows = journal.changes(run_id, states=(ChangeState.DONE,), collection=ref)
    result: Json = {"collection": ref, "verified": 0, "failed": 0, "rewritten": 0, "lost": {}, "error": None}
    if not rows:
        return result
    store, work.ends = ref.partition("/")[0], None  # looking it up takes a moment, and belongs to the report
    try:
        there = {
            one.id for one in patiently(work, f"looking into {store}", lambda _: work.snapshots(store), proving.silent)
        }
    except (Cancelled, Locked, LedgerError):
        raise
    except TrueupError as error:
        return {**result, "error": error.to_json()}
    for row in rows:
        if row.result.get("snapshot") in there:
            journal.record(run_id, [(row.change.seq, ChangeState.VERIFIED, row.result)])
            result["verified"] += 1
        else:
            reason = "it was stored, and the repository does not have it any more"
            journal.record(
                run_id, [(row.change.seq, ChangeState.FAILED, {**row.result, "code": "not-kept", "reason": reason})]
            )
            result["failed"] += 1
    return result


def report(work: BackupWork, run_id: str, verifications: list[Json] | None = None) -> Json:
    """Ends the run; see `reporting.report`."""
    return reporting.report(work, run_id, verifications or [])
