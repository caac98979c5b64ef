"""One run of a job, driven by a flow: from wherever the ledger says it stands to its report, in rounds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from prefect import unmapped
from prefect.futures import wait

from trueup.core.function_child import TimedOut
from trueup.engines import calls
from trueup.engines.prefect import units
from trueup.engines.prefect.approval import Waiting, ask, can_suspend, settle
from trueup.engines.prefect.logs import run_logger
from trueup.engines.prefect.marks import mark, mark_waiting
from trueup.engines.prefect.pages import page_of_run
from trueup.engines.prefect.patience import patiently
from trueup.model.errors import StalePlan, TrueupError

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job by one flow run.

    Attributes:
        config, job: the absolute path of trueup.yaml, the job's name.
        key: names it: the flow run's id, or what a sub-flow of somebody's own is known by.
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


def drive(one: JobRun) -> Json:
    """Rounds until nothing is left that another may finish; returns the report of all of them.

    Raises:
        Rejected: a person said no.
        TimedOut: the time was up; the next run goes on.
        prefect.exceptions.Pause: the flow run was suspended until a person says yes or no.
    """
    return finish(one, begin(one))


def finish(one: JobRun, begun: Json) -> Json:
    """As `drive`, of a run that has begun."""
    while begun["next"] != "over":
        try:
            with _given_back(one, begun["run"]):
                begun = _round(one, begun)
        except StalePlan as error:  # what was approved is too old by now: a new plan is made, and asked for anew
            run_logger().warning("%s; it is planned anew", error)
            begun = begin(one)
        except Waiting as waiting:
            state = {"run": waiting.run, "job": one.job, "state": "awaiting_approval"}
            return {**state, "error": waiting.to_json(), "asks": [waiting.run]}
    return patiently(calls.end_job, one.config, begun["run"])


@contextmanager
def _given_back(one: JobRun, run: str) -> Iterator[None]:
    """What failed leaves the job to others."""
    try:
        yield
    except Exception:
        with suppress(TrueupError):
            calls.end_job(one.config, run)
        raise


def begin(one: JobRun) -> Json:
    """Finds or starts the run; see `calls.begin_job`."""
    begun = patiently(calls.begin_job, one.config, one.job, one.key, one.allow, one.parent)
    patiently(calls.link, one.config, begun["run"], "prefect", page_of_run())
    patiently(mark, begun["run"])
    return begun


def _round(one: JobRun, begun: Json) -> Json:
    """From where it stands to its report; returns how the next one begins."""
    run = begun["run"]
    after: list[Any] = []
    if begun["next"] == "read":
        after = [planned(one, begun)[1]]
        _require_word(one, run, after[0].result())
    elif begun["next"] == "approve":
        _require_word(one, run, patiently(calls.guard, one.config, run))
    made = _applied(one, begun, after)
    if not made["again"]:
        return {**begun, "next": "over"}
    if made["pause"]:
        run_logger().warning("a store did not answer: the next round begins in %.0f s", made["pause"])
        time.sleep(made["pause"])
    return patiently(calls.next_round, one.config, run)


def planned(one: JobRun, begun: Json) -> tuple[Any, Any]:
    """Reads, plans, and asks the guards; returns the futures of the plan's header and of their answer."""
    one.check()
    config, run = one.config, begun["run"]
    readings = ended_well(units.read.map(config=unmapped(config), run=unmapped(run), collection=begun["collections"]))
    one.check()
    (header,) = ended_well([units.plan.submit(config, run, readings)])
    return header, units.guard.submit(config, run, list(one.allow), wait_for=[header])


def _require_word(one: JobRun, run: str, answer: Json) -> None:
    """Returns when the plan may be applied."""
    if not answer["blocked"]:
        return
    waiting = Waiting(one.job, run, answer["guards"])
    if not can_suspend():
        raise waiting
    patiently(mark_waiting, [run])
    settle(one.config, waiting, ask(one.config, waiting))


def _applied(one: JobRun, begun: Json, after: list[Any]) -> Json:
    """Sends what is left to send, reads it back, reports."""
    one.check()
    config, run = one.config, begun["run"]
    fixed = {"config": unmapped(config), "run": unmapped(run)}
    for wave in patiently(calls.start_apply, config, run)["waves"]:
        one.check()
        mapped = {name: [each[name] for each in wave] for name in ("batch", "collection", "title")}
        after = ended_well(units.apply_batch.map(**fixed, **mapped, wait_for=after))
    found = ended_well(units.verify.map(**fixed, collection=begun["collections"], wait_for=after))
    return units.report.submit(config, run, found).result()  # type: ignore[no-any-return]


def ended_well(futures: Any) -> list[Any]:
    """The futures, when all have ended; the first error is raised. They go on as what the next task waits for."""
    wait(futures)
    for one in futures:
        one.result()
    return list(futures)
