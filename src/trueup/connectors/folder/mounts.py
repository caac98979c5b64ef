"""Notices that a folder lies on a disk that should be mounted and is not: its mount point then looks like an empty folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

FSTAB = Path("/etc/fstab")


def unmounted(path: str, fstab: Path = FSTAB) -> str:
    """The mount point in /etc/fstab that `path` lies on and that nothing is mounted at; "" where all is well or cannot be known."""
    try:
        text = fstab.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    real = os.path.realpath(path)
    covering = [point for point in _mount_points(text) if real == point or real.startswith(point + "/")]
    point = max(covering, key=len, default="")
    return point if point and not os.path.ismount(point) else ""


def _mount_points(text: str) -> list[str]:
    fields = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    points = [_unescape(one[1]) for one in fields if len(one) >= 3 and one[1].startswith("/")]
    return [point.rstrip("/") for point in points if point != "/"]


def _unescape(text: str) -> str:
    """fstab(5) writes a space as \\040, and other characters alike."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
