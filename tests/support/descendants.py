"""The processes that a test has started, and what those have started: what else runs on the machine is somebody else's."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def descendants(of: int = 0) -> set[int]:
    """Process ids of all descendants of a process; 0: of this one. What has lost its parent is not found any more."""
    found: set[int] = set()
    left = [of or os.getpid()]
    while left:
        with suppress(OSError):  # it ended meanwhile
            for thread in Path(f"/proc/{left.pop()}/task").iterdir():
                with suppress(OSError):
                    children = {int(one) for one in (thread / "children").read_text().split()}
                    left += children - found
                    found |= children
    return found
