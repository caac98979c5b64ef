"""The composition root: the only module that knows configuration, connectors, jobs, ledger and engine.

Every operation takes and returns plain JSON values and raises `TrueupError`; the command line is one user of it, and not the last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from trueup.model.errors import ConfigError, NotFound, UsageError
from trueup.model.run import RunRecord

if TYPE_CHECKING:
    from trueup.config import Config
    from trueup.connectors.base import ConnectorType
    from trueup.core.job_work import JobWork
    from trueup.core.ledger import Ledger
    from trueup.core.work import Work
    from trueup.engines.embedded import Host, Stop
    from trueup.model.diagnostics import Diagnostic
    from trueup.model.job import JobSpec
    from trueup.model.ports import Store

Json = dict[str, Any]
OnEvent = Callable[[Json], None]

CONNECTORS = "trueup.connectors"
DAY = 86_400
KEEP_DAYS = 90
"""How long the ledger keeps runs, closed conflicts and what only they refer to."""
_WRITES = ("create", "update", "delete")


def connectors() -> _Connectors:
    """Every connector that is installed, by name: the entry points of the group `trueup.connectors`."""
    from importlib.metadata import entry_points

    return _Connectors(
        {one.name: one.value for one in sorted(entry_points(group=CONNECTORS), key=lambda one: one.name)}
    )


class _Connectors(Mapping[str, "ConnectorType"]):
    """Connectors by name, each imported when it is first asked for.

    Attributes:
        places: where the code of each is: "package.module:attribute".
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self.places = places
        self._loaded: dict[str, ConnectorType] = {}

    def __getitem__(self, name: str) -> ConnectorType:
        if name not in self._loaded:
            module, _, attribute = self.places[name].partition(":")
            self._loaded[name] = getattr(import_module(module), attribute)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def _silent(event: Json) -> None:
    pass


