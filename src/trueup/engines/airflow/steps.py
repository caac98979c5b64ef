"""The steps of a pipeline as operators: each decides by trueup's own rules whether it runs, then runs, and its end stands in the ledger.

Airflow's trigger rules and trueup's `when` agree where a step says nothing: all that it needs ended well. Where it says something, a task
of its own decides (`Decide`), as Airflow's branches do, and skips the step or lets it run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BranchMixIn
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from trueup.engines.airflow.assets import tell_end
from trueup.engines.airflow.base import TrueupOperator
from trueup.engines.airflow.calling import call, conf_of, counted, page_of, tell
from trueup.engines.airflow.following import key_for, occurrence
from trueup.engines.airflow.operators import ANSWER, RUN, BeginJob, EndJob, left
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
        overlap: what to do while an earlier DAG run is under way; see `overlaps.heed`.
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
        heed(context, self.overlap)
        given = {name: context["params"][name] for name in self.names if context["params"].get(name) is not None}
        found = occurrence(context, self.config, self.pipeline) if self.follows else None
        return self.begin(
            context, {**given, **(found or {}).get("params", {})}, conf_of(context).get("parent", ""), found
        )

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


class StepOperator(TrueupOperator):
    """Something about one step of a pipeline's run.

    Args:
        run: the pipeline's run; usually a template.
        begun: the task that began it.
        step: the step's name.
    """

    template_fields: Sequence[str] = ("config", "run")

    def __init__(self, *, run: str, begun: str, step: str, **more: Any) -> None:
        super().__init__(**more)
        self.run, self.begun, self.step = run, begun, step

    def pre_execute(self, context: Context) -> None:
        """See `current`."""
        self.run = current(context, self.config, self.begun, self.run)

    def decide(self) -> Json | None:
        """Whether the step runs: what `calls.decide` says, or None where it has ended before.

        Raises:
            AirflowSkipException: it is skipped; says why.
            AirflowFailException: it has failed before.
        """
        return decided(call("decide", self.config, self.run, self.step), self.step)


def decided(found: Json, step: str) -> Json | None:
    """See `StepOperator.decide`."""
    if found["verdict"] == "run":
        return found
    if found["verdict"] == "skip" or found.get("outcome") == "skipped":
        raise AirflowSkipException(f"{step} is skipped: {found.get('reason', '')}")
    if found.get("outcome") == "failed":
        raise AirflowFailException(f"{step} failed: {found.get('reason', '')}")
    return None


class Decide(StepOperator):
    """Whether a step with a condition (`when`) runs; skipped, and the step with it, where it does not.

    Args:
        above: all steps that come before it, in order.
    """

    def __init__(self, *, above: Sequence[str] = (), **more: Any) -> None:
        super().__init__(**more)
        self.above = tuple(above)

    def execute(self, context: Context) -> Json:
        """See `calls.decide`."""
        settle(self.config, self.run, self.above)
        found = self.decide()
        return {"verdict": "run" if found else "known"}


def settle(config: str, run: str, steps: Sequence[str]) -> None:
    """Records what steps that Airflow has done with have not recorded themselves: who was never reached is skipped, who died has failed."""
    for step in steps:
        if call("decide", config, run, step)["verdict"] == "run":
            call("end_step", config, run, step, None, "failed", None, "its task ended without a word: see its log")


class RunFunction(StepOperator):
    """Calls the Python function of a step.

    A failure is tried again as often as the step's `retry` says; trueup counts that in its ledger, so that a killed process, which
    Airflow repeats as well, is no failure.

    Args:
        decides: whether it has to ask if it runs.
    """

    def __init__(self, *, decides: bool = True, **more: Any) -> None:
        super().__init__(**more)
        self.decides = decides

    def execute(self, context: Context) -> Json:
        """See `calls.run_function`."""
        if self.decides and self.decide() is None:
            return {"outcome": "done", "known": True}
        return function(self, None, context)


def function(operator: StepOperator, index: int | None, context: Context) -> Json:
    """Calls a step's function, for one item of a map where there is an index; records where it has failed for good."""
    from trueup.engines import calls

    attempt = context["ti"].try_number
    try:
        answer: Json = calls.run_function(operator.config, operator.run, operator.step, index, attempt)
    except Exception as error:
        tell(error)
        if calls.retryable(error) and attempt <= context["ti"].max_tries:
            raise
        call("end_step", operator.config, operator.run, operator.step, index, "failed", None, str(error))
        raise AirflowFailException(str(error)) from error
    if answer["outcome"] == "failed":
        raise AirflowFailException(f"{operator.step} has failed")
    return {"outcome": answer["outcome"], "cached": bool(answer.get("cached"))}


class Items(StepOperator):
    """The items of a map, of which Airflow hears numbers and short labels only: the values stay in the ledger.

    Args:
        limit: into how many parts the items are put together at most (Airflow's `[core] max_map_length`).
        single: every item has to be a part of its own.
    """

    def __init__(self, *, limit: int = 1024, single: bool = False, **more: Any) -> None:
        super().__init__(**more)
        self.limit, self.single = limit, single

    def execute(self, context: Context) -> list[Json]:
        """See `calls.decide`."""
        found = self.decide()
        number = int(found["items"] or 0) if found else 0
        if self.single and number > self.limit:
            hint = "give them out in several steps, or raise [core] max_map_length of Airflow"
            raise AirflowFailException(
                f"{self.step} has {number} items, Airflow maps over {self.limit} at most: {hint}"
            )
        return parts(self.step, number, (found or {}).get("labels") or (), self.limit)


