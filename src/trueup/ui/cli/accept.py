"""`trueup accept`."""

from __future__ import annotations

import click

from trueup.ui.cli.common import Common, job_names, shared


@click.command
@click.argument("job", shell_complete=job_names, help="The backup's name in trueup.yaml.")
@click.argument("source", nargs=-1, help="Only these sources, or causes as `status` names them; default: all of them.")
@shared
def accept(common: Common, job: str, source: tuple[str, ...]) -> int:
    """Say that a backup which was found suspicious (much smaller, much changed) is right: retention goes on."""
    with common.load() as app:
        accepted = app.accept(job, source)
    if common.for_programs:
        common.put({"accepted": accepted})
    else:
        print(
            f"accepted: {', '.join(one.partition('/')[2] for one in accepted)}"
            if accepted
            else "nothing was suspicious"
        )
    return 0
