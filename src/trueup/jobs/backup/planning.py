"""The plan of a backup: what is taken, proven, copied and removed, in this order; each change is a row of the journal.

Waves, one after another: take (sources that wait for each other in one batch, so that one that hangs delays no other), check the repository,
restore drills, copies to the archives, removal of what retention lets go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias

from trueup.jobs.backup import windows
from trueup.jobs.backup.forgetting import removable
from trueup.jobs.backup.memory import sound
from trueup.jobs.backup.sources import TITLES
from trueup.jobs.backup.words import ago, amount, clock, lasting
from trueup.jobs.backup.work import BackupWork
from trueup.model.change import Action, Change, ChangeState
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import TrueupError
from trueup.model.plan import BasedOn, GuardFinding, Plan

Json: TypeAlias = dict[str, Any]

WINDOW = "window"
"""The guard against a run outside of its window."""


class Stage(StrEnum):
    """What a change of a backup does; the `code` of the change. In the order of the waves."""

    TAKE = "take"
    CHECK = "check"
    DRILL = "drill"
    ARCHIVE = "archive"
    FORGET = "retention"


def make_plan(work: BackupWork, run_id: str, readings: Mapping[str, Json]) -> Plan:
    """Makes the plan of a run and keeps it in the ledger; see `core.planner.make_plan`."""
    journal, told = work.ledger.journal, list[Diagnostic]()
    journal.clear_changes(run_id)
    staged = list(_changes(work, told))
    _missed(work, told)
    changes = [(replace(change, seq=seq), place) for seq, (change, place) in enumerate(staged, 1)]
    with work.ledger.transaction("backup.plan"):
        journal.add_changes(run_id, [(change, ChangeState.PLANNED) for change, _ in changes])
        journal.set_batches(run_id, {change.seq: place for change, place in changes})
    plan = Plan(
        run=run_id,
        job=work.spec.name,
        created=datetime.fromtimestamp(work.clock(), UTC).isoformat(timespec="seconds"),
        config=work.spec.digest,
        based_on=tuple(BasedOn(ref, 0, int(one.get("items", 0)), bool(one["read"])) for ref, one in readings.items()),
        complete=all(one["read"] for one in readings.values()),
        applyable=True,
        counts=_counts(change for change, _ in changes),
        guards=tuple(_guards(work)),
        diagnostics=tuple(told),
    )
    sealed = plan.sealed(journal.texts(run_id))
    journal.update(run_id, plan=sealed.to_json())
    return sealed


def _counts(changes: Iterable[Change]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in changes:
        counts[one.action.value] = counts.get(one.action.value, 0) + 1
    return counts


def _guards(work: BackupWork) -> Iterator[GuardFinding]:
    """A run outside of its window waits for a person's word, unless missed windows are made up for."""
    window, now = work.backup.window, work.clock()
    if window is None or windows.may_start(window, now):
        return
    late = windows.of(window, now)
    if work.backup.make_up and windows.missed(window, _last_started(work), now) is not None:
        return
    opened = (
        f"it opened at {clock(late.opened, window.zone)} and must be entered by {clock(late.start_by, window.zone)}"
    )
    yield GuardFinding(WINDOW, work.backup.repository, f"the window is closed: {opened}")


def end_of(work: BackupWork, run_id: str) -> float | None:
    """When a run that begins to be carried out now must be over, by the window it is in; None: there is no limit, or a person let it go on."""
    window, now = work.backup.window, work.clock()
    plan = work.ledger.journal.get(run_id).plan
    allowed = plan is not None and any(one["guard"] == WINDOW for one in plan["guards"])
    if window is None or allowed or not windows.may_start(window, now):
        return None
    return windows.must_end(window, now)


def _missed(work: BackupWork, told: list[Diagnostic]) -> None:
    """A window that passed without a backup is told, once, though nobody was there when it passed."""
    window, last = work.backup.window, _last_started(work)
    if window is None or last is None:
        return
    late = windows.missed(window, last, work.clock())
    if late is not None:
        what = f"the window of {clock(late.opened, window.zone)} passed without a backup"
        told.append(Diagnostic(Severity.WARNING, what, f"job {work.spec.name}", hint="was the machine off?"))
        work.ended("missed", {"run": f"missed/{late.opened:.0f}", "notes": [what]})


def _last_started(work: BackupWork) -> float | None:
    """When the last run began that took anything."""
    for run in work.ledger.journal.history(work.spec.name, 50):
        if run.report.get("backup", {}).get("taken"):
            return run.started
    return None


