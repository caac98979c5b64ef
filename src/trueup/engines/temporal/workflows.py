"""The workflow: one definition, started under the name of a job or pipeline. Pure: no clock, no file, no network.

    temporal workflow start --task-queue trueup --type nightly --input '{"log": "runs.txt"}'

What the name means is asked of trueup.yaml once, by the first activity, and stands in the history: an edit of trueup.yaml
changes the next run and never one that is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from trueup.engines.temporal.desk import Desk
    from trueup.engines.temporal.job import ContinueSoon, JobFlow, key_of_run
    from trueup.engines.temporal.pipeline import PipelineFlow
    from trueup.engines.temporal.screen import Screen
    from trueup.engines.temporal.settings import Settings
    from trueup.engines.temporal.start import Start
    from trueup.engines.temporal.units import LOOK, Json, call, restated

_T = TypeVar("_T")

SCHEDULED = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
"""Set by the server where a schedule starts a workflow."""

GONE = "what this moment was scheduled for was moved or deleted meanwhile"


@workflow.defn(dynamic=True)
class Trueup:
    """A run of a job or pipeline; the workflow's type is its name.

    Input: the pipeline's parameters, or a job's options ({"allow": ["deletions"]}), as one JSON object; none is needed.
    Result: trueup's report of the run. A failed run fails the workflow, with trueup's error as type, message and details.
    """

    def __init__(self) -> None:
        self._desk = Desk()
        self._flow: JobFlow | PipelineFlow | None = None
        self._screen: Screen | None = None

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> Any:
        """Looks up what the workflow's type means, and does it."""
        given, own = _decode(args, 0), _decode(args, 1)
        looked = own.get("looked") or await _look_up()
        settings = Settings.from_json(looked["settings"])
        name = workflow.info().workflow_type
        self._desk.restore(own.get("desk") or {})
        self._screen = Screen(looked["kind"], name, settings)
        occurrence = looked.get("occurrence") or {}
        if occurrence.get("gone"):
            self._screen.enter("superseded", GONE)
            return {"state": "superseded", "error": GONE}
        given = {**given, **(occurrence.get("params") or {})}
        if not looked.get("start"):
            self._screen.enter("running", str(occurrence.get("title") or ""))
        try:
            if looked.get("start"):  # a schedule started it
                start = Start(
                    settings, self._desk, self._screen, [name, *looked["due"], given, occurrence.get("key", "")]
                )
                if (ended := await self._stoppable(start.until(looked["start"]))) is not None:
                    self._screen.enter(ended["state"], ended["error"])
                    return ended
                looked = {**looked, "start": None}
                self._screen.enter("running", str(occurrence.get("title") or ""))
            report = await self._stoppable(self._drive(looked, settings, given, own))
        except ContinueSoon:
            await workflow.wait_condition(workflow.all_handlers_finished)
            state = self._flow.state() if self._flow is not None else {}
            workflow.continue_as_new(
                args=[given, {**own, "looked": looked, "state": state, "desk": self._desk.to_json()}]
            )
        except (ActivityError, ApplicationError) as error:
            cancelled = is_cancelled_exception(error)
            self._screen.enter(
                "cancelled" if cancelled else "failed", "" if cancelled else _error_text(restated(error))
            )
            await workflow.wait_condition(workflow.all_handlers_finished)
            if cancelled or isinstance(error, ApplicationError):
                raise
            raise restated(error) from error
        except asyncio.CancelledError:
            self._screen.enter("cancelled")
            raise
        self._screen.enter(report["state"], _report_text(report))
        await workflow.wait_condition(workflow.all_handlers_finished)
        return report

    async def _drive(self, looked: Json, settings: Settings, given: Json, own: Json) -> Json:
        assert self._screen is not None
        name, key, parent = workflow.info().workflow_type, key_of_run(), str(own.get("parent", ""))
        if looked["kind"] == "job":
            job = self._flow = JobFlow(name, settings, self._desk, self._screen, own.get("state"))
            return await job.drive(key, given.get("allow") or [], parent)
        pipeline = self._flow = PipelineFlow(
            name, looked["graph"], settings, self._desk, self._screen, own.get("state") or {}
        )
        return await pipeline.drive(key, given, parent)

    async def _stoppable(self, driving: Coroutine[Any, Any, _T]) -> _T:
        """The run, which the signal `cancel` ends: what is under way is finished and recorded."""
        main: asyncio.Task[_T] = asyncio.ensure_future(driving)
        try:
            await workflow.wait_condition(lambda: main.done() or self._desk.stopped)
            if main.done():
                return main.result()
        except asyncio.CancelledError:
            main.cancel()
            await asyncio.gather(main, return_exceptions=True)
            raise
        main.cancel()
        await asyncio.gather(main, return_exceptions=True)
        raise ApplicationError("the run was asked to stop by a signal", type="Cancelled", non_retryable=True)

    # -- signals --------------------------------------------------------------------------------------------------------

    @workflow.signal(
        description='lets a blocked run go on: {"allow": ["max_delete"], "who": "ana"}; no names: all of them'
    )
    def approve(self, allow: Any = None, who: str = "") -> None:
        """Lets a run that a guard has blocked go on. `allow`: the guards' names, none for all of them; or one object
        {"allow": [...], "who": "..."}."""
        self._desk.hear(True, allow, who)

    @workflow.signal(description='refuses a blocked plan: {"who": "ana"}; nothing is changed')
    def reject(self, who: Any = "") -> None:
        """Refuses the plan of a run that a guard has blocked; nothing is changed."""
        self._desk.hear(False, who, "")

    @workflow.signal(description="begins nothing new until `resume`")
    def pause(self) -> None:
        """Begins nothing new until `resume`; what is under way goes on."""
        self._desk.paused = True
        if self._screen is not None:
            self._screen.enter("paused")

    @workflow.signal(description="goes on after `pause`")
    def resume(self) -> None:
        """Goes on after `pause`."""
        self._desk.paused = False
        if self._screen is not None:
            self._screen.enter("running")

    @workflow.signal(description="ends the run as soon as what is under way is recorded")
    def cancel(self) -> None:
        """Ends the run as soon as what is under way is recorded; the next run of the same job takes it up."""
        self._desk.stopped = True

    # -- questions ------------------------------------------------------------------------------------------------------

    @workflow.query(description="how far the run is")
    def progress(self) -> Json:
        """How far the run is: {"kind", "name", "run", "state", "units": {name: {"state", "done", "of", "note"}}}."""
        return self._screen.progress() if self._screen is not None else {"state": "running", "units": {}}

    @workflow.query(description="the header of a job's plan; the changes: the update `show_plan`")
    def plan(self) -> Json:
        """The header of a job's plan: counts, guards, hash; the changes themselves: the update `show_plan`."""
        return self._flow.header if isinstance(self._flow, JobFlow) else {}

    @workflow.update(description="a job's plan as a table; input: how many changes at most")
    async def show_plan(self, limit: int = 200) -> str:
        """A job's plan as a markdown table, at most so many changes; read from the ledger, since plans may be large."""
        job = self._flow
        assert isinstance(job, JobFlow)
        text: str = await call(job.settings, "show plan", "plan_markdown", job.run, limit)
        return text

    @show_plan.validator
    def _has_plan(self, limit: int = 200) -> None:
        if not isinstance(self._flow, JobFlow) or not self._flow.run:
            raise ApplicationError("there is no plan to show", type="NotFound")


