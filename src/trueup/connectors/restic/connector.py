"""The restic connector's name, options and way in."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.connectors.base import Option
from trueup.model.errors import ConfigError

if TYPE_CHECKING:
    from trueup.connectors.restic.store import ResticStore

COMPRESSION = ("auto", "off", "fastest", "better", "max")


@dataclass(frozen=True, slots=True)
class ResticConnector:
    """Repositories of restic."""

    name: str = "restic"
    help: str = "a restic repository (restic 0.17 or later): on a disk, S3, SFTP, a REST server, or what rclone reaches"
    holds: str = "snapshots"
    options: tuple[Option, ...] = (
        Option("path", "path", help="the repository's folder, where it is on this machine"),
        Option("repository", "str", help="its address elsewhere: s3:…, sftp:…, rest:…, rclone:…, b2:…, azure:…, gs:…"),
        Option("password", "secret", required=True, help="the repository's password; who loses it loses the backups"),
        Option("program", "path", help="the restic program; else the one on the PATH"),
        Option("cache", "path", help="where restic keeps its cache; else in the user's cache folder"),
        Option("access_key", "secret", help="the key's name for S3, B2 or Azure"),
        Option("secret_key", "secret", help="the secret key for S3, B2 or Azure"),
        Option("region", "str", help="the region of an S3 bucket, where the server wants one"),
        Option("rest_user", "str", help="the user on a REST server"),
        Option("rest_password", "secret", help="that user's password"),
        Option("credentials", "path", help="the file with the service account's key for gs:"),
        Option("ca_certificate", "path", help="a PEM file with the certificates that the server's is signed by"),
        Option("host", "str", help="the machine's name in snapshots; else its host name"),
        Option("limit_upload", "int", help="KiB a second that may be sent"),
        Option("limit_download", "int", help="KiB a second that may be fetched"),
        Option("connections", "int", help="how many connections at once"),
        Option("pack_size", "int", help="MiB of a pack file, 4 to 128; else restic's own choice"),
        Option("compression", "str", help=f"one of {', '.join(COMPRESSION)}; else auto"),
    )

    def open(self, name: str, options: Mapping[str, object]) -> ResticStore:
        """The repository; nothing is started before it is used.

        Raises:
            ConfigError: neither or both of `path` and `repository`, an address that restic would take for a local path, an unknown compression.
        """
        from trueup.connectors.restic.address import Address
        from trueup.connectors.restic.running import Restic, Settings
        from trueup.connectors.restic.store import ResticStore

        address = Address.of(name, _path(options, "path"), _text(options, "repository"))
        settings = Settings(
            name=name,
            address=address,
            password=_text(options, "password"),
            program=_path(options, "program"),
            cache=_path(options, "cache") or _user_cache(),
            credentials=address.credentials({key: _text(options, key) for key in _KEYS}),
            flags=tuple(_flags(name, options, address)),
        )
        return ResticStore(name, Restic(settings), _text(options, "host") or socket.gethostname())


_KEYS = ("access_key", "secret_key", "region", "rest_user", "rest_password", "credentials")


def _text(options: Mapping[str, object], key: str) -> str:
    value = options.get(key)
    return "" if value is None else str(value)


def _path(options: Mapping[str, object], key: str) -> Path | None:
    value = options.get(key)
    return Path(os.path.abspath(str(value))) if value else None


def _user_cache() -> Path:
    """The XDG base directory for caches; a service may run without HOME, the user still has one."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "trueup" / "restic"


def _flags(name: str, options: Mapping[str, object], address: object) -> Iterator[str]:
    """What goes with every command; none of it is a secret."""
    from trueup.connectors.restic.address import Address

    assert isinstance(address, Address)
    yield "--cleanup-cache"
    compression = _text(options, "compression")
    if compression and compression not in COMPRESSION:
        raise ConfigError(
            f"store {name}: compression {compression!r} is unknown", hint=f"one of {', '.join(COMPRESSION)}"
        )
    flags = (("limit_upload", "--limit-upload"), ("limit_download", "--limit-download"), ("pack_size", "--pack-size"))
    for key, flag in (*flags, ("compression", "--compression"), ("ca_certificate", "--cacert")):
        if options.get(key):
            yield f"{flag}={options[key]}"
    if options.get("connections"):
        yield f"--option={address.scheme}.connections={options['connections']}"


CONNECTOR = ResticConnector()
