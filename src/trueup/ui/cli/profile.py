"""`trueup profile`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trueup.model.errors import ExitCode, UsageError
from trueup.ui.cli.common import Common, shared, store_names


@click.command
@click.argument(
    "name",
    required=False,
    shell_complete=store_names,
    help="A store, STORE/COLLECTION, or a job for what is kept of it.",
)
@click.option("--run", metavar="RUN", help="What is kept of this run.")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a page with charts."
)
@shared
def profile(common: Common, name: str | None, run: str | None, html: Path | None) -> int:
    """Show what records look like: empty fields, different values, forms, lengths, the most frequent. Writes to no store.

    Of a store it reads what is there now; of a job or a run it shows what the ledger keeps, with the loads before.
    """
    if (name is None) == (run is None):
        raise UsageError("a store, a job, or a run is needed", hint="trueup profile STORE, or trueup profile --run RUN")
    with common.working() as (app, progress, _):
        result = app.profile(name or "", run, on_event=progress)
        progress.end()
    if html is not None:
        from trueup.ui.cli.render.html import page
        from trueup.ui.cli.render.html import profile as pages

        page.write(html, pages.page(result))
    _put(common, result, html)
    return ExitCode.DONE


def _put(common: Common, result: dict[str, Any], html: Path | None) -> None:
    if common.for_programs:
        common.put(result)
    elif html is not None:
        print(f"{html} is written")
    else:
        from trueup.ui.cli.render.profile import lines

        for line in lines(result, verbose=common.verbose):
            print(line)
