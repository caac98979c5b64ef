"""`trueup engine airflow …`: the DAG file, and whether Airflow has what trueup.yaml says."""

from __future__ import annotations

from typing import Any

from trueup.engines.airflow import deployment, drift
from trueup.engines.base import Json, OnEvent
from trueup.model.errors import UsageError


class AirflowEngine:
    """See `trueup.engines.base.Engine`."""

    name = "airflow"

    def deploy(self, config: str, *, on_event: OnEvent) -> Json:
        """Makes the pools, and writes the DAG file into Airflow's DAGs folder; Airflow's DAG processor does the rest."""
        return deployment.deploy(config, on_event)

    def status(self, config: str) -> Json:
        """Compares what Airflow has with what trueup.yaml says."""
        return drift.status(config)

    def fix(self, config: str, status: Json) -> Json:
        """Repairs what `status` found: the DAG file, pools, switches, DAGs that nobody makes any more."""
        return drift.fix(config, status)

    def worker(self, config: str, **options: Any) -> None:
        """There is none of ours: Airflow's own workers run the tasks.

        Raises:
            UsageError: always; says what to start.
        """
        raise UsageError(
            "trueup has no worker of its own for Airflow",
            why="its tasks run in Airflow's workers, where trueup has to be installed",
            hint="start Airflow (airflow standalone, to try it), then: trueup engine airflow deploy",
        )


ENGINE = AirflowEngine()
