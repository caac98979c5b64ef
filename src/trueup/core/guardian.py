"""Ends the programs that trueup started when trueup itself is gone, however it went.

Run as a script, one for a trueup process, which holds the other end of its standard input: the end of that input is the end of trueup, `kill -9`
included. A parent-death signal (prctl(2), PR_SET_PDEATHSIG) would reach the child alone and not what it started, and follows the thread and not
the process.

Only the standard library, and little of it: it starts in ten milliseconds and stays as small as Python gets.
"""

from __future__ import annotations

import os
import signal
import sys
import time

MARK = "TRUEUP_CHILD"
"""The variable by which a program that we started, and all that it starts, is recognised in /proc/PID/environ (proc(5))."""

GRACE = 1.0
"""Seconds from SIGTERM to SIGKILL when trueup is gone."""


def family(group: int, mark: str) -> set[int]:
    """Processes that belong to a started program: its group, their descendants in whatever session, and who carries its mark.

    Args:
        group: its process group; 0: not known.
        mark: the value of `MARK` in its environment.

    Returns:
        Their ids, without those that have ended; empty where there is no /proc (then the group alone can be signalled).
    """
    wanted = f"{MARK}={mark}".encode()
    found: set[int] = set()
    children: dict[int, list[int]] = {}
    for pid in _processes():
        parent, its_group = _parent_and_group(pid)
        if not parent and not its_group:
            continue
        children.setdefault(parent, []).append(pid)
        if (group and its_group == group) or wanted in _environment(pid):
            found.add(pid)
    todo = list(found)
    while todo:
        below = [one for one in children.get(todo.pop(), ()) if one not in found]
        found.update(below)
        todo.extend(below)
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


def send(group: int, pids: set[int], sign: signal.Signals) -> None:
    """Signals a group and single processes; who is gone meanwhile, or another user's, is passed over."""
    targets = [(os.kill, pid) for pid in pids]
    for call, target in [(os.killpg, group), *targets] if group else targets:
        try:
            call(target, sign)
        except (ProcessLookupError, PermissionError):
            pass  # contextlib would cost the guardian a tenth of its memory


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
    if not running:
        return
    began = time.monotonic()
    # One that was between fork and exec is found on a later look.
    while (passed := time.monotonic() - began) < GRACE + 1:
        sign = signal.SIGTERM if passed < GRACE else signal.SIGKILL
        left = False
        for mark, group in running.items():
            pids = family(group, mark)
            send(group, pids, sign)
            left = left or bool(pids)
        if not left and passed > GRACE / 2:
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main()
