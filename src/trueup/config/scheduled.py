"""`schedule` and `triggers` of jobs and pipelines: from the schema to the specs, and what the schema cannot say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from trueup.config.checks import known_calendar
from trueup.config.findings import meant
from trueup.config.models import EventsModel, ScheduleModel, SecretModel, TriggerModel
from trueup.config.secrets import SecretRef
from trueup.config.source import Source, Where
from trueup.config.spec import StoreSpec
from trueup.core.params import bind
from trueup.model.diagnostics import Diagnostic
from trueup.model.errors import UsageError
from trueup.model.pipeline import PipelineSpec
from trueup.model.run import RunState
from trueup.model.schedule import (
    AfterTrigger,
    CalendarSource,
    CatchUp,
    Collide,
    ExceptPolicy,
    ExceptSpec,
    FileTrigger,
    HttpTrigger,
    Overlap,
    ScheduleSpec,
    Trigger,
)

_KINDS = ("cron", "every", "calendar")
_TRIGGERS = ("file", "http", "after")
_BELONGS = {"settle": "file", "token": "http", "outcome": "after"}
_SHORTEST = 1.0
"""Seconds: what is wanted more often is a service of its own."""


def schedule_spec(given: ScheduleModel | None) -> ScheduleSpec | None:
    """The frozen schedule."""
    if given is None:
        return None
    return ScheduleSpec(
        cron=given.cron or "",
        zone=given.zone,
        every=given.every,
        start=given.start or "",
        calendar=_source(given.calendar) if given.calendar else None,
        except_=tuple(ExceptSpec(_source(one.calendar), ExceptPolicy(one.policy)) for one in given.except_),
        catch_up=CatchUp(given.catch_up),
        jitter=given.jitter,
        overlap=Overlap(given.overlap),
        collide=Collide(given.collide),
        paused=given.paused,
        params=dict(given.params),
    )


def trigger_specs(given: list[TriggerModel]) -> tuple[Trigger, ...]:
    """The frozen triggers; every one has exactly one of `file`, `http` and `after`."""
    return tuple(_trigger(one) for one in given)


def tokens(source: Source) -> dict[str, SecretRef | str]:
    """What the callers of HTTP triggers must show, by path, in a file without mistakes."""
    found: dict[str, SecretRef | str] = {}
    for _, _, given in _triggers(source):
        if given.get("http") is not None:
            token = given["token"]
            found[given["http"]] = token if isinstance(token, str) else SecretModel.model_validate(token).ref()
    return found


def _source(given: EventsModel) -> CalendarSource:
    return CalendarSource(given.store, given.name, tuple(given.categories), given.title or "", given.refresh)


def _trigger(given: TriggerModel) -> Trigger:
    if given.file is not None:
        return FileTrigger(given.file, given.settle, dict(given.params))
    if given.http is not None:
        return HttpTrigger(given.http, dict(given.params))
    return AfterTrigger(given.after or "", tuple(RunState(one) for one in given.outcome), dict(given.params))


# What the schema cannot say -------------------------------------------------------------------------------------------


def schedule_findings(
    source: Source, where: Where, stores: Mapping[str, StoreSpec | None], pipeline: PipelineSpec | None
) -> Iterator[Diagnostic]:
    """What is wrong with the `schedule` of a job or pipeline beside its single values.

    Args:
        source: the file.
        where: the job or pipeline: ("jobs", NAME).
        stores: the stores of the file; None for one that is wrong itself.
        pipeline: the pipeline; None for a job, or where it is wrong itself.
    """
    given = _get(source, where).get("schedule")
    if not isinstance(given, dict):
        return
    where = (*where, "schedule")
    kinds = [one for one in _KINDS if given.get(one) is not None]
    if len(kinds) != 1:
        why = f"it has {' and '.join(f'`{one}`' for one in kinds)}" if kinds else ""
        what = "a schedule needs exactly one of `cron`, `every` and `calendar`"
        yield source.finding((*where, kinds[1]) if kinds else where, what, why=why, key=True)
    if given.get("start") is not None and "every" not in kinds:
        yield source.finding((*where, "start"), "`start` belongs to `every`", hint="take it out", key=True)
    every = given.get("every")
    if isinstance(every, int | float) and not isinstance(every, bool) and every < _SHORTEST:
        yield source.finding((*where, "every"), "`every` must be at least 1s")
    yield from _calendars(source, where, given, stores)
    job = where[0] == "jobs"
    if job and given.get("overlap") == "allow":
        hint = "`queue` lets it wait for its turn"
        yield source.finding((*where, "overlap"), "a job never runs beside itself", hint=hint)
    yield from _params(source, where, given, pipeline, job, complete=bool(kinds) and kinds[0] != "calendar")


def trigger_findings(source: Source, where: Where, pipeline: PipelineSpec | None) -> Iterator[Diagnostic]:
    """What is wrong with the `triggers` of a job or pipeline; arguments as in `schedule_findings`."""
    listed = _get(source, where).get("triggers")
    for index, given in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(given, dict):
            continue
        place = (*where, "triggers", index)
        kinds = [one for one in _TRIGGERS if given.get(one) is not None]
        if len(kinds) != 1:
            why = f"it has {' and '.join(f'`{one}`' for one in kinds)}" if kinds else ""
            yield source.finding(place, "a trigger needs exactly one of `file`, `http` and `after`", why=why, key=True)
            continue
        for key, kind in _BELONGS.items():
            if given.get(key) is not None and kind not in kinds:
                yield source.finding((*place, key), f"`{key}` belongs to `{kind}`", hint="take it out", key=True)
        if "http" in kinds and given.get("token") is None:
            hint = "token: {env: NAME}; whoever knows it may start this"
            yield source.finding(place, "an HTTP trigger needs a `token`", hint=hint, key=True)
        if isinstance(given.get("token"), dict) and len(given["token"]) != 1:
            hint = "{env: NAME}, {file: path}, {command: [program, argument …]} or {keyring: service/user}"
            yield source.finding((*place, "token"), "`token` must be named in exactly one way", hint=hint)
        filled = {"file"} if "file" in kinds else set()
        complete = "http" not in kinds
        yield from _params(source, place, given, pipeline, where[0] == "jobs", complete=complete, filled=filled)


def together(source: Source) -> Iterator[Diagnostic]:
    """What triggers of the whole file have to do with each other: paths that are taken, names that are not there, circles."""
    paths: dict[str, Where] = {}
    after: dict[str, list[tuple[str, Where]]] = {}
    names = [*_get(source, ("jobs",)), *_get(source, ("pipelines",))]
    for name, place, given in _triggers(source):
        path, target = given.get("http"), given.get("after")
        if isinstance(path, str):
            if path in paths:
                yield source.finding((*place, "http"), f"`{path}` is taken", hint="give each trigger a path of its own")
            paths[path] = place
        if isinstance(target, str):
            if target not in names:
                what = f"there is no job or pipeline `{target}`"
                yield source.finding((*place, "after"), what, hint=meant(target, names))
            after.setdefault(name, []).append((target, (*place, "after")))
    for name, targets in after.items():
        for target, place in targets:
            if _leads(after, target, name):
                what = (
                    f"`{name}` would start itself again and again"
                    if target == name
                    else "these start each other for ever"
                )
                yield source.finding(place, what, hint="take one of them out")


def _leads(after: Mapping[str, list[tuple[str, Where]]], start: str, goal: str) -> bool:
    """Whether following `after` from one leads to the other."""
    left, seen = [start], set()
    while left:
        one = left.pop()
        if one == goal:
            return True
        if one not in seen:
            seen.add(one)
            left += [target for target, _ in after.get(one, ())]
    return False


def _triggers(source: Source) -> Iterator[tuple[str, Where, Mapping[str, Any]]]:
    for section in ("jobs", "pipelines"):
        for name in _get(source, (section,)):
            listed = _get(source, (section, name)).get("triggers")
            for index, given in enumerate(listed if isinstance(listed, list) else ()):
                if isinstance(given, dict):
                    yield name, (section, name, "triggers", index), given


def _calendars(
    source: Source, where: Where, given: Mapping[str, Any], stores: Mapping[str, StoreSpec | None]
) -> Iterator[Diagnostic]:
    excepts = given.get("except")
    listed = excepts if isinstance(excepts, list) else [excepts]
    places: list[tuple[Where, Any]] = [((*where, "calendar"), given.get("calendar"))]
    for index, one in enumerate(listed):
        if isinstance(one, dict):
            place = (*where, "except", index) if isinstance(excepts, list) else (*where, "except")
            places.append(((*place, "calendar"), one.get("calendar")))
    for place, ref in places:
        if isinstance(ref, dict):
            yield from known_calendar(source, place, "from", ref, stores)


def _params(
    source: Source,
    where: Where,
    given: Mapping[str, Any],
    pipeline: PipelineSpec | None,
    job: bool,
    *,
    complete: bool,
    filled: set[str] | frozenset[str] = frozenset(),
) -> Iterator[Diagnostic]:
    """Whether the parameters fit; `complete`: nobody gives further ones later, beside those that are `filled`."""
    params = given.get("params")
    if job and params:
        yield source.finding((*where, "params"), "a job takes no parameters", hint="a pipeline does", key=True)
    if job or pipeline is None or not isinstance(params, dict | None):
        return
    if complete:
        missing = [one for one in pipeline.params if one.required and one.name not in (*filled, *(params or {}))]
        for one in missing:
            hint = f"params: {{{one.name}: …}}, or a default for it"
            yield source.finding(where, f"nothing gives the parameter `{one.name}` a value", hint=hint, key=True)
    known = {one.name: one for one in pipeline.params}
    for name, value in (params or {}).items():
        only = replace(pipeline, params=(known[name],) if name in known else pipeline.params)
        try:
            bind(only, {name: value})
        except UsageError as error:
            hint = meant(name, known) if name not in known else error.hint
            yield source.finding((*where, "params", name), error.what, why=error.why, hint=hint, key=name not in known)


def _get(source: Source, where: Where) -> Mapping[str, Any]:
    value: Any = source.value
    for part in where:
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
