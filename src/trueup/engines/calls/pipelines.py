"""The calls about one run of a pipeline: an engine's own graph asks them what becomes of each step, and tells them how it ended.

begin_pipeline -> for each step, all it needs having ended: decide -> run_function | start_step, end_step -> (end_map) -> end_pipeline
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from trueup.app import App
from trueup.core import pipeline_results
from trueup.core.graph import Graph, StepResult
from trueup.core.pipeline_runs import KIND
from trueup.core.step_runs import WAITING, key_of, result_of_map, shown
from trueup.engines.calls import definitions
from trueup.engines.calls.frame import alone
from trueup.engines.calls.opened import opened
from trueup.engines.calls.step_frame import pipeline_call, step_call
from trueup.model.errors import LedgerError, TrueupError
from trueup.model.pipeline import StepOutcome
from trueup.model.run import KEY, RunRecord, RunState

Json: TypeAlias = dict[str, Any]

LABEL = 60
"""Characters of an item's label."""

_OVER = (RunState.DONE, RunState.PARTIAL)


def begin_pipeline(config: str, pipeline: str, params: Mapping[str, Any], key: str, parent: str = "") -> Json:
    """Finds or starts the run of a pipeline for an engine's run.

    The same key (or parent) with the same parameters gives the same run, wherever it stands; one that failed is repeated by a new one
    that keeps what was done.

    Args:
        config: the absolute path of trueup.yaml.
        pipeline: its name.
        params: its parameters as JSON values.
        key: the engine's own id of its run.
        parent: the run and step of a pipeline that start it ("RUN/step[3]").

    Returns:
        {"run", "pipeline", "params", "resumed", "order": [step, …], "started": ISO 8601, "state", "over"}.

    Raises:
        UsageError: a parameter does not fit.
        NotFound: there is no such pipeline.
    """
    with opened(config) as app:
        known_by = parent or KEY + key
        with alone(app, f"pipeline/{pipeline}/{known_by}"):
            runs = definitions.runs_of(app, pipeline, definitions.of_start(app, pipeline, known_by), known_by)
            run, over = runs.child(params, _repeats(app, parent))
            if over is None:
                app.ledger.journal.update(run.id, state=RunState.RUNNING, phase="steps")
                if run.resumed:
                    app.ledger.journal.add_to_report(run.id, {"resumed": True})
                app.tell(pipeline, "began", run.id)
        return {
            "run": run.id,
            "pipeline": pipeline,
            "params": run.params,
            "resumed": run.resumed,
            "order": list(Graph(runs.spec).order),
            "started": run.to_scope(pipeline)["started"],
            "state": over.state.value if over else RunState.RUNNING.value,
            "over": over is not None,
        }


def decide(config: str, run: str, step: str) -> Json:
    """What becomes of a step, all it needs having ended; a step that is skipped is recorded.

    Returns:
        {"verdict": "run" | "skip" | "known", "outcome": how it ended ("" for "run"), "reason", "items": how many (for_each) or None,
        "labels": [a short text for each item]}.

    Raises:
        UsageError: something it needs has not ended.
    """
    with step_call(config, run, step, None, unit=f"decide/{step}") as call:
        known = call.known()
        if known is not None:
            return _verdict("known", known)
        try:
            skipped = call.graph.verdict(step, call.inputs.needed, call.inputs.scope)
            items = None if skipped or call.step.for_each is None else call.inputs.items
        except LedgerError:
            raise
        except TrueupError as error:
            failed = StepResult(StepOutcome.FAILED, error=shown(error))
            call.runs.record(call.key, failed)
            return _verdict("known", failed)
        if skipped is not None:
            call.runs.record(call.key, skipped)
            return _verdict("skip", skipped)
        if items is not None:
            call.runs.begin_map(call.step, len(items))
        return {
            "verdict": "run",
            "outcome": "",
            "reason": "",
            "items": None if items is None else len(items),
            "labels": [_label(one) for one in items or ()],
        }


def start_step(config: str, run: str, step: str, index: int | None = None) -> Json:
    """Before a step of kind job or pipeline: the engine then runs that with the parent it is given.

    Returns:
        {"known", "outcome", "cached", "kind", "target", "parent": "RUN/step[3]", "params"}; "known": its result is known already, or in
        the cache, and there is nothing to run.
    """
    with step_call(config, run, step, index) as call:
        answer: Json = {"kind": call.step.kind.value, "target": call.step.target, "parent": f"{run}/{call.key}"}
        known, cached = call.known(), False
        arguments: Mapping[str, Any] = {}
        if known is None:
            arguments, name = call.arguments_or_end()
            found = call.runs.cached(call.step, call.key, name)
            if found is None:
                call.runs.begin(call.key, arguments)
            else:
                known, cached = found[1], True
        outcome = known.outcome.value if known else ""
        return {**answer, "known": known is not None, "outcome": outcome, "cached": cached, "params": dict(arguments)}


