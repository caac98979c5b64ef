"""Taking one source: hooks around it, the dump with its manifest, the repository, and what is looked at before the snapshot counts as good."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from trueup import __version__
from trueup.core.supervision import Deadline, child_env, run_child
from trueup.jobs.backup import anomalies
from trueup.jobs.backup.memory import sound
from trueup.jobs.backup.patience import OutOfTime, bounded, patiently
from trueup.jobs.backup.results import Result
from trueup.jobs.backup.sources import kind_of
from trueup.jobs.backup.words import amount
from trueup.jobs.backup.work import BackupWork
from trueup.model.backup import MANIFEST, Captured, Lister, SourceSpec
from trueup.model.change import ChangeState
from trueup.model.errors import Cancelled, LedgerError, Locked, Permanent, StoreError, Transient, TrueupError
from trueup.model.repository import Listing, Snapshot, Stored, StoreRequest, Watch

Json: TypeAlias = dict[str, Any]

HOOK_SECONDS = 600.0
HISTORY = 30
"""How many earlier snapshots a new one is compared with."""

SHOWN = 10
LIVE = ("path",)
"""Kinds that are read where they are: only their own capture knows what changed meanwhile."""

_STOPS = (Cancelled, Locked, LedgerError)  # the run stops, and is taken up as it stands


def take(work: BackupWork, run_id: str, spec: SourceSpec, *, sent: bool) -> Result:
    """Takes a source, again and again as its job says; safe to repeat.

    Args:
        work, run_id: the run.
        spec: the source.
        sent: it was begun before: a snapshot of this very run may be there.

    Raises:
        Cancelled, Locked, LedgerError: the run stops here.
    """
    attempts = 0

    def attempt(number: int) -> Result:
        nonlocal attempts
        attempts = number
        with work.place():
            work.check()
            return _attempt(work, run_id, spec, number)

    def failed(number: int, error: TrueupError, again: bool) -> None:
        event = {"event": "attempt", "phase": "apply", "collection": work.backup.ref(spec.name), "title": spec.name}
        work.on_event({**event, "attempt": number, "again": again, "reason": str(error)})

    work.clear("spool", spec.name)
    try:
        _thaw(work, spec)
        if sent and (adopted := _adopted(work, run_id, spec)) is not None:
            return adopted
        return patiently(work, f"backing up {spec.name}", attempt, failed)
    except _STOPS:
        raise
    except OutOfTime as error:
        return Result.failed(error, "window", attempts=attempts)
    except Exception as error:  # also a mistake of ours: in one source it must not cost the others their backup
        return Result.failed(error, attempts=attempts)


def _attempt(work: BackupWork, run_id: str, spec: SourceSpec, number: int) -> Result:
    began, now = time.monotonic(), work.clock()
    watch = work.watch(f"backing up {spec.name}", timeout=spec.timeout, no_progress=spec.no_progress)

    def taken() -> Result:
        # A folder of the attempt's own: an earlier one that hangs may still be at work in its.
        with work.space("spool", spec.name, str(number)) as spool:
            captured, stored = _kept(work, run_id, spec, spool, now, watch)
            return _judged(work, run_id, spec, captured, stored, watch, attempts=number, began=began)

    result: Result | None = None
    try:
        _before(work, spec, watch)
        result = bounded(taken, watch)
    finally:
        wrong = _after(work, spec)
    return result if wrong is None else Result.failed(wrong, "hook", **result.more)


def _kept(
    work: BackupWork, run_id: str, spec: SourceSpec, spool: Path, now: float, watch: Watch
) -> tuple[Captured, Stored]:
    """Captures and stores: one after the other, or together where the repository reads the files by the source's own listing."""

    def whole(captured: Captured) -> None:
        _require(work, run_id, spec, captured, now)
        work.memory.begun(run_id, spec.name, _known(captured, run_id, now))

    kind, context = kind_of(spec.kind), work.context(spec)
    if isinstance(kind, Lister) and work.opened(work.backup.repository).traits.lists:
        listing = kind.listing(spec, context, spool, watch, whole)
        stored = _stored(work, run_id, spec, listing.captured, now, watch, listing)
        return listing.captured, stored
    captured = kind.capture(spec, context, spool, watch)
    whole(captured)
    return captured, _stored(work, run_id, spec, captured, now, watch)


