"""What a step of a pipeline costs on the embedded engine, over the ledger's own commits.

    python benchmarks/pipeline_steps.py [--steps 200] [--rounds 5] [--json]

Three shapes of trivial steps: one after another, all at once, and a map. A step makes two commits (begun, ended); their time is
taken in the same run and subtracted, and the median round counts. The target is 1 ms a step over the commits.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from trueup.core.ledger import Ledger, open_ledger
from trueup.engines.embedded import Host, run_pipeline
from trueup.model.pipeline import PipelineSpec, StepKind, StepSpec

MODULE = "trueup_benchmark_steps"
SOURCE = "def trivial(x=None):\n    return x\n"
TARGET_MS = 1.0


def chain(steps: int) -> PipelineSpec:
    """Each step needs the one before."""
    made = [step("s0")] + [step(f"s{n}", needs=(f"s{n - 1}",)) for n in range(1, steps)]
    return PipelineSpec("chain", tuple(made))


def wide(steps: int) -> PipelineSpec:
    """No step needs another."""
    return PipelineSpec("wide", tuple(step(f"s{n}") for n in range(steps)))


def mapped(steps: int) -> PipelineSpec:
    """One step over a list."""
    return PipelineSpec("map", (step("s", for_each=list(range(steps)), with_={"x": "${item}"}, parallel=8),))


def step(name: str, **more: object) -> StepSpec:
    return StepSpec(name, StepKind.PYTHON, f"{MODULE}:trivial", **more)  # type: ignore[arg-type]


def run(ledger: Ledger, spec: PipelineSpec, root: Path) -> float:
    """Seconds for one run of the pipeline."""

    def no_job(name: str, **more: object) -> dict[str, object]:
        raise AssertionError("there is no job in this benchmark")

    start = time.perf_counter()
    result = run_pipeline(spec, Host(ledger, {spec.name: spec}, no_job, root))
    seconds = time.perf_counter() - start
    assert result["state"] == "done", result["error"]
    return seconds


class Commits:
    """Adds up the seconds that the ledger's commits take, by its own hook around them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0

    def __call__(self, label: str) -> None:
        if label.startswith("before:"):
            self._since = time.perf_counter()
        else:
            self.seconds += time.perf_counter() - self._since


def measure(steps: int, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds a step for each shape: whole, its commits, and what the engine adds."""
    shapes: dict[str, Callable[[int], PipelineSpec]] = {
        "one after another": chain,
        "all at once": wide,
        "a map": mapped,
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in shapes}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / f"{MODULE}.py").write_text(SOURCE)
        ledger = open_ledger(str(root / "ledger.db"))
        for _ in range(rounds):
            for name, make in shapes.items():
                ledger.on_write = commits = Commits()
                taken[name].append((run(ledger, make(steps), root), commits.seconds))
        ledger.close()
    return {name: _figures(pairs, steps) for name, pairs in taken.items()}


def _figures(pairs: list[tuple[float, float]], steps: int) -> dict[str, float]:
    each = 1000 / steps
    return {
        "ms a step": statistics.median(whole for whole, _ in pairs) * each,
        "ms of commits": statistics.median(commits for _, commits in pairs) * each,
        "ms added": statistics.median(whole - commits for whole, commits in pairs) * each,
    }


def main() -> int:
    """Measures, prints, and returns 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.steps, options.rounds)
    if options.json:
        print(json.dumps({"steps": options.steps, "target_ms": TARGET_MS, "shapes": figures}))
    else:
        print(f"{options.steps} trivial steps, embedded engine, ledger on SQLite (median of {options.rounds} rounds)\n")
        print("| shape | ms a step | of that commits | added by the engine |\n|---|---|---|---|")
        for name, one in figures.items():
            print(f"| {name} | {one['ms a step']:.2f} | {one['ms of commits']:.2f} | {one['ms added']:.2f} |")
    return int(any(one["ms added"] > TARGET_MS for one in figures.values()))


if __name__ == "__main__":
    sys.exit(main())