def parts(step: str, number: int, labels: Sequence[str], limit: int) -> list[Json]:
    """Items as at most `limit` parts for a map, in order: {"items": [3], "label": "send[3] rome"}."""
    size = -(-number // limit) if number else 1
    found = []
    for at in range(0, number, size):
        items = list(range(at, min(at + size, number)))
        shown = f"{step}[{at}]" if len(items) == 1 else f"{step}[{at}-{items[-1]}]"
        label = f" {labels[at]}" if len(items) == 1 and at < len(labels) and labels[at] else ""
        found.append({"items": items, "label": (shown + label)[:200]})
    return found


class RunItems(StepOperator):
    """Calls the function of a step for some of its items.

    Args:
        part: {"items", "label"}, as `Items` gives them.
    """

    template_fields: Sequence[str] = ("config", "run", "part")

    def __init__(self, *, part: Any, **more: Any) -> None:
        super().__init__(**more)
        self.part = part

    def execute(self, context: Context) -> Json:
        """See `calls.run_function`; an item that fails does not keep the others from running."""
        failed: list[str] = []
        for index in self.part["items"]:
            try:
                function(self, index, context)
            except AirflowFailException as error:
                failed.append(f"{self.step}[{index}]: {error}")
        if failed:
            raise AirflowFailException("\n".join(failed))
        return {"items": len(self.part["items"])}


class EndMap(StepOperator):
    """Ends a map once all its items have: done, partial or failed, as `calls.end_map` finds.

    Args:
        items: the task that listed the items.
    """

    def __init__(self, *, items: str, **more: Any) -> None:
        super().__init__(**more)
        self.items = items

    def execute(self, context: Context) -> Json:
        """See `calls.end_map`."""
        if context["ti"].xcom_pull(task_ids=self.items) is None:
            raise AirflowSkipException(f"{self.items} has listed nothing")
        found: Json = call("end_map", self.config, self.run, self.step)
        if found["outcome"] == "failed":
            raise AirflowFailException(f"all items of {self.step} failed")
        self.log.info("%s is %s", self.step, found["outcome"])
        return {"outcome": found["outcome"]}


class BeginJobStep(BeginJob):
    """Begins the job of a step.

    Args:
        pipeline_run: the pipeline's run.
        above: the task that began that.
        step: the step's name.
        decides: whether it has to ask if it runs.
    """

    template_fields: Sequence[str] = ("config", "job", "allow", "pipeline_run")

    def __init__(self, *, pipeline_run: str, above: str, step: str, decides: bool = True, **more: Any) -> None:
        super().__init__(**more)
        self.pipeline_run, self.above, self.step, self.decides = pipeline_run, above, step, decides

    def pre_execute(self, context: Context) -> None:
        """See `current`."""
        self.pipeline_run = current(context, self.config, self.above, self.pipeline_run)

    def execute(self, context: Context) -> Any:
        """See `calls.start_step`, `calls.begin_job`."""
        if self.decides:
            decided(call("decide", self.config, self.pipeline_run, self.step), self.step)
        started: Json = call("start_step", self.config, self.pipeline_run, self.step, None)
        if started["known"]:
            return self.do_branch(context, self.routes["over"])
        return self.begin(context, started["parent"], ())


class EndJobStep(EndJob):
    """Ends the job of a step, and the step.

    Args:
        pipeline_run, above, step: as `BeginJobStep`.
    """

    template_fields: Sequence[str] = ("config", "pipeline_run")

    def __init__(self, *, pipeline_run: str, above: str, step: str, **more: Any) -> None:
        super().__init__(**more)
        self.pipeline_run, self.above, self.step = pipeline_run, above, step

    def pre_execute(self, context: Context) -> None:
        """See `current`."""
        self.pipeline_run = current(context, self.config, self.above, self.pipeline_run)

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


class BeginPipelineStep(BeginPipeline):
    """Begins the pipeline of a step.

    Args:
        pipeline_run, above, step, decides: as `BeginJobStep`.
    """

    template_fields: Sequence[str] = ("config", "pipeline", "pipeline_run")

    def __init__(self, *, pipeline_run: str, above: str, step: str, decides: bool = True, **more: Any) -> None:
        super().__init__(**more)
        self.pipeline_run, self.above, self.step, self.decides = pipeline_run, above, step, decides

    def pre_execute(self, context: Context) -> None:
        """See `current`."""
        self.pipeline_run = current(context, self.config, self.above, self.pipeline_run)

    def execute(self, context: Context) -> Any:
        """See `calls.start_step`, `calls.begin_pipeline`."""
        if self.decides:
            decided(call("decide", self.config, self.pipeline_run, self.step), self.step)
        started: Json = call("start_step", self.config, self.pipeline_run, self.step, None)
        if started["known"]:
            return self.do_branch(context, self.over)
        return self.begin(context, started["params"], started["parent"])


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


class EndPipelineStep(EndPipeline):
    """Ends the pipeline of a step, and the step.

    Args:
        pipeline_run, above, step: as `BeginJobStep`.
    """

    template_fields: Sequence[str] = ("config", "pipeline_run")

    def __init__(self, *, pipeline_run: str, above: str, step: str, **more: Any) -> None:
        super().__init__(**more)
        self.pipeline_run, self.above, self.step = pipeline_run, above, step

    def pre_execute(self, context: Context) -> None:
        """See `current`."""
        self.pipeline_run = current(context, self.config, self.above, self.pipeline_run)

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
