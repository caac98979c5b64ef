"""`trueup schedule`."""

from __future__ import annotations

import time

import click

from trueup.model.errors import UsageError
from trueup.ui.cli.common import Common, run_names, shared


@click.command
@click.argument("name", required=False, shell_complete=run_names, help="Only this job or pipeline.")
@click.option("--for", "ahead", metavar="DURATION", default="7d", show_default=True, help="How far to look ahead.")
@click.option("--limit", type=click.IntRange(1), metavar="NUMBER", default=20, show_default=True, help="How many.")
@shared
def schedule(common: Common, name: str | None, ahead: str, limit: int) -> int:
    """Show what starts next by itself: times, parameters, and what moves it or keeps it from starting. Starts nothing."""
    from trueup.config.quantities import duration

    try:
        seconds = duration(ahead)
    except ValueError as error:
        raise UsageError(f"--for {ahead} {error}") from None
    with common.load() as app:
        now = time.time()
        found = app.upcoming(now, now + seconds, [] if name is None else [name])
        found["occurrences"] = found["occurrences"][:limit]
        if common.for_programs:
            common.put(found)
            return 0
        from trueup.ui.cli.render.schedules import upcoming_lines

        for line in upcoming_lines(found):
            print(line)
    return 0
