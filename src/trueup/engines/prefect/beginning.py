"""The first act of a flow run that a schedule started: whether it runs at all, and what it does where it would meet another run (`collide`).

| `collide` | the flow run |
|---|---|
| `queue`, `shift` | waits until the other has ended |
| `skip` | ends as "Skipped" |
| `ask` | is suspended; Resume asks whether it is to begin, and so does `trueup apply RUN` |
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, TypeAlias

from prefect.client.orchestration import get_client
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from prefect.states import Failed
from pydantic import Field

from trueup.engines import calls
from trueup.engines.prefect.logs import run_logger
from trueup.engines.prefect.marks import mark, mark_waiting
from trueup.engines.prefect.names import OCCURRENCE
from trueup.engines.prefect.patience import patiently
from trueup.engines.prefect.policies import why_not
from trueup.engines.prefect.states import let_go

Json: TypeAlias = dict[str, Any]

LOOK_AGAIN = 15.0
"""Seconds between two looks at what is in the way."""


class Start(RunInput):  # type: ignore[misc]  # mypy does not see Prefect: it is in an environment of its own
    """The form behind Resume."""

    allow: bool = Field(title="Let it begin all the same? (Off: it is left out.)")
    who: str = Field(default="", title="Your name, for the record")


def held_back(config: str, name: str, schedule: Json | None, params: Mapping[str, Any]) -> Any:
    """Returns when the present flow run may begin, with None; or the state with which it ends.

    Args:
        config: the absolute path of trueup.yaml.
        name: the job or pipeline.
        schedule: of it, as `calls.describe` has it.
        params: of the pipeline.

    Raises:
        prefect.exceptions.Pause: the flow run was suspended until a person says yes or no.
    """
    if schedule is None:
        return None
    if reason := why_not(schedule):
        return let_go(reason)
    with get_client(sync_client=True) as client:
        this = client.read_flow_run(flow_run.id)
    if not (this.auto_scheduled or OCCURRENCE in this.tags):
        return None
    told = ""
    while True:
        found = patiently(
            calls.due, config, name, this.expected_start_time.timestamp(), str(this.id), params, _key(this)
        )
        if found["verdict"] == "run":
            return None
        if found["verdict"] == "skip":
            return let_go(found["note"])
        if found["verdict"] == "failed":
            return Failed(message=found["note"])
        if found["verdict"] == "ask":
            _ask(config, name, found)
            continue
        if told != (told := found["note"]):
            run_logger().warning("not yet: %s", told)
        time.sleep(max(0.1, min(LOOK_AGAIN, (found["until"] or time.time() + LOOK_AGAIN) - time.time())))


def _ask(config: str, name: str, found: Json) -> None:
    """Asks a person, and carries the answer out; suspends the flow run where there is none yet."""
    run = found["run"]
    run_logger().warning("%s: to let it begin: trueup apply %s, or Resume this flow run", found["note"], run)
    patiently(mark, run)
    patiently(mark_waiting, [run])
    form = Start.with_initial_data(description=f"**{name}** has not begun: {found['note']}.")
    answer = suspend_flow_run(wait_for_input=form, key=f"start-{run}")
    if patiently(calls.waiting, config, run)["next"] != "wait":
        return  # decided elsewhere meanwhile
    who = answer.who or "a person, in Prefect"
    patiently(calls.allow_start if answer.allow else calls.refuse_start, config, run, who)


def _key(run: Any) -> str:
    """The key of the occurrence that a flow run was made for; "" where Prefect's own schedule made it."""
    return next((one.removeprefix(f"{OCCURRENCE}:") for one in run.tags if one.startswith(f"{OCCURRENCE}:")), "")
