"""A step with `for_each` as operators: its items are listed, mapped over, and put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from trueup.engines.airflow.calling import call
from trueup.engines.airflow.steps import StepOperator, function
from trueup.engines.base import Json

if TYPE_CHECKING:
    from airflow.sdk import Context


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
