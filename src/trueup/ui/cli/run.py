"""`trueup run`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from trueup.ui.cli.apply import Allow, show_report
from trueup.ui.cli.common import Common


def run(
    name: str,
    /,
    *,
    allow: Allow = None,
    param: Annotated[list[str] | None, Parameter(name=["--param", "-p"], negative="")] = None,
    resume: Literal["auto", "anew", "failed"] = "auto",
    common: Common | None = None,
) -> int:
    """Run a job (plan, guards, apply, read back) or a pipeline. Never asks; takes up what was killed.

    Parameters
    ----------
    name
        The job or pipeline in trueup.yaml.
    allow
        A guard that you allow for this one run; may be given several times; "all" allows every one.
    param
        A pipeline's parameter, as NAME=VALUE; may be given several times.
    resume
        Of a pipeline: go on with a run that was killed (auto), start anew, or redo what failed in the last one.
    """
    common = common or Common()
    with common.working() as (app, progress, stop):
        params = dict(_pair(one) for one in param or ())
        report = app.run(name, allow=allow or (), params=params, resume=resume, on_event=progress, stop=stop)
        progress.end()
        if name in app.config.pipelines:
            return _show_pipeline(report, common)
        return show_report(app, report, name, common)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        from trueup.model.errors import UsageError

        raise UsageError(f"--param {text} has no value", hint="--param NAME=VALUE")
    return name, value


def _show_pipeline(report: dict[str, Any], common: Common) -> int:
    if common.for_programs:
        common.put(report)
    else:
        from trueup.ui.cli.render.text import pipeline_lines

        for line in pipeline_lines(report, quiet=common.quiet):
            print(line)
    return int(report["exit_code"])
