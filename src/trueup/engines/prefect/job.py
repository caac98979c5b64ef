"""A job as a Prefect flow: read mapped over collections, plan, guard, apply mapped over the batches of each wave, verify mapped, report.

| trueup | Prefect |
|---|---|
| run | flow run; its id is the run's key, so that it finds the same run again however often it is started |
| phase, batch | task run, named `read work/team`, `apply batch 3 (work/team)` … |
| further round | the same tasks once more |
| awaiting approval | suspended, resumed with an answer |
| guard allowed beforehand | parameter `allow` |
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from prefect import Flow, unmapped
from prefect.futures import wait
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner

from trueup.core.function_child import TimedOut
from trueup.engines import calls
from trueup.engines.prefect import units
from trueup.engines.prefect.approval import Rejected, Waiting, ask, can_suspend, settle
from trueup.engines.prefect.hooks import HOOKS
from trueup.engines.prefect.logs import logged, run_logger
from trueup.engines.prefect.marks import mark, mark_waiting
from trueup.engines.prefect.pages import page_of_run
from trueup.engines.prefect.patience import patiently
from trueup.engines.prefect.policies import why_not
from trueup.engines.prefect.starting import start
from trueup.engines.prefect.states import ended, let_go, rejected
from trueup.model.errors import StalePlan

Json: TypeAlias = dict[str, Any]

Allow = list[Literal["all", "max_delete_share", "max_delete", "max_update_share", "empty", "changed_filter"]]
"""The guards, for the form of a run that is started by hand."""

WORKERS = 16
"""How many tasks of a flow run are under way at once in its process."""


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job by one flow run.

    Attributes:
        config, job: the absolute path of trueup.yaml, the job's name.
        key: the flow run's id.
        allow: guards allowed beforehand.
        parent: the run and step of a pipeline that start it ("RUN/step[3]"), or "".
        deadline: when it has to have ended, by `time.monotonic`; None: never.
    """

    config: str
    job: str
    key: str
    allow: Sequence[str] = ()
    parent: str = ""
    deadline: float | None = None

    def check(self) -> None:
        """Raises where the time is up; between two units, so that nothing is cut off in the middle."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimedOut(f"job {self.job} did not end in time")


def job_flow(
    config: str,
    job: str,
    *,
    parent: str = "",
    timeout: float | None = None,
    schedule: Json | None = None,
    told: Callable[[Json], None] = lambda report: None,
) -> Any:
    """The flow of a job, named after it.

    Args:
        config: the absolute path of trueup.yaml.
        job: the job's name.
        parent: the run and step of a pipeline that start it, or "".
        timeout: seconds after which it stops before its next unit; None: never.
        schedule: of the job, as `calls.describe` has it.
        told: is told the report: Prefect hands no result of a flow run on that waits.
    """

    def run(allow: Allow = []) -> Any:  # noqa: B006  # Prefect shows the default in its form, and changes it never
        deadline = None if timeout is None else time.monotonic() + timeout
        with logged():
            start()
            if not parent and (reason := why_not(schedule)):
                return let_go(reason)
            try:
                report = drive(JobRun(config, job, str(flow_run.id), allow, parent, deadline))
                told(report)
                return ended(report)
            except Rejected as error:
                return rejected(error)

    run.__name__ = run.__qualname__ = job.replace("-", "_")
    return Flow(
        run,
        name=job,
        flow_run_name=f"{job} ({parent.partition('/')[2]})" if parent else job,
        description=f"Job {job} of trueup.",
        task_runner=ThreadPoolTaskRunner(max_workers=WORKERS),
        persist_result=False,
        validate_parameters=True,
        **HOOKS,
    )


def drive(one: JobRun) -> Json:
    """Rounds until nothing is left that another may finish; returns the report of all of them.

    Raises:
        Rejected: a person said no.
        TimedOut: the time was up; the next run goes on.
        prefect.exceptions.Pause: the flow run was suspended until a person says yes or no.
    """
    begun = _begin(one)
    while begun["next"] != "over":
        try:
            begun = _round(one, begun)
        except StalePlan as error:  # what was approved is too old by now: a new plan is made, and asked for anew
            run_logger().warning("%s; it is planned anew", error)
            begun = _begin(one)
        except Waiting as waiting:
            state = {"run": waiting.run, "job": one.job, "state": "awaiting_approval"}
            return {**state, "error": waiting.to_json(), "asks": [waiting.run]}
    return patiently(calls.end_job, one.config, begun["run"])


def _begin(one: JobRun) -> Json:
    begun = patiently(calls.begin_job, one.config, one.job, one.key, one.allow, one.parent)
    patiently(calls.link, one.config, begun["run"], "prefect", page_of_run())
    mark(begun["run"])
    return begun


def _round(one: JobRun, begun: Json) -> Json:
    """From where it stands to its report; returns how the next one begins."""
    run = begun["run"]
    after: list[Any] = []
    if begun["next"] == "read":
        after = [_planned(one, begun)]
        _require_word(one, run, after[0].result())
    elif begun["next"] == "approve":
        _require_word(one, run, patiently(calls.guard, one.config, run))
    made = _applied(one, begun, after)
    if not made["again"]:
        return {**begun, "next": "over"}
    return patiently(calls.next_round, one.config, run)


def _planned(one: JobRun, begun: Json) -> Any:
    """Reads, plans, and asks the guards; returns the future of their answer."""
    one.check()
    config, run = one.config, begun["run"]
    readings = ended_well(units.read.map(config=unmapped(config), run=unmapped(run), collection=begun["collections"]))
    one.check()
    header = ended_well([units.plan.submit(config, run, readings)])
    return units.guard.submit(config, run, list(one.allow), wait_for=header)


def _require_word(one: JobRun, run: str, answer: Json) -> None:
    """Returns when the plan may be applied."""
    if not answer["blocked"]:
        return
    waiting = Waiting(one.job, run, answer["guards"])
    if not can_suspend():
        raise waiting
    mark_waiting([run])
    settle(one.config, waiting, ask(one.config, waiting))


def _applied(one: JobRun, begun: Json, after: list[Any]) -> Json:
    """Sends what is left to send, reads it back, reports."""
    one.check()
    config, run = one.config, begun["run"]
    fixed = {"config": unmapped(config), "run": unmapped(run)}
    for wave in patiently(calls.start_apply, config, run)["waves"]:
        one.check()
        numbers, refs = [each["batch"] for each in wave], [each["collection"] for each in wave]
        after = ended_well(units.apply_batch.map(**fixed, batch=numbers, collection=refs, wait_for=after))
    found = ended_well(units.verify.map(**fixed, collection=begun["collections"], wait_for=after))
    return units.report.submit(config, run, found).result()  # type: ignore[no-any-return]


def ended_well(futures: Any) -> list[Any]:
    """The futures, when all have ended; the first error is raised. They go on as what the next task waits for."""
    wait(futures)
    for one in futures:
        one.result()
    return list(futures)
