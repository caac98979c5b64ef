"""Airflow with its scheduler, DAG processor and API server: a chain of tasks, and a mapped one. A task takes about a second: the chain is short."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from importlib.metadata import version

from tests.support.airflow_server import Airflow

from benchmarks.steps import tell

CHAIN = 20
MAP = 50
DAGS = """\
from airflow.sdk import chain, dag, task


@task
def trivial(x=None):
    return x


@dag(schedule=None)
def one_after_another():
    chain(*(trivial.override(task_id=f"s{{at}}")(at) for at in range({chain})))


@dag(schedule=None)
def mapped():
    trivial.override(max_active_tis_per_dagrun=64).expand(x=list(range({map})))


one_after_another()
mapped()
"""


def _seconds(airflow: Airflow, dag: str) -> float:
    run = airflow.trigger(dag)
    assert airflow.wait_run(dag, run, seconds=1800) == "success"
    (found,) = [one for one in airflow.api("GET", f"/dags/{dag}/dagRuns")["dag_runs"] if one["dag_run_id"] == run]
    return (datetime.fromisoformat(found["end_date"]) - datetime.fromisoformat(found["start_date"])).total_seconds()


def main(steps: int) -> None:
    """Measures and prints."""
    began = time.perf_counter()
    chained, mapped = min(steps, CHAIN), min(steps, MAP)
    with Airflow(workers=2) as airflow:
        (airflow.dags / "steps.py").write_text(DAGS.format(chain=chained, map=mapped))
        airflow.wait_for_dags("one_after_another", "mapped")
        started = time.perf_counter()
        chain, each = _seconds(airflow, "one_after_another"), _seconds(airflow, "mapped")
    tell(f"Airflow {version('apache-airflow')}, LocalExecutor", started - began, (chained, chain), (mapped, each))


if __name__ == "__main__":
    main(int(sys.argv[1]))
