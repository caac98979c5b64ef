"""Backup jobs: from the schema to what the core and `jobs.backup` work with, and what the schema cannot say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from trueup.config.backup_models import NAMES, BackupJobModel, SourceModel
from trueup.config.checks import NAME, known_calendar
from trueup.config.findings import meant
from trueup.config.jobs import digest
from trueup.config.models import ScheduleModel
from trueup.config.plain import plain
from trueup.config.scheduled import schedule_spec, trigger_specs
from trueup.config.source import Source, Where
from trueup.config.spec import StoreSpec
from trueup.model.diagnostics import Diagnostic
from trueup.model.job import CollectionRef, JobSpec

SNAPSHOTS = "snapshots"
_OF_PATH = ("exclude", "one_file_system", "unreadable")


class Holding(Protocol):
    """A connector, as far as it matters what its stores hold: "items" (nothing said) or "snapshots"."""

    @property
    def holds(self) -> str: ...


def backup_spec(name: str, job: BackupJobModel, root: Path) -> JobSpec:
    """The frozen job. Its collections are the sources, as the repository has them: "vault/crm".

    Args:
        name: the job's.
        job: valid.
        root: the folder of trueup.yaml.
    """
    options = plain(job, {"kind", "repository", "sources", "schedule", "triggers", "notify"})
    options["repository"] = job.repository.store
    options["sources"] = [_source(one, source, job) for one, source in job.sources.items()]
    for key in ("scratch", "metrics"):
        if options[key] is not None:
            options[key] = str(root / Path(str(options[key])).expanduser())
    parts: dict[str, object] = {"backup": options}
    return JobSpec(
        name=name,
        kind=job.kind,
        sources=tuple(CollectionRef(job.repository.store, one) for one in job.sources),
        options=parts,
        digest=digest(parts),
        shape="",
        schedule=schedule_spec(job.schedule or _daily(job)),
        triggers=trigger_specs(job.triggers),
    )


def _daily(job: BackupJobModel) -> ScheduleModel | None:
    """A window without a schedule is one: every day, when it opens."""
    if job.window is None:
        return None
    hour, minute = job.window.start.split(":")
    return ScheduleModel(cron=f"{int(minute)} {int(hour)} * * *", zone=job.window.zone)


def _source(name: str, given: SourceModel, job: BackupJobModel) -> dict[str, Any]:
    kind = next(one for one in NAMES if getattr(given, one) not in (None, False))
    value = getattr(given, kind)
    options: dict[str, Any] = plain(value) if isinstance(value, BaseModel) else {}
    if kind == "path":
        options = {"path": value, **{key: getattr(given, key) for key in _OF_PATH}}
    elif kind == "collections":
        options = {"collections": [{"store": one.store, "name": one.name or "*"} for one in value]}
        if given.drill_store is not None:
            options["drill_store"] = given.drill_store
    hooks = {key: _shell(getattr(given.hooks, key)) for key in ("before", "after")}
    return {
        "name": name,
        "kind": kind,
        "options": options,
        "after": list(given.after),
        "hooks": hooks,
        "timeout": given.timeout if given.timeout is not None else job.timeout.source,
        "no_progress": given.no_progress if given.no_progress is not None else job.timeout.no_progress,
        "min_size": given.min_size,
    }


def _shell(command: str | list[str] | None) -> list[str]:
    return [] if command is None else ["sh", "-c", command] if isinstance(command, str) else list(command)


# What the schema cannot say -------------------------------------------------------------------------------------------


def backup_findings(
    source: Source, name: str, stores: Mapping[str, StoreSpec | None], connectors: Mapping[str, Any]
) -> Iterator[Diagnostic]:
    """What is wrong with a backup beside its single values; arguments as in `checks.job`, and the connectors by name."""
    where: Where = ("jobs", name)
    given = _mapping(_mapping(source.value.get("jobs")).get(name))
    yield from _repository(source, (*where, "repository"), given.get("repository"), stores, connectors)
    archives = given.get("archive")
    for index, one in enumerate(archives if isinstance(archives, list) else [archives] if archives else []):
        place = (*where, "archive", index) if isinstance(archives, list) else (*where, "archive")
        yield from _repository(source, place, one, stores, connectors)
        if _mapping(one).get("store") == _mapping(given.get("repository")).get("store"):
            yield source.finding((*place, "store"), "the archive is the repository itself", hint="name another store")
    sources = _mapping(given.get("sources"))
    if isinstance(given.get("sources"), dict) and not sources:
        yield source.finding((*where, "sources"), "there are no sources", hint="name what is to be backed up", key=True)
    for one, value in sources.items():
        if not NAME.fullmatch(str(one)):
            hint = "letters, digits, dot, dash and underscore, at most 64"
            yield source.finding((*where, "sources", one), f"{one!r} is no good as a name", hint=hint, key=True)
        yield from _one_source(source, (*where, "sources", one), _mapping(value), [*sources], stores)
    yield from _circle(source, where, sources)
    drilled = _mapping(_mapping(given.get("verify")).get("drill")).get("sources")
    for index, one in enumerate(drilled if isinstance(drilled, list) else ()):
        if one not in sources:
            place = (*where, "verify", "drill", "sources", index)
            yield source.finding(place, f"there is no source `{one}`", hint=meant(str(one), sources))


def _repository(
    source: Source, where: Where, given: Any, stores: Mapping[str, StoreSpec | None], connectors: Mapping[str, Any]
) -> Iterator[Diagnostic]:
    store = _mapping(given).get("store")
    if not isinstance(store, str):
        return
    if store not in stores:
        yield source.finding((*where, "store"), f"there is no store `{store}`", hint=meant(store, stores))
        return
    spec = stores[store]
    if spec is not None and holds(connectors, spec.connector) != SNAPSHOTS:
        hint = f"use one of: {', '.join(one for one in connectors if holds(connectors, one) == SNAPSHOTS)}"
        what = f"store `{store}` ({spec.connector}) does not keep snapshots"
        yield source.finding((*where, "store"), what, hint=hint)


def holds(connectors: Mapping[str, Any], name: str) -> str:
    """What stores of a connector hold: "items" or "snapshots"."""
    return str(getattr(connectors[name], "holds", "items")) if name in connectors else "items"


def _one_source(
    source: Source, where: Where, given: Mapping[str, Any], names: list[str], stores: Mapping[str, StoreSpec | None]
) -> Iterator[Diagnostic]:
    kinds = [one for one in NAMES if given.get(one) not in (None, False, "off", "no")]
    if len(kinds) != 1:
        why = f"it has {' and '.join(f'`{one}`' for one in kinds)}" if kinds else ""
        what = f"source `{where[-1]}` needs exactly one of {', '.join(f'`{one}`' for one in NAMES)}"
        yield source.finding(where, what, why=why, key=True)
    for key in _OF_PATH:
        if key in given and kinds and kinds != ["path"]:
            yield source.finding((*where, key), f"`{key}` belongs to `path`", hint="take it out", key=True)
    after = given.get("after")
    for index, one in enumerate(after if isinstance(after, list) else [after] if isinstance(after, str) else []):
        place = (*where, "after", index) if isinstance(after, list) else (*where, "after")
        if one not in names:
            yield source.finding(place, f"there is no source `{one}`", hint=meant(str(one), names))
    drilled = given.get("drill_store")
    if drilled is not None and kinds and kinds != ["collections"]:
        yield source.finding(
            (*where, "drill_store"), "`drill_store` belongs to `collections`", hint="take it out", key=True
        )
    elif isinstance(drilled, str) and drilled not in stores:
        yield source.finding((*where, "drill_store"), f"there is no store `{drilled}`", hint=meant(drilled, stores))
    listed = given.get("collections")
    for index, ref in enumerate(listed if isinstance(listed, list) else [listed]):
        if isinstance(ref, dict):
            place = (*where, "collections", index) if isinstance(listed, list) else (*where, "collections")
            yield from known_calendar(source, place, "from", {"name": "*", **ref}, stores)


def _circle(source: Source, where: Where, sources: Mapping[str, Any]) -> Iterator[Diagnostic]:
    needs: dict[str, list[str]] = {}
    for name, one in sources.items():
        after = _mapping(one).get("after") or []
        needs[name] = [str(other) for other in ([after] if isinstance(after, str) else after) if other in sources]
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        found = [str(one) for one in reversed(error.args[1])]
        what = f"sources wait for each other: {' -> '.join(found)}"
        yield source.finding((*where, "sources", found[0], "after"), what, hint="take one `after` out")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
