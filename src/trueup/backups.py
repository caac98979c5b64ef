"""Backups put together: jobs, repositories, secrets, stores and the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from trueup.config.secrets import SecretRef, resolve
from trueup.jobs.backup.restoring import Restore
from trueup.jobs.backup.work import QUIET, BackupWork
from trueup.messages import teller
from trueup.model.backup import SourceContext, SourceSpec
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import ConfigError, NotFound, TrueupError, UsageError
from trueup.model.job import JobSpec
from trueup.model.ports import Kind
from trueup.model.repository import Repository

if TYPE_CHECKING:
    from trueup.app import App
    from trueup.connectors.base import ConnectorType
    from trueup.engines.embedded import Stop

Json: TypeAlias = dict[str, Any]
OnEvent: TypeAlias = Callable[[Json], None]

KIND = "backup"


def backup_work(app: App, spec: JobSpec, on_event: OnEvent, *, reading: bool = False) -> BackupWork:
    """A backup, ready for its phases; `reading`: it makes no repository."""
    folder = state_folder(app) / "backup" / spec.name

    def context(source: SourceSpec) -> SourceContext:
        cache = folder / "cache" / source.name
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        secret, own = _secrets(app.config.root), tuple(_own_folders(app, spec))
        place = app.config.ledger
        return SourceContext(app.config.root, cache, secret, app.store, item_kind, place, own, source.options)

    return BackupWork(
        spec=spec,
        ledger=app.ledger,
        store=app.store,
        repository=lambda name: repository_of(app, name),
        context=context,
        folder=folder,
        on_event=on_event,
        reading=reading,
        ended=_untold if reading else _teller(app, spec, on_event),
    )


def _own_folders(app: App, spec: JobSpec) -> Iterator[Path]:
    """Repositories and room for dumps on this machine: a backup of them by themselves would grow for ever."""
    given: Any = spec.options[KIND]
    for name in (given["repository"], *(one["store"] for one in given["archive"])):
        path = app.config.stores[name].options.get("path")
        if isinstance(path, Path):
            yield path
    if given["scratch"]:
        yield Path(given["scratch"])


def _teller(app: App, spec: JobSpec, on_event: OnEvent) -> Callable[[str, Json], None]:
    """Told of a run: puts messages, and writes what Prometheus reads."""
    tell = teller(app, spec.name)

    def told(event: str, report: Json) -> None:
        if event != "over":
            tell(event, report)
        else:
            _write_metrics(app, spec, on_event)

    return told


def _untold(event: str, report: Json) -> None:
    """Of a plan that somebody only looks at nobody else is told."""


def _write_metrics(app: App, spec: JobSpec, on_event: OnEvent) -> None:
    """Writes the file for Prometheus, where the job names one. That it cannot be written is told, and makes no night a bad one."""
    options: Any = spec.options[KIND]
    if not options["metrics"]:
        return
    from trueup.jobs.backup.metrics import write

    try:
        write(Path(options["metrics"]), status(app))
    except TrueupError as error:
        on_event({"event": "note", "job": spec.name, "what": str(error)})


def state_folder(app: App) -> Path:
    """Where caches and spools lie: beside the ledger, or in `.trueup` where that is on a server."""
    ledger = app.config.ledger
    return app.config.root / ".trueup" if "://" in ledger else Path(ledger).parent


def _secrets(root: Path) -> Callable[[object, str], str]:
    def look_up(value: object, what: str) -> str:
        if isinstance(value, Mapping):
            return resolve(SecretRef(**value), root, what)
        return str(value)

    return look_up


def item_kind(name: str) -> Kind:
    """What the items of a collection mean.

    Raises:
        NotFound: there is no such kind.
    """
    if name == "contacts":
        from trueup.jobs.contacts import ContactsKind

        return ContactsKind()
    if name != "calendar":
        raise NotFound(f"there is no kind of item `{name}`")
    from trueup.jobs.calendar import CalendarKind

    return CalendarKind()


def repository_of(app: App, name: str) -> Repository:
    """The repository of a store.

    Raises:
        ConfigError: its connector keeps no snapshots.
    """
    store: Any = app.store(name)
    if not hasattr(store, "snapshots"):
        raise ConfigError(f"store `{name}` keeps no snapshots", hint="use a store whose connector is archive or restic")
    found: Repository = store
    return found


def works(app: App, names: Sequence[str] = ()) -> Iterator[BackupWork]:
    """The backups of a configuration, or those of these names.

    Raises:
        NotFound: there is no job of that name. UsageError: it is no backup.
    """
    for name in names or app.config.jobs:
        spec = app.config.job(name)
        if spec.kind == KIND:
            yield backup_work(app, spec, lambda event: None, reading=True)
        elif names:
            raise UsageError(f"job {name} is no backup", why=f"it is a {spec.kind} job")


def prove(app: App, job: str, sources: Sequence[str], on_event: OnEvent, stop: Stop | None) -> Json:
    """Checks a backup in full and restores its sources, under the job's lease; see `jobs.backup.auditing.audit`."""
    from trueup.core.job_runs import lease_of
    from trueup.engines.embedded.lease import hold
    from trueup.jobs.backup.auditing import audit

    work = backup_work(app, app.config.job(job), on_event)
    with hold(app.ledger, lease_of(job), stop) as held:

        def check() -> None:
            if held.asked():
                raise held.error(f"verifying {job}", "")

        work.check = check
        return audit(work, sources)


