"""What starts by itself, for people and for engines: the jobs and pipelines that have schedules or triggers, and when they start next."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias

from trueup.calendars import StoreCalendars, read_block
from trueup.core.agenda import Forecast, Subject, forecast
from trueup.core.collisions import Party, uses_of
from trueup.model.errors import NotFound
from trueup.model.occurrence import Occurrence
from trueup.model.schedule import Collide, ScheduleSpec

if TYPE_CHECKING:
    from trueup.app import App
    from trueup.config import Config

Json: TypeAlias = dict[str, Any]

_LONG = 31 * 86_400.0  # an event
_SHORT = 2 * 86_400.0  # what holidays or jitter have moved


def subjects_of(config: Config) -> list[Subject]:
    """The jobs and pipelines that have a schedule or triggers, in the order of the file."""
    return [one for one in every_subject(config) if one.schedule is not None or one.triggers]


def every_subject(config: Config) -> list[Subject]:
    """Every job and pipeline; of two with the same name the pipeline, as in `trueup run`."""
    found = {}
    for name in (*config.jobs, *config.pipelines):
        pipeline = config.pipelines.get(name)
        spec = config.jobs[name] if pipeline is None else pipeline
        collide = spec.schedule.collide if spec.schedule else Collide.QUEUE
        party = Party(uses_of(name, config.pipelines), collide)
        found[name] = Subject(name, spec.schedule, spec.triggers, pipeline, party)
    return list(found.values())


def upcoming(app: App, after: float, before: float, names: Collection[str] = ()) -> Json:
    """What starts in a window, by time: also what a holiday or a collision suppresses, with the reason. Reads calendars, and no ledger.

    Args:
        app: the configuration.
        after, before: seconds since 1970.
        names: only these jobs and pipelines; collisions with the others count all the same.

    Returns:
        {"occurrences": [{"subject", "kind", "key", "at", "nominal", "until", "title", "params", "skipped", "note", "asks", "problem"}],
        "schedules": {name: {"kind", "schedule", "triggers", "paused"}}, "problems": {name: why nothing can be said}}.

    Raises:
        NotFound: one of the names has neither schedule nor triggers.
    """
    subjects = subjects_of(app.config)
    known = {one.name: one for one in subjects}
    for name in names:
        if name not in known:
            hint = (
                f"there are: {', '.join(known)}" if known else "`schedule:` or `triggers:` in trueup.yaml gives it some"
            )
            raise NotFound(f"`{name}` does not start by itself", hint=hint)
    calendars = StoreCalendars(app.reading_store)
    try:
        found = forecast(subjects, calendars, {one.name: (after, before) for one in subjects}, (), read_block)
    finally:
        calendars.close()
    shown = [one for one in subjects if not names or one.name in names]
    return {
        "occurrences": _listed(found, shown),
        "schedules": {one.name: _described(one) for one in shown},
        "problems": {name: why for name, why in found.problems.items() if not names or name in names},
    }


def expected_at(app: App, name: str, at: float, key: str = "") -> Occurrence | None:
    """The occurrence that an engine starts something for, with what the collisions of that moment make of it. Reads the calendars of what it
    may meet, and no ledger.

    Args:
        app: the configuration.
        name: a job or pipeline with a schedule.
        at: the moment, in seconds since 1970: when it was due without jitter, or when it starts with everything.
        key: of the occurrence; "": the moment says which.

    Returns:
        None where nothing is known of that moment: it was moved meanwhile, or a calendar cannot be read.
    """
    subjects = {one.name: one for one in subjects_of(app.config)}
    uses = subjects[name].party.uses
    met = [one for one in subjects.values() if uses & one.party.uses]
    calendars = StoreCalendars(app.reading_store)
    try:
        windows = {one.name: (at - _reach(one.schedule), at + 1.0) for one in met}
        found = forecast(met, calendars, windows, (), read_block).found.get(name, [])
    finally:
        calendars.close()
    if key:
        return next((one for one in found if one.key == key), None)
    return next((one for one in found if min(abs(one.nominal - at), abs(one.at - at)) < 1), None)


def _reach(spec: ScheduleSpec | None) -> float:
    """How long before a moment something may have begun that is still to be reckoned with then, in seconds."""
    if spec is None or not (spec.calendar or spec.except_ or spec.jitter):
        return 1.0
    return _LONG if spec.calendar else _SHORT


def _listed(found: Forecast, subjects: list[Subject]) -> list[Json]:
    kinds = {one.name: one.kind for one in subjects}
    rows = [
        {"subject": name, "kind": kinds[name], **asdict(one)}
        for name, listed in found.found.items()
        if name in kinds
        for one in listed
    ]
    return sorted(rows, key=lambda one: (one["at"], one["subject"], one["key"]))


def _described(subject: Subject) -> Json:
    spec = subject.schedule
    return {
        "kind": subject.kind,
        "schedule": None if spec is None else spec.to_json(),
        "triggers": [one.to_json() for one in subject.triggers],
        "paused": spec is not None and spec.paused,
    }


def said(spec: ScheduleSpec) -> str:
    """A schedule in words: "0 6 * * 1-5 (Europe/Berlin)", "every 15m", "events of work/ops"."""
    if spec.calendar is not None:
        return f"events of {spec.calendar}"
    if spec.every is not None:
        return f"every {_length(spec.every)}"
    return f"{spec.cron} ({spec.zone})"


def _length(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"
