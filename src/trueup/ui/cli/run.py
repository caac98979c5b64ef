"""`trueup run`."""

from __future__ import annotations

from typing import Any

import click

from trueup.model.errors import UsageError
from trueup.ui.cli.apply import allow_option, show_report
from trueup.ui.cli.common import Common, run_names, shared


@click.command
@click.argument("name", shell_complete=run_names, help="The job or pipeline in trueup.yaml.")
@allow_option
@click.option(
    "--param", "-p", multiple=True, metavar="NAME=VALUE", help="A pipeline's parameter; may be given several times."
)
@click.option(
    "--resume",
    type=click.Choice(("auto", "anew", "failed")),
    default="auto",
    help="Of a pipeline: go on with a run that was killed (auto), start anew, or redo what failed in the last one.",
)
@click.option(
    "--occurrence", metavar="KEY", help="What `trueup serve` has noted under this key; it starts its runs like this."
)
@shared
def run(
    common: Common, name: str, allow: tuple[str, ...], param: tuple[str, ...], resume: str, occurrence: str | None
) -> int:
    """Run a job (plan, guards, apply, read back) or a pipeline. Never asks; takes up what was killed."""
    with common.working() as (app, progress, stop):
        params = dict(_pair(one) for one in param)
        with common.prints_aside():
            if occurrence is not None:
                report = app.run_occurrence(name, occurrence, on_event=progress, stop=stop)
            else:
                report = app.run(name, allow=allow, params=params, resume=resume, on_event=progress, stop=stop)
        progress.end()
        if name in app.config.pipelines:
            return show_pipeline(report, common)
        return show_report(app, report, name, common)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--param {text} has no value", hint="--param NAME=VALUE")
    return name, value


def show_pipeline(report: dict[str, Any], common: Common) -> int:
    """Puts out how a pipeline's run ended, and returns its exit code."""
    if common.for_programs:
        common.put(report)
    else:
        from trueup.ui.cli.render.text import pipeline_lines

        for line in pipeline_lines(report, quiet=common.quiet):
            print(line)
    return int(report["exit_code"])