def status(app: App, names: Sequence[str] = ()) -> Json:
    """How backups stand, from the ledger alone.

    Returns:
        {"jobs": {name: {"state", "last_run", "next", "zone", "problems": [sentences], "good", and what `jobs.backup.status.status` says}},
        "messages": {…}}; "good" is whether nothing at all is wrong.
    """
    from trueup.jobs.backup.status import last_run, problems
    from trueup.jobs.backup.status import status as of_job

    jobs: dict[str, Json] = {}
    for work in works(app, names):
        name, last, found = work.spec.name, last_run(work), of_job(work)
        state, when = (last.state.value, last.started) if last else ("never", None)
        wrong = problems(work, found)
        good = not wrong and not found["frozen"] and all(one["state"] == "good" for one in found["sources"].values())
        about = {"state": state, "last_run": when, "next": _next(app, name), "zone": zone_of(work)}
        jobs[name] = {**about, "problems": wrong, "good": good, **found}
    from trueup.notify import status as of_messages

    return {"jobs": jobs, "messages": of_messages(app.ledger)}


def accept(app: App, job: str, causes: Sequence[str] = ()) -> list[str]:
    """A person takes suspicious backups for right; see `jobs.backup.auditing.accept`.

    Raises:
        NotFound: nothing of that name waits, or it is not for a person to accept; then nothing is accepted at all.
    """
    from trueup.jobs.backup.auditing import accept as of_job

    (work,) = works(app, [job])
    waiting = work.memory.freezes()
    for one in causes:
        if not any(one in (cause, cause.partition("/")[2]) for cause in waiting):
            why = f"what waits is {', '.join(waiting)}" if waiting else "nothing waits"
            raise NotFound(f"nothing of {one} waits to be accepted", why=why)
    accepted = of_job(work, causes)
    if causes and not accepted:
        why = "what was lost or changed in a repository is not accepted but mended"
        raise NotFound(f"{' and '.join(causes)} cannot be accepted", why=why, hint=f"trueup status {job} says how")
    return accepted


def zone_of(work: BackupWork) -> str:
    """The time zone in which a job's times are shown: that of its window or schedule; "": the machine's own."""
    return work.zone if work.backup.window is not None or work.spec.schedule is not None else ""