def _require(work: BackupWork, run_id: str, spec: SourceSpec, captured: Captured, now: float) -> None:
    """Raises Permanent where it is too small; completes its manifest."""
    if captured.bytes < spec.min_size:
        why = f"it has {amount(captured.bytes)}, and `min_size` is {amount(spec.min_size)}"
        raise Permanent(f"the backup of {spec.name} is too small", why=why, hint="look at the source, or at `min_size`")
    path = captured.about / MANIFEST
    manifest = json.loads(path.read_text("utf-8"))
    named = {"job": work.spec.name, "source": spec.name, "run": run_id, "began": now, "host": socket.gethostname()}
    path.write_text(json.dumps({**manifest, **named, "trueup": __version__}, indent=1), "utf-8")


def _known(captured: Captured, run_id: str, now: float) -> Json:
    known = {"time": now, "run": run_id, "bytes": captured.bytes, "files": captured.files}
    return {**known, "measures": dict(captured.measures), "notes": list(captured.notes)}


def _stored(
    work: BackupWork,
    run_id: str,
    spec: SourceSpec,
    captured: Captured,
    now: float,
    watch: Watch,
    listing: Listing | None = None,
) -> Stored:
    """Stores what was captured; the snapshot is known from then on, as one that is not judged yet."""
    store = work.backup.repository
    repository = work.opened(store)
    earlier = {one: fact["time"] for one, fact in work.memory.snapshots(store, spec.name).items() if sound(fact)}
    request = StoreRequest(
        captured.root,
        captured.about,
        work.spec.name,
        spec.name,
        run_id,
        now,
        captured.bytes,
        captured.files,
        captured.exclude,
        captured.one_file_system,
        max(earlier, key=earlier.__getitem__, default=""),
        listing=listing,
    )
    try:
        stored = repository.store(request, watch)
    finally:
        work.stale(store)
    work.memory.keep(store, spec.name, stored.snapshot.id, {"good": None, "time": now, "run": run_id})
    return stored


def _judged(
    work: BackupWork,
    run_id: str,
    spec: SourceSpec,
    captured: Captured,
    stored: Stored,
    watch: Watch,
    *,
    attempts: int,
    began: float,
) -> Result:
    """Whether what was stored is good, and what is remembered of it."""
    settled = kind_of(spec.kind).settle(spec, work.context(spec), captured, watch)
    snapshot = stored.snapshot
    lost = [one for one in stored.unread if (captured.root / one).exists() or (captured.root / one).is_symlink()]
    good = not lost or spec.options.get("unreadable") == "warn"
    volatile = captured.about / "volatile.json"
    extra = {"volatile": json.loads(volatile.read_text("utf-8"))} if volatile.exists() else {}
    known = {**_known(settled, run_id, snapshot.time), **extra}
    found = remember(work, spec, snapshot, {**known, "good": good, "notes": [*settled.notes, *map(_unread, lost)]})
    more: Json = {
        "snapshot": snapshot.id,
        "bytes": settled.bytes,
        "files": settled.files,
        "added": snapshot.added,
        "seconds": round(time.monotonic() - began, 1),
        "attempts": attempts,
        "notes": list(settled.notes)[:SHOWN],
        **({"anomalies": found} if found else {}),
    }
    if not good:
        shown = ", ".join(lost[:SHOWN]) + (f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else "")
        return Result(ChangeState.FAILED, "unreadable", f"could not be read: {shown}", more)
    return Result(ChangeState.DONE, more=more)


def _unread(path: str) -> str:
    return f"could not be read: {path}"


