"""`trueup status`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from trueup.model.errors import ExitCode
from trueup.ui.cli.common import Common, job_names, shared


@click.command
@click.argument("job", nargs=-1, shell_complete=job_names, help="Only these backups.")
@click.option(
    "--prometheus",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it to this file as well, for Prometheus (node_exporter's textfile collector).",
)
@shared
def status(common: Common, job: tuple[str, ...], prometheus: Path | None) -> int:
    """Show how backups stand: what would be lost now, what was proven and when, how long a restore takes.

    Exits with 3 where anything at all is wrong: a backup is missing, failing, too old, damaged or not proven, a run was blocked, a check
    could not be held, a copy elsewhere stays behind.
    """
    with common.load() as app:
        found = app.backup_status(job)
    if common.for_programs:
        common.put(found)
    else:
        from trueup.ui.cli.render.backup import status_lines

        for line in status_lines(found, time.time()):
            print(line)
    if prometheus is not None:
        from trueup.jobs.backup.metrics import write

        write(prometheus, found)
    return ExitCode.DONE if all(one["good"] for one in found["jobs"].values()) else ExitCode.PARTIAL
