"""What every operator of trueup is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, SkipMixin

from trueup.engines.airflow.calling import stop

if TYPE_CHECKING:
    from airflow.sdk import Context


RUN = "trueup_run"
"""The XCom key of a run's id."""

ANSWER = "return_value"
"""The XCom key of what a task returns; a task that skips others by an exception has to say it itself."""

GIVEN_UP = "trueup_given_up"
"""The XCom key that says of a run that waited for a person that a later one took its place."""

GREEN = ("done",)
"""States of a trueup run that leave the DAG run green: where `trueup run` answers with exit code 0."""


class TrueupOperator(BaseOperator, SkipMixin):
    """A call of trueup.

    Args:
        config: the absolute path of trueup.yaml, the same on every worker.
    """

    ui_color = "#e3efe8"
    template_fields: Sequence[str] = ("config",)

    def __init__(self, *, config: str, **more: Any) -> None:
        super().__init__(**more)
        self.config = config

    def on_kill(self) -> None:
        """Airflow has sent SIGTERM: somebody has stopped the task, or its worker."""
        stop()

    def skip_tasks(self, context: Context, others: Sequence[str]) -> None:
        """Skips these tasks of the DAG; by an exception, so this comes last."""
        dag = context["task"].dag
        self.skip(context["ti"], [dag.get_task(one) for one in others])
