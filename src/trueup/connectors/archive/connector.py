"""The archive connector's name, options and way in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from trueup.connectors.archive.places import Folder, Place
from trueup.connectors.archive.repository import Archive, Settings
from trueup.connectors.base import Option
from trueup.model.errors import ConfigError

PACK_SIZE = 128
LEVEL = 3


@dataclass(frozen=True, slots=True)
class ArchiveConnector:
    """Snapshots in open formats, in a folder or a bucket."""

    name: str = "archive"
    holds: str = "snapshots"
    help: str = "backups in open formats (tar, zstd, age), in a folder or an S3-compatible store; needs nothing else"
    options: tuple[Option, ...] = (
        Option("path", "path", help="the folder it is in (this or `url`)"),
        Option("url", "str", help="the bucket and prefix it is in, as s3://bucket/prefix"),
        Option("endpoint", "str", help="the S3 server's address, where it is not Amazon's: https://s3.example.org"),
        Option("region", "str", help="the bucket's region"),
        Option(
            "access_key",
            "secret",
            help="the access key; without it, what the AWS_… variables or the machine's role say",
        ),
        Option("secret_key", "secret", help="the secret key that belongs to it"),
        Option("allow_http", "bool", default=False, help="whether `endpoint` may be without TLS"),
        Option("recipients", "str", help="the public keys (age1…) it is encrypted for, or a file with them"),
        Option("identity", "secret", help="the private key (AGE-SECRET-KEY-1…); only where backups are read"),
        Option("encrypt", "bool", default=True, help="false leaves it in the clear"),
        Option("level", "int", default=LEVEL, help="zstd's level, 1 (fast) to 19 (small)"),
        Option("pack_size", "int", default=PACK_SIZE, help="MiB of contents in one file of the archive"),
        Option("cache", "path", help="where this machine remembers what is stored; may be removed at any time"),
    )

    def open(self, name: str, options: Mapping[str, object]) -> Archive:
        """The archive that the options name."""
        given = {key: value for key, value in options.items() if value is not None}
        where = f"store {name}"
        cache = given.get("cache")
        folder = Path(str(cache)) if cache else _cache()
        return Archive(name, _place(given, folder, where), _settings(given, folder, where))


def _settings(given: Mapping[str, object], cache: Path, where: str) -> Settings:
    encrypt = bool(given.get("encrypt", True))
    recipients, identity = str(given.get("recipients") or ""), str(given.get("identity") or "")
    if encrypt and not recipients and not identity:
        raise ConfigError(
            "the archive has no key",
            where=where,
            why="neither `recipients` nor `identity` is set",
            hint="set `recipients` to your public keys (age1…); `encrypt: false` leaves the archive in the clear",
        )
    if not encrypt and (recipients or identity):
        raise ConfigError("the archive has keys, and `encrypt: false`", where=where, hint="leave one of them out")
    level = _number(given, "level", LEVEL, 1, 19, where)
    size = _number(given, "pack_size", PACK_SIZE, 1, 4096, where)
    return Settings(recipients, identity, encrypt, level, size << 20, cache)


def _number(given: Mapping[str, object], key: str, default: int, low: int, high: int, where: str) -> int:
    value = given.get(key, default)
    if not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"`{key}` is out of range", where=where, why=f"{value} is not between {low} and {high}")
    return value


def _place(given: Mapping[str, object], cache: Path, where: str) -> Place:
    path, url = given.get("path"), given.get("url")
    if (path is None) == (url is None):
        raise ConfigError(
            "an archive is in a folder or in a bucket",
            where=where,
            why="exactly one of `path` and `url` is needed",
            hint="set the one, and leave the other out",
        )
    if path is not None:
        return Folder(Path(str(path)))
    from trueup.connectors.archive.s3 import Address, Bucket

    parts = urlsplit(str(url))
    if parts.scheme != "s3" or not parts.netloc:
        raise ConfigError(
            "`url` is not a bucket", where=where, why=f"{parts.scheme}:// is not s3://", hint="write s3://bucket/prefix"
        )
    endpoint, http = str(given.get("endpoint") or ""), bool(given.get("allow_http", False))
    if endpoint and urlsplit(endpoint).scheme not in ("https", "http"):
        raise ConfigError("`endpoint` is not an address", where=where, hint="write https://s3.example.org")
    if endpoint.startswith("http:") and not http:
        raise ConfigError(
            "`endpoint` is without TLS",
            where=where,
            why="keys of the store would be readable on the way",
            hint="use https, or set `allow_http: true`",
        )
    address = Address(
        bucket=parts.netloc,
        prefix=parts.path.strip("/"),
        endpoint=endpoint.rstrip("/"),
        region=str(given.get("region") or ""),
        access_key=str(given.get("access_key") or ""),
        secret_key=str(given.get("secret_key") or ""),
        allow_http=http,
    )
    return Bucket(address, lambda: _spool(cache))


def _cache() -> Path:
    """XDG Base Directory Specification."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trueup" / "archive"


def _spool(cache: Path) -> Path:
    folder = cache / "unsent"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


CONNECTOR = ArchiveConnector()
