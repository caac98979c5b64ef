"""What a worker tells the workflows it carries: time limits, queues, what is not worth another attempt. Pure.

A workflow asks once, by its first activity; the answer stands in its history, so that it never changes on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import timedelta
from typing import Any

from temporalio.common import RetryPolicy

TASK_QUEUE = "trueup"
"""Where workflows and activities wait for a worker, unless the worker was told another name."""

LONGEST_CALL = 30 * 86_400.0
"""Seconds one call may take; the server wants a limit. How long a backup's source may take its job says, and a lost worker is noticed by its
missing heartbeats long before."""


@dataclass(frozen=True, slots=True)
class Settings:
    """See the module's text.

    Attributes:
        heartbeat: seconds without a sign of life after which an activity is given to another worker.
        attempts: how often a phase is tried, the death of its worker included. Requests are retried below, by the
            HTTP client; this is for a ledger, a server or a worker that is away for longer.
        longest: seconds one call may take.
        queue: the task queue of the activities; "": the workflow's own.
        queues: store -> the task queue of its own, where its rate is limited across all workers.
        fatal: types of errors that another attempt does not mend.
        attributes: whether the namespace knows trueup's search attributes (`deploy` registers them).
        events: after how many events a workflow continues as new; 0: when the server suggests it.
        poll: seconds until a run that waits for approval is looked at; grows to `poll_cap`.
    """

    heartbeat: float = 30.0
    attempts: int = 20
    longest: float = LONGEST_CALL
    queue: str = ""
    queues: Mapping[str, str] = field(default_factory=dict)
    fatal: tuple[str, ...] = ()
    attributes: bool = False
    events: int = 0
    poll: float = 2.0
    poll_cap: float = 300.0

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Settings:
        """The settings as a history holds them; what a newer worker has added is left out."""
        known = {one.name for one in fields(cls)}
        chosen = {key: item for key, item in value.items() if key in known}
        return cls(**{**chosen, "fatal": tuple(chosen.get("fatal", ()))})

    def to_json(self) -> dict[str, Any]:
        """The settings as a JSON object."""
        return asdict(self)

    def queue_of(self, ref: str) -> str | None:
        """The task queue for calls to a collection's store ("work/team"); None: the workflow's own."""
        return self.queues.get(ref.partition("/")[0])

    def retry(self) -> RetryPolicy:
        """How a phase is tried again."""
        return RetryPolicy(
            initial_interval=timedelta(seconds=1),
            maximum_interval=timedelta(seconds=60),
            maximum_attempts=self.attempts,
            non_retryable_error_types=self.fatal,
        )

    def retry_for_turn(self) -> RetryPolicy:
        """How the beginning of a job is tried again: for as long as somebody else works on it."""
        return replace(self.retry(), maximum_attempts=0)

    def retry_step(self, spec: Mapping[str, Any]) -> RetryPolicy:
        """How a step is tried again, as its `retry` says: {"attempts", "backoff", "base", "cap"}.

        The number of attempts is not in the policy: the server would count the death of a worker as one. Failures are
        counted in the ledger, and the last one is an error that is not retried.
        """
        exponential = spec.get("backoff", "exponential") == "exponential"
        base = max(0.001, float(spec.get("base", 1.0)))
        return RetryPolicy(
            initial_interval=timedelta(seconds=base),
            backoff_coefficient=2.0 if exponential else 1.0,
            maximum_interval=timedelta(seconds=max(base, float(spec.get("cap", 60.0)))),
            non_retryable_error_types=self.fatal,
        )

    def retry_child(self, spec: Mapping[str, Any]) -> RetryPolicy | None:
        """How a step that is a job or pipeline is tried again: a child workflow outlives its workers, so that every
        attempt is a failure. None: once."""
        attempts = int(spec.get("attempts", 1))
        return replace(self.retry_step(spec), maximum_attempts=attempts) if attempts > 1 else None
