"""What Prefect calls when a flow run of ours is cancelled: its job is free for others at once, and not when its lease runs out."""

from __future__ import annotations

from typing import Any

from prefect.client.orchestration import get_client

from trueup.engines import calls
from trueup.engines.prefect.marks import RUN
from trueup.engines.prefect.parts import cancel
from trueup.model.errors import NotFound


def hooks(config: str) -> dict[str, Any]:
    """The hooks of a flow, as its arguments."""

    def give_back(flow: Any, flow_run: Any, state: Any) -> None:
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(flow_run.id).labels.get(RUN)
            cancel(client, flow_run.id)
        if run:
            try:
                calls.end_job(config, str(run))
            except NotFound:
                return  # a pipeline's run holds no job

    return {"on_cancellation": [give_back]}
