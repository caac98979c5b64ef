"""Where the run of a pipeline begins and ends, as operators; and which run the tasks between are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BranchMixIn
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from trueup.engines.airflow.assets import tell_end
from trueup.engines.airflow.base import ANSWER, RUN, TrueupOperator
from trueup.engines.airflow.calling import call, conf_of, page_of
from trueup.engines.airflow.following import key_for, occurrence
from trueup.engines.airflow.meeting import meet, params_of
from trueup.engines.airflow.overlaps import heed
from trueup.engines.base import Json

if TYPE_CHECKING:
    from airflow.sdk import Context

BEGUN = "trueup_begun"
"""The XCom key of what a pipeline was begun with."""


class BeginPipeline(TrueupOperator, BranchMixIn):
    """Begins a run of a pipeline, or takes up the one that this DAG run has begun before.

    Args:
        pipeline: its name.
        over: the task to go to where there is nothing left to do.
        names: its parameters, which are those of the DAG run.
        overlap: what to do while an earlier DAG run is under way; see `overlaps.heed`. "": nothing is to be looked at.
        follows: a calendar says when it starts, and may give it parameters.
    """

    template_fields: Sequence[str] = ("config", "pipeline")
    inherits_from_skipmixin = True

    def __init__(
        self,
        *,
        pipeline: str,
        over: str,
        names: Sequence[str] = (),
        overlap: str = "",
        follows: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.pipeline, self.over, self.names = pipeline, over, tuple(names)
        self.overlap, self.follows = overlap, follows

    def execute(self, context: Context) -> Any:
        """See `calls.begin_pipeline`."""
        found = occurrence(context, self.config, self.pipeline) if self.follows else None
        params = params_of(context, self.names, found)
        if self.overlap:
            heed(context, self.overlap)
            meet(context, self.config, self.pipeline, key_for(context, self.task_id, found), params, found)
        return self.begin(context, params, conf_of(context).get("parent", ""), found)

    def execute_again(self, context: Context, event: Any = None) -> Any:
        """After a while in which an earlier DAG run was under way."""
        return self.execute(context)

    def begin(self, context: Context, params: Json, parent: str, found: Json | None = None) -> Any:
        """Begins it in the name of this parent, for what a calendar says of this moment."""
        key = key_for(context, self.task_id, found)
        begun = call("begin_pipeline", self.config, self.pipeline, params, key, parent)
        call("link", self.config, begun["run"], "airflow", page_of(context))
        context["ti"].xcom_push(key=RUN, value=begun["run"])
        context["ti"].xcom_push(key=BEGUN, value=[self.pipeline, params, key, parent])
        self.log.info("run %s of pipeline %s with %s", begun["run"], self.pipeline, begun["params"])
        return {"run": begun["run"]}


def current(context: Context, config: str, begun: str, run: str) -> str:
    """The run that a task is about. It is the one that was begun, unless a person has cleared tasks of a DAG run that had failed: then it
    is the run that repeats that one and keeps what was done.

    Args:
        config: the absolute path of trueup.yaml.
        begun: the task that began the pipeline.
        run: the run it began.
    """
    if not context["dag_run"].clear_number:
        return run
    found = context["ti"].xcom_pull(task_ids=begun, key=BEGUN)
    return str(call("begin_pipeline", config, *found)["run"]) if found else run


def settle(config: str, run: str, steps: Sequence[str]) -> None:
    """Records what steps that Airflow has done with have not recorded themselves: who was never reached is skipped, who died has failed."""
    for step in steps:
        if call("decide", config, run, step)["verdict"] == "run":
            call("end_step", config, run, step, None, "failed", None, "its task ended without a word: see its log")


class EndPipeline(TrueupOperator):
    """Ends a run of a pipeline: steps that died without a word are recorded, and it says how the run ended. Runs in any case.

    Args:
        begun: the task that began it.
        steps: its steps in order.
        green: states that leave this task, and with it the DAG run, green.
    """

    def __init__(self, *, begun: str, steps: Sequence[str], green: Sequence[str], **more: Any) -> None:
        super().__init__(**more)
        self.begun, self.steps, self.green = begun, tuple(steps), tuple(green)

    def execute(self, context: Context) -> Json:
        """See `calls.end_pipeline`."""
        found = self.end(context)
        tell_end(context, self.outlets, found["run"], found["state"])
        if found["state"] not in self.green:
            raise AirflowFailException(f"run {found['run']} is {found['state']}: {found.get('error', '')}")
        return found

    def end(self, context: Context) -> Json:
        """Ends the run that was begun; skips where there is none."""
        run = context["ti"].xcom_pull(task_ids=self.begun, key=RUN)
        if run is None:
            raise AirflowSkipException(f"{self.begun} has begun no run")
        run = current(context, self.config, self.begun, run)
        settle(self.config, run, self.steps)
        found: Json = call("end_pipeline", self.config, run)
        for name, one in found["steps"].items():
            self.log.info("%-8s %s  %s", one["outcome"], name, one["error"])
        short = {key: found[key] for key in ("run", "state", "error")}
        context["ti"].xcom_push(key=ANSWER, value=short)
        return short
