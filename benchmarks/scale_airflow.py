"""Airflow's part of `scale`: so many workers of the LocalExecutor, each a process that does one task at a time.

.venv-airflow/bin/python -m benchmarks.scale_airflow [--items 25] [--workers 1 2 4]
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.airflow_server import Airflow

from benchmarks.engines_airflow import seconds
from benchmarks.scaling import Row, main, office

DAGS = "from trueup.engines.airflow import dags\n\nglobals().update(dags({config!r}))\n"


def measure(items: int, workers: Sequence[int]) -> list[Row]:
    """A row for each number of workers; the jobs with the last."""
    with (
        office(items, 0.2, "os.getppid()") as place,
        Airflow(workers=workers[0]) as airflow,
    ):  # a task's parent is its worker
        (airflow.dags / "bench.py").write_text(DAGS.format(config=place.config))
        airflow.wait_for_dags("bench", *place.jobs)
        rows = []
        for number in workers:
            if number != airflow.workers:
                airflow.kill_part("scheduler")
                airflow.workers = number
                airflow.start_part("scheduler")
            took = seconds(airflow, "bench")
            most = 0
            if number == workers[-1]:
                runs = {name: airflow.trigger(name) for name in place.jobs}
                for name, run in runs.items():
                    assert airflow.wait_run(name, run, seconds=600) == "success", airflow.task_states(name, run)
                most = place.at_the_store()
            rows.append(place.row(number, took, most))
        return rows


if __name__ == "__main__":
    main(__doc__, measure)
