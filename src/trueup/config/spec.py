"""A valid configuration, as the rest of the program knows it. Imports nothing that checking one needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trueup.config.secrets import SecretRef, resolve
from trueup.model.errors import NotFound
from trueup.model.job import JobSpec

if TYPE_CHECKING:
    from trueup.config.source import Source, Where
    from trueup.model.diagnostics import Diagnostic
    from trueup.model.pipeline import PipelineSpec

_T = TypeVar("_T")

LEDGER = ".trueup/ledger.db"
WORKERS = 4


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """A store as configured: paths are absolute, secrets still to be looked up.

    Attributes:
        workers: how many workers of an orchestrator may talk to it at once, over all machines.
    """

    name: str
    connector: str
    options: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, SecretRef | str] = field(default_factory=dict)
    workers: int = WORKERS

    def resolved(self, root: Path) -> dict[str, Any]:
        """The options with the secrets in them.

        Raises:
            SecretMissing: one is not where the configuration says.
        """
        found = {name: resolve(one, root, f"{name} of store {self.name}") for name, one in self.secrets.items()}
        return {**self.options, **found}


@dataclass(frozen=True, slots=True)
class Config:
    """A valid configuration.

    Attributes:
        path: the file; `root` is its folder.
        stores, jobs, pipelines: by name, in the order of the file.
        warnings: what is allowed and unwise (a password in plain text).
        hooks: what the callers of HTTP triggers must show, by path.
        notify: whom jobs and pipelines tell, by their names: what stands under `notify`, as JSON.
    """

    path: Path
    stores: Mapping[str, StoreSpec]
    jobs: Mapping[str, JobSpec]
    pipelines: Mapping[str, PipelineSpec]
    warnings: tuple[Diagnostic, ...] = ()
    ledger_given: str | SecretRef | None = None
    _source: Source | None = field(default=None, repr=False, compare=False)
    hooks: Mapping[str, SecretRef | str] = field(default_factory=dict, repr=False)
    notify: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def checked(self) -> bool:
        """Whether it was checked just now and knows its warnings and the place of everything, and was not remembered."""
        return self._source is not None

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
        given = resolve(self.ledger_given or LEDGER, self.root, "address of the ledger")
        return given if "://" in given else str(self.root / Path(given).expanduser())

    def finding(self, where: Where, what: str, *, why: str = "", hint: str = "") -> Diagnostic:
        """An error about a place in the file, for what only the code behind a value can tell."""
        assert self._source is not None
        return self._source.finding(where, what, why=why, hint=hint)

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


def _named(what: str, name: str, known: Mapping[str, _T]) -> _T:
    if name not in known:
        from trueup.config.findings import meant

        raise NotFound(
            f"there is no {what} `{name}`", hint=meant(name, list(known)) or f"trueup.yaml has no {what}s yet"
        )
    return known[name]
