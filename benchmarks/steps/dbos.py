"""DBOS on SQLite, as its documentation has it: a workflow of steps, and one workflow an item for the map."""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from importlib.metadata import version

from dbos import DBOS

from benchmarks.steps import tell


@DBOS.step()
def trivial(x: int) -> int:
    """Nothing."""
    return x


@DBOS.workflow()
def chain(steps: int) -> None:
    """One after another."""
    for number in range(steps):
        trivial(number)


@DBOS.workflow()
def item(x: int) -> int:
    """One of a map."""
    return trivial(x)


def main(steps: int) -> None:
    """Measures and prints."""
    logging.disable(logging.WARNING)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        DBOS(config={"name": "steps", "system_database_url": f"sqlite:///{folder}/dbos.sqlite"})
        DBOS.launch()
        started = time.perf_counter()
        chain(steps)
        chained = time.perf_counter()
        for handle in [DBOS.start_workflow(item, number) for number in range(steps)]:
            handle.get_result()
        mapped = time.perf_counter()
        DBOS.destroy()
    tell(f"DBOS {version('dbos')}, SQLite", started - began, (steps, chained - started), (steps, mapped - chained))


if __name__ == "__main__":
    main(int(sys.argv[1]))
