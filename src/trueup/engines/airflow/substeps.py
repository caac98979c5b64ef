"""Steps that are jobs or pipelines: where those begin and end, as operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from trueup.engines.airflow.base import TrueupOperator
from trueup.engines.airflow.calling import call, counted
from trueup.engines.airflow.job_ends import BeginJob, EndJob, left
from trueup.engines.airflow.pipeline_ends import BeginPipeline, EndPipeline, current
from trueup.engines.airflow.steps import decided
from trueup.engines.base import Json

if TYPE_CHECKING:
    from airflow.sdk import Context


class OfStep(TrueupOperator):
    """What an operator is that begins or ends what a step of a pipeline starts.

    Args:
        pipeline_run: the pipeline's run.
        above: the task that began that.
        step: the step's name.
        decides: whether it has to ask if it runs.
        more: of the operator.
    """

    def __init__(self, *, pipeline_run: str, above: str, step: str, decides: bool = True, **more: Any) -> None:
        super().__init__(**more)
        self.pipeline_run, self.above, self.step, self.decides = pipeline_run, above, step, decides

    def pre_execute(self, context: Context) -> None:
        """See `current`."""
        self.pipeline_run = current(context, self.config, self.above, self.pipeline_run)

    def started(self) -> Json:
        """Whether it runs, and with what; see `calls.start_step`."""
        if self.decides:
            decided(call("decide", self.config, self.pipeline_run, self.step), self.step)
        found: Json = call("start_step", self.config, self.pipeline_run, self.step, None)
        return found


class BeginJobStep(OfStep, BeginJob):
    """Begins the job of a step."""

    template_fields: Sequence[str] = ("config", "job", "allow", "pipeline_run")

    def execute(self, context: Context) -> Any:
        """See `calls.start_step`, `calls.begin_job`."""
        started = self.started()
        if started["known"]:
            return self.do_branch(context, self.routes["over"])
        return self.begin(context, started["parent"], ())


class EndJobStep(OfStep, EndJob):
    """Ends the job of a step, and the step."""

    template_fields: Sequence[str] = ("config", "pipeline_run")

    def execute(self, context: Context) -> Json:
        """See `calls.end_job`, `calls.end_step`. What is partly done stays green: the steps behind it ask the ledger."""
        begun = state_of(context, self.begun)
        if begun in ("failed", "upstream_failed"):
            return fail_unless_skipped(self, begun)
        report = self.end(context)
        ended = call("end_step", self.config, self.pipeline_run, self.step, None, report["state"])
        if ended["outcome"] == "failed":
            raise AirflowFailException(f"job of step {self.step} is {counted(report)}{left(report)}")
        return {"outcome": ended["outcome"], "run": report["run"]}


class BeginPipelineStep(OfStep, BeginPipeline):
    """Begins the pipeline of a step."""

    template_fields: Sequence[str] = ("config", "pipeline", "pipeline_run")

    def execute(self, context: Context) -> Any:
        """See `calls.start_step`, `calls.begin_pipeline`."""
        started = self.started()
        if started["known"]:
            return self.do_branch(context, self.over)
        return self.begin(context, started["params"], started["parent"])


class EndPipelineStep(OfStep, EndPipeline):
    """Ends the pipeline of a step, and the step."""

    template_fields: Sequence[str] = ("config", "pipeline_run")

    def execute(self, context: Context) -> Json:
        """See `calls.end_pipeline`, `calls.end_step`."""
        begun = state_of(context, self.begun)
        if begun in ("failed", "upstream_failed"):
            return fail_unless_skipped(self, begun)
        found = self.end(context)
        ended = call("end_step", self.config, self.pipeline_run, self.step, None, found["state"], None, found["error"])
        if ended["outcome"] == "failed":
            raise AirflowFailException(f"pipeline of step {self.step}: {found['error']}")
        return {"outcome": ended["outcome"], "run": found["run"]}


def state_of(context: Context, task: str) -> str:
    """How a task of this DAG run ended."""
    run = context["dag_run"]
    states = context["ti"].get_task_states(dag_id=run.dag_id, task_ids=[task], run_ids=[run.run_id])
    return str(states.get(run.run_id, {}).get(task))


def fail_unless_skipped(operator: Any, begun: str) -> Json:
    """The end of a step that did not begin: recorded as failed where it broke, skipped where something before it did."""
    found = call("decide", operator.config, operator.pipeline_run, operator.step)
    decided(found, operator.step)
    error = f"{operator.begun} is {begun.replace('_', ' ')}: its log says why"
    call("end_step", operator.config, operator.pipeline_run, operator.step, None, "failed", None, error)
    raise AirflowFailException(error)
