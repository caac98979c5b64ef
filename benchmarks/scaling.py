"""What the measurements of `scale` share: the office whose pipeline is mapped, who did its items, and eight jobs of one account."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from tests.engines.scale import Target, many_jobs
from tests.support.postgresql import PostgreSQL
from tests.support.servers import Radicale

PARALLEL = 64
ROOM = 2
JOBS = 8

STEPS = """\
import os, time
from pathlib import Path

def work(x, context):
    time.sleep(SECONDS)
    handle = os.open(Path(__file__).with_name("done"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{WHO()}\\n".encode())
    os.close(handle)
"""
Row: TypeAlias = dict[str, Any]


class Office:
    """A configuration in a folder.

    Args:
        folder: where; ledger: the address of its database; items: of the map.
        seconds: that an item takes.
        who: what stands for a worker in a step's process: a Python expression.
        target: the server of the jobs.
    """

    def __init__(self, folder: Path, ledger: str, items: int, seconds: float, who: str, target: Target) -> None:
        self.folder, self.items, self.target = folder, items, target
        stores, self.jobs = many_jobs(target, folder, JOBS)
        step = {"python": "scale_steps:work", "for_each": list(range(items)), "with": {"x": "${item}"}}
        pipelines = {"bench": {"steps": {"each": {**step, "parallel": PARALLEL}}}}
        config = {"version": 1, "ledger": ledger, "stores": stores, "jobs": self.jobs, "pipelines": pipelines}
        (folder / "trueup.yaml").write_text(json.dumps(config))
        (folder / "scale_steps.py").write_text(f"{STEPS}\nSECONDS = {seconds}\nWHO = lambda: {who}\n")

    @property
    def config(self) -> str:
        return str(self.folder / "trueup.yaml")

    def shares(self) -> list[int]:
        """How many items each worker has done since the last look."""
        path = self.folder / "done"
        found = Counter(path.read_text().split())
        path.unlink()
        assert sum(found.values()) == self.items, found
        return sorted(found.values())

    def row(self, workers: int, seconds: float, most: int = 0) -> Row:
        """What was measured with so many workers."""
        return {"workers": workers, "items": self.items, "seconds": seconds, "shares": self.shares(), "most": most}

    def at_the_store(self) -> int:
        """How many requests were at the server at once, at most; every job's event must have come over."""
        assert self.target.arrived(self.folder, self.jobs)
        return self.target.most


@contextmanager
def office(items: int, seconds: float, who: str) -> Iterator[Office]:
    """An office with its servers."""
    with (
        TemporaryDirectory() as folder,
        PostgreSQL() as database,
        Radicale() as radicale,
        Target(radicale, ROOM) as target,
    ):
        yield Office(Path(folder), database.make_database(), items, seconds, who, target)


def main(about: str | None, measure: Callable[[int, Sequence[int]], list[Row]]) -> None:
    """The command line of each engine's measurement: prints the rows as JSON."""
    parser = argparse.ArgumentParser(description=str(about).splitlines()[0])
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    given = parser.parse_args()
    print(json.dumps(measure(given.items, given.workers)))
