"""The programs of MariaDB and MySQL: where they are, which they are, what they say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from trueup.core.supervision import Deadline, child_env, require, run_child
from trueup.model.errors import Permanent

CLIENT_HINT = "apt-get install mariadb-client (or mysql-client), or give its folder in `bin`"
SERVER_HINT = "apt-get install mariadb-server"

_SYSTEM_FOLDERS = (Path("/usr/sbin"), Path("/usr/local/sbin"), Path("/usr/libexec"))
_SECONDS = 30.0
_SAID = 800


def find(names: Sequence[str], bin_folder: str | None, hint: str) -> str:
    """The path of the first of these programs that is there.

    Raises:
        Permanent: none is.
    """
    for name in names:
        try:
            if bin_folder:
                return require(str(Path(bin_folder) / name), hint)
            return require(name, hint, also=_SYSTEM_FOLDERS)
        except Permanent:
            continue
    raise Permanent(f"the program {names[0]} is not installed", hint=hint)


def dump_program(bin_folder: str | None) -> str:
    """mariadb-dump, or mysqldump."""
    return find(("mariadb-dump", "mysqldump"), bin_folder, CLIENT_HINT)


def client_program(bin_folder: str | None) -> str:
    """mariadb, or mysql."""
    return find(("mariadb", "mysql"), bin_folder, CLIENT_HINT)


@lru_cache
def version(program: str) -> str:
    """What it says of itself: "mysqldump  Ver 10.19 Distrib 10.11.6-MariaDB, for …"."""
    said = bytearray()
    watch = Deadline(f"asking {program} for its version", timeout=_SECONDS)
    run_child([program, "--no-defaults", "--version"], watch=watch, env=child_env(), stdout=said.extend)
    return " ".join(bytes(said).decode("utf-8", "replace").split())


def is_mariadb(text: str) -> bool:
    """Whether a version's text is MariaDB's."""
    return "mariadb" in text.lower()


def release(text: str) -> str:
    """The series of a server's version, in which definitions are written alike: "10.11.6-MariaDB" is "MariaDB 10.11"."""
    found = re.match(r"(\d+\.\d+)", text)
    return f"{'MariaDB' if is_mariadb(text) else 'MySQL'} {found[1] if found else text}"


def last_words(stderr: str) -> str:
    """The end of what a program said, on one line."""
    return " ".join(stderr.split())[-_SAID:]
