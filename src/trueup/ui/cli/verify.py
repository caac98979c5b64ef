"""`trueup verify`."""

from __future__ import annotations

import click

from trueup.model.errors import ExitCode
from trueup.ui.cli.common import Common, job_names, shared


@click.command
@click.argument("job", shell_complete=job_names, help="The job's name in trueup.yaml.")
@click.option("--source", multiple=True, metavar="NAME", help="Of a backup: restore and compare only this source.")
@shared
def verify(common: Common, job: str, source: tuple[str, ...]) -> int:
    """Read every side of a job in full and compare it with the ledger and with the other sides. Writes to no store.

    Of a backup: read the whole repository, restore every source into a scratch place and compare it.
    """
    with common.working() as (app, progress, stop):
        result = app.verify(job, source, on_event=progress, stop=stop)
        progress.end()
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
