"""The definition a pipeline's run goes on with: the one it began with.

An orchestrator's run may take days, and somebody edits trueup.yaml meanwhile. The ledger keeps the pipelines that a run began with, and those
they start; its own calls, and the runs it starts, use them. What is edited counts for the next run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.app import App
from trueup.core.graph import Graph
from trueup.core.pipeline_runs import KIND, PipelineRun, PipelineRuns, definition_digest, reached
from trueup.engines.calls.memory import Memory
from trueup.model.errors import NotFound
from trueup.model.pipeline import PipelineSpec
from trueup.model.run import RunRecord, RunState

_OPEN = (RunState.RUNNING, RunState.AWAITING_APPROVAL)

_LAST = 16
"""Runs; with one that repeats another goes what that has done."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a run is and goes by, from its beginning to its end.

    Attributes:
        graph: its pipeline's.
        run: its id, parameters, and what of an earlier run counts.
    """

    graph: Graph
    run: PipelineRun


_known: Memory[Definition] = Memory(_LAST)


def of(app: App, run: str) -> Definition:
    """The definition of a run.

    Raises:
        NotFound: there is no such run, or the configuration has no such pipeline.
        StalePlan: the pipeline was changed since the run began, and the run kept none.
    """
    return _known.get(app, run, lambda: _looked_up(app, run))


def _looked_up(app: App, run: str) -> Definition:
    record = app.ledger.journal.get(run)
    if record.kind != KIND:
        raise NotFound(f"run {run} is no run of a pipeline", why=f"it is a {record.kind} of {record.subject}")
    runs = runs_of(app, record.subject, of_run(app, record), record.parent)
    return Definition(Graph(runs.spec), runs.of(record))


def kept(record: RunRecord | None) -> dict[str, PipelineSpec]:
    """The pipelines that a run began with, by name; empty where it kept none."""
    found = (record.plan or {}).get("pipelines", {}) if record is not None else {}
    return {name: PipelineSpec.from_json(value) for name, value in found.items()}


def of_run(app: App, record: RunRecord) -> Mapping[str, PipelineSpec]:
    """The pipelines that the calls about a run go by."""
    return kept(record) or app.config.pipelines


def of_start(app: App, pipeline: str, parent: str) -> Mapping[str, PipelineSpec]:
    """The pipelines that a run starts with, or goes on with: those of the run that is under way for this parent, else those of the run that
    starts it, else the configuration's."""
    under_way = app.ledger.journal.latest(pipeline, _OPEN, parent=parent, kind=KIND)
    return kept(under_way) or kept(_starter(app, parent)) or app.config.pipelines


def runs_of(app: App, pipeline: str, pipelines: Mapping[str, PipelineSpec], parent: str) -> PipelineRuns:
    """The runs of a pipeline for one parent.

    Raises:
        NotFound: there is no such pipeline.
    """
    spec = pipelines[pipeline] if pipeline in pipelines else app.config.pipeline(pipeline)
    together = reached(spec, pipelines)
    return PipelineRuns(app.ledger, spec, definition_digest(spec, pipelines), parent, together)


def _starter(app: App, parent: str) -> RunRecord | None:
    run = parent.partition("/")[0]
    try:
        return app.ledger.journal.get(run)
    except NotFound:
        return None
