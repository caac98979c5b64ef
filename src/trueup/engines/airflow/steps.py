"""The steps of a pipeline as operators: each decides by trueup's own rules whether it runs, then runs, and its end stands in the ledger.

Airflow's trigger rules and trueup's `when` agree where a step says nothing: all that it needs ended well. Where it says something, a task
of its own decides (`Decide`), as Airflow's branches do, and skips the step or lets it run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from trueup.engines.airflow.base import TrueupOperator
from trueup.engines.airflow.calling import call, tell
from trueup.engines.airflow.pipeline_ends import current, settle
from trueup.engines.base import Json

if TYPE_CHECKING:
    from airflow.sdk import Context


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
