"""Running a command as a user would, and what it cost: wall time, processor time, peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# A small process in between: the peak memory that the kernel reports of a child is at least what its parent held when it forked.
# What the kernel reports is the peak of the largest of the processes, so the command's own is looked at while it runs: it only ever grows.
LAUNCHER = """
import json, os, sys, threading, time
report, output, directory, *command = sys.argv[1:]
os.chdir(directory)
file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
nothing = os.open(os.devnull, os.O_RDONLY)
actions = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, file, 1), (os.POSIX_SPAWN_DUP2, file, 2)]
own = 0
def look():
    global own
    while True:
        try:
            with open(f"/proc/{child}/status") as lines:
                own = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), own)
        except OSError:
            return
        time.sleep(0.02)
began = time.perf_counter()
child = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
threading.Thread(target=look, daemon=True).start()
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - began
cpu = usage.ru_utime + usage.ru_stime
with open(report, "w") as out:
    peaks = {"rss": usage.ru_maxrss * 1024, "own": own * 1024}
    json.dump({"code": os.waitstatus_to_exitcode(status), "wall": wall, "cpu": cpu, **peaks}, out)
"""


@dataclass(frozen=True)
class Cost:
    """One run of a command.

    Attributes:
        wall, cpu: seconds; `cpu` is user and system time of the command and of what it started.
        rss: peak memory in bytes (of the largest of its processes).
        code: its exit code.
        output: what it printed.
        own: peak memory in bytes of the command's own process, as it was seen last (to 20 ms; 0 where /proc does not tell).
    """

    wall: float
    cpu: float
    rss: int
    code: int
    output: str
    own: int = 0


def run(command: Sequence[str | Path], folder: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Runs a command in a folder to its end, without a terminal."""
    report, output = folder / ".cost.json", folder / ".output.txt"
    arguments = [str(one) for one in (report, output, folder, *command)]
    # As installed programs run: with their bytecode kept from one start to the next.
    environment = {**os.environ, **(env or {}), "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-I", "-S", "-c", LAUNCHER, *arguments], check=True, env=environment)
    found = json.loads(report.read_text())
    said = output.read_text(errors="replace")
    return Cost(found["wall"], found["cpu"], found["rss"], found["code"], said, found["own"])


@contextmanager
def processes(number: int, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    """So many of one command, in a folder with a log of theirs, until the end."""
    with (folder / "workers.log").open("ab") as log:
        started = [
            subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log) for _ in range(number)
        ]
        try:
            yield
        finally:
            for one in started:
                one.kill()
                one.wait()
