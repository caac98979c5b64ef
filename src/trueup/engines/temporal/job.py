"""A job as a workflow: read mapped over collections, plan, guard, apply mapped over batches, verify mapped, report. Pure.

Where a run stands is in trueup's ledger; the workflow holds ids and small JSON, and every call may come twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from trueup.engines.temporal.desk import Desk
from trueup.engines.temporal.screen import Screen, approval_text
from trueup.engines.temporal.settings import Settings
from trueup.engines.temporal.units import Json, all_of, call, note, told, type_of

Batch = Mapping[str, Any]

SIDE_BY_SIDE = 8
"""Batches of one collection that are under way at once; how many really talk to its store, the store's slots say."""

STALE_PLANS = 5
"""So many plans of one run may go stale before it gives up."""


class ContinueSoon(Exception):
    """The history is long: nothing is under way, and the run goes on in a new one."""


class JobFlow:
    """One run of a job, from wherever it stands to its end.

    Args:
        name: the job.
        settings: of the run.
        desk: where people are heard.
        screen: what people see.
        state: what an earlier history of the same run has left: {"header", "guards"}.

    Attributes:
        header: of the plan, once there is one.
        guards: what the guards found, where they block the run.
    """

    def __init__(
        self, name: str, settings: Settings, desk: Desk, screen: Screen, state: Mapping[str, Any] | None = None
    ) -> None:
        self.name, self.settings, self.desk, self.screen = name, settings, desk, screen
        self.run = ""
        self.collections: list[str] = []
        self.header: Json = (state or {}).get("header") or {}
        self.guards: list[Json] = (state or {}).get("guards") or []

    def state(self) -> Json:
        """What goes with a run that continues as new; where it stands, the ledger knows."""
        return {"header": self.header, "guards": self.guards}

    async def drive(self, key: str, allow: Sequence[str], parent: str) -> Json:
        """Runs it to its end.

        Args:
            key: names this run for ever; the same key always gives the same run.
            allow: guards that are allowed beforehand.
            parent: the pipeline's run and step that start it ("RUN/step[3]"); "" for none.

        Returns:
            The report of all rounds; "state" says how it ended.

        Raises:
            ContinueSoon: the history is long.
            ApplicationError: it failed; its type is the class of trueup's error.
        """
        begun = await self.begin(key, allow, parent)
        try:
            await self._fresh_rounds(begun, key, allow, parent)
        except (ActivityError, asyncio.CancelledError):
            await self.give_back()
            raise
        report: Json = await self.call("end", "end_job", self.run)
        return report

    async def begin(self, key: str, allow: Sequence[str], parent: str) -> Json:
        """Finds or starts the run."""
        begun: Json = await self.call(
            "begin", "begin_job", self.name, key, list(allow), parent, retry=self.settings.retry_for_turn()
        )
        self._take(begun)
        return begun

    def _take(self, begun: Json) -> None:
        self.run, self.collections = begun["run"], list(begun["collections"])
        self.screen.enter("running", run=self.run)

    async def call(self, type_: str, function: str, *args: Any, **more: Any) -> Any:
        """An activity, shown as a part of the run, once nobody holds it back."""
        await self.desk.gate()
        shown = more.get("id") or type_
        self.screen.unit(shown, "running")
        try:
            answer = await call(self.settings, type_, function, *args, **more)
        except BaseException as error:
            self.screen.unit(shown, "failed", note=type_of(error))
            raise
        self.screen.unit(shown, "done")
        return answer

    async def give_back(self) -> None:
        """The lease of a run that failed or was stopped: the next run of the job need not wait for it to expire."""
        try:
            await note(self.settings, "end", "end_job", self.run)
        except ActivityError as error:
            workflow.logger.warning("the job's lease could not be given back", extra={"error": type_of(error)})

    async def _fresh_rounds(self, begun: Json, key: str, allow: Sequence[str], parent: str) -> None:
        """Rounds; where a plan went stale while it waited (the world or trueup.yaml moved on), a new one is made."""
        for left in reversed(range(STALE_PLANS)):
            try:
                await self._rounds(begun, allow)
            except ActivityError as error:
                if type_of(error) != "StalePlan" or not left:
                    raise
                workflow.logger.warning("the plan of run %s is stale, a new one is made: %s", self.run, told(error))
            else:
                return
            begun = await self.begin(key, allow, parent)

    async def _rounds(self, begun: Json, allow: Sequence[str]) -> None:
        """Rounds until nothing is left that another may finish."""
        while await self._may_apply(begun, allow):
            report = await self.apply()
            if not report.get("again"):
                return
            if report.get("pause"):  # a store did not answer
                await workflow.sleep(report["pause"], summary="a store did not answer")
            begun = await self.call("next round", "next_round", self.run)
            self._take(begun)

    async def apply_all(self) -> None:
        """From a plan that may be applied to the end of the last round."""
        await self._rounds({"next": "apply"}, ())

    async def plan(self, allow: Sequence[str]) -> Json:
        """Reads, plans, guards: {"blocked", "guards"}."""
        readings = await all_of(self._read(ref) for ref in self.collections)
        self.header = await self.call("plan", "plan", self.run, readings)
        answer: Json = await self.call("guard", "guard", self.run, list(allow))
        return answer

    async def _may_apply(self, begun: Json, allow: Sequence[str]) -> bool:
        """Brings the run to where it may be applied; False: it is over."""
        standing = begun["next"]
        if standing == "read":
            answer = await self.plan(allow)
            self.desk.word = None  # whatever was said before there was this plan was not said about it
            return await self._approval(answer["guards"]) if answer["blocked"] else True
        if standing == "approve":
            return await self._approval(self.guards)
        return bool(standing == "apply")

    async def _read(self, ref: str) -> Json:
        answer: Json = await self.call(f"read {ref}", "read", self.run, ref, queue=self.settings.queue_of(ref))
        return answer

    # -- a person's word ------------------------------------------------------------------------------------------------

    async def _approval(self, guards: Sequence[Json]) -> bool:
        """Waits for a person's word: a signal, or `trueup apply RUN`. False: the run is over."""
        self.guards, pause = list(guards), self.settings.poll
        while True:
            self.screen.enter("awaiting_approval", approval_text(self.guards, self.run))
            word = await self.desk.word_within(pause)
            if word is None:
                pause = min(pause * 2, self.settings.poll_cap)
                standing = await note(self.settings, "look", "waiting", self.run)
                if standing["next"] != "wait":
                    return bool(standing["next"] == "apply")
                if self._long():
                    raise ContinueSoon
                continue
            self.screen.enter("running")
            if not word.approved:
                await self.call("reject", "reject", self.run, word.who)
                return False
            answer = await self.call("approve", "approve", self.run, list(word.allow), word.who)
            if not answer["blocked"]:
                return True
            self.guards, pause = answer["guards"], self.settings.poll

    # -- applying -------------------------------------------------------------------------------------------------------

    async def apply(self) -> Json:
        """Sends what is not yet sent, reads back, reports."""
        waves = (await self.call("start apply", "start_apply", self.run))["waves"]
        for wave in waves:
            await all_of(self._batches(type_, batches) for type_, batches in by_type(wave).items())
            if self._long():
                raise ContinueSoon
        verifications = await all_of(self._verify(ref) for ref in self.collections)
        report: Json = await self.call("report", "report", self.run, verifications)
        return report

    async def _batches(self, type_: str, batches: Sequence[Batch]) -> None:
        """The batches of one collection, some side by side."""
        left = list(reversed(batches))
        self.screen.unit(type_, "running", done=0, of=len(batches))

        async def line() -> None:
            while left and not self._long():
                await self.desk.gate()
                await self._batch(type_, left.pop())
                self.screen.step(type_)

        await all_of(line() for _ in range(min(len(batches), SIDE_BY_SIDE)))
        self.screen.unit(type_, "running" if left else "done")

    async def _batch(self, type_: str, one: Batch) -> None:
        ref = str(one["collection"])
        await call(
            *(self.settings, type_, "apply_batch", self.run, one["batch"]),
            id=one.get("title") or f"apply batch {one['batch']} ({ref})",
            summary=f"batch {one['batch']}: {one['changes']} changes",
            queue=self.settings.queue_of(ref),
        )

    async def _verify(self, ref: str) -> Json:
        answer: Json = await self.call(f"verify {ref}", "verify", self.run, ref, queue=self.settings.queue_of(ref))
        return answer

    def _long(self) -> bool:
        return is_long(self.settings)


def key_of_run(job: str = "") -> str:
    """Names a run for ever: the same over continue-as-new, another one for a retry, which is to be another run.

    Args:
        job: which of several in one workflow.
    """
    info = workflow.info()
    parts = ("temporal", info.namespace, info.workflow_id, info.first_execution_run_id, str(info.attempt), job)
    return "/".join(part for part in parts if part)


def by_type(wave: Sequence[Batch]) -> dict[str, list[Batch]]:
    """The batches of a wave by their activity's type: what they do ("drill crm"), or the collection they write to ("apply work/team")."""
    together: dict[str, list[Batch]] = {}
    for one in wave:
        together.setdefault(one.get("title") or f"apply {one['collection']}", []).append(one)
    return together


def is_long(settings: Settings) -> bool:
    """Whether the workflow is to go on in a new history."""
    info = workflow.info()
    if settings.events:
        return info.get_current_history_length() >= settings.events
    return info.is_continue_as_new_suggested()
