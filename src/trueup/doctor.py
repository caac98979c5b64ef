"""What `trueup doctor` looks at: everything a run will need, before it needs it."""

from __future__ import annotations

import shutil
import time
import zoneinfo
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import NotFound, TrueupError

if TYPE_CHECKING:
    from trueup.app import App

SMALL_DISK = 200 << 20
OLD_RUN = 7 * 86_400
AHEAD = 7 * 86_400.0


def examine(app: App, only: str | None = None) -> Iterator[Diagnostic]:
    """Everything that can be found out without writing to a store.

    Args:
        only: look at this store alone.

    Raises:
        NotFound: there is no such store.
    """
    if only is not None and only not in app.config.stores:
        raise NotFound(f"there is no store `{only}`", hint=f"there are: {', '.join(app.config.stores)}")
    if only is None:
        yield Diagnostic(Severity.INFO, "the configuration is good", str(app.config.path))
        yield from app.config.warnings
        yield from _zones()
        yield from _ledger(app)
    for name in app.config.stores if only is None else [only]:
        yield from _store(app, name)
        yield from _tables(app, name)
    if only is None and app.config.notify:
        from trueup.notify import findings

        yield from findings(app.ledger)
    if only is None and _starts_by_itself(app):
        yield from _schedules(app)


def _starts_by_itself(app: App) -> bool:
    jobs, pipelines = app.config.jobs.values(), app.config.pipelines.values()
    return any(one.schedule or one.triggers for one in jobs) or any(one.schedule or one.triggers for one in pipelines)


def _schedules(app: App) -> Iterator[Diagnostic]:
    """Whether what starts by itself can be worked out, and whether somebody starts it."""
    now = time.time()
    found = app.upcoming(now, now + AHEAD)
    for name, why in found["problems"].items():
        yield Diagnostic(Severity.ERROR, "it cannot be said when it starts", name, why, "trueup schedule " + name)
    for one in found["occurrences"]:
        if one["problem"]:
            what = f"“{one['title']}” will not start it: its parameters do not fit"
            yield Diagnostic(Severity.WARNING, what, one["subject"], one["problem"], "mend the event's description")
    try:
        lease = app.ledger.leases.holder("serve/schedules")
        alive = lease is not None and lease.expires > app.ledger.now()
    except TrueupError:
        return  # told already
    if not alive:
        hint = "start `trueup serve`; with an engine it need not run"
        yield Diagnostic(
            Severity.INFO, "`trueup serve` does not run on this ledger", "schedules and triggers", hint=hint
        )


def _store(app: App, name: str) -> Iterator[Diagnostic]:
    try:
        for one in app.reading_store(name).check():
            yield replace(one, where=_in_store(name, one.where))
    except TrueupError as error:
        yield Diagnostic(Severity.ERROR, error.what, _in_store(name, error.where), error.why, error.hint)


def _tables(app: App, name: str) -> Iterator[Diagnostic]:
    """What the mappings of contacts jobs make of a store's tables."""
    if any(
        spec.options.get("mappings") and name in {ref.store for ref in spec.collections}
        for spec in app.config.jobs.values()
    ):
        from trueup.mappings import examine_mappings

        for one in examine_mappings(app, name):
            yield replace(one, where=_in_store(name, one.where))


def _in_store(name: str, where: str) -> str:
    """A place, named by the store it belongs to; connectors that say so themselves are not said twice."""
    if where == name or where.startswith((f"{name} ", f"{name}/", f"store {name}")):
        return where
    return f"{name} ({where})" if where else f"store {name}"


def _ledger(app: App) -> Iterator[Diagnostic]:
    try:
        place = app.config.ledger
        yield from app.ledger.check()
    except TrueupError as error:
        yield Diagnostic(Severity.ERROR, error.what, error.where or "the ledger", error.why, error.hint)
        return
    if "://" not in place:
        free = shutil.disk_usage(Path(place).parent).free
        if free < SMALL_DISK:
            yield Diagnostic(
                Severity.WARNING, f"only {free >> 20} MB are free where the ledger is", place, hint="make room"
            )
    for job in app.config.jobs:
        yield from _job(app, job)
        if app.is_backup(job):
            from trueup.backups import examine as examine_backup

            yield from examine_backup(app, job)


def _job(app: App, job: str) -> Iterator[Diagnostic]:
    now = time.time()
    last = next(iter(app.ledger.journal.history(subject=job, limit=1)), None)
    if last is None:
        yield Diagnostic(Severity.INFO, f"job {job} has not run yet", hint=f"trueup plan {job}")
        return
    if now - last.started > OLD_RUN:
        days = int((now - last.started) / 86_400)
        yield Diagnostic(Severity.WARNING, f"job {job} ran {days} days ago", hint="is its timer alive?")
    for link, replica in app.ledger.state.quarantined(job, now):
        yield Diagnostic(Severity.WARNING, f"“{replica.title}” failed {link.attempts} times", f"job {job}", link.error)
    waiting = app.ledger.conflicts.list(job, states=("open",))
    if waiting:
        yield Diagnostic(
            Severity.WARNING, f"{len(waiting)} waiting for your decision", f"job {job}", hint=f"trueup resolve {job}"
        )


def _zones() -> Iterator[Diagnostic]:
    try:
        zoneinfo.ZoneInfo("Europe/Berlin")
    except zoneinfo.ZoneInfoNotFoundError:
        yield Diagnostic(Severity.ERROR, "there is no time zone data", hint="pip install tzdata")
