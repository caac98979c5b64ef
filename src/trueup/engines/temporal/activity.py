"""The activities: `trueup.engines.calls`, called in threads with a sign of life while they work.

One dynamic activity answers under every name, so that the screen shows "read work/team" and "apply work/team". Its
argument says which function is meant.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from trueup.config.source import InvalidConfig
from trueup.engines import calls
from trueup.engines.temporal import deployment, following
from trueup.engines.temporal.settings import Settings
from trueup.model import errors
from trueup.model.errors import ItemRefused, LedgerError, NotFound, NotInitialised, TrueupError, UsageError
from trueup.model.schedule import ScheduleSpec

Json = dict[str, Any]

THREADS = 16
"""How many calls of one worker may be under way at once."""
LOOKS = 4
"""How many looks into the ledger."""
PATIENCE = 20.0
"""Seconds that the call of a cancelled run has to end by itself."""
LABELS = 2000
"""Above so many items their labels are left out of the history, to keep payloads below the server's limit of 2 MB."""
EDITED = (InvalidConfig, NotInitialised)
"""What a trueup.yaml gives that somebody is at work on."""
_DIRECT = frozenset(
    [
        "read",
        "plan",
        "guard",
        "approve",
        "reject",
        "start_apply",
        "apply_batch",
        "verify",
        "report",
        "next_round",
        "end_job",
        "waiting",
        "due",
        "allow_start",
        "refuse_start",
        "plan_markdown",
        "start_step",
        "end_step",
        "end_map",
        "end_pipeline",
    ]
)


