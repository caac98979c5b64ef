"""A backup job as configured: frozen, from the plain JSON of its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from trueup.jobs.backup.anomalies import Limits
from trueup.jobs.backup.retention import Policy
from trueup.jobs.backup.windows import Window
from trueup.model.backup import Hooks, SourceSpec
from trueup.model.job import JobSpec


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a source is tried, and how the pauses between grow; seconds."""

    attempts: int = 3
    exponential: bool = True
    base: float = 30.0
    cap: float = 900.0


@dataclass(frozen=True, slots=True)
class Verify:
    """How it is proven.

    Attributes:
        check: seconds between two checks of the repository; 0: every run; None: never.
        read_data: share of its data that is read each time.
        drill: seconds between two restore drills of a source; 0: every run; None: never.
        drilled: which sources; None: all.
    """

    check: float | None = 0.0
    read_data: float = 0.05
    drill: float | None = 7 * 86_400.0
    drilled: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """A second place: the store, whether only what was verified goes there, seconds of object lock, how many stay."""

    store: str
    verified: bool = True
    lock: float | None = None
    retention: Policy | None = None


@dataclass(frozen=True)
class BackupSpec:
    """A backup.

    Attributes:
        repository: the store that snapshots go to.
        sources: in the order of the file.
        parallel: how many at once.
        window: when it may run; None: always.
        make_up: a missed window is made up for later.
        retry, verify, archives, retention: see there.
        anomalies: from where on something is suspicious.
        scratch: a folder with room; "": beside the ledger.
        metrics: a text file for Prometheus; "" for none.
        max_age: seconds; a newest good backup that is older is overdue; None: two periods of the schedule.
    """

    repository: str
    sources: tuple[SourceSpec, ...]
    parallel: int = 4
    window: Window | None = None
    make_up: bool = False
    retry: Retry = Retry()
    verify: Verify = Verify()
    archives: tuple[Archive, ...] = ()
    retention: Policy = field(default_factory=Policy)
    anomalies: Limits = field(default_factory=Limits)
    scratch: str = ""
    metrics: str = ""
    max_age: float | None = None

    @classmethod
    def of(cls, spec: JobSpec) -> BackupSpec:
        """The backup that `config.backup` put into a job's options."""
        given: Any = spec.options["backup"]
        window, retry, verify = given["window"], given["retry"], given["verify"]
        drill = verify["drill"]
        return cls(
            repository=given["repository"],
            sources=tuple(_source(one) for one in given["sources"]),
            parallel=given["parallel"],
            window=Window(window["start"], window["start_by"], window["end_by"], window["zone"]) if window else None,
            make_up=bool(window) and window["missed"] == "run",
            retry=Retry(retry["attempts"], retry["backoff"] == "exponential", retry["base"], retry["cap"]),
            verify=Verify(
                verify["check"],
                verify["read_data"] or 0.0,
                drill["every"],
                None if drill["sources"] == "all" else tuple(drill["sources"]),
            ),
            archives=tuple(_archive(one) for one in given["archive"]),
            retention=_policy(given["retention"]),
            anomalies=Limits(**given["anomalies"]),
            scratch=given["scratch"] or "",
            metrics=given["metrics"] or "",
            max_age=given["max_age"],
        )

    @cached_property
    def by_name(self) -> Mapping[str, SourceSpec]:
        """The sources by name."""
        return {one.name: one for one in self.sources}

    def ref(self, source: str) -> str:
        """A source's collection in the repository: "vault/crm"."""
        return f"{self.repository}/{source}"

    def groups(self) -> list[list[SourceSpec]]:
        """Sources that wait for each other, directly or not, together; each group in the order of the file.

        A group has nothing to do with another, so that one that hangs delays nobody else.
        """
        group = {one.name: one.name for one in self.sources}

        def head(name: str) -> str:
            while group[name] != name:
                name = group[name]
            return name

        for one in self.sources:
            for other in one.after:
                group[head(one.name)] = head(other)
        found: dict[str, list[SourceSpec]] = {}
        for one in self.sources:
            found.setdefault(head(one.name), []).append(one)
        return list(found.values())


def _source(given: Mapping[str, Any]) -> SourceSpec:
    hooks = Hooks(tuple(given["hooks"]["before"]), tuple(given["hooks"]["after"]))
    parts = {key: given[key] for key in ("name", "kind", "options", "timeout", "no_progress", "min_size")}
    return SourceSpec(**parts, after=tuple(given["after"]), hooks=hooks)


def _archive(given: Mapping[str, Any]) -> Archive:
    retention = _policy(given["retention"]) if given["retention"] else None
    return Archive(given["store"], given["when"] == "verified", given["lock"], retention)


def _policy(given: Mapping[str, Any]) -> Policy:
    return Policy(**{name: value for name, value in given.items() if value is not None})
