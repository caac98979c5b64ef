"""Where the run of a job begins and ends, as operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BranchMixIn
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from trueup.engines.airflow.assets import tell_end
from trueup.engines.airflow.base import ANSWER, GIVEN_UP, GREEN, RUN, TrueupOperator
from trueup.engines.airflow.calling import call, conf_of, counted, page_of
from trueup.engines.airflow.following import key_for, occurrence
from trueup.engines.airflow.meeting import meet
from trueup.engines.airflow.overlaps import heed, wait
from trueup.engines.base import Json
from trueup.model.errors import Locked

if TYPE_CHECKING:
    from airflow.sdk import Context


class BeginJob(TrueupOperator, BranchMixIn):
    """Begins a run of a job, or takes up the one that this DAG run has begun before, and branches to where it stands.

    Args:
        job: the job's name.
        routes: the task to go on with, by what comes next: read, approve, apply, over.
        allow: names of guards that are allowed beforehand; None: the DAG run's parameter `allow`.
        overlap: what to do while an earlier DAG run is under way; see `overlaps.heed`. "": nothing is to be looked at.
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
        allow = context["params"].get("allow", ()) if self.allow is None else self.allow
        found = occurrence(context, self.config, self.job) if self.follows else None
        if self.overlap:
            heed(context, self.overlap)
            meet(context, self.config, self.job, key_for(context, self.task_id, found), {}, found)
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
            raise wait() from None
        call("link", self.config, begun["run"], "airflow", page_of(context))
        context["ti"].xcom_push(key=RUN, value=begun["run"])
        self.log.info("run %s of job %s: next is %s", begun["run"], self.job, begun["next"])
        return self.do_branch(context, self.routes[begun["next"]])


class EndJob(TrueupOperator):
    """Gives the job back and says how its run ended. Runs in any case.

    Args:
        begun: the task that began it.
        approve: the task in which it may have waited for a person.
        green: states that leave this task, and with it the DAG run, green.
    """

    def __init__(self, *, begun: str, approve: str, green: Sequence[str] = GREEN, **more: Any) -> None:
        super().__init__(**more)
        self.begun, self.approve, self.green = begun, approve, tuple(green)

    def execute(self, context: Context) -> Json:
        """See `calls.end_job`."""
        report = self.end(context)
        tell_end(context, self.outlets, report["run"], report["state"])
        if context["ti"].xcom_pull(task_ids=self.approve, key=GIVEN_UP):
            raise AirflowSkipException(f"run {report['run']} waited for a person until a later one took its place")
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


def left(report: Json) -> str:
    """What a report says is left, a line each, for a log."""
    lines = [
        f"\n  {one['state']} {one['title']} in {one['collection']}: {one['reason']}"
        for one in (report.get("left") or ())[:20]
    ]
    return "".join(lines)
