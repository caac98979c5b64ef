"""A place for pipelines to run in: a ledger on disk, a module of the user's that writes down what it does, and the events."""

from __future__ import annotations

import itertools
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from trueup.core.ledger import Ledger, open_ledger
from trueup.engines.embedded import Host, run_pipeline
from trueup.model.pipeline import PipelineSpec

_numbers = itertools.count()

SOURCE = '''
"""Steps of a user. Each appends a line to `effects` when it takes effect."""
import os, sys, time
from pathlib import Path

HERE = Path(__file__).parent

def effect(line):
    handle = os.open(HERE / "effects", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{line}\\n".encode())
    os.close(handle)

def say(x=None, context=None):
    effect(context.step)
    return x

def rows(count):
    effect("rows")
    return {"rows": list(range(count)), "count": count}

def fail(context, message="no"):
    effect(context.step)
    raise ValueError(message)

def fail_until(context, file, times):
    """Fails so often, over all processes."""
    effect(context.step)
    path = HERE / file
    failed = len(path.read_text()) if path.exists() else 0
    if failed < times:
        path.write_text("x" * (failed + 1))
        raise ConnectionError(f"{failed + 1} of {times}")
    return {"attempt": context.attempt}

def fail_on(x, bad, context):
    effect(context.step)
    if x in bad:
        raise ValueError(f"bad {x}")
    return x * 10

def sleep(seconds, context):
    effect(context.step)
    time.sleep(seconds)
    return "slept"

def wait_for(file, context):
    """Until the file is there."""
    effect(context.step)
    (HERE / f"{file}.waiting").touch()
    while not (HERE / file).exists():
        time.sleep(0.01)
    return context.cancelled()

def meet(others, context):
    """Returns only when so many are under way at once."""
    (HERE / f"here-{context.step}").touch()
    end = time.monotonic() + 20
    while len(list(HERE.glob("here-*"))) < others:
        if time.monotonic() > end:
            raise TimeoutError("the others did not come")
        time.sleep(0.005)

def count_busy(context, seconds=0.05):
    """How many were under way at once, at most, by the files."""
    mine = HERE / f"busy-{context.step}"
    mine.touch()
    time.sleep(seconds)
    busy = len(list(HERE.glob("busy-*")))
    mine.unlink()
    return busy
'''


class World:
    """See the module's text.

    Attributes:
        root: the folder; module: the user's module in it; events: what was told; jobs: what `run_job` answers, by name.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        existing = sorted(root.glob("user_world_*.py"))
        self.module = existing[0].stem if existing else f"user_world_{os.getpid()}_{next(_numbers)}"
        if not existing:
            (root / f"{self.module}.py").write_text(SOURCE)
        self.ledger: Ledger = open_ledger(str(root / "ledger.db"))
        self.events: list[dict[str, Any]] = []
        self.jobs: dict[str, Callable[..., dict[str, Any]]] = {}
        self.pipelines: dict[str, PipelineSpec] = {}
        self.lease_seconds = 60.0

    def close(self) -> None:
        self.ledger.close()
        sys.modules.pop(self.module, None)
        while str(self.root) in sys.path:
            sys.path.remove(str(self.root))

    @property
    def host(self) -> Host:
        return Host(self.ledger, self.pipelines, self.run_job, self.root, self.events.append, self.lease_seconds)

    def run_job(self, name: str, **more: Any) -> dict[str, Any]:
        return self.jobs[name](**more)

    def run(self, spec: PipelineSpec, params: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        self.pipelines[spec.name] = spec
        return run_pipeline(spec, self.host, params=params, **more)

    def effects(self) -> list[str]:
        """What took effect, in order."""
        path = self.root / "effects"
        return path.read_text().split() if path.exists() else []

    def counted(self) -> Counter[str]:
        return Counter(self.effects())

    def states(self, step: str) -> list[str]:
        """What was told of a step or item ("send[2]")."""
        found = []
        for event in self.events:
            if event["event"] == "step":
                key = event["step"] if event["index"] is None else f"{event['step']}[{event['index']}]"
                found += [event["state"]] if key == step else []
        return found

    # -- what only a test does to leases --------------------------------------------------------------------------------

    def holder(self, lease: str) -> str | None:
        with closing(sqlite3.connect(self.root / "ledger.db")) as database:
            row = database.execute("SELECT owner FROM lease WHERE name = ?", (lease,)).fetchone()
        return row[0] if row else None

    def free_lease(self, lease: str) -> None:
        owner = self.holder(lease)
        if owner is not None:
            self.ledger.leases.release(lease, owner)

    def take_lease(self, lease: str) -> None:
        """As another process does that found the lease run out."""
        self.free_lease(lease)
        self.ledger.leases.acquire(lease, "a thief", 60)
