"""Taking one source: hooks around it, the dump with its manifest, the repository, and what is looked at before the snapshot counts as good."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from trueup import __version__
from trueup.core.supervision import Deadline, child_env, run_child
from trueup.jobs.backup import anomalies, windows
from trueup.jobs.backup.results import Result
from trueup.jobs.backup.sources import kind_of
from trueup.jobs.backup.words import amount
from trueup.jobs.backup.work import BackupWork
from trueup.model.backup import MANIFEST, Captured, SourceSpec
from trueup.model.change import ChangeState
from trueup.model.errors import Cancelled, LedgerError, Locked, Permanent, TimedOut, Transient, TrueupError
from trueup.model.repository import Repository, Snapshot, Stored, StoreRequest, Watch

Json: TypeAlias = dict[str, Any]

HOOK_SECONDS = 600.0
HISTORY = 30
"""How many earlier snapshots a new one is compared with."""

ONCE_MORE = 2
"""How often in all what looks final is tried: a program's exit code says little of whether it may go well the next time."""

SHOWN = 10
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
    if sent and (adopted := _adopted(work, run_id, spec)) is not None:
        return adopted
    attempts, retry = 0, work.backup.retry
    while True:
        attempts += 1
        try:
            with work.room:
                work.check()
                _within_window(work, spec)
                return _attempt(work, run_id, spec, attempts)
        except _STOPS:
            raise
        except (Transient, TimedOut, Permanent) as error:
            most = min(retry.attempts, ONCE_MORE) if isinstance(error, Permanent) else retry.attempts
            over = attempts >= most or _window_over(work)
            work.on_event(_tried(work, spec, attempts, error, again=not over))
            if over:
                return Result.failed(error, "window" if _window_over(work) else "", attempts=attempts)
        except TrueupError as error:
            return Result.failed(error, attempts=attempts)
        except Exception as error:  # a mistake of ours in one source must not cost the others their backup
            return Result.failed(error, attempts=attempts)
        _pause(work, attempts)


def _tried(work: BackupWork, spec: SourceSpec, attempts: int, error: TrueupError, *, again: bool) -> Json:
    event = {"event": "attempt", "phase": "apply", "collection": work.backup.ref(spec.name), "title": spec.name}
    return {**event, "attempt": attempts, "again": again, "reason": str(error)}


def _pause(work: BackupWork, attempts: int) -> None:
    """Exponential back-off with full jitter above half of it, so that sources of one server do not all come back at once."""
    retry = work.backup.retry
    longest = min(retry.cap, retry.base * 2.0 ** (attempts - 1) if retry.exponential else retry.base)
    until = time.monotonic() + longest * random.uniform(0.5, 1.0)
    while (left := until - time.monotonic()) > 0:
        work.check()
        if _window_over(work):
            return
        time.sleep(min(0.5, left))


def _end_of_window(work: BackupWork) -> float | None:
    """When a run of this window must have ended; None: there is no limit."""
    window = work.backup.window
    return None if window is None else windows.must_end(window, work.began)


def _window_over(work: BackupWork) -> bool:
    end = _end_of_window(work)
    return end is not None and work.clock() >= end


def _within_window(work: BackupWork, spec: SourceSpec) -> None:
    if _window_over(work):
        raise TimedOut(f"{spec.name} was not begun", why="the window is over", hint="a longer window, or fewer sources")


def _attempt(work: BackupWork, run_id: str, spec: SourceSpec, attempts: int) -> Result:
    began, now = time.monotonic(), work.clock()
    end = _end_of_window(work)
    limits = [one for one in (spec.timeout, None if end is None else end - now) if one is not None]
    watch = work.watch(f"backing up {spec.name}", timeout=min(limits, default=None), no_progress=spec.no_progress)
    with work.space("spool", spec.name) as spool, _hooked(work, spec, watch):
        captured = _captured(work, run_id, spec, spool, now, watch)
        repository = work.opened(work.backup.repository)
        work.memory.begun(run_id, spec.name, _known(captured, run_id, now))
        stored = _stored(work, repository, run_id, spec, captured, now, watch)
        return _judged(work, run_id, spec, captured, stored, watch, attempts=attempts, began=began)


