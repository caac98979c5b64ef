"""`trueup verify`."""

from __future__ import annotations

from pathlib import Path

import click

from trueup.model.errors import ExitCode, UsageError
from trueup.ui.cli.common import Common, job_names, shared


@click.command
@click.argument("job", shell_complete=job_names, help="The job's name in trueup.yaml.")
@click.option("--source", multiple=True, metavar="NAME", help="Of a backup: restore and compare only this source.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page that lists everything.",
)
@shared
def verify(common: Common, job: str, source: tuple[str, ...], html: Path | None) -> int:
    """Read every side of a job in full and compare it with the ledger and with the other sides. Writes to no store.

    Of a backup: read the whole repository, restore every source into a scratch place and compare it.
    """
    with common.working() as (app, progress, stop):
        if html is not None and app.is_backup(job):
            raise UsageError("--html is for jobs that keep collections in step", hint=f"trueup verify {job} --json")
        result = app.verify(job, source, on_event=progress, stop=stop)
        progress.end()
    if html is not None:
        from trueup.ui.cli.render.html import audit, page

        page.write(html, audit.page(result))
    if common.for_programs:
        common.put(result)
    else:
        if result.get("kind") == "backup":
            from trueup.ui.cli.render.backup import audit_lines
        else:
            from trueup.ui.cli.render.text import audit_lines

        for line in audit_lines(result):
            print(line)
    return ExitCode.DONE if result["agrees"] else ExitCode.PARTIAL
