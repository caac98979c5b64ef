"""`trueup verify`."""

from __future__ import annotations

import click

from trueup.model.errors import ExitCode
from trueup.ui.cli.common import Common, job_names, shared


@click.command
@click.argument("job", shell_complete=job_names, help="The job's name in trueup.yaml.")
@shared
def verify(common: Common, job: str) -> int:
    """Read every side of a job in full and compare it with the ledger and with the other sides. Writes to no store."""
    with common.working() as (app, progress, _):
        result = app.verify(job, on_event=progress)
        progress.end()
    if common.for_programs:
        common.put(result)
    else:
        from trueup.ui.cli.render.text import audit_lines

        for line in audit_lines(result):
            print(line)
    return ExitCode.DONE if result["agrees"] else ExitCode.PARTIAL
