"""From `trueup.yaml` to frozen specs: everything that is wrong is found at once, each with its line and column."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from trueup.config.jobs import job_spec
from trueup.config.models import ConfigModel, JobModel
from trueup.config.pipelines import pipeline_spec
from trueup.config.secrets import SecretRef, findings, resolve
from trueup.config.source import InvalidConfig, Source, Where, find, read
from trueup.config.stores import OptionDeclaration, StoreSpec, store_spec
from trueup.core.graph_check import problems
from trueup.model.diagnostics import Diagnostic
from trueup.model.errors import NotFound
from trueup.model.job import JobSpec
from trueup.model.pipeline import PipelineSpec

_T = TypeVar("_T")

LEDGER = ".trueup/ledger.db"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class ConnectorDeclaration(Protocol):
    """What is to be known of a connector to check its stores."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> Sequence[OptionDeclaration]: ...


@dataclass(frozen=True, slots=True)
class Config:
    """A valid configuration.

    Attributes:
        path: the file; `root` is its folder.
        stores, jobs, pipelines: by name, in the order of the file.
        warnings: what is allowed and unwise (a password in plain text).
    """

    path: Path
    stores: Mapping[str, StoreSpec]
    jobs: Mapping[str, JobSpec]
    pipelines: Mapping[str, PipelineSpec]
    warnings: tuple[Diagnostic, ...] = ()
    _ledger: str | SecretRef | None = None

    @property
    def root(self) -> Path:
        """The folder that relative paths are taken from."""
        return self.path.parent

    @property
    def ledger(self) -> str:
        """Where the ledger is: a path or a URL.

        Raises:
            SecretMissing: it is named by a secret that is not there.
        """
        given = resolve(self._ledger or LEDGER, self.root, "address of the ledger")
        return given if "://" in given else str(self.root / Path(given).expanduser())

    def job(self, name: str) -> JobSpec:
        """The job of that name.

        Raises:
            NotFound: there is none; names what comes close.
        """
        return _named("job", name, self.jobs)

    def pipeline(self, name: str) -> PipelineSpec:
        """The pipeline of that name.

        Raises:
            NotFound: there is none; names what comes close.
        """
        return _named("pipeline", name, self.pipelines)


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
    try:
        model = ConfigModel.model_validate(source.value)
    except ValidationError as error:
        raise InvalidConfig(source.path, _once(_finding(source, one) for one in error.errors())) from None
    stores = {name: store_spec(name, options, connectors, source.path.parent) for name, options in model.stores.items()}
    found = [source.finding(where, what, hint=hint) for one, _ in stores.values() for where, what, hint in one]
    found += list(_names(source, model))
    specs = {name: spec for name, (_, spec) in stores.items() if spec is not None}
    found += [one for name, job in model.jobs.items() for one in _job_findings(source, name, job, model, specs)]
    jobs = {name: job_spec(name, job) for name, job in model.jobs.items()}
    pipelines, wrong = _pipelines(source, model)
    found += wrong
    found += [source.finding(one.path, one.what, hint=one.hint) for one in problems(pipelines, set(jobs))]
    if found:
        raise InvalidConfig(source.path, found)
    warnings = tuple(one for spec in specs.values() for one in _secret_warnings(spec, source.path.parent))
    return Config(source.path, specs, jobs, pipelines, warnings, model.ledger)


def _pipelines(source: Source, model: ConfigModel) -> tuple[dict[str, PipelineSpec], list[Diagnostic]]:
    specs, wrong = {}, []
    for name, pipeline in model.pipelines.items():
        try:
            specs[name] = pipeline_spec(name, pipeline)
        except ValueError as error:
            wrong.append(source.finding(("pipelines", name), str(error)))
    return specs, wrong


def _once(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """One finding a place: what may be written in two forms is wrong once."""
    by_place: dict[str, Diagnostic] = {}
    for one in found:
        by_place.setdefault(str(one.source), one)
    return list(by_place.values())


def _finding(source: Source, error: Any) -> Diagnostic:
    """One of pydantic's errors in our words, at its place."""
    where = _where(source.value, error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        key = str(where[-1])
        return source.finding(where, f"unknown key `{key}`", hint=_meant(key, _known_keys(where)))
    if error["type"] == "missing":
        return source.finding(where, f"`{where[-1]}` is missing", hint=_describe(where))
    given = error.get("input")
    shown = "" if isinstance(given, dict | list) else f"it is {given!r}"
    return source.finding(where, message[:1].lower() + message[1:], why=shown, hint=_describe(where))


def _where(value: Any, loc: Sequence[str | int]) -> Where:
    """The part of pydantic's location that is in the file: names of union members are left out."""
    where: list[str | int] = []
    for part in loc[:-1]:
        inside = part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value))
        if not inside:
            continue
        value = value[part]
        where.append(part)
    last = loc[-1] if loc else ""
    if isinstance(last, int) and not isinstance(value, list):
        return tuple(where)
    if isinstance(last, str) and not re.fullmatch(r"[A-Za-z_][\w.-]*", last):
        return tuple(where)
    return (*where, last)