class App:
    """One configuration, ready to work with. Close it, or use it with `with`."""

    def __init__(self, config: Config, connector_types: Mapping[str, ConnectorType]) -> None:
        self.config = config
        self.connectors = connector_types
        self._stores: dict[str, Store] = {}
        self._lock = Lock()

    @classmethod
    def load(cls, path: Path | None = None, *, checked: bool = False) -> App:
        """Finds and checks the configuration; opens nothing yet.

        Args:
            path: the file or its folder; None: `trueup.yaml` in the current folder or above.
            checked: check it even where it is known to be good (see `config.remembered`), for who wants to hear its warnings.

        Raises:
            NotInitialised: there is none.
            ConfigError: it is wrong.
        """
        from trueup.config.remembered import recall, remember

        if not checked and (known := recall(path, lambda: cls.load(path, checked=True).config)) is not None:
            return cls(known[0], _Connectors(known[1]))
        from trueup.config.load import load

        types = connectors()
        config = load(path, types)
        if not checked:
            remember(config, types.places)
        return cls(config, types)

    def validate(self) -> Config:
        """The configuration, looked at by those who will work with it as well: connectors, and what a job's items mean.

        Uses no secret, no network and no ledger.

        Raises:
            ConfigError: something is wrong; has every finding with its place.
        """
        from trueup.config.source import InvalidConfig

        if not self.config.checked:
            return App.load(self.config.path, checked=True).validate()
        found = [*self._wrong_stores(), *self._wrong_jobs(), *self._wrong_addresses()]
        if found:
            raise InvalidConfig(self.config.path, found)
        return self.config

    def _wrong_stores(self) -> Iterator[Diagnostic]:
        for name, spec in self.config.stores.items():
            try:
                self.connectors[spec.connector].open(name, {**spec.options, **dict.fromkeys(spec.secrets, "-")}).close()
            except ConfigError as error:
                named = next((one for one in re.findall(r"`(\w+)`", error.what) if one in spec.options), None)
                where = ("stores", name, *([named] if named else []))
                yield self.config.finding(where, error.what, why=error.why, hint=error.hint)

    def _wrong_jobs(self) -> Iterator[Diagnostic]:
        from trueup.jobs import calendar

        parts = (
            ("transform", calendar.CalendarTransform),
            ("filter", calendar.CalendarFilter),
            ("overlaps", calendar.CalendarOverlaps),
        )
        for name, spec in self.config.jobs.items():
            for part, kind in parts if spec.kind == "calendar" else ():
                try:
                    kind.from_options(_options(spec, part) or {})
                except ConfigError as error:
                    where = ("jobs", name, *(error.where or part).split("."))
                    yield self.config.finding(where, error.what, why=error.why, hint=error.hint)

    def _wrong_addresses(self) -> Iterator[Diagnostic]:
        from trueup.messages import spec_of

        for name in self.config.notify:
            try:
                spec_of(self.config, name)
            except ConfigError as error:
                section, _, place = error.where.partition(f".{name}.")
                where = (section, name, *place.split("."))
                yield self.config.finding(where, f"`notify` {error.what}", hint=error.hint)

    def __enter__(self) -> App:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives back connections and the ledger."""
        for store in self._stores.values():
            store.close()
        if "ledger" in self.__dict__:
            self.ledger.close()

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, opened at first use."""
        from trueup.core.ledger import open_ledger

        return open_ledger(self.config.ledger)

    def store(self, name: str) -> Store:
        """A store, opened at first use, with its secrets looked up."""
        with self._lock:
            if name not in self._stores:
                spec = self.config.stores[name]
                options = spec.resolved(self.config.root)
                self._stores[name] = self.connectors[spec.connector].open(name, options)
            return self._stores[name]

    def reading_store(self, name: str) -> Store:
        """A store that refuses every write: what plans and examinations work with, so that they provably write nothing."""
        from trueup.connectors.wrappers.dryrun import DryRunStore

        return DryRunStore(self.store(name))

    def work(self, job: str, on_event: OnEvent = _silent, *, reading: bool = False) -> JobWork:
        """A job of any kind, ready for its phases; `reading`: on stores that cannot be written through."""
        spec = self.config.job(job)
        if spec.kind == "backup":
            from trueup.backups import backup_work

            return backup_work(self, spec, on_event, reading=reading)
        work = self.reconciling(job, on_event, reading=reading)
        if not reading:
            work.ended = lambda event, report: self.tell(job, event, report["run"])
        return work

    def waves(self, job: str) -> Mapping[str, Sequence[str]]:
        """The waves in which a plan of a job is carried out: the actions in each, by name; looks at the configuration alone."""
        from trueup.model import backup
        from trueup.model.job import WAVES

        return backup.WAVES if self.config.job(job).kind == "backup" else WAVES

    def reconciling(self, job: str, on_event: OnEvent = _silent, *, reading: bool = False) -> Work:
        """A job that keeps collections in step, ready for its phases.

        Raises:
            UsageError: it is of another kind.
        """
        from trueup.core.work import Work
        from trueup.jobs import calendar

        spec = self.config.job(job)
        if spec.kind == "contacts":
            from trueup.address_books import contacts_work

            return contacts_work(self, spec, on_event, reading=reading)
        if spec.kind != "calendar":
            hint = (
                f"`trueup status {job}`, `trueup accept {job}`, `trueup restore {job}`" if spec.kind == "backup" else ""
            )
            why = "that is for jobs which keep collections in step"
            raise UsageError(f"job {job} is a {spec.kind}", why=why, hint=hint)
        transform, filters, overlaps = (_options(spec, key) for key in ("transform", "filter", "overlaps"))
        return Work(
            spec=spec,
            ledger=self.ledger,
            store=self.reading_store if reading else self.store,
            kind=calendar.CalendarKind(),
            transform=calendar.CalendarTransform.from_options(transform) if transform else None,
            filter=calendar.CalendarFilter.of_job(filters, transform) if filters or transform else None,
            advisor=calendar.CalendarOverlaps.from_options(overlaps) if overlaps else None,
            on_event=on_event,
        )

    # What a person or a timer does -----------------------------------------------------------------------------------

    def plan(self, job: str, *, on_event: OnEvent = _silent, stop: Stop | None = None) -> Json:
        """Makes a plan and leaves it for `apply`; writes to no store.

        Returns:
            The plan's header, with "state" ("planned" or "awaiting_approval"); the changes: `changes(run)`.
        """
        from trueup.engines.embedded import plan_job

        result = plan_job(self.work(job, on_event, reading=True), on_event=on_event, stop=stop)
        return self.header(result["run"])

    def header(self, run: str) -> Json:
        """A run's plan without its changes, and the run's state."""
        record = self.ledger.journal.find(run)
        known = {"state": record.state.value, "kind": record.kind, "run": record.id, "job": record.subject}
        return {**(record.plan or {}), **known}

    def changes(self, run: str, after: int = 0) -> Iterator[Json]:
        """A run's changes in order, each with its place in the journal ("state") and what came of it ("result")."""
        run_id = self.ledger.journal.find(run).id
        while rows := self.ledger.journal.changes(run_id, after=after, limit=500):
            for row in rows:
                yield {**row.change.to_json(), "state": row.state.value, "result": row.result}
            after = rows[-1].change.seq

    def waiting(self) -> RunRecord:
        """The newest plan that can be applied.

        Raises:
            NotFound: there is none.
        """
        from trueup.model.run import RunState

        for record in self.ledger.journal.history(limit=200):
            if record.state in (RunState.PLANNED, RunState.AWAITING_APPROVAL) and record.kind != "pipeline":
                return record
        raise NotFound("there is no plan to apply", hint="make one: trueup plan JOB")

    def apply(
        self, run: str | None, *, allow: Sequence[str] = (), on_event: OnEvent = _silent, stop: Stop | None = None
    ) -> Json:
        """Applies a plan: exactly what it says, or nothing where the world moved on.

        Args:
            run: the run's id or the beginning of it; None: the newest plan that waits.
            allow: guards that a person allows for this one ("all": every one).
            on_event, stop: as in the engine.

        Returns:
            The report.
        """
        from trueup.core.asked import answered
        from trueup.engines.embedded import apply_run

        record = self.waiting() if run is None else self.ledger.journal.find(run)
        with answered(self.ledger, record):
            if record.kind == "pipeline":
                # Its job's plan is approved under the job's own run; this takes the pipeline up behind it.
                return self._run_pipeline(record.subject, {}, "auto", on_event, stop, run=record.id)
            with self.told(record.subject):
                work = self.work(record.subject, on_event)
                return apply_run(work, record.id, allow=allow, on_event=on_event, stop=stop)

    def run(
        self,
        name: str,
        *,
        allow: Sequence[str] = (),
        params: Mapping[str, str] | None = None,
        resume: str = "auto",
        on_event: OnEvent = _silent,
        stop: Stop | None = None,
    ) -> Json:
        """Runs a job (plan, guards, apply, verify) or a pipeline; takes up a run that was killed.

        Returns:
            The report; "state" says how it ended.
        """
        if name in self.config.pipelines:
            return self._run_pipeline(name, params or {}, resume, on_event, stop)
        if params:
            raise UsageError(f"`{name}` is a job", why="only pipelines take parameters")
        from trueup.engines.embedded import run_job

        with self.told(name):
            report = run_job(self.work(name, on_event), allow=allow, on_event=on_event, stop=stop)
        self.forget_old(name)
        return report

    def run_occurrence(self, name: str, key: str, *, on_event: OnEvent = _silent, stop: Stop | None = None) -> Json:
        """Runs what `serve` has noted under a key; again and again the same run, until it has ended.

        Returns:
            As `run`.

        Raises:
            NotFound: nothing was noted under that key.
        """
        from trueup.engines.embedded import run_job, run_pipeline
        from trueup.model.schedule import Overlap

        one = self.ledger.occurrences.get(name, key)
        if one is None:
            raise NotFound(f"`{name}` has no occurrence {key}", hint="`trueup schedule` shows what is to come")
        if name not in self.config.pipelines:
            with self.told(name):
                report = run_job(self.work(name, on_event), parent=one.parent, on_event=on_event, stop=stop)
            self.forget_old(name)
            return report
        spec = self.config.pipeline(name)
        timed = spec.schedule is not None and one.source == spec.schedule.timing
        alone = not (timed and spec.schedule is not None and spec.schedule.overlap is Overlap.ALLOW)
        host = self._host(on_event)
        with self.told(name):
            return run_pipeline(spec, host, params=one.params, parent=one.parent, alone=alone, stop=stop)

    def told(self, name: str) -> AbstractContextManager[None]:
        """Whoever is to hear of a run of a job or pipeline does, whatever comes of it."""
        if name not in self.config.notify:
            return nullcontext()
        from trueup.messages import told

        return told(self, name)

    def tell(self, name: str, event: str, run: str) -> None:
        """Puts messages about a run of a job or pipeline; see `messages.teller`."""
        if name in self.config.notify:
            from trueup.messages import teller

            teller(self, name)(event, {"run": run})

    def forget_old(self, job: str) -> None:
        """Once a day: runs, closed conflicts and bodies beyond what undo and `resolve --take` reach back to."""
        last = self.ledger.journal.history(subject=job, limit=2)
        now = self.ledger.now()
        if len(last) == 2 and last[1].started // DAY < now // DAY:
            self.ledger.journal.prune(now - KEEP_DAYS * DAY)

    def _run_pipeline(
        self,
        name: str,
        params: Mapping[str, str],
        resume: str,
        on_event: OnEvent,
        stop: Stop | None,
        run: str = "",
    ) -> Json:
        from trueup.engines.embedded import Resume, run_pipeline

        spec, host = self.config.pipeline(name), self._host(on_event)
        with self.told(name):
            return run_pipeline(spec, host, params=params, text=True, resume=Resume(resume), run=run, stop=stop)

    def _host(self, on_event: OnEvent) -> Host:
        from trueup.engines.embedded import Host, run_job

        def run_one(name: str, *, parent: str, stop: Stop, on_event: OnEvent) -> Json:
            with self.told(name):
                return run_job(self.work(name, on_event), parent=parent, stop=stop, on_event=on_event)

        return Host(self.ledger, self.config.pipelines, run_one, self.config.root, on_event, told=self.tell)

    def verify(
        self, job: str, sources: Sequence[str] = (), *, on_event: OnEvent = _silent, stop: Stop | None = None
    ) -> Json:
        """Reads every side in full and compares it with the ledger and with the other sides; writes to no store.

        A backup is checked in full, and its sources (these, or all) are restored and compared.

        Returns:
            See `core.auditing.audit` and `jobs.backup.auditing.audit`.
        """
        if self.is_backup(job):
            from trueup.backups import prove

            return prove(self, job, sources, on_event, stop)
        from trueup.core.auditing import audit

        return audit(self.reconciling(job, on_event, reading=True))

    def profile(self, name: str, run: str | None = None, *, on_event: OnEvent = _silent) -> Json:
        """What the records of a store look like now; of a job or a run, what is kept of its loads. See `profiles`."""
        from trueup.profiles import profile_store, stored_profiles

        if run is not None or (name in self.config.jobs and name not in self.config.stores):
            return stored_profiles(self, name, run)
        return profile_store(self, name, on_event)

    def plan_undo(self, run: str, *, on_event: OnEvent = _silent, stop: Stop | None = None) -> Json:
        """Plans to take back what a run changed; `apply` does it.

        Args:
            run: the run's id, the beginning of it, or "last": the newest run that wrote something.
            on_event, stop: as in the engine.

        Returns:
            As `plan`.
        """
        from trueup.engines.embedded import plan_undo

        record = self._last_writing() if run == "last" else self.ledger.journal.find(run)
        if record.kind == "pipeline":
            hint = "undo the runs of its jobs: trueup history"
            raise UsageError(f"run {record.id} is a pipeline's", why="it changed nothing by itself", hint=hint)
        result = plan_undo(
            self.reconciling(record.subject, on_event, reading=True), record.id, on_event=on_event, stop=stop
        )
        return self.header(result["run"])

    def _last_writing(self) -> RunRecord:
        """The newest run that wrote something: neither a plan nor a run without work is what a person means by "last"."""
        for record in self.ledger.journal.history(limit=1000):
            counts = (
                self.ledger.journal.counts(record.id) if record.kind == "run" and record.report.get("state") else {}
            )
            if any(action in _WRITES for action, _ in counts):
                return record
        raise NotFound("there is nothing to undo", why="no run has changed anything")

    # Conflicts --------------------------------------------------------------------------------------------------------

    def conflicts(self, job: str, states: Sequence[str] = ("open", "decided")) -> list[Json]:
        """A job's conflicts, with every side's version field by field."""
        from trueup.core.resolving import to_json

        work = self.reconciling(job)
        return [to_json(self.ledger, work.kind, one) for one in self.ledger.conflicts.list(job, tuple(states))]

    def prefer(self, job: str, conflict: int, ref: str) -> None:
        """Decides an open conflict for one side; the next run carries it out."""
        from trueup.core.resolving import prefer

        prefer(self.reconciling(job), conflict, ref)

    def take(self, job: str, conflict: int, ref: str) -> None:
        """Brings a losing version back; the next run carries it out."""
        from trueup.core.resolving import take

        take(self.reconciling(job), conflict, ref)

    def questions(self, job: str, *, open_only: bool = True) -> list[Json]:
        """A job's questions, with the records they are about; see `core.answering.to_json`."""
        from trueup.core.answering import questions_of

        return list(questions_of(self.reconciling(job), open_only=open_only))

    def answer(self, job: str, question: int, answer: str) -> None:
        """Answers a question for ever; the next run carries it out."""
        from trueup.core.answering import answer as answered

        answered(self.reconciling(job), question, answer)

    def restore(self, job: str, ref: str) -> int:
        """Decides that what vanished from a collection comes back; returns how many items."""
        from trueup.core.restoring import restore_collection

        return restore_collection(self.reconciling(job), ref)

    # Looking ----------------------------------------------------------------------------------------------------------

    def history(self, subject: str | None = None, limit: int = 20) -> list[Json]:
        """The latest runs, newest first."""
        return [
            _record_json(one)
            for one in self.ledger.journal.history(subject=subject, limit=limit)
            if one.kind != "cache"
        ]

    def record(self, run: str) -> Json:
        """One run."""
        return _record_json(self.ledger.journal.find(run))

    def doctor(self, only: str | None = None) -> Iterator[Diagnostic]:
        """Looks at everything there is: configuration, secrets, ledger, stores. Yields findings as they come."""
        from trueup.doctor import examine

        return examine(self, only)

    def upcoming(self, after: float, before: float, names: Sequence[str] = ()) -> Json:
        """What starts by itself in a window of time, and what keeps it from starting; see `upcoming.upcoming`."""
        from trueup.upcoming import upcoming

        return upcoming(self, after, before, names)

    # Backups ----------------------------------------------------------------------------------------------------------

    def is_backup(self, name: str) -> bool:
        """Whether a job of the configuration is a backup."""
        return name in self.config.jobs and self.config.jobs[name].kind == "backup"

    def backup_status(self, names: Sequence[str] = ()) -> Json:
        """How the backups of these names (or all) stand; see `backups.status`."""
        from trueup.backups import status

        return status(self, names)

    def accept(self, job: str, causes: Sequence[str] = ()) -> list[str]:
        """A person takes suspicious backups for right; see `backups.accept`."""
        from trueup.backups import accept

        return accept(self, job, causes)

    def job(self, name: str) -> JobSpec:
        """A job of the configuration."""
        return self.config.job(name)


def _options(spec: JobSpec, key: str) -> Mapping[str, object] | None:
    value = spec.options.get(key)
    return value if isinstance(value, Mapping) else None


def _record_json(one: RunRecord) -> Json:
    return {
        "id": one.id,
        "kind": one.kind,
        "subject": one.subject,
        "state": one.state.value,
        "phase": one.phase,
        "started": one.started,
        "ended": one.ended,
        "parent": one.parent,
        "engine": one.report.get("engine", ""),
        "url": one.report.get("url", ""),
        "plan": one.plan,
        "report": one.report,
    }
