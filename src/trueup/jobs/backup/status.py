"""How a backup stands: of each source, how much would be lost now, how long a restore takes, when it was last proven, and what is due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from trueup.core.job_runs import looked_at
from trueup.jobs.backup.ages import ahead, allowed, usable
from trueup.jobs.backup.spec import BackupSpec
from trueup.jobs.backup.words import ago, lasting
from trueup.jobs.backup.work import BackupWork
from trueup.model.backup import SourceSpec
from trueup.model.run import RunRecord, RunState

Json: TypeAlias = dict[str, Any]

WRONG = ("damage/", "differs/", "vanished/")
"""Causes of a freeze by which something was lost."""

_HISTORY = 20
_CHANGES = 500
_CONCLUDED = (RunState.DONE, RunState.PARTIAL, RunState.FAILED, RunState.AWAITING_APPROVAL)


def status(work: BackupWork) -> Json:
    """What the ledger knows; asks no store.

    Returns:
        {"damaged", "damage": [sentences], "frozen": {cause: {"since", "why"}}, "checked": {…} or None, "sources": {name: {"kind", "state",
        "why", "last_backup", "last_verified", "last_drill", "next_drill", "rpo", "rto", "max_age", "bytes", "files", "snapshots", "archives",
        "archived", "problems": [sentences]}}}. Times are seconds since 1970, durations seconds, None where there is none yet. "state" is "good",
        "failing" (the last try failed), "overdue" (older than it may be), "not-verified" (stored, never proven or the proof failed),
        "suspicious" or "never". "problems" are what is wrong beside the state: copies that stay behind, snapshots of the future.
    """
    checked, frozen = work.memory.checked(work.backup.repository), work.freezes()
    tries = _tries(work)
    return {
        "damaged": any(one.startswith(WRONG) for one in frozen),
        "damage": [one["why"] for cause, one in frozen.items() if cause.startswith(WRONG)],
        "frozen": frozen,
        "checked": checked,
        "sources": {one.name: _source(work, one, tries) for one in work.backup.sources},
    }


def problems(work: BackupWork, found: Json) -> list[str]:
    """What is wrong with a backup beside its sources' states and what is frozen, in sentences.

    Args:
        work: the job.
        found: what `status` says of it.
    """
    return [
        *_of_last_run(work),
        *_of_check(work, found["checked"]),
        *(one for source in found["sources"].values() for one in source["problems"]),
    ]


def last_run(work: BackupWork) -> RunRecord | None:
    """The newest run that came to an end, or waits for a person; a plan that somebody looked at is none."""
    runs = work.ledger.journal.history(work.spec.name, _HISTORY)
    return next((one for one in runs if one.state in _CONCLUDED and not looked_at(one)), None)


def _of_last_run(work: BackupWork) -> Iterator[str]:
    last = last_run(work)
    if last is None:
        return
    when = ago(work.clock() - last.started)
    if last.state is RunState.AWAITING_APPROVAL:
        guards = [one for one in (last.plan or {}).get("guards", ()) if not one.get("allowed")]
        why = "; ".join(str(one["message"]) for one in guards)
        allow = "".join(f" --allow {one['guard']}" for one in guards)
        yield f"the last run ({when}) was blocked{f': {why}' if why else ''}; it waits: trueup apply {last.id}{allow}"
    elif last.state is RunState.FAILED:
        error = last.report.get("error") or {}
        why = ": ".join(part for part in (error.get("what"), error.get("why")) if part)
        yield f"the last run ({when}) failed" + (f": {why}" if why else "")


def _of_check(work: BackupWork, checked: Json | None) -> Iterator[str]:
    store = work.backup.repository
    if checked is None or work.backup.verify.check is None:
        return
    when = ago(work.clock() - float(checked["at"]))
    if checked.get("unchecked"):
        yield f"the check of {store} ({when}) could not be held in full: {checked['unchecked']}"
    elif not checked["ok"] and not checked.get("damage"):  # damage is told as such
        yield f"the check of {store} ({when}) failed"


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a source's good snapshots.

    Attributes:
        last: the newest one's facts; None: there is none.
        proven: when the newest proven one was taken.
        verified: when one was last proven.
        future: the latest time of those that are dated in the future.
        allowed: how old the newest one may become.
        nothing: why there is none.
    """

    last: Json | None
    proven: float | None
    verified: float | None
    future: float | None
    allowed: float | None
    nothing: str


