"""The same trivial steps, written by hand on each engine: one after another, and as a map.

Each module runs in the environment of its engine (`.venv-prefect/bin/python -m benchmarks.steps.prefect 200`), starts the engine's real server where
it has one, and prints one line of JSON: {"engine": its name and version, "start": seconds until the first step could run, "chain" and "map":
{"steps", "seconds"}, "rss": peak memory in bytes of its largest process, servers included}.
"""

from __future__ import annotations

import json
import resource
from typing import Any


def tell(engine: str, start: float, chain: tuple[int, float], mapped: tuple[int, float]) -> None:
    """Prints the result; (steps, seconds) each."""
    shapes: dict[str, Any] = {
        name: {"steps": one[0], "seconds": one[1]} for name, one in (("chain", chain), ("map", mapped))
    }
    peaks = [resource.getrusage(who).ru_maxrss * 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps({"engine": engine, "start": start, **shapes, "rss": max(peaks)}), flush=True)
