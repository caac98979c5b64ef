"""Running a command as a user would, and what it cost: wall time, processor time, peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# A small process in between: the peak memory that the kernel reports of a child is at least what its parent held when it forked.
LAUNCHER = """
import json, os, sys, time
report, output, directory, *command = sys.argv[1:]
os.chdir(directory)
file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
nothing = os.open(os.devnull, os.O_RDONLY)
actions = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, file, 1), (os.POSIX_SPAWN_DUP2, file, 2)]
began = time.perf_counter()
child = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - began
cpu = usage.ru_utime + usage.ru_stime
with open(report, "w") as out:
    json.dump({"code": os.waitstatus_to_exitcode(status), "wall": wall, "cpu": cpu, "rss": usage.ru_maxrss * 1024}, out)
"""


@dataclass(frozen=True)
class Cost:
    """One run of a command.

    Attributes:
        wall, cpu: seconds; `cpu` is user and system time of the command and of what it started.
        rss: peak memory in bytes (of the largest of its processes).
        code: its exit code.
        output: what it printed.
    """

    wall: float
    cpu: float
    rss: int
    code: int
    output: str


def run(command: Sequence[str | Path], folder: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Runs a command in a folder to its end, without a terminal."""
    report, output = folder / ".cost.json", folder / ".output.txt"
    arguments = [str(one) for one in (report, output, folder, *command)]
    # As installed programs run: with their bytecode kept from one start to the next.
    environment = {**os.environ, **(env or {}), "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-I", "-S", "-c", LAUNCHER, *arguments], check=True, env=environment)
    found = json.loads(report.read_text())
    return Cost(found["wall"], found["cpu"], found["rss"], found["code"], output.read_text(errors="replace"))
