"""From `trueup.yaml` to frozen specs: everything that is wrong is found at once, each with its line and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from trueup.config import checks
from trueup.config.findings import checked, meant
from trueup.config.jobs import job_spec
from trueup.config.models import ConfigModel, JobModel, NotifyModel, PipelineModel, SecretModel
from trueup.config.pipelines import pipeline_spec
from trueup.config.place import find
from trueup.config.plain import plain, secret_findings
from trueup.config.scheduled import schedule_findings, together, tokens, trigger_findings
from trueup.config.secrets import findings
from trueup.config.source import InvalidConfig, Source, Where, read
from trueup.config.spec import Config, StoreSpec
from trueup.config.stores import OptionDeclaration, store_spec
from trueup.core.graph_check import problems
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.job import JobSpec
from trueup.model.pipeline import PipelineSpec

_CHECKED_APART = ("stores", "jobs", "pipelines")
BACKUP = "backup"
CONTACTS = "contacts"
KINDS = ("calendar", CONTACTS, BACKUP)


class ConnectorDeclaration(Protocol):
    """What is to be known of a connector to check its stores."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> Sequence[OptionDeclaration]: ...


def load(path: Path | None, connectors: Mapping[str, ConnectorDeclaration]) -> Config:
    """Finds, reads and checks the configuration.

    Args:
        path: the file or its folder; None: `trueup.yaml` in the current folder or above.
        connectors: by name.

    Raises:
        NotInitialised: there is none.
        ConfigError: it is wrong; `InvalidConfig` has all findings.
    """
    source = read(find(path))
    root = source.path.parent
    found = [*source.repeated, *checks.names(source)]
    outer = {key: {} if key in _CHECKED_APART and isinstance(one, dict) else one for key, one in source.value.items()}
    model, wrong = checked(ConfigModel, outer, source)
    found += wrong
    stores: dict[str, StoreSpec | None] = {}
    for name, given in _section(source, "stores"):
        stores[name], wrong = _store(source, name, given, connectors, root)
        found += wrong
    jobs, wrong = _jobs(source, stores, connectors)
    found += wrong
    pipelines, wrong = _pipelines(source, stores)
    found += [*wrong, *together(source)]
    every_job = {name for name, _ in _section(source, "jobs")}
    found += [
        source.finding(one.path, one.what, hint=one.hint, key=len(one.path) == 2)
        for one in problems(pipelines, every_job)
    ]
    if found or model is None:
        raise InvalidConfig(
            source.path, sorted(found, key=lambda one: (one.source.line, one.source.column) if one.source else (0, 0))
        )
    specs = {name: spec for name, spec in stores.items() if spec is not None}
    warnings = tuple(one for spec in specs.values() for one in _secret_warnings(spec, root))
    ledger = model.ledger.ref() if isinstance(model.ledger, SecretModel) else model.ledger
    hooks = tokens(source)
    hooked = [one for path, token in hooks.items() for one in findings(token, root, f"token of {path}")]
    notify = dict(_notify(source, {"jobs": jobs, "pipelines": pipelines}))
    told = [one for name, given in notify.items() for one in secret_findings(given, root, f"`notify` of {name}")]
    warnings = (*warnings, *hooked, *_backup_warnings(jobs, root), *told, *_ledger_warnings(model.ledger))
    return Config(source.path, specs, jobs, pipelines, warnings, ledger, source, hooks, notify)


