"""How a workflow calls trueup: activities with names a person reads, their time limits and retries. Pure.

The activity's type is bounded ("read work/team", "apply work/team", a step's name), since metrics are kept by type; what
counts up stands in the activity's id and summary ("apply batch 3 (work/team)", "send[17]").
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.workflow import ActivityCancellationType

from trueup.engines.temporal.settings import Settings

Json = dict[str, Any]
_T = TypeVar("_T")

LOOK = timedelta(seconds=60)
"""How long a look into the ledger may take."""


async def call(
    settings: Settings,
    type_: str,
    function: str,
    *args: Any,
    id: str = "",
    summary: str = "",
    queue: str | None = None,
    retry: RetryPolicy | None = None,
) -> Any:
    """One call of `trueup.engines.calls` as an activity.

    Args:
        settings: of the run.
        type_: the activity's type, as the screen shows it.
        function: the function's name; args: its arguments after the configuration.
        id: the activity's id; "": the server's choice.
        summary: a line for people.
        queue: another task queue than the workflow's.
        retry: another policy than a phase's.

    Raises:
        ActivityError: it failed for good.
    """
    return await workflow.execute_activity(
        type_,
        {"call": function, "args": list(args)},
        activity_id=id or None,
        summary=summary or None,
        task_queue=queue or settings.queue or None,
        start_to_close_timeout=timedelta(seconds=settings.longest),
        heartbeat_timeout=timedelta(seconds=settings.heartbeat),
        retry_policy=retry or settings.retry(),
        # A call that is under way is finished and recorded; only then the run is over.
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


async def note(settings: Settings, type_: str, function: str, *args: Any) -> Any:
    """A call that only looks into the ledger or writes a line there, as a local activity: no way over the server."""
    return await workflow.execute_local_activity(
        type_,
        {"call": function, "args": list(args)},
        start_to_close_timeout=LOOK,
        retry_policy=settings.retry(),
    )


async def all_of(calls: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """The answers in order; the first error is raised when all have ended, so that nothing goes on behind its back."""
    tasks = [asyncio.ensure_future(one) for one in calls]
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    for one in answers:
        if isinstance(one, BaseException):
            raise one
    return answers  # type: ignore[return-value]


def cause(error: BaseException) -> BaseException:
    """What an activity or a child workflow failed of."""
    while isinstance(error, FailureError) and not isinstance(error, ApplicationError) and error.cause is not None:
        error = error.cause
    return error


def type_of(error: BaseException) -> str:
    """The class of trueup's error behind a failure ("StalePlan"), or of the failure itself."""
    found = cause(error)
    return found.type or "" if isinstance(found, ApplicationError) else type(found).__name__


def told(error: BaseException) -> str:
    """The failure in trueup's words."""
    found = cause(error)
    return found.message if isinstance(found, FailureError) else f"{type(found).__name__}: {found}"


def restated(error: BaseException) -> ApplicationError:
    """The failure as the workflow's own: what, where, why and what to do in its details, the error's class as its type."""
    found = cause(error)
    details = found.details if isinstance(found, ApplicationError) else ()
    return ApplicationError(told(error), *details, type=type_of(error), non_retryable=True)