def _captured(work: BackupWork, run_id: str, spec: SourceSpec, spool: Path, now: float, watch: Watch) -> Captured:
    captured = kind_of(spec.kind).capture(spec, work.context(spec), spool, watch)
    if captured.bytes < spec.min_size:
        why = f"it has {amount(captured.bytes)}, and `min_size` is {amount(spec.min_size)}"
        raise Permanent(f"the backup of {spec.name} is too small", why=why, hint="look at the source, or at `min_size`")
    path = captured.about / MANIFEST
    manifest = json.loads(path.read_text("utf-8"))
    named = {"job": work.spec.name, "source": spec.name, "run": run_id, "began": now, "host": socket.gethostname()}
    path.write_text(json.dumps({**manifest, **named, "trueup": __version__}, indent=1), "utf-8")
    return captured


def _known(captured: Captured, run_id: str, now: float) -> Json:
    known = {"time": now, "run": run_id, "bytes": captured.bytes, "files": captured.files}
    return {**known, "measures": dict(captured.measures), "notes": list(captured.notes)}


def _stored(
    work: BackupWork,
    repository: Repository,
    run_id: str,
    spec: SourceSpec,
    captured: Captured,
    now: float,
    watch: Watch,
) -> Stored:
    earlier = [one for one in work.snapshots(work.backup.repository) if one.source == spec.name]
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
        earlier[-1].id if earlier else "",
    )
    return repository.store(request, watch)


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
    known = _known(settled, run_id, snapshot.time)
    found = remember(
        work, spec, snapshot, {**known, **extra, "good": good, "notes": [*settled.notes, *map(_unread, lost)]}
    )
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
    usual = [one["measures"] for one in earlier if one.get("good") and not one.get("suspicious")][-HISTORY:]
    odd = anomalies.find(known["measures"], usual, work.backup.anomalies) if usual else []
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
    """The snapshot of this run that was stored before the run was killed; None: there is none, or nothing is known of it."""
    with suppress(TrueupError):
        for one in work.snapshots(work.backup.repository, anew=True):
            if one.run == run_id and one.source == spec.name and one.complete:
                known = work.memory.what_was_begun(run_id, spec.name)
                if known is not None:
                    remember(work, spec, one, {**known, "good": True})
                    more = {"snapshot": one.id, "bytes": one.bytes, "files": one.files, "adopted": True}
                    return Result(ChangeState.DONE, more=more)
    return None


@dataclass(frozen=True, slots=True)
class _Hook:
    name: str
    command: tuple[str, ...]


@contextmanager
def _hooked(work: BackupWork, spec: SourceSpec, watch: Watch) -> Iterator[None]:
    """The commands around a source; the second one runs whenever the first was begun, also after a time-out or a stop."""
    try:
        if spec.hooks.before:
            _run_hook(work, spec, _Hook("before", spec.hooks.before), watch)
        yield
    except BaseException:
        with suppress(TrueupError):  # what went wrong first is what is told
            _after(work, spec)
        raise
    _after(work, spec)


def _after(work: BackupWork, spec: SourceSpec) -> None:
    if spec.hooks.after:
        # No stop reaches it: what was frozen has to be thawed.
        _run_hook(work, spec, _Hook("after", spec.hooks.after), Deadline("the hook", timeout=HOOK_SECONDS))


def _run_hook(work: BackupWork, spec: SourceSpec, hook: _Hook, watch: Watch) -> None:
    environment = {"TRUEUP_JOB": work.spec.name, "TRUEUP_SOURCE": spec.name}
    root = work.context(spec).root
    ended = run_child(hook.command, watch=watch, env=child_env(environment), cwd=root)
    if ended.code:
        last = ended.stderr.strip().splitlines()[-1:] or [""]
        why = f"exit code {ended.code}" + (f": {last[0]}" if last[0] else "")
        raise Transient(f"the hook `{hook.name}` of {spec.name} failed", why=why, hint="run the command by hand")