def _changes(work: BackupWork, told: list[Diagnostic]) -> Iterator[tuple[Change, tuple[int, int]]]:
    """All changes, each with its wave and batch."""
    batch = 0
    stages = (_takes, _checks, _drills, _copies, _removals)
    for wave, stage in enumerate(stages, 1):
        for together in _told(work, stage, told):
            batch += 1
            yield from ((change, (wave, batch)) for change in together)


Stages: TypeAlias = Callable[[BackupWork, list[Diagnostic]], Iterator[list[Change]]]


def _told(work: BackupWork, stage: Stages, told: list[Diagnostic]) -> Iterator[list[Change]]:
    """A stage's batches; what cannot be planned because a store is away is told, and the rest is planned."""
    try:
        yield from stage(work, told)
    except TrueupError as error:
        told.append(Diagnostic(Severity.WARNING, error.what, error.where, error.why, error.hint))


def _takes(work: BackupWork, told: list[Diagnostic]) -> Iterator[list[Change]]:
    backup, now = work.backup, work.clock()
    for group in backup.groups():
        rows = []
        for one in group:
            known = [fact for fact in work.memory.snapshots(backup.repository, one.name).values() if sound(fact)]
            last = max(known, key=lambda fact: float(fact["time"]), default=None)
            size = f", {amount(last['bytes'])}" if last else ""
            reason = (
                f"{TITLES[one.kind]}; last {ago(now - last['time'])}{size}" if last else f"{TITLES[one.kind]}; first"
            )
            after = f", after {', '.join(one.after)}" if one.after else ""
            rows.append(
                Change(0, Action.CREATE, backup.ref(one.name), title=one.name, reason=reason + after, code=Stage.TAKE)
            )
        yield rows


def _checks(work: BackupWork, told: list[Diagnostic]) -> Iterator[list[Change]]:
    backup = work.backup
    last = work.memory.checked(backup.repository)
    damaged = any(one.startswith("damage/") for one in work.freezes())
    wanted = damaged or any(one.verified for one in backup.archives)  # what is archived has to be checked before
    if backup.verify.check is None and not wanted:
        return
    if last and not wanted and 0 <= work.clock() - last["at"] < (backup.verify.check or 0.0):
        return
    share = 1.0 if damaged else backup.verify.read_data
    what = "all of its data read, because damage was found" if damaged else f"{share:.0%} of its data read"
    yield [
        Change(0, Action.LINK, backup.repository, title=backup.repository, reason=f"checked, {what}", code=Stage.CHECK)
    ]


def _drills(work: BackupWork, told: list[Diagnostic]) -> Iterator[list[Change]]:
    backup = work.backup
    for one in backup.sources:
        if due(work, one.name):
            last = work.memory.drilled(one.name)
            when = f"last {ago(work.clock() - last['at'])}" if last else "for the first time"
            reason = f"restored into a scratch place and compared; {when}"
            yield [Change(0, Action.LINK, backup.ref(one.name), title=one.name, reason=reason, code=Stage.DRILL)]


def due(work: BackupWork, source: str) -> bool:
    """Whether a restore drill of a source is to be held: it is time, or the last one did not go well."""
    verify = work.backup.verify
    if verify.drill is None or (verify.drilled is not None and source not in verify.drilled):
        return False
    last = work.memory.drilled(source)
    # One that is dated in the future was held by a clock that was wrong.
    return last is None or not last["ok"] or not 0 <= work.clock() - last["at"] < verify.drill


def _copies(work: BackupWork, told: list[Diagnostic]) -> Iterator[list[Change]]:
    for archive in work.backup.archives:
        reason = "copied when it is verified" if archive.verified else "copied"
        lock = f", locked for {lasting(archive.lock)}" if archive.lock else ""
        yield [
            Change(
                0,
                Action.CREATE,
                f"{archive.store}/{one.name}",
                title=one.name,
                reason=reason + lock,
                code=Stage.ARCHIVE,
            )
            for one in work.backup.sources
        ]


def _removals(work: BackupWork, told: list[Diagnostic]) -> Iterator[list[Change]]:
    """As they will be once this run has stored its snapshots: the newest of each source counts as there already."""
    backup = work.backup
    places = [(backup.repository, backup.retention)]
    places += [(one.store, one.retention) for one in backup.archives if one.retention is not None]
    for store, policy in places:
        if policy.empty:
            continue  # nothing is said: all stay
        found, notes = removable(work, store, policy, expected=True)
        told += [Diagnostic(Severity.WARNING, one, store) for one in notes]
        rows = [
            Change(
                0,
                Action.DELETE,
                f"{store}/{one.source}",
                href=one.id,
                title=f"{one.source} of {clock(one.time, work.zone)}",
                reason=one.reason,
                code=Stage.FORGET,
            )
            for one in found
        ]
        if rows:
            yield rows
