"""A place where `trueup serve` is at work: a folder with a configuration and functions, the real command, and what it tells."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STEPS = """
import os, signal, time
from contextlib import suppress
from pathlib import Path

NOTES = Path(__file__).with_name("notes.txt")


def say(text):
    with NOTES.open("a") as notes:
        notes.write(text + "\\n")


def note(what="", seconds=0.0):
    say(f"begin {what}")
    time.sleep(seconds)
    say(f"end {what}")
    return what


def crash_once(what):
    say(f"begin {what}")
    marker = NOTES.with_name("crashed")
    if not marker.exists():
        marker.touch()
        crash(what)
    say(f"end {what}")


def crash(what):
    # Kills the process that runs the pipeline: this one is not its child by the time it gets here.
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            words = b""
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes()
            if b"--occurrence" in words and f"/{what}:".encode() in words:
                os.kill(int(entry.name), signal.SIGKILL)
    time.sleep(60)
"""

Json = dict[str, Any]


class Serve:
    """A `trueup serve` that runs, and the events it told so far."""

    def __init__(
        self, folder: Path, *options: str, command: tuple[str, ...] = ("-m", "trueup", "serve"), **env: str
    ) -> None:
        self.events: list[Json] = []
        self._errors = (folder / "serve.err").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, *command, "--config", str(folder), "--json-lines", *options],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **env},
            cwd=folder,
        )
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.events.append(json.loads(line))
                self._changed.notify_all()

    def wait(self, *, seconds: float = 60.0, count: int = 1, **wanted: Any) -> list[Json]:
        """Waits until so many events with these members were told; returns them."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while len(found := self.told(**wanted)) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"{wanted} was not told {count} times; told were:\n" + "\n".join(
                    map(json.dumps, self.events)
                )
                self._changed.wait(min(left, 1.0))
        return found

    def told(self, **wanted: Any) -> list[Json]:
        """The events with these members."""
        return [one for one in list(self.events) if all(one.get(name) == value for name, value in wanted.items())]

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60.0) -> int:
        """Sends a signal and returns the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(seconds)
        self._reader.join(10)
        return code

    def close(self) -> None:
        """Ends it, and what it started, whatever became of it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(10)
        self._errors.close()
        if self.process.stdout is not None:
            self.process.stdout.close()


class Office:
    """A folder with trueup.yaml and steps.py."""

    def __init__(self, folder: Path, pipelines: str, stores: str = "  {}", ledger: str = "") -> None:
        self.folder = folder
        self._serving: list[Serve] = []
        (folder / "steps.py").write_text(STEPS)
        self.configure(pipelines, stores, ledger)

    def configure(self, pipelines: str, stores: str = "  {}", ledger: str = "") -> None:
        """Writes trueup.yaml anew, in one go."""
        text = f"version: 1\n{ledger}stores:\n{stores}\npipelines:\n{pipelines}"
        new = self.folder / "trueup.yaml.new"
        new.write_text(text)
        new.rename(self.folder / "trueup.yaml")

    def serve(self, *options: str, **env: str) -> Serve:
        """Starts the command."""
        if "--listen" not in options:
            options = (*options, "--listen", "127.0.0.1:0")
        self._serving.append(Serve(self.folder, *options, **env))
        return self._serving[-1]

    def serve_later(self, ahead: float, *options: str, **env: str) -> Serve:
        """Starts the same with a clock that is ahead by so many seconds."""
        driver = ("-m", "tests.engines.serving.driver", "--ahead", str(ahead))
        self._serving.append(Serve(self.folder, *options, command=driver, **env))
        return self._serving[-1]

    def serve_killed_at(self, moment: int, **env: str) -> Serve:
        """Starts the same, to be killed at that moment before or after a commit."""
        driver = ("-m", "tests.engines.serving.driver", "--kill-at", str(moment))
        self._serving.append(Serve(self.folder, command=driver, **env))
        return self._serving[-1]

    def notes(self, prefix: str = "") -> list[str]:
        """What the functions noted."""
        file = self.folder / "notes.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        return [one for one in lines if one.startswith(prefix)]

    def wait_for(self, true: Callable[[], object], seconds: float = 60.0) -> None:
        """Waits until something is true."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"it did not come true; notes: {self.notes()}"
            time.sleep(0.05)

    def trueup(self, *arguments: str, code: int = 0) -> Json:
        """Runs another command and returns its JSON."""
        done = subprocess.run(
            [sys.executable, "-m", "trueup", *arguments, "--config", str(self.folder), "--json"],
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=120,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    def runs(self, subject: str) -> list[tuple[str, str]]:
        """(id, state) of the runs of a pipeline, the earliest first."""
        found = self.trueup("history", "--limit", "100", "--job", subject)["runs"]
        return [(one["id"], one["state"]) for one in reversed(found)]

    def children(self) -> list[int]:
        """The processes of runs of this folder, wherever they come from."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if b"run" in words and str(self.folder / "trueup.yaml").encode() in words:
                    found.append(int(entry.name))
        return found

    def close(self) -> None:
        """Ends everything that was started here."""
        for one in self._serving:
            one.close()
        for pid in self.children():
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.wait_for(lambda: not self.children(), 20)


@contextmanager
def office(folder: Path, pipelines: str, stores: str = "  {}", ledger: str = "") -> Iterator[Office]:
    """A place that is ended whatever happens."""
    made = Office(folder, pipelines, stores, ledger)
    try:
        yield made
    finally:
        made.close()
