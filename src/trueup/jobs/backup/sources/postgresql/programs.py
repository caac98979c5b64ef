"""PostgreSQL's programs on this machine: where they are, and which version fits a server.

pg_dump reads servers of its own and of older major versions, and refuses newer ones (PostgreSQL manual, pg_dump, notes).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trueup.core.supervision import child_env, run_child
from trueup.model.errors import CannotDrill, Permanent
from trueup.model.repository import Watch

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian and its kin keep them: VERSION/bin."""


@dataclass(frozen=True, slots=True, order=True)
class Programs:
    """One installation: the major version of its pg_dump (or of the program that was asked for), and its folder."""

    major: int
    bin: Path

    def path(self, name: str) -> str:
        """One program's path."""
        return str(self.bin / name)


def installed(folder: str | None, needed: Iterable[str], watch: Watch) -> list[Programs]:
    """Installations that have all of some programs, the oldest first.

    Args:
        folder: look there and nowhere else; None: on the PATH and in Debian's folders.
        needed: names of programs; the first one's version counts.
        watch: who looks after the work.
    """
    names = list(needed)
    found = {
        Programs(major, place)
        for place in _places(folder, names[0])
        if all(shutil.which(str(place / name)) for name in names)
        and (major := _major(str(place / names[0]), watch)) is not None
    }
    return sorted(found)


def _places(folder: str | None, program: str) -> set[Path]:
    if folder:
        return {Path(folder)}
    on_path = shutil.which(program)
    # The program on Debian's PATH is a wrapper that chooses a version by itself (postgresql-common, pg_wrapper(1)).
    wrapped = on_path is not None and Path(on_path).resolve().name == "pg_wrapper"
    places = {one.parent for one in DEBIAN.glob(f"*/bin/{program}")}
    return places | ({Path(on_path).parent} if on_path and not wrapped else set())


def _major(program: str, watch: Watch) -> int | None:
    """The major version a program tells; None where it tells none."""
    said = bytearray()
    try:
        run_child([program, "--version"], watch=watch, env=child_env(), stdout=said.extend)
    except Permanent:
        return None
    found = re.search(rb"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else None


def for_dump(folder: str | None, server: int, watch: Watch) -> Programs:
    """The programs for dumping a server: the oldest that are not older than it, so that the dump fits as many servers as it can.

    Raises:
        Permanent: there are none; names what is installed, and the package.
    """
    there = installed(folder, ("pg_dump", "pg_restore", "pg_dumpall"), watch)
    for one in there:
        if one.major >= server:
            return one
    raise Permanent(
        f"no pg_dump for a server of version {server}",
        where=folder or "",
        why=_versions(there),
        hint=f"apt-get install postgresql-client-{server} (or newer), or `bin:` with the folder where it is",
    )


def for_restore(oldest: int, watch: Watch) -> Programs:
    """The programs for restoring a dump made by a pg_dump of a version.

    Raises:
        Permanent: there are none.
    """
    there = installed(None, ("pg_restore",), watch)
    for one in there:
        if one.major >= oldest:
            return one
    raise Permanent(
        f"no pg_restore for a dump of version {oldest}",
        why=_versions(there),
        hint=f"apt-get install postgresql-client-{oldest} (or newer)",
    )


def for_drill(oldest: int, watch: Watch) -> Programs:
    """The programs for a throw-away server that takes a dump.

    Raises:
        CannotDrill: there are none.
    """
    there = installed(None, ("postgres", "initdb", "psql", "pg_restore"), watch)
    for one in there:
        if one.major >= oldest:
            return one
    raise CannotDrill(
        f"no server programs of PostgreSQL {oldest} or newer to restore into",
        why=_versions(there),
        hint=f"apt-get install postgresql-{oldest} (its own server need not run: systemctl disable --now postgresql)",
    )


def _versions(there: list[Programs]) -> str:
    if not there:
        return "none is installed"
    return "installed: " + ", ".join(f"{one.major} in {one.bin}" for one in there)
