"""An office on Temporal: trueup.yaml with two calendars in folders and functions of its own, workers as processes, a client."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, TypeVar

from tests.support.temporal_server import TemporalServer

_T = TypeVar("_T")

JOB = """\
version: 1
stores:
  work:   {connector: vdir, path: work}
  laptop: {connector: vdir, path: laptop}
jobs:
  team:
    kind: calendar
    collections: [{store: work, name: team}, {store: laptop, name: team}]
"""

FUNCTIONS = '''
"""Functions of the office. Each appends a line to `effects` when it takes effect."""
import os, time
from pathlib import Path

HERE = Path(__file__).parent

def effect(line):
    handle = os.open(HERE / "effects", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{line}\\n".encode())
    os.close(handle)

def rows(count):
    effect("rows")
    return [{"name": f"row {number}", "number": number} for number in range(count)]

def say(context, x=None):
    effect(context.step)
    return x

def send(context, x, seconds=0.0):
    time.sleep(seconds)
    effect(f"{context.step}@{os.getpid()}")
    return x["number"]

def add(numbers, context):
    effect(context.step)
    return {"sum": sum(numbers)}

def fail(context):
    effect(context.step)
    raise ValueError("no such customer")

def fail_until(context, times):
    effect(context.step)
    path = HERE / "failures"
    failed = len(path.read_text()) if path.exists() else 0
    if failed < times:
        path.write_text("x" * (failed + 1))
        raise ConnectionError(f"{failed + 1} of {times}")
    return {"attempt": context.attempt}

def wait_for(context, file):
    effect(f"waiting for {file}")
    while not (HERE / file).exists():
        time.sleep(0.02)
    effect(context.step)
'''


class Office:
    """See the module's text.

    Attributes:
        folder: where trueup.yaml is; queue: the task queue of its own; workers: those that were started.
    """

    def __init__(self, folder: Path, server: TemporalServer) -> None:
        self.folder, self.server = folder, server
        self.queue = f"office-{secrets.token_hex(4)}"
        self.workers: list[Worker] = []
        (folder / "office.py").write_text(FUNCTIONS)
        for name in ("work/team", "laptop/team"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.write(JOB)

    @property
    def config(self) -> str:
        return str(self.folder / "trueup.yaml")

    @property
    def environment(self) -> dict[str, str]:
        return {
            "TEMPORAL_ADDRESS": self.server.address,
            "TRUEUP_TEMPORAL_QUEUE": self.queue,
            "TRUEUP_TEMPORAL_UI": self.server.web,
        }

    def write(self, text: str) -> None:
        (self.folder / "trueup.yaml").write_text(text)

    def pipeline(self, steps: str, params: str = "", name: str = "nightly", more: str = "") -> None:
        """trueup.yaml with the job and one pipeline."""
        self.write(JOB + f"pipelines:\n  {name}:\n    params: {{{params}}}\n    steps:\n{_indented(steps)}\n{more}")

    def event(self, store: str, uid: str, title: str) -> None:
        """An event in a folder."""
        lines = (
            *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example.org//Office//EN", "BEGIN:VEVENT", f"UID:{uid}"),
            *("DTSTAMP:20261101T080000Z", "DTSTART:20261130T090000Z", f"SUMMARY:{title}", "END:VEVENT"),
            *("END:VCALENDAR", ""),
        )
        (self.folder / store / "team" / f"{uid}.ics").write_bytes("\r\n".join(lines).encode())

    def titles(self, store: str) -> list[str]:
        """What a folder holds: the title of every event, twice where it stands twice."""
        texts = [path.read_text() for path in (self.folder / store / "team").glob("*.ics")]
        return sorted(line[8:].strip() for text in texts for line in text.split("\n") if line.startswith("SUMMARY:"))

    def effects(self) -> list[str]:
        """What the functions did, in order."""
        path = self.folder / "effects"
        return path.read_text().splitlines() if path.exists() else []

    def counted(self) -> Counter[str]:
        """How often each step took effect, whoever did it."""
        return Counter(line.partition("@")[0] for line in self.effects())

    # -- workers --------------------------------------------------------------------------------------------------------

    def worker(self, **options: Any) -> Worker:
        """Starts a worker process; options as `trueup.engines.temporal.worker.Options`, and what `worker.py` adds."""
        made = Worker(self, options)
        self.workers.append(made)
        return made

    def close(self) -> None:
        for one in self.workers:
            one.kill()

    # -- the client -----------------------------------------------------------------------------------------------------

    def run(self, type_: str, given: Any = None, seconds: float = 90.0) -> Any:
        """Starts a workflow and waits for its result."""

        async def scenario(client: Any) -> Any:
            handle = await self.start(client, type_, given)
            return await self.result(handle, seconds)

        return self.with_client(scenario)

    async def result(self, handle: Any, seconds: float = 90.0) -> Any:
        """A run's result; a failure is told with its cause."""
        from temporalio.client import WorkflowFailureError

        try:
            return await asyncio.wait_for(handle.result(), seconds)
        except WorkflowFailureError as error:
            error.add_note(f"{error.cause!r} {getattr(error.cause, 'details', '')}")
            raise

    async def start(self, client: Any, type_: str, given: Any = None, **more: Any) -> Any:
        """Starts a workflow; returns its handle."""
        args = [] if given is None else [given]
        return await client.start_workflow(type_, args=args, id=f"{self.queue}-{type_}", task_queue=self.queue, **more)

    def with_client(self, scenario: Callable[[Any], Coroutine[Any, Any, _T]]) -> _T:
        """Runs a scenario with a client of the server."""
        from trueup.engines.temporal.connection import connect

        async def whole() -> _T:
            return await scenario(await connect())

        return asyncio.run(whole())

    async def until(self, condition: Callable[[], Coroutine[Any, Any, Any]], seconds: float = 40.0) -> Any:
        """Waits until a condition gives something true, and returns that."""
        end = time.monotonic() + seconds
        while True:
            found = await condition()
            if found:
                return found
            assert time.monotonic() < end, "it did not happen in time"
            await asyncio.sleep(0.1)

    async def state(self, handle: Any, wanted: str) -> dict[str, Any]:
        """Waits until the run is in a state; returns its progress."""

        async def there() -> Any:
            progress = await handle.query("progress")
            return progress if progress["state"] == wanted else None

        return dict(await self.until(there))

    async def events(self, handle: Any, kind: str) -> list[Any]:
        """The attributes of all events of a kind ("activity_task_scheduled") in a workflow's history."""
        history = await handle.fetch_history()
        name = f"{kind}_event_attributes"
        return [getattr(event, name) for event in history.events if event.HasField(name)]

    async def activities(self, handle: Any) -> list[tuple[str, str]]:
        """Type and id of every activity in a workflow's history."""
        scheduled = await self.events(handle, "activity_task_scheduled")
        return [(one.activity_type.name, one.activity_id) for one in scheduled]


class Worker:
    """A worker in a process of its own."""

    def __init__(self, office: Office, options: dict[str, Any]) -> None:
        self.log = office.folder / f"worker-{len(office.workers)}.log"
        command = [sys.executable, "-m", "tests.engines.temporal.worker", office.config, json.dumps(options)]
        root = Path(__file__).parents[3]
        environment = {**os.environ, **office.environment, "PYTHONPATH": f"{root}:{root / 'src'}"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=office.folder, env=environment, stdout=log, stderr=subprocess.STDOUT
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """kill -9, and waits until it is gone."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def suspend(self) -> None:
        """As a machine that is put to sleep."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Goes on after `suspend`."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def wait(self, seconds: float = 60.0) -> int:
        """Until it has ended by itself."""
        return self.process.wait(seconds)


def _indented(text: str) -> str:
    return "\n".join(f"      {line}" for line in text.strip("\n").split("\n"))


def spread(effects: Iterable[str]) -> Counter[str]:
    """How many effects each process had."""
    return Counter(line.partition("@")[2] for line in effects if "@" in line)
