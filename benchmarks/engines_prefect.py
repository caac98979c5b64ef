"""What trueup adds to Prefect: a pipeline as a flow beside a hand-written flow of the same shape, on the same server, in turns.

    .venv-prefect/bin/python -m benchmarks.engines_prefect [--items 200] [--seconds 0.05] [--rounds 5] [--json]

Both have a task that lists the items and one mapped over them, so many side by side; an item takes `--seconds` in both, and the
hand-written flow does nothing else. The time is the flow run's own, as Prefect keeps it: the call of a flow returns up to a second later, since
it waits for a thread that looks once a second (`_send_heartbeats` in prefect/flow_engine.py). Before each one the server has taken in all that
the one before it told: a busy server makes the next flow run wait. The target is 5 %.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.prefect_server import PrefectServer

TARGET = 1.05
PARALLEL = 8

CONFIG = """\
version: 1
stores: {{}}
jobs: {{}}
pipelines:
  bench:
    steps:
      rows: {{python: "bench_steps:rows"}}
      each: {{python: "bench_steps:work", for_each: "${{steps.rows.output}}", with: {{x: "${{item}}"}}, parallel: {parallel}}}
"""
STEPS = """\
import time

def rows():
    return list(range({items}))

def work(x):
    time.sleep({seconds})
    return x
"""


def measure(items: int, seconds: float, rounds: int) -> dict[str, float]:
    """{"ours", "bare"}: seconds, medians of the rounds."""
    with PrefectServer() as server, tempfile.TemporaryDirectory() as name:
        os.environ.update(server.env, PREFECT_LOGGING_LEVEL="ERROR", PREFECT_LOGGING_TO_API_ENABLED="false")
        folder = Path(name)
        (folder / "trueup.yaml").write_text(CONFIG.format(parallel=PARALLEL))
        (folder / "bench_steps.py").write_text(STEPS.format(items=items, seconds=seconds))
        from trueup.engines.prefect import flow_of  # Prefect reads its settings when it is imported

        flows = {"ours": flow_of(folder / "trueup.yaml", "bench"), "bare": by_hand(items, seconds)}
        found: dict[str, list[float]] = {one: [] for one in flows}
        ended = 0
        for turn in range(-1, rounds):  # the first turn warms up
            for one in sorted(flows, reverse=bool(turn % 2)):
                took = seconds_of(flows[one](return_state=True))
                if turn >= 0:
                    found[one].append(took)
                ended += items + 1
                wait_until_told(ended)
        return {one: statistics.median(took) for one, took in found.items()}


def seconds_of(state: Any) -> float:
    """How long the flow run took that ended in this state."""
    from prefect.client.orchestration import get_client

    assert state.is_completed(), state
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
    assert run.start_time is not None
    assert run.end_time is not None
    return float((run.end_time - run.start_time).total_seconds())


def wait_until_told(tasks: int) -> None:
    """Waits until the server knows that so many task runs have ended."""
    from prefect.client.orchestration import get_client

    completed = {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    with get_client(sync_client=True) as client:
        while client.request("POST", "/task_runs/count", json=completed).json() < tasks:
            time.sleep(0.5)


def by_hand(items: int, seconds: float) -> Callable[..., Any]:
    """The flow that somebody would write."""
    from prefect import flow, task
    from prefect.task_runners import ThreadPoolTaskRunner

    @task
    def rows() -> list[int]:
        return list(range(items))

    @task
    def work(x: int) -> int:
        time.sleep(seconds)
        return x

    @flow(name="by hand", task_runner=ThreadPoolTaskRunner(max_workers=PARALLEL))
    def bare() -> None:
        work.map(rows.submit()).result()

    return bare


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = measure(chosen.items, chosen.seconds, chosen.rounds)
    if chosen.json:
        print(json.dumps({"items": chosen.items, "seconds": chosen.seconds, "target": TARGET, **found}))
        return 0
    share = found["ours"] / found["bare"] - 1
    print(f"{chosen.items} items of {chosen.seconds * 1000:g} ms; medians of {chosen.rounds}")
    print(f"trueup {found['ours']:.2f} s, by hand {found['bare']:.2f} s, {share:+.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