@dataclass
class Activities:
    """What a worker offers for one trueup.yaml.

    Attributes:
        config: the absolute path of trueup.yaml.
        settings: told to every run that begins here.
        ui: the address of the Temporal web screen, for links from trueup's history; "": none.
        pool: where calls run.
        looks: where short looks into the ledger run, which must not wait behind calls.
    """

    config: str
    settings: Settings = field(default_factory=Settings)
    ui: str = ""
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "trueup"))
    looks: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(LOOKS, "trueup-look"))

    @activity.defn(dynamic=True)
    async def call(self, args: Sequence[RawValue]) -> Any:
        """One call.

        Args:
            args: one JSON object {"call": a function's name, "args": [...]}.

        Raises:
            ApplicationError: trueup's error: its class is the type, {"what", "where", "why", "hint"} the details.
        """
        request: Json = activity.payload_converter().from_payload(args[0].payload, dict)
        try:
            if request["call"] == "follow":
                return await deployment.follow(activity.client(), self.config, activity.info().task_queue)
            return await self._alive(self._function(request["call"], request["args"]))
        except Exception as error:
            raise _told(error, begun=request["call"] != "look_up") from error

    def _function(self, name: str, args: Sequence[Any]) -> Callable[[], Any]:
        own: dict[str, Callable[..., Any]] = {
            "look_up": self.look_up,
            "begin_job": self.begin_job,
            "begin_pipeline": self.begin_pipeline,
            "decide": self.decide,
            "run_function": self.run_function,
        }
        if name in own:
            return partial(own[name], *args)
        if name in _DIRECT:
            return partial(getattr(calls, name), self.config, *args)
        raise UsageError(f"there is no call `{name}`", hint="a worker of an older trueup? start it anew")

    async def _alive(self, function: Callable[[], Any]) -> Any:
        """Runs a call in a thread, with heartbeats.

        When the run is cancelled, or the worker stops, the call ends first: by itself, or where it takes long at its next step. What a worker
        left is repeated by another one.
        """
        loop = asyncio.get_running_loop()
        context, asked = contextvars.copy_context(), threading.Event()
        pool = self.looks if activity.info().is_local else self.pool
        work = loop.run_in_executor(pool, context.run, _stoppable, function, asked)
        limit = activity.info().heartbeat_timeout
        pause = limit.total_seconds() / 3 if limit else None
        try:
            while not (await asyncio.wait([work], timeout=pause))[0]:
                activity.heartbeat()
        except asyncio.CancelledError:
            activity.logger.info("asked to stop: finishing the call that is under way")
            if not activity.is_worker_shutdown():  # a worker has waited that long already
                await asyncio.wait([work], timeout=PATIENCE)
            asked.set()
            await asyncio.wait([work])
            if not activity.is_worker_shutdown():
                raise
        return work.result()

    # -- calls with something of Temporal's in them ----------------------------------------------------------------------

    def look_up(self, name: str, scheduled: str = "", key: str = "") -> Json:
        """What a workflow's type means: {"kind", "graph", "settings", "digest", "occurrence", "start", "due"}.

        Args:
            name: the workflow's type.
            scheduled: the moment at which a schedule started it, ISO 8601; "": a person or program did.
            key: by which the run will be known.

        Raises:
            NotFound: neither a job nor a pipeline has that name.
        """
        known = calls.describe(self.config)
        kind = "pipeline" if name in known["pipelines"] else "job"
        one = known["pipelines"].get(name) or known["jobs"].get(name)
        if one is None:
            names = ", ".join([*known["pipelines"], *known["jobs"]])
            raise NotFound(f"there is no job or pipeline {name}", where=self.config, why=f"there are: {names}")
        answer: Json = {"kind": kind, "graph": None, "settings": self.settings.to_json(), "digest": known["digest"]}
        if kind == "pipeline":
            steps = {key: _slim(step) for key, step in one["steps"].items()}
            answer["graph"] = {"order": one["order"], "steps": steps}
        if scheduled and one.get("schedule") and following.follows(ScheduleSpec.from_json(one["schedule"])):
            found = following.occurrence(self.config, name, scheduled)
            answer["occurrence"] = found or {"gone": True}
        if scheduled and one.get("schedule") and not answer.get("occurrence", {}).get("gone"):
            answer |= self._start(name, one, scheduled, key, answer.get("occurrence") or {})
        return answer

    def _start(self, name: str, one: Json, scheduled: str, key: str, occurrence: Json) -> Json:
        """What a run that a schedule starts meets, and what that was asked with."""
        at = datetime.fromisoformat(scheduled).timestamp()
        params = {**one["schedule"]["params"], **occurrence.get("params", {})} if "params" in one else {}
        return {"start": calls.due(self.config, name, at, key, params, occurrence.get("key", "")), "due": [at, key]}

    def begin_job(self, job: str, key: str, allow: Sequence[str], parent: str) -> Json:
        """`calls.begin_job`, with a link to the workflow's page kept with the run."""
        return self._linked(calls.begin_job(self.config, job, key, tuple(allow), parent))

    def begin_pipeline(self, pipeline: str, params: Mapping[str, Any], key: str, parent: str) -> Json:
        """`calls.begin_pipeline`, with a link to the workflow's page kept with the run."""
        begun = self._linked(calls.begin_pipeline(self.config, pipeline, params, key, parent))
        return {key: begun[key] for key in ("run", "resumed", "over")}

    def run_function(self, run: str, step: str, index: int | None) -> Json:
        """`calls.run_function`; which attempt it is, the server says."""
        return calls.run_function(self.config, run, step, index, activity.info().attempt)

    def decide(self, run: str, step: str) -> Json:
        """`calls.decide`, without labels where there are too many to keep."""
        answer = calls.decide(self.config, run, step)
        return {**answer, "labels": []} if len(answer.get("labels") or []) > LABELS else answer

    def _linked(self, begun: Json) -> Json:
        if self.ui:
            info = activity.info()
            url = f"{self.ui}/namespaces/{info.workflow_namespace}/workflows/{info.workflow_id}/{info.workflow_run_id}/history"
            calls.link(self.config, begun["run"], "temporal", url)
        return begun


def _stoppable(function: Callable[[], Any], asked: threading.Event) -> Any:
    with calls.stoppable(asked.is_set):
        return function()


def _told(error: Exception, *, begun: bool) -> ApplicationError:
    """The error as the server keeps it, with whether another attempt makes sense.

    Args:
        begun: the run was begun with a good trueup.yaml: one that is wrong now is being edited, and waited for.
    """
    known = isinstance(error, TrueupError)
    activity.logger.warning("%s failed: %s", activity.info().activity_type, error, exc_info=not known)
    shown = error.to_json() if isinstance(error, TrueupError) else {"type": type(error).__name__, "what": str(error)}
    again = calls.retryable(error) or (begun and isinstance(error, EDITED))
    return ApplicationError(
        str(error) or type(error).__name__, shown, type=type(error).__name__, non_retryable=not again
    )


def _slim(step: Json) -> Json:
    """What a workflow needs to know of a step."""
    kept = ("kind", "target", "needs", "parallel", "timeout", "retry", "description")
    return {key: step.get(key) for key in kept}


def fatal_types() -> tuple[str, ...]:
    """The classes of trueup's errors that another attempt never mends (a ledger's error says so itself)."""
    every = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, TrueupError)}
    certain = every - {LedgerError, ItemRefused, *EDITED}
    return tuple(sorted(one.__name__ for one in certain if not calls.retryable(one(""))))
