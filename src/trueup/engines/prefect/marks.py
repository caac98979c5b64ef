"""Labels on a flow run that say which run of trueup it is, and which process of which machine works on it."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

RUN = "trueup.run"
HOST = "trueup.host"
PID = "trueup.pid"
STATE = "trueup.state"
"""The state (its id) the process was started in: a later attempt has another."""

WAITING = "trueup.waiting"
"""The runs that wait for a person, in a run that is suspended for them."""


def mark(run: str) -> None:
    """Labels the present flow run."""
    with get_client(sync_client=True) as client:
        state = str(client.read_flow_run(flow_run.id).state_id)
        labels = {RUN: run, HOST: socket.gethostname(), PID: os.getpid(), STATE: state}
        client.update_flow_run_labels(flow_run.id, labels)


def mark_waiting(runs: Sequence[str]) -> None:
    """Labels the present flow run before it is suspended."""
    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(flow_run.id, {WAITING: " ".join(runs)})


def waited_for(run: Any = None) -> list[str]:
    """The runs that a flow run was suspended for; of the present one by default."""
    if run is None:
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(flow_run.id)
    return str(run.labels.get(WAITING, "")).split()


def gone(run: Any) -> bool:
    """Whether the process that works on a flow run was one of this machine, and does not live any more."""
    labels = run.labels
    if labels.get(HOST) != socket.gethostname() or labels.get(STATE) != str(run.state_id):
        return False
    try:
        os.kill(int(labels[PID]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
