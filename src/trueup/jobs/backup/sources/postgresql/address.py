"""Where a PostgreSQL server is and who we are there; the password apart from the rest, which may be seen by all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.core.supervision import child_env
from trueup.model.errors import ConfigError, Permanent

if TYPE_CHECKING:
    from psycopg import ConnectionInfo

INSTALL_DRIVER = "pip install 'trueup[postgres]'"

_CHOOSING = ("hostaddr", "target_session_attrs", "load_balance_hosts")
_SECRET = ("password", "sslpassword")


@dataclass(frozen=True, slots=True)
class Address:
    """A database's address.

    Attributes:
        parameters: libpq's connection parameters (PostgreSQL manual, 34.1.2) without secrets.
        password: "" for none: a trusted socket, a client certificate, libpq's own password file.
    """

    parameters: Mapping[str, str]
    password: str = field(default="", repr=False)

    @property
    def database(self) -> str:
        """The database's name; "" where the address has none."""
        return self.parameters.get("dbname", "")

    def of(self, database: str) -> Address:
        """Another database of the same server."""
        return replace(self, parameters={**self.parameters, "dbname": database})

    def with_password(self, password: str) -> Address:
        """The same with a password that came apart from it."""
        return replace(self, password=password) if password else self

    def pinned(self, info: ConnectionInfo) -> Address:
        """The very server a connection goes to: an address may mean several, by a list or in the DNS, and a snapshot is of one."""
        found = {name: value for name, value in self.parameters.items() if name not in _CHOOSING}
        one = {"host": info.host, "hostaddr": info.hostaddr, "port": str(info.port)}
        return replace(self, parameters={**found, **{name: value for name, value in one.items() if value}})

    def __str__(self) -> str:
        """For people: without user and password."""
        host = self.parameters.get("host") or self.parameters.get("hostaddr") or "the local socket"
        port = self.parameters.get("port", "")
        return f"{host}{':' + port if port else ''}{'/' + self.database if self.database else ''}"

    def conninfo(self, **more: str | int) -> str:
        """As libpq and its programs take it, without the password."""
        from psycopg.conninfo import make_conninfo

        return make_conninfo("", **{**self.parameters, **more})

    @contextmanager
    def environment(self, folder: Path) -> Iterator[dict[str, str]]:
        """The environment for one of PostgreSQL's programs, with the password in a file of mode 600 that is gone afterwards.

        Args:
            folder: where the file is put: nobody else may look into it.
        """
        ours = {name: value for name, value in os.environ.items() if name.startswith("PG") and name != "PGPASSWORD"}
        if not self.password:
            yield child_env(ours)
            return
        if re.search(r"[\r\n]", self.password):
            raise ConfigError("the password of a PostgreSQL address has a line break", where=str(self))
        escaped = self.password.replace("\\", "\\\\").replace(":", "\\:")  # PostgreSQL manual, 34.16
        path = folder / f".pgpass-{os.urandom(6).hex()}"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(file, "w", encoding="utf-8") as out:
                out.write(f"*:*:*:*:{escaped}\n")
            yield child_env({**ours, "PGPASSFILE": str(path)})
        finally:
            path.unlink(missing_ok=True)


def parse(url: str, what: str) -> Address:
    """An address as written in a configuration: `postgresql://…`, or libpq's `key=value …`.

    Args:
        url: the text; it may hold a password, and is never shown.
        what: whose it is, for the error.

    Raises:
        ConfigError: it cannot be understood. Permanent: the driver is not installed.
    """
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise Permanent("the driver for PostgreSQL is not installed", where=what, hint=INSTALL_DRIVER) from None
    try:
        found = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError:  # its text quotes the address, password included
        found = {}
    if not found:
        raise ConfigError(
            "the address of the database cannot be understood",
            where=what,
            hint="postgresql://user:password@host:5432/database; other than letters and digits as %XX in user and password",
        )
    if "sslpassword" in found:
        raise ConfigError(
            "`sslpassword` in the address of a database is not supported",
            where=what,
            hint="a key file without a passphrase, readable by trueup alone",
        )
    password = found.get("password") or os.environ.get("PGPASSWORD", "")
    return Address({name: value for name, value in found.items() if name not in _SECRET}, password)