def remember(work: BackupWork, spec: SourceSpec, snapshot: Snapshot, known: Mapping[str, Any]) -> list[str]:
    """Keeps what is known of a new snapshot, and compares its measures with those of earlier ones.

    Returns:
        What is suspicious about it, in sentences; then nothing is removed until it is cleared up.
    """
    store, now = work.backup.repository, work.clock()
    earlier = sorted(work.memory.snapshots(store, spec.name).values(), key=lambda one: float(one["time"]))
    usual = [one["measures"] for one in earlier if sound(one) and not one.get("suspicious") and "measures" in one]
    odd = anomalies.find(known["measures"], usual[-HISTORY:], work.backup.anomalies) if usual else []
    found, cause = [one.sentence for one in odd], f"anomaly/{spec.name}"
    with work.ledger.transaction("backup.remember"):
        work.memory.keep(store, spec.name, snapshot.id, {**known, "suspicious": bool(found), "anomalies": found})
        if found:
            # What is over in one night (most files changed) looks usual in the next one: then only a person ends it.
            work.memory.freeze(cause, "; ".join(found), now, asks=any(one.once for one in odd))
        elif known.get("good") and not work.memory.freezes().get(cause, {}).get("asks"):
            work.memory.thaw(cause)
    return found


def _adopted(work: BackupWork, run_id: str, spec: SourceSpec) -> Result | None:
    """The snapshot of this run that was stored before the run was killed; None: there is none that is surely whole.

    One of a folder is taken anew: what changed in it while it was read died with the run.
    """
    store = work.backup.repository
    work.stale(store)
    try:
        found = [one for one in work.snapshots(store) if one.run == run_id and one.source == spec.name]
    except StoreError:
        return None
    known = work.memory.what_was_begun(run_id, spec.name)
    for one in reversed(found):
        judged = work.memory.snapshots(store, spec.name).get(one.id, {}).get("good")
        if one.complete and known is not None and judged is not False and (judged or spec.kind not in LIVE):
            if not judged:
                remember(work, spec, one, {**known, "good": True})
            more = {"snapshot": one.id, "bytes": one.bytes, "files": one.files, "adopted": True}
            return Result(ChangeState.DONE, more=more)
    if found:
        with suppress(StoreError):  # an append-only repository keeps it; it is known not to be good
            work.opened(store).forget(
                [one.id for one in found], work.watch(f"removing what is unfinished of {spec.name}")
            )
        for one in found:
            work.memory.keep(store, spec.name, one.id, {"good": False, "time": one.time, "run": run_id})
        work.stale(store)
    return None


# Hooks ----------------------------------------------------------------------------------------------------------------


def _before(work: BackupWork, spec: SourceSpec, watch: Watch) -> None:
    if spec.hooks.before or spec.hooks.after:
        work.memory.set_hooked(spec.name, True)
    if spec.hooks.before:
        _run_hook(work, spec, "before", spec.hooks.before, watch)


def _after(work: BackupWork, spec: SourceSpec) -> TrueupError | None:
    """The second command, which runs whenever the first was begun, also after a time-out or a stop; returns what was wrong with it."""
    if not work.memory.hooked(spec.name):
        return None
    try:
        if spec.hooks.after:
            # No stop reaches it: what was frozen has to be thawed.
            _run_hook(work, spec, "after", spec.hooks.after, Deadline("the hook", timeout=HOOK_SECONDS))
    except StoreError as error:
        return error
    work.memory.set_hooked(spec.name, False)
    return None


def _thaw(work: BackupWork, spec: SourceSpec) -> None:
    """A run that was killed between the hooks has left the source frozen."""
    if (wrong := _after(work, spec)) is not None:
        raise wrong


def _run_hook(work: BackupWork, spec: SourceSpec, name: str, command: tuple[str, ...], watch: Watch) -> None:
    environment = {"TRUEUP_JOB": work.spec.name, "TRUEUP_SOURCE": spec.name}
    ended = run_child(command, watch=watch, env=child_env(environment), cwd=work.context(spec).root)
    if ended.code:
        last = ended.stderr.strip().splitlines()[-1:] or [""]
        why = f"exit code {ended.code}" + (f": {last[0]}" if last[0] else "")
        raise Transient(f"the hook `{name}` of {spec.name} failed", why=why, hint="run the command by hand")
