"""Whose a lock or an unfinished file is: a process of a host, and whether it still lives."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path


def host() -> str:
    """Where process numbers mean something: the host, and the container's own numbering (pid_namespaces(7))."""
    try:
        return f"{socket.gethostname()} {os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return socket.gethostname()


def boot() -> str:
    """Which start of the system this is (random(4)); "" where it does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    except OSError:
        return ""


def start(pid: int) -> str:
    """When a process began, in clock ticks since the boot (proc(5), field 22 of stat); "" where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def spool_name() -> str:
    """A name for an unfinished file that says whose it is."""
    return f"{host().replace('/', '_')} {os.getpid()} {start(os.getpid())} {secrets.token_hex(8)}"


def clear(folder: Path) -> None:
    """Removes unfinished files whose process has ended."""
    with suppress(OSError):
        for entry in os.scandir(folder):
            owner, _, rest = entry.name.rpartition(" ")[0].rpartition(" ")[0].rpartition(" ")
            parts = entry.name.split(" ")
            if owner == host().replace("/", "_") and rest.isdigit() and start(int(rest)) != parts[-2]:
                with suppress(OSError):
                    os.unlink(entry.path)
