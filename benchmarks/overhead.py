"""What trueup adds on each orchestrator: a generated pipeline beside a hand-written one of the same shape, on the same server, in turns."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.ground import note
from benchmarks.measured import Section

PROJECT = Path(__file__).resolve().parents[1]
TARGET = 1.05
HEAD = ("engine", "workers", "items", "by hand, s", "trueup, s", "ratio", "at most")


def measure(items: int, rounds: int, workers: tuple[int, ...]) -> Section:
    """A row for each engine and number of workers (processes; on Airflow tasks at once). Airflow has an eighth of the items."""
    rows: list[tuple[str, ...]] = []
    given = ["--items", str(items), "--rounds", str(rounds)]
    found = _run("temporal", *given, "--workers", *map(str, workers))
    rows += [_row("Temporal", items, one) for one in found["rows"]]
    found = _run("prefect", *given)
    rows.append(_row("Prefect", items, {"workers": 1, **found}))
    for number in workers:
        few = max(4, items // 8)
        found = _run("airflow", "--items", str(few), "--rounds", str(max(1, rounds // 3)), "--workers", str(number))
        rows.append(_row("Airflow", few, found))
    about = (
        "A pipeline of one mapped step. Both take the same time for an item (Temporal and Prefect: 50 ms, Airflow: nothing), the hand-written one "
        "does nothing else; trueup keeps every item in its ledger. Medians, in turns, after a round that is not counted."
    )
    return Section("overhead", "What trueup adds on the orchestrators", about, head=HEAD, rows=tuple(rows))


def _run(engine: str, *arguments: str) -> dict[str, Any]:
    note(f"overhead on {engine}: {' '.join(arguments)}")
    python = PROJECT / f".venv-{engine}" / "bin" / "python"
    command = [python, "-m", f"benchmarks.engines_{engine}", *arguments, "--json"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"benchmarks.engines_{engine} ended with {done.returncode}\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def _row(engine: str, items: int, one: dict[str, Any]) -> tuple[str, ...]:
    ratio = one["ours"] / one["bare"]
    target = f"{TARGET:.2f}" if one["workers"] == 1 else ""
    return (
        engine,
        str(one["workers"]),
        str(items),
        f"{one['bare']:.2f}",
        f"{one['ours']:.2f}",
        f"**{ratio:.2f}**",
        target,
    )
