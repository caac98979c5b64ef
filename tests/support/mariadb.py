"""MariaDB: an own server in a temporary directory, durable as in production, on a socket and a loopback port."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.process import HOST, Server, ServerDied

if TYPE_CHECKING:
    from pymysql.connections import Connection


class MariaDB(Server):
    """`url_of(database)` is an address with a password; `make_database()` gives the name of a new, empty database."""

    name = "mariadb"
    database_user = "trueup"
    password = 'trueup\'s \\ "secret" #1'
    grace = 15.0

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)

    @classmethod
    def available(cls) -> bool:
        return program("mariadbd") is not None and program("mariadb-install-db") is not None

    @property
    def socket(self) -> Path:
        return self.directory / "s"

    def url_of(self, database: str = "", user: str = "", password: str = "", port: int = 0) -> str:
        from urllib.parse import quote

        secret = quote(password or self.password, safe="")
        return f"mysql://{user or self.database_user}:{secret}@{HOST}:{port or self.port}/{database}"

    def socket_url(self, database: str = "") -> str:
        return self.url_of(database).replace(f"{HOST}:{self.port}", "localhost") + f"?socket={self.socket}"

    def user(self) -> str:
        """It refuses to run as root."""
        if os.geteuid() != 0:
            return ""
        return "mysql" if any(entry.pw_name == "mysql" for entry in pwd.getpwall()) else "nobody"

    def prepare(self) -> None:
        self.directory.chmod(0o755)
        owner = self.user() or None
        if owner:
            shutil.chown(self.directory, owner)
        made = subprocess.run(
            [
                *(program("mariadb-install-db") or "", "--no-defaults", f"--datadir={self.directory / 'data'}"),
                *(
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                    *([f"--user={owner}"] if owner else []),
                ),
            ],
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise ServerDied(f"mariadb-install-db failed\n{made.stdout}{made.stderr}")

    def command(self) -> Sequence[str | Path]:
        return [
            *(program("mariadbd") or "mariadbd", "--no-defaults", f"--datadir={self.directory / 'data'}"),
            *(f"--socket={self.socket}", f"--pid-file={self.directory / 'pid'}", f"--port={self.port}"),
            *(f"--bind-address={HOST}", "--skip-name-resolve", "--innodb-buffer-pool-size=64M", "--max-connections=60"),
            *("--innodb-flush-log-at-trx-commit=1", "--character-set-server=utf8mb4", "--skip-log-bin"),
        ]

    def ready(self) -> bool:
        return self.process is not None and "ready for connections" in self.process.output

    def settle(self) -> None:
        with self.connect(as_root=True) as root, root.cursor() as cursor:
            cursor.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", (self.database_user, self.password))
            cursor.execute("GRANT ALL ON *.* TO %s@'%%' WITH GRANT OPTION", (self.database_user,))

    def connect(self, database: str = "", *, as_root: bool = False) -> Connection[Any]:
        import pymysql

        login = {"user": "root"} if as_root else {"user": self.database_user, "password": self.password}
        return pymysql.connect(
            unix_socket=str(self.socket), database=database or None, charset="utf8mb4", autocommit=True, **login
        )

    def run(self, sql: str, database: str = "") -> list[tuple[Any, ...]]:
        """Runs one statement; its rows."""
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def make_database(self) -> str:
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name}")
        return name


def program(name: str) -> str | None:
    """On the PATH, or where Debian keeps servers."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
