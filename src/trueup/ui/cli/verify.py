"""`trueup verify`."""

from __future__ import annotations

from trueup.model.errors import ExitCode
from trueup.ui.cli.common import Common


def verify(job: str, /, *, common: Common | None = None) -> int:
    """Read every side of a job in full and compare it with the ledger and with the other sides. Writes to no store.

    Parameters
    ----------
    job
        The job's name in trueup.yaml.
    """
    common = common or Common()
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
