"""The address of a MariaDB or MySQL server, and how its password gets to a program: by a file, never by an argument."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from trueup.model.errors import ConfigError

SCHEMES = ("mysql", "mariadb")
_TLS = ("ssl_ca", "ssl_cert", "ssl_key")
_EXAMPLE = "mysql://user:password@host:3306/database, with ?socket=/path for a socket and ?ssl_ca=/path for TLS"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and who asks.

    Attributes:
        host, port: "" and 0 where it is a socket.
        socket: the socket's path; "" for none.
        user, password: whose.
        database: the one named; "" for none.
        tls: paths by "ssl_ca", "ssl_cert", "ssl_key".
    """

    host: str
    port: int
    socket: str
    user: str
    password: str
    database: str
    tls: tuple[tuple[str, str], ...] = ()

    @property
    def shown(self) -> str:
        """For people, without the password."""
        place = self.socket or f"{self.host}:{self.port}"
        who = f"{self.user}@" if self.user else ""
        return f"mysql://{who}{place}/{self.database}"

    def of(self, database: str) -> Address:
        """The same server with another database."""
        return replace(self, database=database)


def parse(url: str, password: str = "") -> Address:
    """Reads an address.

    Args:
        url: mysql:// or mariadb://.
        password: used where the address has none.

    Raises:
        ConfigError: it is none; its text is not repeated, since it may hold the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 3306
        query = {key: values[-1] for key, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    except ValueError:
        raise ConfigError("this is not the address of a MariaDB or MySQL server", hint=_EXAMPLE) from None
    if parts.scheme.lower() not in SCHEMES or parts.path.count("/") > 1 or parts.fragment:
        raise ConfigError("this is not the address of a MariaDB or MySQL server", hint=_EXAMPLE)
    if unknown := sorted(query.keys() - {"socket", *_TLS}):
        raise ConfigError(f"the address of a MariaDB or MySQL server has no {unknown[0]!r}", hint=_EXAMPLE)
    socket = query.get("socket", "")
    return Address(
        host="" if socket else parts.hostname or "localhost",
        port=0 if socket else port,
        socket=socket,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or "") or password,
        database=unquote(parts.path.removeprefix("/")),
        tls=tuple((key, query[key]) for key in _TLS if key in query),
    )


@contextlib.contextmanager
def option_file(address: Address, folder: Path) -> Iterator[Path]:
    """An option file with the password for `--defaults-file`, for its owner only; gone afterwards, and may be removed before.

    The format: https://mariadb.com/kb/en/configuring-mariadb-with-option-files/ (in quotes, a backslash is written twice).
    """
    lines = ["[client]"]
    settings = [("user", address.user), ("password", address.password), *address.tls]
    settings += (
        [("socket", address.socket)] if address.socket else [("host", address.host), ("port", str(address.port))]
    )
    settings += [("protocol", "socket" if address.socket else "tcp")]
    for key, value in settings:
        if value:
            text = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
            lines.append(f'{key.replace("_", "-")}="{text}"')
    path = folder / f".client-{os.urandom(8).hex()}.cnf"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
