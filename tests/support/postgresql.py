"""PostgreSQL: an own cluster in a temporary directory, durable as in production."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.process import HOST, Server, ServerDied


class PostgreSQL(Server):
    """`url` is a libpq address with a password; `make_database()` gives the address of a new, empty database."""

    name = "postgresql"
    database_user = "trueup"
    password = "trueup-secret"
    # SIGTERM would wait until the last client has gone.
    stop_signal = signal.SIGINT
    grace = 10.0

    def __init__(self, settings: Sequence[str] = ()) -> None:
        super().__init__()
        self.settings = list(settings)
        self._numbers = itertools.count(1)

    @classmethod
    def available(cls) -> bool:
        return program("initdb") is not None and program("postgres") is not None

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://{self.database_user}:{self.password}@{HOST}:{self.port}/{database}"

    @property
    def socket_directory(self) -> Path:
        return self.directory

    def user(self) -> str:
        """PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return ""
        return "postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else "nobody"

    def prepare(self) -> None:
        initdb = program("initdb")
        if initdb is None:
            raise ServerDied("PostgreSQL is not installed: neither on the PATH nor in /usr/lib/postgresql")
        secret = self.directory / "password"
        secret.write_text(self.password)
        owner = self.user() or None
        if owner:
            shutil.chown(secret, owner)
            shutil.chown(self.directory, owner)
        # Only what initdb itself writes may be lost in a crash of the machine; the server runs with fsync.
        made = subprocess.run(
            [
                *(initdb, "-D", self.directory / "data", "-U", self.database_user, "--pwfile", secret, "--no-sync"),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"),
            ],
            user=owner,
            group=pwd.getpwnam(owner).pw_gid if owner else None,
            extra_groups=[] if owner else None,
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise ServerDied(f"initdb failed\n{made.stdout}{made.stderr}")

    def command(self) -> Sequence[str | Path]:
        settings = [
            *(f"listen_addresses={HOST}", f"port={self.port}", f"unix_socket_directories={self.socket_directory}"),
            *("fsync=on", "max_connections=60", "shared_buffers=32MB", "logging_collector=off", *self.settings),
        ]
        options = [part for setting in settings for part in ("-c", setting)]
        return [program("postgres") or "postgres", "-D", self.directory / "data", *options]

    def ready(self) -> bool:
        return self.process is not None and "ready to accept connections" in self.process.output

    def make_database(self, name: str = "") -> str:
        import psycopg
        from psycopg import sql

        name = name or f"test_{next(self._numbers)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url_of(name)


def program(name: str) -> str | None:
    """On the PATH, or where Debian keeps it: the newest version."""

    def version(path: Path) -> float:
        try:
            return float(path.parts[-3])
        except ValueError:
            return 0.0

    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=version)
    return str(found[-1]) if found else shutil.which(name)