def end_step(
    config: str, run: str, step: str, index: int | None, state: str, output: Any = None, error: str = ""
) -> Json:
    """Records how a step of kind job or pipeline ended, or a function that the engine gave up.

    Args:
        config, run, step, index: as above.
        state: the state of its run ("done", "awaiting_approval", …) or an outcome.
        output: what it gave; None: what the ledger has of the run that this step started.
        error: why it failed.

    Returns:
        {"outcome"}: "waiting" where its job waits for approval.
    """
    with step_call(config, run, step, index) as call:
        known = call.known()
        if known is None:
            known = call.ended(state, output, error)
        return {"outcome": known.outcome.value if known else WAITING}


def end_map(config: str, run: str, step: str) -> Json:
    """Puts the items of a step with `for_each` together, all of them having ended; one that has not counts as failed.

    Returns:
        {"outcome", "error"}.
    """
    with step_call(config, run, step, None) as call:
        known = call.known()
        if known is None:
            rows = {row.key: row for row in call.app.ledger.steps.all(run)}
            keys = [key_of(step, index) for index in range(len(call.inputs.items))]
            if any(key in rows and rows[key].state == WAITING for key in keys):
                call.runs.await_approval(step, None)
                return {"outcome": WAITING, "error": ""}
            lost = StepResult(StepOutcome.FAILED, error="the engine gave it up before it ended")
            known = result_of_map(call.runs.known(key, rows.get(key)) or lost for key in keys)
            call.runs.finish(step, known)
        return {"outcome": known.outcome.value, "error": known.error}


def end_pipeline(config: str, run: str) -> Json:
    """Ends the run.

    Returns:
        {"run", "pipeline", "state", "exit_code", "resumed", "steps": {name: {"outcome", "error"}}, "error"}. A step that has not ended
        makes it fail, unless one waits for approval.
    """
    with pipeline_call(config, run, "end") as call:
        record = call.app.ledger.journal.get(run)
        if record.state in (*_OVER, RunState.FAILED):
            with call.app.told(record.subject):  # what ended it may have been killed before it sent anything
                return dict(record.report)
        rows = {row.key: row for row in call.app.ledger.steps.all(run)}
        found = {name: call.runs.known(name, rows.get(name)) for name in call.graph.order}
        results = {name: one for name, one in found.items() if one is not None}
        waiting = {name for name in found if name in rows and rows[name].state == WAITING}
        state = pipeline_results.state_of(results, waiting)
        left = [name for name in call.graph.order if name not in results]
        if left and not waiting:
            state = RunState.FAILED
        began = replace(call.run, resumed=bool(record.report.get("resumed")))
        result = pipeline_results.result_of_run(call.graph, began, state, results, waiting)
        del result["output"]
        if left and not waiting:
            result["error"] = result["error"] or f"step {left[0]} did not end"
        ended = None if waiting else call.app.ledger.now()
        with call.app.told(record.subject), call.app.ledger.transaction("pipeline.end"):
            call.app.ledger.journal.update(
                run, state=state, phase="report", report={**record.report, **result}, ended=ended
            )
            call.app.tell(record.subject, "ended", run)
        return result


def _repeats(app: App, parent: str) -> str:
    """The parent that did the same in the run which the parent's run repeats; "" for none."""
    above, _, step = parent.partition("/")
    record: RunRecord | None = app.ledger.journal.get(above) if above else None
    earlier = (record.plan or {}).get("repeats", "") if record and record.kind == KIND else ""
    return f"{earlier}/{step}" if earlier else ""


def _verdict(verdict: str, result: StepResult) -> Json:
    return {"verdict": verdict, "outcome": result.outcome.value, "reason": result.error, "items": None, "labels": []}


def _label(item: Any) -> str:
    """A short text for an item: of an object what people call it, where it says so."""
    if isinstance(item, Mapping):
        item = next((item[name] for name in ("name", "title", "id", "key") if name in item), item)
    text = " ".join(str(item).split())
    return text if len(text) <= LABEL else text[: LABEL - 1] + "…"
