"""What `trueup restore` works with: the repository it is given, and the place it restores to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from trueup.model.errors import UsageError
from trueup.ui.cli.common import Common

if TYPE_CHECKING:
    from trueup.jobs.backup.restoring import Restore
    from trueup.model.backup import RestoreTarget
    from trueup.model.repository import Snapshot

_ADDRESSES = ("s3:", "sftp:", "rest:", "rclone:", "b2:", "azure:", "gs:")
_HARMLESS = frozenset({"host", "port", "user", "dbname", "database", "sslmode", "socket", "ssl_ca", "connect_timeout"})


@dataclass(frozen=True, slots=True)
class Bare:
    """A repository without a trueup.yaml.

    Attributes:
        place: its folder or address.
        connector: what keeps it.
        key: the file with its key or password.
        options: further ones of the connector, as NAME=VALUE.
    """

    place: str
    connector: str
    key: Path | None
    options: tuple[str, ...]


@contextmanager
def opened(common: Common, job: str | None, bare: Bare | None, scratch: Path | None) -> Iterator[Restore]:
    """What restores, from a job of trueup.yaml or from a bare repository.

    Raises:
        UsageError: neither is named.
    """
    if bare is not None:
        from trueup.app import connectors
        from trueup.backups import bare_restore

        yield bare_restore(connectors(), bare.connector, _options(bare), scratch)
        return
    if job is None:
        raise UsageError("it does not say which backup", hint="trueup restore JOB SOURCE, or --repository PLACE")
    from trueup.backups import restore

    with common.load() as app:
        yield restore(app, job, scratch)


def _options(bare: Bare) -> dict[str, object]:
    options: dict[str, object] = {}
    if "://" in bare.place or bare.place.startswith(_ADDRESSES):
        options["repository" if bare.connector == "restic" else "url"] = bare.place
    else:
        options["path"] = Path(bare.place).expanduser().absolute()
    if bare.key is not None:
        options["password" if bare.connector == "restic" else "identity"] = secret_in(bare.key)
    for one in bare.options:
        name, equals, value = one.partition("=")
        if not equals:
            raise UsageError(f"--option {one} has no value", hint="--option NAME=VALUE; a secret: --option NAME=@FILE")
        options[name] = secret_in(Path(value[1:])) if value.startswith("@") else _plain(value)
    return options


def _plain(value: str) -> object:
    switches = {"true": True, "false": False}
    return switches.get(value, int(value) if value.isdigit() else value)


def secret_in(file: Path) -> str:
    """The first line of a file that is no comment: age writes comments into its key files."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read", why=str(error)) from error
    found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not found:
        raise UsageError(f"{file} has no key in it", hint="the file that `trueup key` wrote")
    return found[0]


def target_of(
    snapshot: Snapshot, to: str, only: tuple[str, ...], overwrite: bool, password: Path | None, zone: str
) -> RestoreTarget:
    """Where a restore goes: where it is told to, or into a new folder here."""
    from trueup.model.backup import RestoreTarget

    when = datetime.fromtimestamp(snapshot.time, ZoneInfo(zone) if zone else None)
    to = to or f"restored/{snapshot.source}-{when:%Y%m%d-%H%M%S}/"
    if to.endswith("/") and not to.startswith(("/", ".", "~")) and "://" not in to:
        to = f"./{to}"  # a folder, and no store of trueup.yaml
    return RestoreTarget(to, only, overwrite, secret_in(password) if password is not None else "")


def shown(place: str) -> str:
    """An address for people: without its password, and with no value in its query that may be a secret.

    What stands before the last "@" may be a password that was not encoded, with any sign in it: of that only the user is shown.
    """
    scheme, mark, rest = place.partition("://")
    if not mark:
        return place
    before, at, after = rest.rpartition("@")
    host, _, query = after.partition("?")
    values = [f"{name}={value if name in _HARMLESS else '***'}" for name, value in parse_qsl(query, True)]
    return f"{scheme}://{re.split('[:/?]', before)[0]}{at}{host}" + (f"?{'&'.join(values)}" if values else "")
