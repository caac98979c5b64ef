"""`trueup graph`."""

from __future__ import annotations

import click

from trueup.ui.cli.common import Common, pipeline_names, shared


@click.command
@click.argument("pipeline", shell_complete=pipeline_names, help="The pipeline's name in trueup.yaml.")
@click.option("--mermaid", is_flag=True, help="As a Mermaid flowchart.")
@shared
def graph(common: Common, pipeline: str, mermaid: bool) -> int:
    """Draw a pipeline's graph: one line a step, or a Mermaid flowchart."""
    from trueup.core.graph_drawing import to_mermaid, to_text

    with common.load() as app:
        spec = app.config.pipeline(pipeline)
        if common.for_programs:
            common.put(spec.to_json())
        else:
            print(to_mermaid(spec) if mermaid else to_text(spec))
    return 0
