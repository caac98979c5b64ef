"""The restic program: found, and new enough."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from trueup.core.supervision import child_env, require, run_child
from trueup.model.errors import Permanent
from trueup.model.repository import Watch

NEEDED = (0, 17)
"""The first with exit codes for "no repository", "locked" and "wrong password", and with a clean end on SIGTERM (its changelog, 0.17)."""

HINT = (
    "install restic 0.17 or later: the package `restic` of Debian 13 and later, Fedora, Arch or Homebrew; on Debian 12 the package of Debian 13 "
    "runs as it is, or `restic self-update`; another place is named by `program`. pip has none"
)


def find(program: Path | None, watch: Watch) -> str:
    """The path of a restic that is new enough.

    Args:
        program: the one that is configured; None: the one on the PATH.
        watch: who looks after the work.

    Raises:
        Permanent: there is none, or it is too old.
    """
    path = require(str(program) if program else "restic", HINT)
    changed = Path(path).stat()
    known = _known(path, changed.st_mtime_ns, changed.st_size)
    if not known:
        said = bytearray()
        # Before 0.17 it does not know JSON here, and says the same in words.
        run_child([path, "version", "--json"], watch=watch, env=child_env(), stdout=said.extend)
        known.append(said.decode(errors="replace"))
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", known[0])
    if not found:
        raise Permanent(f"{path} is not restic", why="it does not say its version", hint=HINT)
    if (int(found[1]), int(found[2])) < NEEDED:
        raise Permanent(f"restic {found[0]} is too old", where=path, why="trueup needs 0.17 or later", hint=HINT)
    return path


@functools.cache
def _known(path: str, mtime: int, size: int) -> list[str]:
    """What this very program said of its version, once it was asked in this process."""
    return []


def version(path: str) -> str:
    """The version of a program that `find` found."""
    changed = Path(path).stat()
    found = re.search(r"\d+\.\d+\.\d+", "".join(_known(path, changed.st_mtime_ns, changed.st_size)))
    return found[0] if found else ""