def _notify(
    source: Source, specs: Mapping[str, Mapping[str, JobSpec | PipelineSpec]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Whom valid jobs and pipelines tell; a digest in the zone of the schedule, where it names none."""
    for section, known in specs.items():
        for name, given in _section(source, section):
            model, _ = checked(NotifyModel, given.get("notify") or {}, source, (section, name, "notify"))
            if "notify" in given and model is not None:
                schedule, options = known[name].schedule, plain(model)
                zone = schedule.zone if schedule is not None else "UTC"
                digest = options["digest"]
                every = {"every": digest, "zone": zone} if isinstance(digest, str) else digest
                yield name, {**options, "digest": every and {**every, "zone": every["zone"] or zone}}


def _section(source: Source, name: str) -> Iterable[tuple[str, Any]]:
    value = source.value.get(name)
    return value.items() if isinstance(value, dict) else ()


def _store(
    source: Source, name: str, given: Any, connectors: Mapping[str, ConnectorDeclaration], root: Path
) -> tuple[StoreSpec | None, list[Diagnostic]]:
    where: Where = ("stores", name)
    if not isinstance(given, dict):
        what = f"store `{name}` is empty" if given is None else f"store `{name}` must hold keys and values"
        hint = "like {connector: caldav, …}"
        return None, [source.finding(where, what, hint=hint)]
    found, spec = store_spec(name, given, connectors, root)
    return spec, [source.finding(place, what, hint=hint, key=key) for place, what, hint, key in found]


def _jobs(
    source: Source, stores: Mapping[str, StoreSpec | None], connectors: Mapping[str, ConnectorDeclaration]
) -> tuple[dict[str, JobSpec], list[Diagnostic]]:
    specs, found = {}, []
    for name, given in _section(source, "jobs"):
        where: Where = ("jobs", name)
        kind = given.get("kind") if isinstance(given, dict) else None
        wrong = [*schedule_findings(source, where, stores, None), *trigger_findings(source, where, None)]
        if kind == BACKUP:
            from trueup.config.backup import backup_findings, backup_spec
            from trueup.config.backup_models import BackupJobModel

            backup, more = checked(BackupJobModel, given, source, where)
            wrong += [*more, *backup_findings(source, name, stores, connectors)]
            if backup is not None and not wrong:
                specs[name] = backup_spec(name, backup, source.path.parent)
        elif kind == CONTACTS:
            from trueup.config.contacts import contacts_findings
            from trueup.config.contacts_models import ContactsJobModel
            from trueup.config.jobs import contacts_spec

            contacts, more = checked(ContactsJobModel, given, source, where)
            wrong += [*more, *contacts_findings(source, name, stores)]
            if contacts is not None and not wrong:
                specs[name] = contacts_spec(name, contacts)
        elif kind is not None and kind not in KINDS:
            hint = meant(str(kind), KINDS)
            wrong.append(source.finding((*where, "kind"), f"there is no kind of job `{kind}`", hint=hint))
        else:
            model, more = checked(JobModel, given, source, where)
            wrong += [*more, *(checks.job(source, name, stores) if isinstance(given, dict) else ())]
            if model is not None and not wrong:
                specs[name] = job_spec(name, model)
        found += wrong
    return specs, found


def _pipelines(
    source: Source, stores: Mapping[str, StoreSpec | None]
) -> tuple[dict[str, PipelineSpec], list[Diagnostic]]:
    specs, found = {}, []
    for name, given in _section(source, "pipelines"):
        model, wrong = checked(PipelineModel, given, source, ("pipelines", name))
        steps = given.get("steps") if isinstance(given, dict) else None
        for step, one in steps.items() if isinstance(steps, dict) else ():
            wrong += checks.step(source, ("pipelines", name, "steps", step), one)
        spec = pipeline_spec(name, model) if model is not None and not wrong else None
        wrong += schedule_findings(source, ("pipelines", name), stores, spec)
        wrong += trigger_findings(source, ("pipelines", name), spec)
        if spec is not None and not wrong:
            specs[name] = spec
        found += wrong
    return specs, found


def _secret_warnings(spec: StoreSpec, root: Path) -> Iterable[Diagnostic]:
    for option, secret in spec.secrets.items():
        yield from findings(secret, root, f"{option} of store {spec.name}")


def _backup_warnings(jobs: Mapping[str, JobSpec], root: Path) -> Iterable[Diagnostic]:
    for job in jobs.values():
        if job.kind == BACKUP:
            yield from secret_findings(job.options, root, f"job {job.name}")


def _ledger_warnings(ledger: str | SecretModel | None) -> Iterable[Diagnostic]:
    if isinstance(ledger, str) and "://" in ledger and urlsplit(ledger).password:
        hint = "use ledger: {env: NAME} or {file: path}"
        yield Diagnostic(Severity.WARNING, "the password of the ledger stands in trueup.yaml in plain text", hint=hint)
