"""Ends the programs that trueup started when trueup itself is gone, however it went.

Run as a script, one for a trueup process, which holds the other end of its standard input: the end of that input is the end of trueup, `kill -9`
included. A parent-death signal (prctl(2), PR_SET_PDEATHSIG) would reach the child alone and not what it started, and follows the thread and not
the process.

Only the standard library, and little of it: it starts in ten milliseconds and stays as small as Python gets.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping

MARK = "TRUEUP_CHILD"
"""The variable by which a program that we started, and all that it starts, is recognised in /proc/PID/environ (proc(5))."""

GRACE = 1.0
"""Seconds from SIGTERM to SIGKILL when trueup is gone."""


def family(group: int, mark: str) -> dict[int, int]:
    """Processes that belong to a started program: its group, their descendants in whatever session, and who carries its mark.

    Args:
        group: its process group; 0: not known.
        mark: the value of `MARK` in its environment.

    Returns:
        Their ids, each with its process group, without those that have ended; empty where there is no /proc.
    """
    wanted = f"{MARK}={mark}".encode()
    groups: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    todo = []
    for pid in _processes():
        parent, groups[pid] = _parent_and_group(pid)
        children.setdefault(parent, []).append(pid)
        if groups[pid] and (groups[pid] == group or wanted in _environment(pid)):
            todo.append(pid)
    found: dict[int, int] = {}
    while todo:
        pid = todo.pop()
        if pid not in found and groups[pid]:
            found[pid] = groups[pid]
            todo.extend(children.get(pid, ()))
    return found


def _processes() -> list[int]:
    try:
        return [int(one) for one in os.listdir("/proc") if one.isdigit()]
    except OSError:
        return []


def _parent_and_group(pid: int) -> tuple[int, int]:
    """From /proc/PID/stat; (0, 0) for a process that has ended. The name before the fields may hold anything, a bracket too."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, parent, group = file.read().rpartition(b")")[2].split()[:3]
    except (OSError, ValueError):
        return 0, 0
    return (0, 0) if state in b"ZX" else (int(parent), int(group))


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def send(group: int, pids: Mapping[int, int], sign: signal.Signals) -> None:
    """Signals a group, and those of some processes that are not in it, each once; who is gone or another user's is passed over.

    Args:
        group: the process group; 0: none.
        pids: as `family` gives them.
        sign: the signal.
    """
    outside = [(os.kill, pid) for pid, its in pids.items() if its != group]
    for call, target in [(os.killpg, group), *outside] if group else outside:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            call(target, sign)


def main() -> None:
    """Reads lines "MARK GROUP" (group 0: about to be started; -1: over) to the end, and then ends what is left."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)  # a service that is stopped signals us too, and trueup may need us still
    running: dict[str, int] = {}
    for line in sys.stdin:
        mark, group = line.split()
        running[mark] = int(group)
        if running[mark] < 0:
            del running[mark]
    if running:
        _end(running)


def _end(running: Mapping[str, int]) -> None:
    told: set[int] = set()
    until = time.monotonic() + GRACE
    while time.monotonic() < until:
        for pids in [family(group, mark) for mark, group in running.items()]:
            send(0, {pid: group for pid, group in pids.items() if pid not in told}, signal.SIGTERM)
            told.update(pids)
        time.sleep(0.1)  # one that was between fork and exec is found on a later look
    for mark, group in running.items():
        send(group, family(group, mark), signal.SIGKILL)


if __name__ == "__main__":
    main()
