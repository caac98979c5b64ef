"""A run of a pipeline on this machine, from the parameters to the result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from trueup.core.graph import Graph
from trueup.core.pipeline_results import result_of_run, state_of
from trueup.core.pipeline_runs import PipelineRun, PipelineRuns, Resume, definition_digest
from trueup.core.step_runs import result_of
from trueup.engines.embedded.attempts import Host
from trueup.engines.embedded.lease import hold
from trueup.engines.embedded.scheduler import Scheduler
from trueup.engines.embedded.stop import Stop
from trueup.model.pipeline import PipelineSpec
from trueup.model.run import ASKS, RunState


def run_pipeline(
    spec: PipelineSpec,
    host: Host,
    *,
    params: Mapping[str, Any] | None = None,
    text: bool = False,
    resume: Resume = Resume.AUTO,
    run: str = "",
    parent: str = "",
    alone: bool = True,
    stop: Stop | None = None,
) -> dict[str, Any]:
    """Runs a pipeline to its end; goes on with a run that was killed or stopped at the first step that has not ended.

    Args:
        spec: the pipeline; valid (`trueup.core.graph_check`).
        host: where it runs.
        params: values of its parameters; with none given, a run that is gone on with keeps its own.
        text: the parameters are texts from a command line.
        resume: what to do about an earlier run.
        run: the id of a run to go on with: one that waits for approval, or was killed.
        parent: what starts it, and not a person: the same again finds the run it started before.
        alone: no other run of the pipeline may be under way; off, with a `parent`, only no other of that parent.
        stop: asks it to stop: what is under way is finished and recorded.

    Returns:
        {"run", "pipeline", "state", "exit_code", "resumed", "steps": {name: {"outcome", "error"}}, "output": {name: output},
        "error": of the first step that failed}. "state" is done, partial, failed or awaiting_approval; the outcome of a
        step that has not ended is "waiting" (its job waits for approval) or "pending".

    Raises:
        Locked: another process runs this pipeline, or took it over.
        Cancelled: it was asked to stop; the next call goes on.
        StalePlan: the earlier run has another definition or other parameters.
        UsageError: a parameter does not fit.
        NotFound: there is no such run to go on with.
    """
    runs = PipelineRuns(host.ledger, spec, definition_digest(spec, host.pipelines))
    lease = f"pipeline/{spec.name}" if alone or not parent else f"pipeline/{spec.name}/{parent}"
    with hold(host.ledger, lease, stop, host.lease_seconds) as held:
        if parent:
            return _run_child(spec, host, dict(params or {}), parent, "", held)
        opened = runs.reopen(run) if run else runs.open(params or {}, resume, text=text)
        return _drive(spec, host, opened, held)


def _run_child(
    spec: PipelineSpec, host: Host, params: dict[str, Any], parent: str, repeats: str, stop: Stop
) -> dict[str, Any]:
    """Runs a pipeline that a step starts; no lease of its own: the job's leases keep two runs of one job apart."""
    runs = PipelineRuns(host.ledger, spec, definition_digest(spec, host.pipelines), parent)
    earlier = host.ledger.journal.latest(spec.name, (RunState.RUNNING,), parent=parent)
    opened, over = runs.child(params, repeats)
    if earlier is not None and earlier.id != opened.id:  # the pipeline was changed since that one began
        runs.give_up(earlier)
    if over is None:
        return _drive(spec, host, opened, stop)
    rows = {row.key: row for row in host.ledger.steps.all(over.id)}
    results = {one.name: result_of(rows[one.name]) for one in spec.steps}
    return result_of_run(Graph(spec), opened, over.state, results)


def _drive(spec: PipelineSpec, host: Host, run: PipelineRun, stop: Stop) -> dict[str, Any]:
    journal = host.ledger.journal
    event = {"event": "pipeline", "pipeline": spec.name, "run": run.id}
    host.say({**event, "state": "running", "resumed": run.resumed, "params": run.params})
    host.told(spec.name, "began", run.id)

    def child(spec: PipelineSpec, params: dict[str, Any], parent: str, stop: Stop) -> dict[str, Any]:
        repeats = f"{run.repeats}/{parent.partition('/')[2]}" if run.repeats else ""
        return _run_child(spec, host, params, parent, repeats, stop)

    graph = Graph(spec)
    scheduler = Scheduler(graph, run.to_scope(spec.name), run.params, host, stop, child, run.kept)
    scheduler.drive()
    left = len(spec.steps) - len(scheduler.results)
    if stop.asked() and left:
        journal.update(run.id, phase="stopped")
        host.say({**event, "state": "stopped", "left": left})
        raise stop.error(f"pipeline {spec.name}", run.id)
    state = state_of(scheduler.results, scheduler.waiting)
    result = result_of_run(graph, run, state, scheduler.results, scheduler.waiting)
    known = {key: value for key, value in journal.get(run.id).report.items() if key in (ASKS, "approved_by")}
    report = {**known, **{key: value for key, value in result.items() if key != "output"}}
    ended = None if scheduler.waiting else time.time()
    with host.ledger.transaction("pipeline.end"):
        journal.update(run.id, state=state, phase="report", report=report, ended=ended)
        host.told(spec.name, "ended", run.id)
    host.say({**event, "state": state.value, "exit_code": result["exit_code"], "error": result["error"]})
    return result