def _model_at(where: Where) -> Any:
    """The model that describes a place, or None."""
    model: Any = ConfigModel
    for part in where:
        if isinstance(part, int) or model is None:
            continue
        fields = getattr(model, "model_fields", None)
        if fields is None:
            return None
        name = next((key for key, one in fields.items() if part in (key, one.alias)), None)
        if name is None:
            continue  # a name that the user chose
        model = _inner(fields[name].annotation)
    return model


def _inner(annotation: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    for one in reversed(getattr(annotation, "__args__", ())):
        if (found := _inner(one)) is not None:
            return found
    return None


def _known_keys(where: Where) -> list[str]:
    fields = getattr(_model_at(where[:-1]), "model_fields", {})
    return [one.alias or name for name, one in fields.items()]


def _describe(where: Where) -> str:
    fields = getattr(_model_at(where[:-1]), "model_fields", {})
    found = next((one for name, one in fields.items() if where and where[-1] in (name, one.alias)), None)
    return str(found.description or "") if found else ""


def _meant(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"there are: {', '.join(known)}" if known else ""


def _names(source: Source, model: ConfigModel) -> Iterator[Diagnostic]:
    for section in ("stores", "jobs", "pipelines"):
        for name in getattr(model, section):
            if not NAME.fullmatch(name):
                hint = "letters, digits, dot, dash and underscore, at most 64"
                yield source.finding((section, name), f"{name!r} is no good as a name", hint=hint)
            if section == "pipelines" and name in model.jobs:
                why = "`trueup run` could not tell which one is meant"
                yield source.finding((section, name), f"there is a job of the same name, {name}", why=why)


def _job_findings(
    source: Source, name: str, job: JobModel, model: ConfigModel, stores: Mapping[str, StoreSpec]
) -> Iterator[Diagnostic]:
    places: dict[tuple[str, str], Where] = {}
    for key, refs in (("collections", job.collections), ("from", job.from_), ("to", job.to)):
        for index, ref in enumerate(refs):
            where: Where = ("jobs", name, key, index) if len(refs) > 1 or key == "collections" else ("jobs", name, key)
            if ref.store not in model.stores:
                yield source.finding(
                    (*where, "store"), f"there is no store `{ref.store}`", hint=_meant(ref.store, model.stores)
                )
                continue
            if (ref.store, ref.name) in places:
                yield source.finding(where, f"`{ref.store}/{ref.name}` is named twice in this job")
            places[ref.store, ref.name] = where
            connector = stores[ref.store].connector if ref.store in stores else ""
            if connector == "ics" and key == "to":
                yield source.finding(
                    where, f"store `{ref.store}` is read-only", why="an .ics feed cannot be written to"
                )
            if connector and connector != "ics" and not ref.name:
                yield source.finding(where, "`name` is missing", hint="the calendar's name in that store")
    yield from _named_stores(source, name, job, model)


def _named_stores(source: Source, name: str, job: JobModel, model: ConfigModel) -> Iterator[Diagnostic]:
    used = {ref.store for ref in (*job.collections, *job.from_, *job.to)}
    named: list[tuple[Where, str]] = []
    if not isinstance(job.conflicts, str):
        named.append((("jobs", name, "conflicts", "prefer"), job.conflicts.prefer))
    if job.overlaps:
        named += [(("jobs", name, "overlaps", "priority", i), one) for i, one in enumerate(job.overlaps.priority)]
    for where, store in named:
        if store not in used:
            yield source.finding(where, f"`{store}` is no store of this job", hint=_meant(store, sorted(used)))


def _secret_warnings(spec: StoreSpec, root: Path) -> Iterator[Diagnostic]:
    for option, secret in spec.secrets.items():
        yield from findings(secret, root, f"{option} of store {spec.name}")


def _named(what: str, name: str, known: Mapping[str, _T]) -> _T:
    if name not in known:
        raise NotFound(f"there is no {what} `{name}`", hint=_meant(name, list(known)))
    return known[name]
