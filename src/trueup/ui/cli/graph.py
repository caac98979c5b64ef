"""`trueup graph`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from trueup.ui.cli.common import Common


def graph(
    pipeline: str, /, *, mermaid: Annotated[bool, Parameter(negative="")] = False, common: Common | None = None
) -> int:
    """Draw a pipeline's graph: one line a step, or a Mermaid flowchart.

    Parameters
    ----------
    pipeline
        The pipeline's name in trueup.yaml.
    mermaid
        As a Mermaid flowchart.
    """
    common = common or Common()
    from trueup.core.graph_drawing import to_mermaid, to_text

    with common.load() as app:
        spec = app.config.pipeline(pipeline)
        if common.for_programs:
            common.put(spec.to_json())
        else:
            print(to_mermaid(spec) if mermaid else to_text(spec))
    return 0
