"""A careless engine: it repeats every call, gives one call to two workers at once, and kills workers inside a call.

It is an engine like any other: it knows nothing but the calls, drives a job or a pipeline by what they answer, and every call is made by a
worker process of its own. What it does to each call is its *habit*.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from subprocess import PIPE
from typing import Any

Json = dict[str, Any]
Habit = Callable[["Careless", str, tuple[Any, ...]], Json]

PATIENCE = 120.0


class Failed(Exception):
    """A call raised: the type's name, the text, and whether an engine would try again."""

    def __init__(self, answer: Json) -> None:
        super().__init__(f"{answer['type']}: {answer['text']}\n{answer['trace']}")
        self.type: str = answer["type"]
        self.retryable: bool = answer["retryable"]


class Nursery:
    """Where workers come from; see `tests.engines.calls.nursery`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def worker(self, request: Json) -> int:
        """The process id of a new worker."""
        with self._lock:
            return self._born(request)

    def _born(self, request: Json) -> int:
        if self._process is None:
            command = [sys.executable, "-m", "tests.engines.calls.nursery"]
            root = Path(__file__).parents[3]
            self._process = subprocess.Popen(command, cwd=root, stdin=PIPE, stdout=PIPE, text=True)
            atexit.register(self.close)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


NURSERY = Nursery()


class Worker:
    """One call in a process of its own.

    Args:
        death: when it kills itself: ("write", n): at the n-th write to the ledger; ("request", n): when a store has answered n requests.
    """

    def __init__(self, config: str, name: str, arguments: Sequence[Any], death: tuple[str, int] | None = None) -> None:
        self.name = name
        self._file = Path(tempfile.mkdtemp(prefix="worker-")) / "answer"
        request = {
            "config": config,
            "call": name,
            "arguments": list(arguments),
            "file": str(self._file),
            "death": death,
        }
        self.pid = NURSERY.worker(request)

    @property
    def alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)
        wait_until(lambda: not self.alive)

    @property
    def died(self) -> bool:
        """Waits for the end; whether it was killed."""
        wait_until(lambda: not self.alive, PATIENCE)
        return not self._file.exists()

    def answer(self) -> Json:
        """Its answer; raises Failed where the call raised."""
        assert not self.died, f"{self.name} was killed"
        found: Json = json.loads(self._file.read_text())
        shutil.rmtree(self._file.parent)
        if "type" in found:
            raise Failed(found)
        return dict(found["answer"])


class Careless:
    """The engine.

    Args:
        config: the absolute path of trueup.yaml.
        habit: what it does to each call.
    """

    def __init__(self, config: Path | str, habit: Habit) -> None:
        self.config = str(config)
        self.habit = habit
        self.deaths = 0
        self.made: list[str] = []

    @cached_property
    def graphs(self) -> Json:
        """Its own graphs of the pipelines, made when it first needs them, as an orchestrator makes its own when it is deployed."""
        return dict(describe(self.config)["pipelines"])

    def call(self, name: str, *arguments: Any) -> Json:
        """One call, by habit."""
        self.made.append(name)
        return self.habit(self, name, arguments)

    def start(self, name: str, *arguments: Any, death: tuple[str, int] | None = None) -> Worker:
        """A worker at a call."""
        return Worker(self.config, name, arguments, death)

    # -- a job ----------------------------------------------------------------------------------------------------------

    def run_job(self, job: str, key: str, allow: Sequence[str] = (), parent: str = "") -> Json:
        """A job from its beginning to its end."""
        found = self.call("begin_job", job, key, list(allow), parent)
        while found["next"] in ("read", "apply"):
            run, refs = found["run"], found["collections"]
            if found["next"] == "read":
                self.call("plan", run, [self.call("read", run, ref) for ref in refs])
                if self.call("guard", run)["blocked"]:
                    return self.call("end_job", run)
            for wave in self.call("start_apply", run)["waves"]:
                for batch in wave:
                    self.call("apply_batch", run, batch["batch"])
            self.call("report", run, [self.call("verify", run, ref) for ref in refs])
            found = self.call("next_round", run)
        return self.call("end_job", found["run"])

    # -- a pipeline -----------------------------------------------------------------------------------------------------

    def run_pipeline(self, pipeline: str, params: Mapping[str, Any], key: str, parent: str = "") -> Json:
        """A pipeline, its steps one after another in the order of its graph."""
        found = self.call("begin_pipeline", pipeline, dict(params), key, parent)
        if not found["over"]:
            for step in found["order"]:
                self.run_step(found["run"], pipeline, step)
        return self.call("end_pipeline", found["run"])

    def run_step(self, run: str, pipeline: str, step: str) -> None:
        """One step, or all items of it."""
        decided = self.call("decide", run, step)
        if decided["verdict"] != "run":
            return
        if decided["items"] is None:
            self.run_item(run, pipeline, step, None)
            return
        for index in range(decided["items"]):
            self.run_item(run, pipeline, step, index)
        self.call("end_map", run, step)

    def run_item(self, run: str, pipeline: str, step: str, index: int | None) -> None:
        """A step or item, tried again as the calls say."""
        kind = self.graphs[pipeline]["steps"][step]["kind"]
        if kind == "python":
            for attempt in range(1, 20):
                try:
                    self.call("run_function", run, step, index, attempt)
                except Failed as error:
                    if error.retryable:
                        continue
                return
            raise AssertionError(f"{step} never ends")
        started = self.call("start_step", run, step, index)
        if started["known"]:
            return
        if kind == "job":
            report = self.run_job(started["target"], f"{run}-{step}-{index}", parent=started["parent"])
            self.call("end_step", run, step, index, report["state"])
        else:
            result = self.run_pipeline(started["target"], started["params"], f"{run}-{step}-{index}", started["parent"])
            self.call("end_step", run, step, index, result["state"], None, result["error"])


def describe(config: str) -> Json:
    """What the configuration holds."""
    from trueup.engines import calls

    return dict(calls.describe(config))


# -- habits ---------------------------------------------------------------------------------------------------------------


def once(engine: Careless, name: str, arguments: tuple[Any, ...]) -> Json:
    """A careful engine."""
    return engine.start(name, *arguments).answer()


def twice(engine: Careless, name: str, arguments: tuple[Any, ...]) -> Json:
    """Every call again after it has answered; the second answer is the one that counts."""
    engine.start(name, *arguments).answer()
    return engine.start(name, *arguments).answer()


def at_once(engine: Careless, name: str, arguments: tuple[Any, ...]) -> Json:
    """Every call to two workers at the same time; the answer of either counts, in turn."""
    both = [engine.start(name, *arguments) for _ in range(2)]
    answers = []
    failure: Failed | None = None
    for one in both:
        try:
            answers.append(one.answer())
        except Failed as error:
            failure = error
    if failure is not None:
        raise failure
    return answers[len(engine.made) % 2]


def killed(kind: str, step: int = 1) -> Habit:
    """Every call killed at its first write (or request), its repeat at the second, and so on until one lives."""

    def habit(engine: Careless, name: str, arguments: tuple[Any, ...]) -> Json:
        number = 0
        while True:
            worker = engine.start(name, *arguments, death=(kind, number))
            if not worker.died:
                return worker.answer()
            engine.deaths += 1
            number += step

    return habit


def wait_until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Waits until it is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it does not come to be"
        time.sleep(0.005)
