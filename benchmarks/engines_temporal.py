"""What trueup adds to Temporal: a pipeline beside a hand-written workflow of the same shape, on the same server, in turns; and how
both spread over workers.

    .venv-temporal/bin/python -m benchmarks.engines_temporal [--items 200] [--seconds 0.05] [--rounds 5] [--workers 1 2 4] [--json]

Both have an activity that begins, one that lists the items, one for each item (so many side by side, the same time limits and
retries) and one that ends. An item takes `--seconds` in both; the hand-written one does nothing else. The time is the workflow's own,
as Temporal keeps it. The target is 5 % with one worker.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from temporalio.client import Client
from tests.support.temporal_server import TemporalServer

from benchmarks.process import ROOT, processes
from benchmarks.temporal_by_hand import PARALLEL, THREADS

TARGET = 1.05
OURS, BARE = "bench", "Bare"

CONFIG = """\
version: 1
stores: {{}}
jobs: {{}}
pipelines:
  bench:
    steps:
      rows: {{python: "bench_steps:rows"}}
      each: {{python: "bench_steps:work", for_each: "${{steps.rows.output}}", with: {{x: "${{item}}"}}, parallel: {parallel}}}
{ledger}
"""
STEPS = """\
import time

def rows():
    return list(range({items}))

def work(x):
    time.sleep({seconds})
    return x
"""


async def seconds_of(client: Client, name: str, queue: str, args: Sequence[Any], number: int) -> float:
    """One run, as the server measures it."""
    handle = await client.start_workflow(name, args=args, id=f"{name}-{number}", task_queue=queue)
    await handle.result()
    found = await handle.describe()
    assert found.close_time is not None
    return (found.close_time - found.start_time).total_seconds()


def measure(items: int, seconds: float, rounds: int, workers: Sequence[int], ledger: str = "") -> list[dict[str, Any]]:
    """A row for each number of workers: {"workers", "ours", "bare"} in seconds, medians of the rounds."""
    with TemporalServer() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "trueup.yaml").write_text(
            CONFIG.format(parallel=PARALLEL, ledger=f'ledger: "{ledger}"' if ledger else "")
        )
        (folder / "bench_steps.py").write_text(STEPS.format(items=items, seconds=seconds))
        environment = {**os.environ, "TEMPORAL_ADDRESS": server.address, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
        ours = [sys.executable, "-m", "trueup", "engine", "temporal", "worker", "--threads", str(THREADS)]
        bare = [sys.executable, "-m", "benchmarks.temporal_by_hand", server.address]
        return [_row(server.address, one, rounds, items, seconds, (ours, bare), environment, folder) for one in workers]


def _row(
    address: str,
    number: int,
    rounds: int,
    items: int,
    seconds: float,
    commands: tuple[list[str], list[str]],
    environment: dict[str, str],
    folder: Path,
) -> dict[str, Any]:
    async def scenario() -> dict[str, list[float]]:
        client = await Client.connect(address)
        found: dict[str, list[float]] = {OURS: [], BARE: []}
        for turn in range(-1, rounds):  # the first turn warms up
            for name, queue, args in ((OURS, "trueup", []), (BARE, "bare", [items, seconds]))[:: 1 if turn % 2 else -1]:
                took = await seconds_of(client, name, queue, args, 100 * number + turn)
                if turn >= 0:
                    found[name].append(took)
        await asyncio.sleep(0.2)
        return found

    with processes(number, commands[0], environment, folder), processes(number, commands[1], environment, folder):
        found = asyncio.run(scenario())
    return {"workers": number, "ours": statistics.median(found[OURS]), "bare": statistics.median(found[BARE])}


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--postgresql", action="store_true", help="the ledger on PostgreSQL instead of SQLite")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    given = (chosen.items, chosen.seconds, chosen.rounds, chosen.workers)
    if chosen.postgresql:
        from tests.support.servers import PostgreSQL

        with PostgreSQL() as database:
            rows_ = measure(*given, database.make_database())
    else:
        rows_ = measure(*given)
    if chosen.json:
        print(json.dumps({"items": chosen.items, "seconds": chosen.seconds, "target": TARGET, "rows": rows_}))
        return 0
    print(f"{chosen.items} items of {chosen.seconds * 1000:g} ms; medians of {chosen.rounds}")
    for one in rows_:
        share = one["ours"] / one["bare"] - 1
        print(f"{one['workers']} workers: trueup {one['ours']:.2f} s, by hand {one['bare']:.2f} s, {share:+.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
