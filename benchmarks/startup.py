"""How long the command takes to say its version: what a person at a terminal and a shell's completion feel."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.clients import Trueup, Vdirsyncer
from benchmarks.measured import Section
from benchmarks.process import run

TIMES = 10


def measure() -> Section:
    """The median of ten, in milliseconds."""
    rows = []
    for shown, command, target in (
        ("python -c pass", (sys.executable, "-c", "pass"), ""),
        ("trueup --version", (Trueup.program, "--version"), "100"),
        ("trueup --help", (Trueup.program, "--help"), "200"),
        ("vdirsyncer --version", (Vdirsyncer.program, "--version"), ""),
    ):
        with tempfile.TemporaryDirectory() as folder:
            took = [run(command, Path(folder)).wall * 1000 for _ in range(TIMES)]
        rows.append((f"`{shown}`", f"{median(took):.0f}", f"{min(took):.0f}", target))
    head = ("command", "ms, median of ten", "ms, fastest", "at most")
    return Section("startup", "Starting the command", head=head, rows=tuple(rows))
