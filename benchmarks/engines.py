"""The same trivial steps on every engine, each in its own environment with its real server, in one run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks.ground import note
from benchmarks.measured import Section
from benchmarks.pipeline_steps import TARGET_MS
from benchmarks.pipeline_steps import measure as embedded

PROJECT = Path(__file__).resolve().parents[1]
ENGINES = {
    "embedded": ".venv",
    "dbos": ".venv-bench",
    "temporal": ".venv-temporal",
    "prefect": ".venv-prefect",
    "airflow": ".venv-airflow",
}
HEAD = ("engine", "start, s", "one after another, ms a step (steps)", "a map, ms a step (steps)", "peak MB")


def measure(steps: int, rounds: int) -> Section:
    """A row for each engine; one that is not installed says so."""
    rows = [row for name, folder in ENGINES.items() for row in _rows(name, PROJECT / folder / "bin" / "python", steps)]
    added = {shape: one["ms added"] for shape, one in embedded(steps, rounds).items()}
    shapes = ", ".join(f"{shape} {ms:.2f} ms" for shape, ms in added.items())
    about = (
        "Trivial steps, written by hand for each engine as its documentation has it (`benchmarks/steps/`). What the embedded engine adds to a step "
        f"over the ledger's own commits: {shapes} (at most {TARGET_MS:g} ms)."
    )
    return Section("engines", "Steps on every engine", about, head=HEAD, rows=tuple(rows))


def _rows(name: str, python: Path, steps: int) -> list[tuple[str, ...]]:
    if not python.exists():
        return [(f"{name}: not installed (`make {python.parents[1].name}/.done`)", "", "", "", "")]
    note(f"{steps} steps on {name}")
    done = subprocess.run(
        [python, "-m", f"benchmarks.steps.{name}", str(steps)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"benchmarks.steps.{name} ended with {done.returncode}\n{done.stderr[-3000:]}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    chain, each = (_shape(found[shape]) for shape in ("chain", "map"))
    return [(found["engine"], f"{found['start']:.1f}", chain, each, f"{found['rss'] / 1e6:.0f}")]


def _shape(one: dict[str, float]) -> str:
    return f"{one['seconds'] / one['steps'] * 1000:.1f} ({one['steps']})"
