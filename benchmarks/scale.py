"""How a pipeline spreads over 1, 2 and 4 worker processes of each orchestrator, and whether a store's limit holds over all of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.ground import note
from benchmarks.measured import Section

PROJECT = Path(__file__).resolve().parents[1]
ENGINES = ("temporal", "prefect", "airflow")
HEAD = ("engine", "workers", "items", "s", "times as fast as one", "items of each worker", "at a store with room for 2")


def measure(items: int, workers: tuple[int, ...]) -> Section:
    """A row for each engine and number of worker processes. Airflow has an eighth of the items: each costs it a second."""
    rows: list[tuple[str, ...]] = []
    for engine in ENGINES:
        found = _run(engine, items if engine != "airflow" else max(8, items // 8), workers)
        first = found[0]["seconds"]
        rows += [_row(engine.capitalize(), one, first) for one in found]
    about = (
        "A pipeline of one mapped step, 64 items at once, its ledger on PostgreSQL; an item takes 0.2 s, on Prefect 1 s. Temporal's workers have "
        "16 threads, Prefect's take one flow run at a time (16 items at once in each), Airflow's one task. The time is the run's own, the start of "
        "its processes included. The last column: eight jobs of one account whose store has `workers: 2`, started together on all workers: how "
        "many requests were at the server at once, at most (each worker there sends one at a time)."
    )
    return Section("scale", "More workers", about, head=HEAD, rows=tuple(rows))


def _run(engine: str, items: int, workers: tuple[int, ...]) -> list[dict[str, Any]]:
    note(f"scale on {engine}: {items} items, {', '.join(map(str, workers))} workers")
    python = PROJECT / f".venv-{engine}" / "bin" / "python"
    command = [python, "-m", f"benchmarks.scale_{engine}", "--items", str(items), "--workers", *map(str, workers)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"benchmarks.scale_{engine} ended with {done.returncode}\n{done.stderr[-3000:]}")
    result: list[dict[str, Any]] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def _row(engine: str, one: dict[str, Any], first: float) -> tuple[str, ...]:
    seconds, shares = one["seconds"], sorted(one["shares"], reverse=True)
    return (
        engine,
        str(one["workers"]),
        str(one["items"]),
        f"{seconds:.1f}",
        f"{first / seconds:.2f}",
        ", ".join(map(str, shares)),
        str(one["most"]) if one["most"] else "",
    )
