"""A PostgreSQL source as configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trueup.jobs.backup.sources.postgresql.address import Address, parse
from trueup.jobs.backup.sources.postgresql.measuring import CHECKSUM_LIMIT
from trueup.model.backup import SourceContext, SourceSpec
from trueup.model.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Options:
    """What a source's options come to.

    Attributes:
        address: of the server, with the password.
        databases: names; None: all.
        roles: whether roles, memberships and tablespaces are in the backup.
        bin: where pg_dump is; None: found.
        exclude: patterns of tables whose rows are left out ("audit.*", "sessions"); the empty tables are in the backup, so that what refers
            to them comes back too.
        limit: bytes of a table above which its rows are counted and not summed; None: always summed.
    """

    address: Address
    databases: tuple[str, ...] | None
    roles: bool
    bin: str | None
    exclude: tuple[str, ...]
    limit: int | None


def options(spec: SourceSpec, context: SourceContext) -> Options:
    """Reads a source's options.

    Raises:
        ConfigError: they do not fit. SecretMissing: the address is a secret that is not there. Permanent: no driver.
    """
    given: Mapping[str, Any] = spec.options
    url = given.get("url")
    if not url:
        raise ConfigError("a postgresql source needs `url`", where=f"source {spec.name}")
    address = parse(context.secret(url, f"address of source {spec.name}"), f"source {spec.name}")
    limit = given.get("checksum")
    return Options(
        address,
        _databases(given.get("databases"), address, spec.name),
        bool(given.get("roles", True)),
        str(context.root / given["bin"]) if given.get("bin") else None,
        tuple(given.get("exclude_tables") or ()),
        None if limit == "all" else CHECKSUM_LIMIT if limit is None else int(limit),
    )


def _databases(given: Any, address: Address, source: str) -> tuple[str, ...] | None:
    if given == "all":
        return None
    if given:
        return (given,) if isinstance(given, str) else tuple(dict.fromkeys(given))
    # As libpq does: the database named as the user.
    name = address.database or address.parameters.get("user", "")
    if not name:
        raise ConfigError(
            "the address names no database",
            where=f"source {source}",
            hint="postgresql://host/database, or `databases: all`",
        )
    return (name,)
