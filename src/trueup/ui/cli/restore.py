"""`trueup restore`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trueup.model.errors import UsageError
from trueup.ui.cli.apply import yes_option
from trueup.ui.cli.common import Common, confirm, job_names, shared
from trueup.ui.cli.restoring import Bare, opened, shown, target_of

if TYPE_CHECKING:
    from trueup.jobs.backup.restoring import Restore
    from trueup.model.backup import RestoreTarget
    from trueup.model.repository import Snapshot

FIRST = 10
"""So many lines of the plan are shown before it is carried out without being asked."""


@click.command
@click.argument("job", required=False, shell_complete=job_names, help="The backup's name in trueup.yaml.")
@click.argument("source", required=False, help="The source's name in it.")
@click.option("--list", "listing", is_flag=True, help="Show the snapshots there are, and restore nothing.")
@click.option("--files", is_flag=True, help="Show what the snapshot contains, and restore nothing.")
@click.option(
    "--at",
    default="",
    metavar="WHEN",
    help="A day (2026-11-26: its last one), a time (2026-11-26 01:00) or a snapshot's id; default: the newest good one.",
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
    help="A file or folder, a table, an event or contact (title or UID), and nothing else; may be given several times.",
)
@click.option("--overwrite", is_flag=True, help="Replace what is there already.")
@click.option("--dry-run", is_flag=True, help="Show what it would do, and do nothing.")
@click.option(
    "--scratch",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="A folder with room for what is restored; default: the job's, or the disk of --to.",
)
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
    files: bool,
    at: str,
    to: str,
    only: tuple[str, ...],
    overwrite: bool,
    dry_run: bool,
    scratch: Path | None,
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
    bare = Bare(repository, connector, key, option) if repository is not None else None
    with opened(common, job, bare, scratch) as found:
        source = source or (job if bare is not None else None)
        if files:
            return _contents(found, store, source, at, only, common)
        if listing or source is None:
            return _list(found, store, source or "", common)
        snapshot = found.choose(source, at, store)
        target = target_of(snapshot, to, only, overwrite, password_file, found.zone)
        shows = _Shown(found, snapshot, target, common)
        steps = [asdict(one) for one in found.plan(snapshot, target, store)]
        if dry_run:
            return shows.told(steps)
        if yes:
            shows.first(steps)
        elif not shows.agreed(steps):
            print("Nothing was restored.")
            return 0
        return shows.told([asdict(one) for one in found.run(snapshot, target, store)], done=True)


class _Shown:
    """Tells a person, or a program, what a restore would do and has done."""

    def __init__(self, found: Restore, snapshot: Snapshot, target: RestoreTarget, common: Common) -> None:
        self._zone, self._snapshot, self._target, self._common = found.zone, snapshot, target, common

    def told(self, steps: list[dict[str, Any]], *, done: bool = False) -> int:
        """All of it; returns the exit code."""
        if self._common.for_programs:
            place = {"snapshot": asdict(self._snapshot), "to": shown(self._target.to), "done": done}
            self._common.put({**place, "steps": steps})
        else:
            self._lines(steps, "restored" if done else "would be restored")
        return 0

    def first(self, steps: list[dict[str, Any]]) -> None:
        """What is about to be done, where somebody may look."""
        if sys.stdout.isatty() and not self._common.for_programs and not self._common.quiet:
            self._lines(steps, "is restored", limit=FIRST)

    def agreed(self, steps: list[dict[str, Any]]) -> bool:
        """Whether a person who has seen the plan wants it."""
        if not self._common.may_ask:
            hint = "--yes; or look first: --dry-run"
            raise UsageError("nothing was restored: there is nobody to ask", hint=hint)
        self.told(steps)
        return confirm("Restore this?")

    def _lines(self, steps: list[dict[str, Any]], verb: str, **limit: int) -> None:
        from trueup.jobs.backup.words import clock
        from trueup.ui.cli.render.backup import restore_lines

        when = clock(self._snapshot.time, self._zone)
        print(f"{self._snapshot.source} of {when} {verb} to {shown(self._target.to)}")
        for line in restore_lines(steps, **limit):
            print(line, flush=True)


def _contents(found: Restore, store: str, source: str | None, at: str, only: tuple[str, ...], common: Common) -> int:
    if source is None:
        raise UsageError("it does not say of which source", hint="trueup restore JOB SOURCE --files")
    snapshot = found.choose(source, at, store)
    listed = (asdict(one) for one in found.contents(snapshot, store, only))
    if common.for_programs:
        common.put({"snapshot": asdict(snapshot), "contents": list(listed)})
        return 0
    from trueup.jobs.backup.words import clock
    from trueup.ui.cli.render.backup import content_lines

    if not common.quiet:
        print(f"{snapshot.source} of {clock(snapshot.time, found.zone)} ({snapshot.id})")
    for line in content_lines(listed, found.zone):
        print(line)
    return 0


def _list(found: Restore, store: str, source: str, common: Common) -> int:
    listed = found.listed(store, source)
    if common.for_programs:
        common.put({"snapshots": listed})
        return 0
    from trueup.ui.cli.render.backup import snapshot_lines

    for line in snapshot_lines(listed, found.zone):
        print(line)
    return 0
