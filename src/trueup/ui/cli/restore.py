"""`trueup restore`."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trueup.model.errors import UsageError
from trueup.ui.cli.apply import yes_option
from trueup.ui.cli.common import Common, confirm, job_names, shared

if TYPE_CHECKING:
    from trueup.jobs.backup.restoring import Restore
    from trueup.model.backup import RestoreTarget
    from trueup.model.repository import Snapshot


@click.command
@click.argument("job", required=False, shell_complete=job_names, help="The backup's name in trueup.yaml.")
@click.argument("source", required=False, help="The source's name in it.")
@click.option("--list", "listing", is_flag=True, help="Show the snapshots there are, and restore nothing.")
@click.option(
    "--at", default="", metavar="WHEN", help="A time (2026-11-26 01:00) or a snapshot's id; default: the newest."
)
@click.option(
    "--to",
    default="",
    metavar="PLACE",
    help="A folder, a database's address, STORE/COLLECTION; default: a new folder here.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="A file or folder, a table, an event (title or UID), and nothing else; may be given several times.",
)
@click.option("--overwrite", is_flag=True, help="Replace what is there already.")
@click.option("--dry-run", is_flag=True, help="Show what it would do, and do nothing.")
@click.option("--from", "store", default="", metavar="STORE", help="Another store of the job: an archive.")
@click.option("--repository", metavar="PLACE", help="Without trueup.yaml: the repository's folder or address.")
@click.option(
    "--connector",
    default="archive",
    show_default=True,
    metavar="NAME",
    help="Without trueup.yaml: what keeps the repository.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Without trueup.yaml: the file with its key (age identity) or password.",
)
@click.option(
    "--option", multiple=True, metavar="NAME=VALUE", help="Without trueup.yaml: a further option of the connector."
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The password of the database at --to.",
)
@yes_option
@shared
def restore(
    common: Common,
    job: str | None,
    source: str | None,
    listing: bool,
    at: str,
    to: str,
    only: tuple[str, ...],
    overwrite: bool,
    dry_run: bool,
    store: str,
    repository: str | None,
    connector: str,
    key: Path | None,
    option: tuple[str, ...],
    password_file: Path | None,
    yes: bool,
) -> int:
    """Bring back what a backup holds: all of a source or a part of it, elsewhere unless you say where.

    With --repository it needs nothing else: no trueup.yaml and no ledger, only the repository and its key.
    """
    with _opened(common, job, repository, connector, key, option) as found:
        source = source or (job if repository else None)
        if listing or source is None:
            return _list(found, store, source or "", common)
        snapshot = found.choose(source, at, store)
        target = _target(snapshot, to, only, overwrite, password_file)
        steps = [asdict(one) for one in found.plan(snapshot, target, store)]
        if dry_run:
            return _told(snapshot, target, steps, common, done=False)
        if not yes and not _agreed(snapshot, target, steps, common):
            print("Nothing was restored.")
            return 0
        return _told(snapshot, target, [asdict(one) for one in found.run(snapshot, target, store)], common, done=True)


class _opened:
    """What restores, from a job of trueup.yaml or from a bare repository; closed afterwards."""

    def __init__(
        self,
        common: Common,
        job: str | None,
        repository: str | None,
        connector: str,
        key: Path | None,
        options: tuple[str, ...],
    ) -> None:
        from trueup.backups import bare_restore
        from trueup.backups import restore as of_job

        self._app: Any = None
        if repository is not None:
            from trueup.app import connectors

            self._found = bare_restore(connectors(), connector, _options(repository, connector, key, options))
        elif job is None:
            raise UsageError("it does not say which backup", hint="trueup restore JOB SOURCE, or --repository PLACE")
        else:
            self._app = common.load()
            self._found = of_job(self._app, job)

    def __enter__(self) -> Restore:
        return self._found

    def __exit__(self, *error: object) -> None:
        if self._app is not None:
            self._app.close()


def _options(repository: str, connector: str, key: Path | None, options: tuple[str, ...]) -> dict[str, object]:
    place: dict[str, object] = {}
    if "://" in repository or repository.startswith(("s3:", "sftp:", "rest:", "rclone:")):
        place["repository" if connector == "restic" else "url"] = repository
    else:
        place["path"] = Path(repository).expanduser().absolute()
    if key is not None:
        place["password" if connector == "restic" else "identity"] = _secret(key)
    for one in options:
        name, equals, value = one.partition("=")
        if not equals:
            raise UsageError(f"--option {one} has no value", hint="--option NAME=VALUE; a secret: --option NAME=@FILE")
        place[name] = _secret(Path(value[1:])) if value.startswith("@") else _plain(value)
    return place


def _plain(value: str) -> object:
    switches = {"true": True, "false": False}
    return switches.get(value, int(value) if value.isdigit() else value)


def _secret(file: Path) -> str:
    """The first line that is no comment: age writes comments into its key files."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read", why=str(error)) from error
    found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not found:
        raise UsageError(f"{file} has no key in it", hint="the file that `trueup key` wrote")
    return found[0]


def _target(
    snapshot: Snapshot, to: str, only: tuple[str, ...], overwrite: bool, password_file: Path | None
) -> RestoreTarget:
    from trueup.model.backup import RestoreTarget

    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(snapshot.time))
    secret = _secret(password_file) if password_file is not None else ""
    to = to or f"restored/{snapshot.source}-{stamp}/"
    if to.endswith("/") and not to.startswith(("/", ".", "~")) and "://" not in to:
        to = f"./{to}"  # a folder, and no store of trueup.yaml
    return RestoreTarget(to, only, overwrite, secret)


def _agreed(snapshot: Snapshot, target: RestoreTarget, steps: list[dict[str, Any]], common: Common) -> bool:
    if not common.may_ask:
        hint = "--yes; or look first: --dry-run"
        raise UsageError("nothing was restored: there is nobody to ask", hint=hint)
    _told(snapshot, target, steps, common, done=False)
    return confirm("Restore this?")


def _told(snapshot: Snapshot, target: RestoreTarget, steps: list[dict[str, Any]], common: Common, *, done: bool) -> int:
    if common.for_programs:
        place = {"snapshot": asdict(snapshot), "to": _shown(target.to), "done": done}
        common.put({**place, "steps": steps})
        return 0
    from trueup.jobs.backup.words import moment
    from trueup.ui.cli.render.backup import restore_lines

    verb = "restored" if done else "would be restored"
    print(f"{snapshot.source} of {moment(snapshot.time)} UTC {verb} to {_shown(target.to)}")
    for line in restore_lines(steps):
        print(line)
    return 0


def _shown(place: str) -> str:
    """An address without the password in it."""
    head, at, tail = place.rpartition("@")
    return f"{head.rpartition(':')[0] if head.count(':') > 1 else head}{at}{tail}"


def _list(found: Restore, store: str, source: str, common: Common) -> int:
    listed = []
    for one in found.snapshots(store, source):
        known: dict[str, Any] = {}
        if found.work is not None:
            known = found.work.memory.snapshots(store or found.stores[0], one.source).get(one.id, {})
        marks = {key: known[key] for key in ("verified", "suspicious", "good") if key in known}
        shown: dict[str, Any] = asdict(one)
        listed.append(shown | {"good": one.complete} | marks)
    if common.for_programs:
        common.put({"snapshots": listed})
        return 0
    from trueup.ui.cli.render.backup import snapshot_lines

    for line in snapshot_lines(listed):
        print(line)
    return 0
