"""The phases of a job as operators. Each is one call of `trueup.engines.calls`; where a run stands is in trueup's ledger, and Airflow
hands on nothing but the run's id and short answers (XCom).

A task that Airflow repeats, or that a person clears, calls again; the call finds in the ledger what is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BranchMixIn
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred

from trueup.engines.airflow.assets import tell_end
from trueup.engines.airflow.base import TrueupOperator
from trueup.engines.airflow.calling import call, conf_of, counted, page_of
from trueup.engines.airflow.following import key_for, occurrence
from trueup.engines.airflow.overlaps import heed
from trueup.engines.base import Json
from trueup.model.errors import Locked

if TYPE_CHECKING:
    from airflow.sdk import Context

RUN = "trueup_run"
"""The XCom key of a run's id."""

ANSWER = "return_value"

WAIT = timedelta(seconds=15)
"""How long the beginning of a job waits, without a worker, before it looks again whether somebody else still works on it."""

GREEN = ("done",)
"""States of a trueup run that leave the DAG run green: where `trueup run` answers with exit code 0."""


class BeginJob(TrueupOperator, BranchMixIn):
    """Begins a run of a job, or takes up the one that this DAG run has begun before, and branches to where it stands.

    Args:
        job: the job's name.
        routes: the task to go on with, by what comes next: read, approve, apply, over.
        allow: names of guards that are allowed beforehand; None: the DAG run's parameter `allow`.
        overlap: what to do while an earlier DAG run is under way; see `overlaps.heed`.
        follows: a calendar says when it starts.
    """

    template_fields: Sequence[str] = ("config", "job", "allow")
    inherits_from_skipmixin = True

    def __init__(
        self,
        *,
        job: str,
        routes: dict[str, str],
        allow: Sequence[str] | None = None,
        overlap: str = "",
        follows: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.job, self.routes, self.allow = job, routes, allow
        self.overlap, self.follows = overlap, follows

    def execute(self, context: Context) -> Any:
        """See `calls.begin_job`."""
        heed(context, self.overlap)
        allow = context["params"].get("allow", ()) if self.allow is None else self.allow
        found = occurrence(context, self.config, self.job) if self.follows else None
        return self.begin(context, conf_of(context).get("parent", ""), allow, found)

    def execute_again(self, context: Context, event: Any = None) -> Any:
        """After a while in which somebody else worked on the job."""
        return self.execute(context)

    def begin(self, context: Context, parent: str, allow: Sequence[str], found: Json | None = None) -> Any:
        """Begins it in the name of this parent, for what a calendar says of this moment."""
        key = key_for(context, self.task_id, found)
        try:
            begun = call("begin_job", self.config, self.job, key, tuple(allow), parent)
        except Locked as error:
            self.log.info("waiting: %s", error)
            raise TaskDeferred(trigger=TimeDeltaTrigger(WAIT), method_name="execute_again") from None
        call("link", self.config, begun["run"], "airflow", page_of(context))
        context["ti"].xcom_push(key=RUN, value=begun["run"])
        self.log.info("run %s of job %s: next is %s", begun["run"], self.job, begun["next"])
        return self.do_branch(context, self.routes[begun["next"]])


class RunOperator(TrueupOperator):
    """A call about a run that is under way.

    Args:
        run: the run's id; usually a template that pulls it from the task that began it.
    """

    template_fields: Sequence[str] = ("config", "run")

    def __init__(self, *, run: str, **more: Any) -> None:
        super().__init__(**more)
        self.run = run


class Read(RunOperator):
    """Brings the ledger up to date with one collection.

    Args:
        collection: "store/name".
    """

    template_fields: Sequence[str] = ("config", "run", "collection")

    def __init__(self, *, collection: str, **more: Any) -> None:
        super().__init__(**more)
        self.collection = collection

    def execute(self, context: Context) -> Json:
        """See `calls.read`."""
        return call("read", self.config, self.run, self.collection)


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
    """Skips what this plan does not call for: the question where no guard blocks it, the deletions where it has none, and all of
    applying where there is nothing to do.

    Args:
        planned: what `Plan` answered.
        approve, batches, deletions: the tasks it may skip.
    """

    template_fields: Sequence[str] = ("config", "run", "planned")
    inherits_from_skipmixin = True

    def __init__(self, *, planned: Any, approve: str, batches: str, deletions: str, **more: Any) -> None:
        super().__init__(**more)
        self.planned = planned
        self.approve, self.batches, self.deletions = approve, batches, deletions

    def execute(self, context: Context) -> Json:
        """See `calls.guard`."""
        answer: Json = call("guard", self.config, self.run)
        for one in answer["guards"]:
            said = f" ({one['allowed']} allowed it)" if one["allowed"] else ""
            self.log.warning("guard %s: %s: %s%s", one["guard"], one["collection"], one["message"], said)
        counts, skipped = self.planned["counts"], []
        if not answer["blocked"]:
            skipped.append(self.approve)
        if not counts.get("delete"):
            skipped.append(self.deletions)
        if not answer["blocked"] and not counts and not self.planned["creates"]:
            call("start_apply", self.config, self.run)  # says that the plan is carried out; there is nothing in it
            skipped.append(self.batches)
        context["ti"].xcom_push(key=ANSWER, value={"blocked": answer["blocked"]})
        self.skip_tasks(context, skipped)
        return {"blocked": answer["blocked"]}


class Batches(RunOperator):
    """The batches of a wave: what `Apply` is mapped over. Creations and updates are the first wave, deletions the second.

    Args:
        waves: how many of the waves that are left: 1, or 0 for all.
        limit: into how many items the batches are put together at most (Airflow's `[core] max_map_length`).
    """

    def __init__(self, *, waves: int = 0, limit: int = 1024, **more: Any) -> None:
        super().__init__(**more)
        self.waves, self.limit = waves, limit

    def execute(self, context: Context) -> list[Json]:
        """See `calls.start_apply`, which lists what is not yet done."""
        found: list[list[Json]] = call("start_apply", self.config, self.run)["waves"]
        return packed([one for wave in found[: self.waves or None] for one in wave], self.limit)


def packed(batches: Sequence[Json], limit: int) -> list[Json]:
    """Batches as at most `limit` items for a map, in order: {"batches": [3, 4], "label": "batch 3-4 (work/team)"}."""
    size = -(-len(batches) // limit) if batches else 1
    return [_item(batches[at : at + size]) for at in range(0, len(batches), size)]


def _item(batches: Sequence[Json]) -> Json:
    numbers = [one["batch"] for one in batches]
    shown = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"
    where = ", ".join(sorted({one["collection"] for one in batches}))
    return {"batches": numbers, "label": f"batch {shown} ({where})"}


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
        return [call("apply_batch", self.config, self.run, one) for one in self.item["batches"]]


class Verify(RunOperator):
    """Reads back what was written to one collection.

    Args:
        collection: "store/name".
    """

    template_fields: Sequence[str] = ("config", "run", "collection")

    def __init__(self, *, collection: str, **more: Any) -> None:
        super().__init__(**more)
        self.collection = collection

    def execute(self, context: Context) -> Json:
        """See `calls.verify`."""
        return call("verify", self.config, self.run, self.collection)


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


class EndJob(TrueupOperator):
    """Gives the job back and says how its run ended. Runs in any case.

    Args:
        begun: the task that began it.
        green: states that leave this task, and with it the DAG run, green.
    """

    def __init__(self, *, begun: str, green: Sequence[str] = GREEN, **more: Any) -> None:
        super().__init__(**more)
        self.begun, self.green = begun, tuple(green)

    def execute(self, context: Context) -> Json:
        """See `calls.end_job`."""
        report = self.end(context)
        tell_end(context, self.outlets, report["run"], report["state"])
        if report["state"] not in self.green and not report.get("rejected_by"):
            raise AirflowFailException(f"run {report['run']} is {counted(report)}{left(report)}")
        return report

    def end(self, context: Context) -> Json:
        """Ends the run that was begun; skips where there is none."""
        run = context["ti"].xcom_pull(task_ids=self.begun, key=RUN)
        if run is None:
            raise AirflowSkipException(f"{self.begun} has begun no run")
        report: Json = call("end_job", self.config, run)
        self.log.info("run %s is %s%s", run, counted(report), left(report))
        short: Json = {
            key: report[key] for key in ("run", "state", "counts", "conflicts", "rejected_by") if key in report
        }
        context["ti"].xcom_push(key=ANSWER, value=short)
        return {**short, "left": report.get("left", [])[:20]}


class Outcome(TrueupOperator):
    """Makes a DAG run red whose last task has to be green: Airflow updates assets for green tasks only, and somebody waits for a failure.

    Args:
        ended: the last task.
        green: states that leave it green.
    """

    def __init__(self, *, ended: str, green: Sequence[str] = GREEN, **more: Any) -> None:
        super().__init__(**more)
        self.ended, self.green = ended, tuple(green)

    def execute(self, context: Context) -> Json:
        """Looks at what the last task answered."""
        found: Json = context["ti"].xcom_pull(task_ids=self.ended)
        if found["state"] not in self.green and not found.get("rejected_by"):
            raise AirflowFailException(f"run {found['run']} is {found['state']}")
        return {"state": found["state"]}


def listed(values: Any) -> list[Any]:
    """What mapped tasks answered, as a list. Airflow's lazy sequence, walked through until its end, writes an error to the log."""
    return [values[at] for at in range(len(values))] if values is not None else []


def left(report: Json) -> str:
    """What a report says is left, a line each, for a log."""
    lines = [
        f"\n  {one['state']} {one['title']} in {one['collection']}: {one['reason']}"
        for one in (report.get("left") or ())[:20]
    ]
    return "".join(lines)
