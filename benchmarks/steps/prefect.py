"""Prefect with its server: a flow of tasks, and `.map`."""

from __future__ import annotations

import os
import sys
import time
from importlib.metadata import version

from tests.support.prefect_server import PrefectServer

from benchmarks.steps import tell


def main(steps: int) -> None:
    """Measures and prints."""
    began = time.perf_counter()
    with PrefectServer() as server:
        os.environ.update(server.env, PREFECT_LOGGING_LEVEL="ERROR")
        # Prefect reads its settings when it is imported.
        from prefect import flow, task

        @task
        def trivial(x: int) -> int:
            return x

        @flow
        def chain(count: int) -> None:
            for number in range(count):
                trivial(number)

        @flow
        def mapped(count: int) -> None:
            trivial.map(range(count)).result()

        chain(1)  # what is loaded once is no step's cost
        started = time.perf_counter()
        chain(steps)
        chained = time.perf_counter()
        mapped(steps)
        ended = time.perf_counter()
    tell(
        f"Prefect {version('prefect')}, own server",
        started - began,
        (steps, chained - started),
        (steps, ended - chained),
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
