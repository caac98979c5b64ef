"""How a backup stands: of each source, how much would be lost now, how long a restore takes, when it was last proven, and what is due."""

from __future__ import annotations

from typing import Any, TypeAlias

from trueup.jobs.backup.memory import Memory
from trueup.jobs.backup.spec import BackupSpec
from trueup.jobs.backup.work import BackupWork
from trueup.model.backup import SourceSpec

Json: TypeAlias = dict[str, Any]


def status(work: BackupWork) -> Json:
    """What the ledger knows; asks no store.

    Returns:
        {"damaged", "damage": [sentences], "frozen": {cause: {"since", "why"}}, "checked": {…} or None, "sources": {name: {"kind", "state",
        "why", "last_backup", "last_verified", "last_drill", "next_drill", "rpo", "rto", "bytes", "files", "snapshots", "archives", "archived"}}}.
        Times are seconds since 1970, durations seconds, None where there is none yet. "state" is "good", "failing" (the last try failed),
        "not-verified" (stored, never proven or the proof failed), "suspicious" or "never".
    """
    memory, backup = work.memory, work.backup
    checked, frozen = memory.checked(backup.repository), memory.freezes()
    failed = _failed(work)
    return {
        "damaged": any(one.startswith(("damage/", "differs/")) for one in frozen),
        "damage": [one["why"] for cause, one in frozen.items() if cause.startswith(("damage/", "differs/"))],
        "frozen": frozen,
        "checked": checked,
        "sources": {
            one.name: _source(memory, backup, one, work.clock(), failed.get(one.name, "")) for one in backup.sources
        },
    }


def _source(memory: Memory, backup: BackupSpec, source: SourceSpec, now: float, failed: str) -> Json:
    known = memory.snapshots(backup.repository, source.name)
    good = [one for one in known.values() if one.get("good")]
    last = max(good, key=lambda one: float(one["time"]), default=None)
    drilled = memory.drilled(source.name)
    verified = max((float(one["verified"]) for one in good if one.get("verified")), default=None)
    proven = max((float(one["time"]) for one in good if one.get("verified")), default=None)
    copies = [one for store in backup.archives for one in memory.snapshots(store.store, source.name).values()]
    state, why = _state(last, drilled, verified, failed)
    every = backup.verify.drill
    return {
        "kind": source.kind,
        "state": state,
        "why": why,
        "snapshots": len(known),
        "last_backup": last["time"] if last else None,
        "last_verified": verified,
        "verified_state_of": proven,
        "last_drill": drilled["at"] if drilled else None,
        "next_drill": None if every is None else (drilled["at"] + every if drilled and drilled["ok"] else now),
        "rpo": now - last["time"] if last else None,
        "rto": drilled.get("took") if drilled else None,
        "bytes": last["bytes"] if last else None,
        "files": last["files"] if last else None,
        "archives": len(backup.archives),
        "archived": max((float(one["time"]) for one in copies if one.get("verified")), default=None),
    }


def _state(last: Json | None, drilled: Json | None, verified: float | None, failed: str) -> tuple[str, str]:
    if last is None:
        return "never", failed or "it was never backed up"
    if failed:
        return "failing", failed
    if drilled is not None and not drilled["ok"]:
        return "not-verified", str(drilled.get("why") or "its last restore drill failed")
    if last.get("suspicious"):
        return "suspicious", "; ".join(last.get("anomalies", ()))
    return ("good", "") if verified is not None else ("not-verified", "no restore drill has been held yet")


def _failed(work: BackupWork) -> dict[str, str]:
    """Why the last try of a source failed, by source; nothing of those whose last try went well."""
    found: dict[str, str] = {}
    told: set[str] = set()
    for run in work.ledger.journal.history(work.spec.name, 20):
        for row in work.ledger.journal.changes(run.id, limit=500):
            change = row.change
            if change.code != "take" or change.title in told or row.state.value in ("planned", "sent"):
                continue
            told.add(change.title)
            if row.state.value == "failed":
                found[change.title] = str(row.result.get("reason", "it failed"))
        if told >= set(work.backup.by_name):
            break
    return found