async def _look_up() -> Json:
    """What the workflow's type means, the settings of this run, and what started it."""
    info = workflow.info()
    scheduled = info.typed_search_attributes.get(SCHEDULED)
    answer: Json = await workflow.execute_local_activity(
        f"look up {info.workflow_type}",
        {"call": "look_up", "args": [info.workflow_type, scheduled.isoformat() if scheduled else "", key_of_run()]},
        start_to_close_timeout=LOOK,
        retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60)),
    )
    return answer


@workflow.defn(name="follow calendars")
class Follow:
    """Keeps the schedules that follow a calendar equal to it; a schedule of its own starts it."""

    @workflow.run
    async def run(self, given: Any = None) -> Any:
        """One look. A calendar that cannot be read changes nothing, and is looked at again by the next run."""
        return await workflow.execute_activity(
            "follow calendars",
            {"call": "follow", "args": []},
            start_to_close_timeout=timedelta(minutes=10),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )


def _decode(args: Sequence[RawValue], place: int) -> Json:
    """An argument of the workflow; nothing at all counts as {}."""
    if len(args) <= place:
        return {}
    value = workflow.payload_converter().from_payload(args[place].payload, Any)
    if value is None:
        return {}
    if not isinstance(value, dict):
        hint = 'give one JSON object, as {"log": "runs.txt"}'
        raise ApplicationError(f"the input is no JSON object: {hint}", type="UsageError", non_retryable=True)
    return value


def _report_text(report: Json) -> str:
    counts = ", ".join(f"{number} {action}" for action, number in (report.get("counts") or {}).items())
    return counts or str(report.get("error") or "")


def _error_text(error: ApplicationError) -> str:
    details = error.details[0] if error.details and isinstance(error.details[0], dict) else {}
    hint = details.get("hint")
    return f"{error.type}: {error.message}" + (f"\n\n{hint}" if hint else "")
