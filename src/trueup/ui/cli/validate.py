"""`trueup validate`."""

from __future__ import annotations

import click

from trueup.ui.cli.common import Common, shared


@click.command
@shared
def validate(common: Common) -> int:
    """Check trueup.yaml: every error with its line, and a hint. Uses no network and no ledger."""
    with common.load(checked=True) as app:
        config = app.validate()
        if common.for_programs:
            warnings = [one.to_json() for one in config.warnings]
            found = {"stores": list(config.stores), "jobs": list(config.jobs), "pipelines": list(config.pipelines)}
            common.put({"file": str(config.path), **found, "warnings": warnings})
            return 0
        from trueup.ui.cli.render.errors import diagnostic_lines

        for warning in config.warnings:
            print("\n".join(diagnostic_lines(warning)))
        if not common.quiet:
            counts = ((len(config.stores), "store"), (len(config.jobs), "job"), (len(config.pipelines), "pipeline"))
            text = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count)
            print(f"{config.path} is good: {text}")
        return 0
