"""Prefect as `trueup engine …` uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.sorting import FlowRunSort

from trueup.engines.prefect import found
from trueup.engines.prefect.compare import units
from trueup.engines.prefect.deploy import deploy
from trueup.engines.prefect.names import TAG, config_tag
from trueup.engines.prefect.pages import page
from trueup.model.errors import TrueupError

Json: TypeAlias = dict[str, Any]

RUNS = 20


class PrefectEngine:
    """See `trueup.engines.base.Engine`."""

    name = "prefect"

    def deploy(self, config: str, *, on_event: Callable[[Json], None]) -> Json:
        """Makes work pool, deployments with their schedules, limits and automations equal to trueup.yaml."""
        with found.server() as client:
            changed = deploy(client, config, on_event)
        return {"engine": self.name, "changed": changed, "url": found.api_url()}

    def status(self, config: str) -> Json:
        """Compares them, and lists the last runs."""
        answer: Json = {"engine": self.name, "reachable": True, "url": found.api_url(), "units": [], "runs": []}
        try:
            with found.server() as client:
                return {**answer, "units": units(client, config), "runs": _runs(client, config)}
        except TrueupError as error:
            return {**answer, "reachable": False, "error": error.to_json()}

    def fix(self, config: str, status: Json) -> Json:
        """Repairs what `status` found, and what has come since."""
        return self.deploy(config, on_event=lambda event: None)

    def worker(self, config: str, **options: Any) -> None:
        """A worker of the pool, and the keeper of what Prefect does not do by itself; the options: `worker.work`."""
        from trueup.engines.prefect.worker import work

        work(config, **options)


def _runs(client: Any, config: str) -> list[Json]:
    ours = FlowRunFilter(tags=FlowRunFilterTags(all_=[TAG, config_tag(config)]))
    runs = client.read_flow_runs(flow_run_filter=ours, sort=FlowRunSort.START_TIME_DESC, limit=RUNS)
    return [
        {
            "name": one.name,
            "state": one.state.name if one.state else "",
            "started": one.start_time.isoformat() if one.start_time else "",
            "url": page("flow-run", one.id),
        }
        for one in runs
    ]