def _source(work: BackupWork, source: SourceSpec, tries: dict[tuple[str, str], str]) -> Json:
    backup, now = work.backup, work.clock()
    facts = work.memory.snapshots(backup.repository, source.name)
    known = _known(work, facts, now)
    drilled = work.memory.drilled(source.name)
    last, state = known.last, _state(known, drilled, tries.get(("take", backup.ref(source.name)), ""), now)
    every = backup.verify.drill
    archived = {one.store: _archived(work, one.store, source.name) for one in backup.archives}
    return {
        "kind": source.kind,
        "state": state[0],
        "why": state[1],
        "snapshots": len(facts),
        "last_backup": last["time"] if last else None,
        "last_verified": known.verified,
        "verified_state_of": known.proven,
        "last_drill": drilled["at"] if drilled else None,
        "next_drill": None if every is None else (drilled["at"] + every if drilled and drilled["ok"] else now),
        "rpo": now - last["time"] if last else None,
        "max_age": known.allowed,
        "rto": drilled.get("took") if drilled else None,
        "bytes": last.get("bytes") if last else None,
        "files": last.get("files") if last else None,
        "archives": len(backup.archives),
        "archived": max((one for one in archived.values() if one is not None), default=None),
        "problems": [*_behind(backup, source.name, known, archived, tries), *_future(source.name, known, now)],
    }


def _known(work: BackupWork, facts: dict[str, Json], now: float) -> _Known:
    good = [one for one in facts.values() if usable(one) and one.get("time") is not None]
    present = [one for one in good if not ahead(float(one["time"]), now)]
    last = max(present, key=lambda one: float(one["time"]), default=None)
    nothing = f"no backup is known; where the ledger was lost: trueup verify {work.spec.name}"
    if facts:
        nothing = "what there is of it is dated in the future" if good else "none of its snapshots is good"
    return _Known(
        last,
        max((float(one["time"]) for one in present if one.get("verified")), default=None),
        max((float(one["verified"]) for one in present if one.get("verified")), default=None),
        max((float(one["time"]) for one in good if ahead(float(one["time"]), now)), default=None),
        allowed(work.backup, work.spec.schedule, float(last["time"])) if last else work.backup.max_age,
        nothing,
    )


def _state(known: _Known, drilled: Json | None, failed: str, now: float) -> tuple[str, str]:
    last = known.last
    if last is None:
        return "never", failed or known.nothing
    old = now - float(last["time"])
    overdue = known.allowed is not None and old > known.allowed
    late = f"the newest good backup is {lasting(old)} old, and {lasting(known.allowed or 0)} are allowed"
    if failed:
        return "failing", f"{failed}; {late}" if overdue else failed
    if overdue:
        return "overdue", late
    if drilled is not None and not drilled["ok"]:
        return "not-verified", str(drilled.get("why") or "its last restore drill failed")
    if last.get("suspicious"):
        return "suspicious", "; ".join(last.get("anomalies", ()))
    return ("good", "") if known.verified is not None else ("not-verified", "no restore drill has been held yet")


def _archived(work: BackupWork, store: str, source: str) -> float | None:
    """When the newest proven copy in an archive was taken."""
    known = work.memory.snapshots(store, source).values()
    return max((float(one["time"]) for one in known if one.get("verified") and usable(one)), default=None)


def _behind(
    backup: BackupSpec,
    name: str,
    known: _Known,
    archived: dict[str, float | None],
    tries: dict[tuple[str, str], str],
) -> Iterator[str]:
    """Which copies elsewhere stay behind what should be there: what is proven, or with `when: always` the newest."""
    for one in backup.archives:
        copied, failed = archived[one.store], tries.get(("archive", f"{one.store}/{name}"))
        due = known.proven if one.verified else float(known.last["time"]) if known.last else None
        if failed is not None:
            yield f"{name} could not be archived to {one.store}: {failed}"
        elif due is not None and copied is None:
            yield f"{name} has no copy on {one.store} yet"
        elif due is not None and copied is not None and known.allowed is not None and due - copied > known.allowed:
            yield f"the newest copy of {name} on {one.store} is {lasting(due - copied)} older than what should be there"


def _future(name: str, known: _Known, now: float) -> Iterator[str]:
    if known.future is not None:
        yield f"a snapshot of {name} is dated {lasting(known.future - now)} in the future: its machine's clock was wrong"


def _tries(work: BackupWork) -> dict[tuple[str, str], str]:
    """Why the last try of something failed, by ("take" or "archive", collection); nothing of what went well the last time."""
    found: dict[tuple[str, str], str] = {}
    told: set[tuple[str, str]] = set()
    wanted = {("take", work.backup.ref(one.name)) for one in work.backup.sources} | {
        ("archive", f"{store.store}/{one.name}") for store in work.backup.archives for one in work.backup.sources
    }
    for run in work.ledger.journal.history(work.spec.name, _HISTORY):
        for row in work.ledger.journal.changes(run.id, limit=_CHANGES):
            key = (row.change.code, row.change.collection)
            if key not in wanted or key in told or row.state.value in ("planned", "sent", "put-off"):
                continue
            told.add(key)
            if row.state.value == "failed":
                found[key] = str(row.result.get("reason", "it failed"))
        if told >= wanted:
            break
    return found
