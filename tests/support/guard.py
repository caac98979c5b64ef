"""Runs one server and makes sure that nothing of it outlives the process that wanted it.

Started as a script of its own, so that it also works when the wanting process is killed with SIGKILL, when the server
changes its user (which clears PR_SET_PDEATHSIG), when the server was started from a short-lived thread (whose end would
fire PR_SET_PDEATHSIG), and when the server's own children leave its process group (PostgreSQL's do).

One byte on the life line means "stop, keep the directory"; its end without a byte means that the owner is gone: stop
and remove the directory, because nobody else will.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def main(lifeline: int, directory: str, user: str, stop_signal: int, grace: float, command: list[str]) -> int:
    adopt_orphans()
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    child = start(command, user)
    code: int | None = None
    owner_is_gone = False
    while code is None:
        ready, _, _ = select.select([lifeline, wake_read], [], [])
        if lifeline in ready:
            owner_is_gone = os.read(lifeline, 1) == b""
            break
        os.read(wake_read, 512)
        code = reap(child.pid)
    if code is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, stop_signal)
        code = wait(child.pid, grace)
    kill_descendants(child.pid if code is None else None)
    if owner_is_gone:
        shutil.rmtree(directory, ignore_errors=True)
    return code or 0


def adopt_orphans() -> None:
    """Whatever the server leaves behind becomes a child of this process, so that it can be found and ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(command: list[str], user: str) -> subprocess.Popen[bytes]:
    if not user:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    import pwd

    entry = pwd.getpwnam(user)
    groups = os.getgrouplist(user, entry.pw_gid)
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=groups,
    )


def reap(main_child: int) -> int | None:
    """Collects whatever ended; the exit code if the server itself was among it."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == main_child:
                code = os.waitstatus_to_exitcode(status)
    return code


def wait(main_child: int, seconds: float) -> int | None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        code = reap(main_child)
        if code is not None:
            return code
        time.sleep(0.01)
    return None


def kill_descendants(still_running: int | None) -> None:
    """The server's end hands its children to this process, so killing the direct ones until none is left is enough."""
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    while True:
        pids = [int(pid) for pid in listing.read_text().split()] if listing.exists() else []
        for pid in {*pids, *([still_running] if still_running else [])}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
        still_running = None


if __name__ == "__main__":
    fd, where, who, number, seconds, *argv = sys.argv[1:]
    sys.exit(abs(main(int(fd), where, who, int(number), float(seconds), argv)))
