"""The phases of a job as operators, between its beginning and its end. Each is one call of `trueup.engines.calls`; where a run stands is
in trueup's ledger, and Airflow hands on nothing but the run's id and short answers (XCom).

A task that Airflow repeats, or that a person clears, calls again; the call finds in the ledger what is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trueup.engines.airflow.base import ANSWER, TrueupOperator
from trueup.engines.airflow.calling import answered, call, counted
from trueup.engines.base import Json

if TYPE_CHECKING:
    from airflow.sdk import Context


class RunOperator(TrueupOperator):
    """A call about a run that is under way.

    Args:
        run: the run's id; usually a template that pulls it from the task that began it.
    """

    template_fields: Sequence[str] = ("config", "run")

    def __init__(self, *, run: str, **more: Any) -> None:
        super().__init__(**more)
        self.run = run


class CollectionOperator(RunOperator):
    """A phase of one collection.

    Args:
        collection: "store/name".
    """

    template_fields: Sequence[str] = ("config", "run", "collection")

    def __init__(self, *, collection: str, **more: Any) -> None:
        super().__init__(**more)
        self.collection = collection


class Read(CollectionOperator):
    """Brings the ledger up to date with one collection."""

    def execute(self, context: Context) -> Json:
        """See `calls.read`."""
        return answered(context, call("read", self.config, self.run, self.collection))


class Plan(RunOperator):
    """Makes the plan.

    Args:
        readings: what the readings answered.
    """

    template_fields: Sequence[str] = ("config", "run", "readings")

    def __init__(self, *, readings: Any, **more: Any) -> None:
        super().__init__(**more)
        self.readings = readings

    def execute(self, context: Context) -> Json:
        """See `calls.plan`; the plan itself is in the log, and stays in the ledger."""
        made: Json = call("plan", self.config, self.run, listed(self.readings))
        self.log.info("the plan of run %s\n%s", self.run, call("plan_markdown", self.config, self.run))
        return {
            "counts": made.get("counts", {}),
            "creates": len(made.get("creates", ())),
            "guards": len(made.get("guards", ())),
        }


class Guard(RunOperator):
    """Skips what this plan does not call for: the question where no guard blocks it, waves (but the first one) where they have nothing to
    do, and all of applying where nothing is to be done.

    Args:
        planned: what `Plan` answered.
        approve: the task that puts the question.
        batches: the tasks that list the batches of each wave, and the actions of the changes in it.
    """

    template_fields: Sequence[str] = ("config", "run", "planned")
    inherits_from_skipmixin = True

    def __init__(self, *, planned: Any, approve: str, batches: Mapping[str, Sequence[str]], **more: Any) -> None:
        super().__init__(**more)
        self.planned, self.approve, self.batches = planned, approve, dict(batches)

    def execute(self, context: Context) -> Json:
        """See `calls.guard`."""
        answer: Json = call("guard", self.config, self.run)
        for one in answer["guards"]:
            said = f" ({one['allowed']} allowed it)" if one["allowed"] else ""
            self.log.warning("guard %s: %s: %s%s", one["guard"], one["collection"], one["message"], said)
        counts, skipped = self.planned["counts"], []
        if not answer["blocked"]:
            skipped.append(self.approve)
        first, *later = self.batches
        skipped += [one for one in later if not any(counts.get(action) for action in self.batches[one])]
        if not answer["blocked"] and not counts and not self.planned["creates"]:
            call("start_apply", self.config, self.run)  # says that the plan is carried out; there is nothing in it
            skipped.append(first)
        context["ti"].xcom_push(key=ANSWER, value={"blocked": answer["blocked"]})
        self.skip_tasks(context, skipped)
        return {"blocked": answer["blocked"]}


class Batches(RunOperator):
    """The batches of a wave: what `Apply` is mapped over.

    Args:
        wave: its number, from 1; verb: its name.
        limit: into how many items the batches are put together at most (Airflow's `[core] max_map_length`).
    """

    def __init__(self, *, wave: int, verb: str, limit: int = 1024, **more: Any) -> None:
        super().__init__(**more)
        self.wave, self.verb, self.limit = wave, verb, limit

    def execute(self, context: Context) -> list[Json]:
        """See `calls.start_apply`, which lists what is not yet done."""
        left: list[list[Json]] = call("start_apply", self.config, self.run)["waves"]
        return packed([one for wave in left for one in wave if one["wave"] == self.wave], self.verb, self.limit)


def packed(batches: Sequence[Json], verb: str, limit: int) -> list[Json]:
    """Batches as at most `limit` items for a map, in order: {"batches": [3, 4], "label": "apply batch 3-4 (work/team)"}."""
    size = -(-len(batches) // limit) if batches else 1
    return [_item(batches[at : at + size], verb) for at in range(0, len(batches), size)]


def _item(batches: Sequence[Json], verb: str) -> Json:
    numbers = [one["batch"] for one in batches]
    shown = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"
    where = ", ".join(sorted({one["collection"] for one in batches}))
    titles = ", ".join(one["title"] for one in batches)
    return {"batches": numbers, "label": titles.strip(", ") or f"{verb} batch {shown} ({where})"}


class Apply(RunOperator):
    """Sends batches.

    Args:
        item: {"batches", "label"}, as `Batches` gives them.
    """

    template_fields: Sequence[str] = ("config", "run", "item")

    def __init__(self, *, item: Any, **more: Any) -> None:
        super().__init__(**more)
        self.item = item

    def execute(self, context: Context) -> list[Json]:
        """See `calls.apply_batch`."""
        return [
            answered(context, call("apply_batch", self.config, self.run, one), again=False)
            for one in self.item["batches"]
        ]


class Verify(CollectionOperator):
    """Reads back what was written to one collection."""

    def execute(self, context: Context) -> Json:
        """See `calls.verify`."""
        return answered(context, call("verify", self.config, self.run, self.collection))


class Report(RunOperator):
    """Reports a round; what another round may finish is the next task's.

    Args:
        verified: what the verifications answered.
        rounds: the task that does further rounds, skipped where there is nothing for it.
    """

    template_fields: Sequence[str] = ("config", "run", "verified")
    inherits_from_skipmixin = True

    def __init__(self, *, verified: Any, rounds: str, **more: Any) -> None:
        super().__init__(**more)
        self.verified, self.rounds = verified, rounds

    def execute(self, context: Context) -> Any:
        """See `calls.report`."""
        found: Json = call("report", self.config, self.run, listed(self.verified))
        self.log.info("run %s is %s", self.run, counted(found))
        context["ti"].xcom_push(key=ANSWER, value={"state": found.get("state"), "counts": found.get("counts", {})})
        if not found.get("again"):
            self.skip_tasks(context, [self.rounds])
        return {"state": found.get("state"), "counts": found.get("counts", {})}


class Rounds(RunOperator):
    """Everything that is left of a run: a target moved on while it was written to, and is read and planned again.

    One task, because the graph of a DAG is fixed; it is rarely needed.
    """

    def execute(self, context: Context) -> Json:
        """See `calls.run_rest`."""
        found: Json = call("run_rest", self.config, self.run)
        self.log.info("run %s is %s", found.get("run"), counted(found))
        return {"state": found.get("state"), "counts": found.get("counts", {})}


def listed(values: Any) -> list[Any]:
    """What mapped tasks answered, as a list. Airflow's lazy sequence, walked through until its end, writes an error to the log."""
    return [values[at] for at in range(len(values))] if values is not None else []
