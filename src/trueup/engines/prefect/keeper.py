"""What Prefect does not do by itself, beside each worker: told in its log, and written down in docs/how-to/prefect.md.

- A flow run whose process on this machine is gone is marked as crashed after 15 s, instead of 90 s of silence; the automation puts
  it back into the schedule. So is one that a worker took and never started: it sends no heartbeats yet.
- Runs that Prefect's schedules cannot say are scheduled one by one, and kept equal to the calendars they follow (`occurrences`).
- A suspended flow run whose plan was carried out by `trueup apply RUN` is resumed, and finds that it is over.
"""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType, FlowRunFilterTags
from prefect.client.schemas.objects import StateType
from prefect.logging import get_logger
from prefect.states import Crashed
from prefect.types._datetime import now

from trueup.engines import calls
from trueup.engines.prefect import found, occurrences
from trueup.engines.prefect.marks import HOST, PID, gone, waited_for
from trueup.engines.prefect.names import TAG, config_tag

EVERY = 5.0
"""Seconds between two looks."""

WORKER_TELLS = 15.0
"""Seconds that a worker has to mark a run as crashed whose process it has seen die. Twice is once too often: it would start twice."""

OCCURRENCES_EVERY = 30.0
"""Seconds between two comparisons of what is scheduled one by one."""

PENDING = timedelta(minutes=5)
"""How long a worker may take from taking a run to starting its process."""


class Keeper:
    """Looks after the runs of a configuration in a thread, as a context manager.

    Args:
        config: the absolute path of trueup.yaml.
        every: seconds between two looks.
    """

    def __init__(self, config: str, every: float = EVERY) -> None:
        self.config, self.every = config, every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="trueup-keeper", daemon=True)
        self._next = 0.0
        self._gone: dict[Any, float] = {}
        self._logger = get_logger("trueup.keeper")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=self.every + 5)

    def _keep(self) -> None:
        while not self._stop.wait(self.every):
            try:
                self.look()
            except Exception as error:  # the server may be away for a while; the next look finds it again
                self._logger.warning("could not look after the runs: %s", error)

    def look(self) -> None:
        """Looks once."""
        with found.server() as client:
            for run in self._in(client, StateType.RUNNING):
                if self._gone_for_long(run):
                    self._crash(client, run, f"its process {run.labels[PID]} on {run.labels[HOST]} is gone")
            for run in self._in(client, StateType.PENDING):
                if run.state.timestamp < now("UTC") - PENDING:
                    self._crash(client, run, f"the worker that took it {PENDING} ago has not started it")
            for run in self._in(client, StateType.PAUSED):
                self._resume(client, run)
            if time.monotonic() >= self._next:
                self._next = time.monotonic() + OCCURRENCES_EVERY
                for what in occurrences.correct(client, self.config):
                    self._logger.info("%s", what)

    def _gone_for_long(self, run: Any) -> bool:
        """Whether a run's process is gone, and the worker that started it had the time to say so itself."""
        if not gone(run):
            self._gone.pop(run.id, None)
            return False
        return time.monotonic() - self._gone.setdefault(run.id, time.monotonic()) > WORKER_TELLS

    def _crash(self, client: Any, run: Any, why: str) -> None:
        self._logger.warning("%s has crashed: %s", run.name, why)
        client.set_flow_run_state(run.id, Crashed(message=why))

    def _in(self, client: Any, *types: StateType) -> list[Any]:
        """Our flow runs in these states that Prefect started from a deployment."""
        state = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))
        ours = FlowRunFilter(state=state, tags=FlowRunFilterTags(all_=[TAG, config_tag(self.config)]))
        return [one for one in client.read_flow_runs(flow_run_filter=ours, limit=200) if one.deployment_id]

    def _resume(self, client: Any, run: Any) -> None:
        runs = waited_for(run)
        if not runs or any(calls.waiting(self.config, one)["next"] == "wait" for one in runs):
            return
        self._logger.info("%s was decided elsewhere: it goes on", run.name)
        client.resume_flow_run(run.id, run_input={"allow": False, "who": "trueup"})
