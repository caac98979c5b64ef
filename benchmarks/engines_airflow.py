"""What trueup adds to Airflow: a pipeline as a DAG beside a hand-written DAG of the same shape, on the same Airflow, in turns.

    .venv-airflow/bin/python -m benchmarks.engines_airflow [--items 50] [--rounds 5] [--workers 2] [--json]

Both have a task that begins, one that lists the items, one mapped over them, one that joins them, and one that ends, with the same retries; the
hand-written one does nothing in them. The time is the DAG run's own, from its start to its end as Airflow keeps it. The target is 5 %.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from tests.support.airflow_server import Airflow

TARGET = 1.05
OURS, BARE = "bench", "bare"

CONFIG = """\
version: 1
stores: {{}}
jobs: {{}}
pipelines:
  bench:
    steps:
      each: {{python: "bench_steps:trivial", for_each: [{items}], with: {{x: "${{item}}"}}, parallel: {items_number}}}
"""
STEPS = "def trivial(x=None):\n    return x\n"
DAGS = """\
from airflow.sdk import TaskGroup, TriggerRule, dag, task
from trueup.engines.airflow import DEFAULTS, dags

globals().update(dags({config!r}))


@dag(schedule=None, default_args=DEFAULTS, params={{}})
def bare():
    @task
    def begin():
        return {{"run": "r"}}

    @task
    def items():
        return [{{"items": [at], "label": f"each[{{at}}]"}} for at in range({number})]

    @task(map_index_template="{{{{ task.op_kwargs['part']['label'] }}}}", max_active_tis_per_dagrun={number})
    def each(part):
        return {{"items": 1}}

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def join():
        return {{"outcome": "done"}}

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def end():
        return {{"state": "done"}}

    begun, ended = begin(), end()
    with TaskGroup("each"):
        listed = items()
        joined = join()
        listed >> each.expand(part=listed) >> joined
    begun >> listed
    joined >> ended
    begun >> ended


bare()
"""


def seconds(airflow: Airflow, dag: str) -> float:
    """One DAG run's own time."""
    run = airflow.trigger(dag)
    state = airflow.wait_run(dag, run, seconds=1800)
    assert state == "success", airflow.task_states(dag, run)
    (found,) = [one for one in airflow.api("GET", f"/dags/{dag}/dagRuns")["dag_runs"] if one["dag_run_id"] == run]
    return (datetime.fromisoformat(found["end_date"]) - datetime.fromisoformat(found["start_date"])).total_seconds()


def measure(items: int, rounds: int, workers: int) -> dict[str, object]:
    """Both DAGs in turns, each once more beforehand: the first run of a DAG pays for what is loaded once."""
    with tempfile.TemporaryDirectory() as folder, Airflow(workers=workers) as airflow:
        root = Path(folder)
        (root / "bench_steps.py").write_text(STEPS)
        config = root / "trueup.yaml"
        config.write_text(CONFIG.format(items=", ".join(map(str, range(items))), items_number=items))
        (airflow.dags / "bench.py").write_text(DAGS.format(config=str(config), number=items))
        airflow.wait_for_dags(OURS, BARE)
        times: dict[str, list[float]] = {OURS: [], BARE: []}
        for number in range(rounds + 1):
            for dag in (OURS, BARE) if number % 2 else (BARE, OURS):
                took = seconds(airflow, dag)
                if number:
                    times[dag].append(took)
                print(f"  round {number}: {dag:5} {took:6.2f} s", file=sys.stderr)
    ours, bare = statistics.median(times[OURS]), statistics.median(times[BARE])
    return {
        "items": items,
        "rounds": rounds,
        "workers": workers,
        "times": times,
        "ours": ours,
        "bare": bare,
        "ratio": ours / bare,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--items", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.items, given.rounds, given.workers)
    if given.json:
        print(json.dumps(found))
        return
    print(f"{given.items} items, {given.workers} workers, median of {given.rounds} rounds")
    print(f"  trueup's DAG  {found['ours']:7.2f} s\n  hand-written  {found['bare']:7.2f} s")
    print(f"  ratio         {found['ratio']:7.3f}   (target {TARGET})")


if __name__ == "__main__":
    main()
