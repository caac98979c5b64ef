"""`trueup doctor`."""

from __future__ import annotations

import click

from trueup.model.diagnostics import Severity
from trueup.model.errors import ExitCode
from trueup.ui.cli.common import Common, shared, store_names


@click.command
@click.argument("store", required=False, shell_complete=store_names, help="Only this store.")
@shared
def doctor(common: Common, store: str | None) -> int:
    """Look at everything: configuration, secrets, ledger, stores. Writes to no store."""
    with common.load(checked=True) as app:
        found = []
        for one in app.doctor(store):
            found.append(one)
            if not common.for_programs:
                from trueup.ui.cli.render.errors import diagnostic_lines

                if one.severity is not Severity.INFO or not common.quiet:
                    print("\n".join(diagnostic_lines(one)), flush=True)
        bad = any(one.severity is Severity.ERROR for one in found)
        if common.for_programs:
            common.put({"healthy": not bad, "findings": [one.to_json() for one in found]})
        return ExitCode.FAILED if bad else ExitCode.DONE