def examine(app: App, job: str) -> Iterator[Diagnostic]:
    """What `doctor` has to say of a backup: its sources can be taken, and it is proven."""
    from trueup.jobs.backup.sources import kind_of
    from trueup.jobs.backup.status import problems
    from trueup.jobs.backup.status import status as of_job

    (work,) = works(app, [job])
    for spec in work.backup.sources:
        where = f"job {job}, source {spec.name}"
        try:
            for one in kind_of(spec.kind).probe(spec, work.context(spec)):
                yield replace(one, where=where)
        except TrueupError as error:
            yield Diagnostic(Severity.ERROR, error.what, where, error.why, error.hint)
    found = of_job(work)
    for name, source in found["sources"].items():
        if source["state"] != "good":
            what = f"the backup of {name} is {source['state'].replace('-', ' ')}"
            yield Diagnostic(Severity.WARNING, what, f"job {job}", source["why"], f"trueup run {job}")
    for problem in problems(work, found):
        yield Diagnostic(Severity.WARNING, problem, f"job {job}", hint=f"trueup status {job}")
    yield from _examine_age(work)
    yield from _examine_metrics(work)
    for archive in work.backup.archives:
        if archive.lock is not None and not repository_of(app, archive.store).traits.lock:
            why = "it is no place that has object lock"
            hint = "take `lock` out, or use a bucket that was made with object lock"
            yield Diagnostic(Severity.WARNING, f"{archive.store} cannot lock what is archived", f"job {job}", why, hint)
    for one in found["frozen"].values():
        yield Diagnostic(Severity.WARNING, "nothing is removed", f"job {job}", one["why"], f"trueup status {job}")


def _examine_age(work: BackupWork) -> Iterator[Diagnostic]:
    schedule = work.spec.schedule
    if work.backup.max_age is None and (schedule is None or schedule.calendar is not None):
        why = "it has no schedule of its own" if schedule is None else "its schedule is the events of a calendar"
        what = "nothing says how old the newest backup may become"
        yield Diagnostic(Severity.INFO, what, f"job {work.spec.name}", why, "max_age: 26h")


def _examine_metrics(work: BackupWork) -> Iterator[Diagnostic]:
    from trueup.jobs.backup.metrics import obstacle

    if work.backup.metrics and (why := obstacle(Path(work.backup.metrics))):
        hint = "the folder must be there, and the user that runs trueup must be able to write into it"
        what, where = "the metrics cannot be written", f"job {work.spec.name}, {work.backup.metrics}"
        yield Diagnostic(Severity.WARNING, what, where, why, hint)


def _next(app: App, name: str) -> float | None:
    spec = app.config.job(name)
    if spec.schedule is None:
        return None
    now = app.ledger.now()
    found = app.upcoming(now, now + 8 * 86_400, [name])["occurrences"]
    return min((float(one["at"]) for one in found), default=None)


def restore(app: App, job: str, scratch: Path | None = None) -> Restore:
    """What restores from a job's repository, or from one of its archives; `scratch`: a folder with room, where the job's own has none."""
    (work,) = works(app, [job])
    stores = [work.backup.repository, *(one.store for one in work.backup.archives)]
    return Restore(work.opened, stores, work, zone_of(work), scratch)


def bare_restore(
    connectors: Mapping[str, ConnectorType],
    connector: str,
    options: Mapping[str, object],
    scratch: Path | None = None,
) -> Restore:
    """What restores where there is nothing but a repository and its key: no configuration, no ledger.

    Args:
        connectors: by name.
        connector: of the repository.
        options: as in trueup.yaml, secrets looked up, paths as `Path`.
        scratch: a folder with room; None: the disk of the target.

    Raises:
        NotFound: there is no such connector. UsageError: it has no key.
    """
    if connector not in connectors:
        raise NotFound(f"there is no connector `{connector}`", hint=f"there are: {', '.join(connectors)}")
    secret = {"archive": "identity", "restic": "password"}.get(connector)
    if secret is not None and not options.get(secret) and options.get("encrypt", True):
        hint = "--key FILE: the file that `trueup key` wrote, or one with restic's password"
        raise UsageError("a repository is not read without its key", hint=hint)
    repository: Any = connectors[connector].open("repository", options)
    ready = False

    def opened(name: str) -> Repository:
        nonlocal ready
        if not ready:
            from trueup.core.supervision import Deadline

            repository.prepare(True, Deadline("opening the repository", no_progress=QUIET))
            ready = True
        found: Repository = repository
        return found

    return Restore(opened, ["repository"], scratch=scratch)
